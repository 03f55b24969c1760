// One exchange of a written conversation (WhatsApp, `alctl chat`): a message in, a reply out, over the same
// Conversation as a telephone call. Sans-I/O: it says what to do next, the driver does it and reports back.
// Not thread-safe. The Conversation must outlive it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/time.h"
#include "dialog/conversation.h"

namespace al::dialog {

class TextExchange {
 public:
  struct AskModel {  // start the model; report on_delta*, on_tool_call*, then on_done or on_failed
    ModelRequest request;
  };
  struct RunTool {  // checked already; report on_tool_result
    TurnId turn;
    std::string id;
    CheckedTool tool;
  };
  struct Reply {  // send this; the exchange is over
    std::string text;
    bool ends = false;            // goodbye, or the model ended the conversation
    std::string transfer_target;  // name of a configured target; empty = none
  };
  struct Nothing {};  // wait for the next event; after begin(): the message is a repetition and gets no reply
  using Step = std::variant<Nothing, AskModel, RunTool, Reply>;

  // `turn` must be new for this conversation. `max_rounds` bounds how often the model is asked again after tools.
  TextExchange(Conversation& conversation, TurnId turn, std::string call, int max_rounds = 4);

  Step begin(std::string_view text, Timestamp now);
  void on_delta(std::string_view text);
  void on_tool_call(std::string_view id, std::string_view name, std::string_view arguments_json);
  Step on_tool_result(std::string_view result, bool ok);
  Step on_done();
  Step on_failed();

 private:
  struct Pending {
    std::string id;
    std::string name;
    std::string arguments_json;
  };
  Step next();
  Step reply();
  void flush(bool all);

  Conversation* conversation_;
  TurnId turn_;
  std::string call_;
  int rounds_left_;
  std::string buffer_;
  std::string text_;
  bool first_ = true;
  bool ask_again_ = false;
  bool ends_ = false;
  std::string transfer_target_;
  std::vector<Pending> pending_;
  std::optional<CheckedTool> running_;
};

}  // namespace al::dialog
