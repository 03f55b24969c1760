#include "dialog/text_exchange.h"

#include <nlohmann/json.hpp>

#include "core/json.h"

namespace al::dialog {
namespace {

constexpr std::size_t kMaxAnswerBytes = 8192;  // a model that does not stop is cut here

}  // namespace

TextExchange::TextExchange(Conversation& conversation, TurnId turn, std::string call, int max_rounds)
    : conversation_(&conversation), turn_(turn), call_(std::move(call)), rounds_left_(max_rounds) {}

TextExchange::Step TextExchange::begin(std::string_view text, Timestamp now) {
  const CallerDecision decision = conversation_->caller_said(text, now);
  switch (decision.act) {
    case CallerAct::kIgnore:
      return Nothing{};
    case CallerAct::kSayFixed:
    case CallerAct::kGoodbye:
      conversation_->agent_said_fixed(decision.fixed_text);
      return Reply{decision.fixed_text, decision.act == CallerAct::kGoodbye, {}};
    case CallerAct::kAnswer:
      break;
  }
  --rounds_left_;
  return AskModel{conversation_->request(turn_, call_)};
}

// Hands the finished sentences of the buffer (or all of it) to the conversation.
void TextExchange::flush(bool all) {
  std::size_t end = buffer_.size();
  if (!all) {
    end = buffer_.find_last_of(".!?\n");
    if (end == std::string::npos || end + 1 >= buffer_.size()) return;
    ++end;
  }
  const std::string part = buffer_.substr(0, end);
  buffer_.erase(0, end);
  const std::string shaped = conversation_->shape_clause(turn_, part, first_);
  first_ = false;
  if (shaped.empty()) return;
  if (!text_.empty()) text_.push_back(' ');
  text_ += shaped;
}

void TextExchange::on_delta(std::string_view text) {
  if (text_.size() + buffer_.size() + text.size() > kMaxAnswerBytes) return;
  buffer_ += text;
  flush(false);
}

void TextExchange::on_tool_call(std::string_view id, std::string_view name, std::string_view arguments_json) {
  if (pending_.size() >= 8) return;  // no answer needs more
  pending_.push_back({std::string(id), std::string(name), std::string(arguments_json)});
}

TextExchange::Step TextExchange::next() {
  while (!pending_.empty()) {
    const Pending& call = pending_.front();
    auto checked = conversation_->check_tool(call.name, call.arguments_json);
    if (checked) {
      running_ = *checked;
      return RunTool{turn_, call.id, std::move(*checked)};
    }
    conversation_->tool_result(turn_, call.id, call.name, call.arguments_json, "error: " + checked.error().detail,
                               false);
    ask_again_ = true;
    pending_.erase(pending_.begin());
  }
  if (ask_again_ && rounds_left_ > 0 && !ends_) {
    ask_again_ = false;
    --rounds_left_;
    return AskModel{conversation_->request(turn_, call_)};
  }
  return reply();
}

TextExchange::Step TextExchange::on_tool_result(std::string_view result, bool ok) {
  if (!running_ || pending_.empty()) return Nothing{};
  const Pending call = pending_.front();
  pending_.erase(pending_.begin());
  const std::string told = ok ? std::string(result) : "error: " + std::string(result);
  conversation_->tool_result(turn_, call.id, call.name, call.arguments_json, told, ok);
  if (ok && call.name == "end_call") ends_ = true;
  if (ok && call.name == "transfer_call") {
    if (const auto arguments = parse_json(running_->arguments_json))
      transfer_target_ = json_string(*arguments, "target");
  }
  running_.reset();
  ask_again_ = true;
  return next();
}

TextExchange::Step TextExchange::on_done() {
  flush(true);
  return next();
}

TextExchange::Step TextExchange::on_failed() {
  buffer_.clear();
  pending_.clear();
  if (text_.empty()) text_ = conversation_->failure_answer(turn_);
  return Reply{text_, ends_, transfer_target_};
}

TextExchange::Step TextExchange::reply() {
  const std::string rest = conversation_->finish_answer(turn_);
  if (!rest.empty()) text_ += (text_.empty() ? "" : " ") + rest;
  return Reply{text_, ends_, transfer_target_};
}

}  // namespace al::dialog
