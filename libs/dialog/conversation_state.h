// The inside of a Conversation, shared by its source files. Internal to this room.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "dialog/answer_length.h"
#include "dialog/conversation.h"
#include "dialog/guard.h"
#include "dialog/intents.h"

namespace al::dialog {

inline constexpr std::string_view kConfirm = "confirm";  // pseudo slots: what was asked besides slots
inline constexpr std::string_view kAnythingElse = "anything_else";
inline constexpr std::string_view kCallbackSlot = "callback";
inline constexpr int kAsksBeforeLater = 3;  // then another slot is asked first
inline constexpr int kMaxAsks = 5;          // then the slot is left to the agent

struct Conversation::State {
  struct Entry {  // of the history, with the turn it belongs to
    Message message;
    TurnId turn;
  };
  struct CallerText {
    std::string normal;
    Timestamp at;
    std::string asked;  // what we had asked when it was said
    int ask_count = 0;
  };
  struct Sentence {  // something the agent said
    std::string normal;
    TurnId turn;
  };
  struct Answer {  // the answer being given
    TurnId turn;
    std::string plain;   // as kept in the history
    std::string spoken;  // as synthesised
    int words = 0;
    bool question = false;
    bool withheld = false;  // something was not said: a leak, a repetition, a claim
    bool deflect = false;   // … because it would have given something away
    bool full = false;
    bool finished = false;
    std::vector<std::string> sentences;  // normal forms
  };

  State(std::shared_ptr<const Persona> the_persona, ConversationOptions the_options, std::uint64_t the_seed);

  // ---- what is known and asked (conversation_plan.cpp)
  [[nodiscard]] bool applies(const SlotSpec& spec) const;
  [[nodiscard]] bool missing(const SlotSpec& spec) const;
  [[nodiscard]] bool complete() const;
  [[nodiscard]] std::vector<std::string> next_ask() const;  // empty = nothing left to ask
  void plan();                                              // sets `ask`, `stage` and the hint for this turn
  void settle_stage(Intent intent, bool changed);
  [[nodiscard]] int asked(std::string_view what) const;

  // ---- what is said (conversation_shape.cpp)
  void begin_answer(TurnId turn);
  std::string shape_sentence(std::string_view sentence);
  [[nodiscard]] bool may_say(const std::string& sentence, const std::string& normal);
  [[nodiscard]] bool claims_too_much(std::string_view sentence) const;
  [[nodiscard]] bool repeats(const std::string& normal) const;
  std::string within_chars(std::string sentence);  // LLM_MAX_CHARS
  std::string speak_own(std::string_view text);    // our own words, through the same door
  void keep_answer();
  void remember(TurnId turn, std::string_view text);
  [[nodiscard]] bool was_said(std::string_view text) const;
  [[nodiscard]] std::string pick(const std::vector<std::string>& variants) const;
  [[nodiscard]] std::string question() const;
  [[nodiscard]] std::string line(std::string_view moment) const;
  void push(Message message, TurnId turn);

  std::shared_ptr<const Persona> persona;
  ConversationOptions options;
  std::uint64_t seed = 0;
  LeakGuard guard;
  std::optional<PersonaSentences> own_sentences;  // while there is a limit in characters

  std::map<std::string, std::string> slots;
  std::vector<std::string> ask;     // slots (or a pseudo slot) asked for last
  std::map<std::string, int> asks;  // how often, by ask[0]
  DialogueStage stage = DialogueStage::kCollecting;
  DialogueHint hint;
  std::string pending_digits;
  std::deque<CallerText> caller_texts;  // inside the window
  std::deque<Intent> intents;           // of the last turns
  bool introduced = false;
  bool goodbye_said = false;
  bool committed = false;  // the lead was saved since it last changed
  Claims done;             // tools that succeeded
  std::set<std::string> done_keys;

  std::vector<Entry> entries;
  std::vector<Message> history;  // the messages of `entries`
  std::deque<Sentence> said;
  std::vector<std::string> last_answer;  // sentences of the answer before
  Answer answer;
};

}  // namespace al::dialog
