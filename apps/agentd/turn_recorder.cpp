#include "agentd/turn_recorder.h"

#include <utility>
#include <variant>

namespace al::agentd {
namespace {

std::string text_of(const dialog::CallEvent& event, std::string_view key) {
  for (const dialog::Fact& fact : event.facts) {
    if (fact.key != key) continue;
    if (const auto* text = std::get_if<std::string>(&fact.value)) return *text;
  }
  return {};
}

}  // namespace

store::TurnRecord& TurnRecorder::at(TurnId turn, WallTime now) {
  // An answer that was asked for before the caller had finished has a number of its own: it answers what was heard.
  if (turn == guess_ && heard_) turn = heard_;
  turn.value += behind_;
  if (!current_ || current_->turn != turn) {
    current_.emplace();
    current_->call = call_;
    current_->turn = turn;
    current_->at = now;
  }
  return *current_;
}

std::optional<store::TurnRecord> TurnRecorder::on_event(const dialog::CallEvent& event, std::string_view heard,
                                                        WallTime now) {
  if (event.name == "GUESS" || event.name == "GUESS_DROPPED") {
    guess_ = event.name == "GUESS" ? event.turn : TurnId{};
    heard_ = {};
    return std::nullopt;
  }
  if (event.name == "ASR_TEXT") {
    if (guess_ && event.turn < guess_) heard_ = event.turn;
    store::TurnRecord& turn = at(event.turn, now);
    turn.caller_text = text_of(event, "text");
    return turn;
  }
  if (event.name == "TTS_START") {
    at(event.turn, now).agent_text = text_of(event, "text");
    return std::nullopt;
  }
  if (event.name == "LLM_REPLY") {
    store::TurnRecord& turn = at(event.turn, now);
    if (std::string text = text_of(event, "text"); text.size() > turn.agent_text.size())
      turn.agent_text = std::move(text);
    return std::nullopt;
  }
  if (event.name == "LATENCY") {
    store::TurnRecord& turn = at(event.turn, now);
    for (const dialog::Fact& fact : event.facts) {
      const auto* ms = std::get_if<std::int64_t>(&fact.value);
      if (ms != nullptr && fact.key.ends_with("_ms")) turn.latencies_ms[fact.key.substr(0, fact.key.size() - 3)] = *ms;
    }
    return turn;
  }
  if (event.name == "TTS_END" || event.name == "INTERRUPTED") {
    store::TurnRecord& turn = at(event.turn, now);
    turn.interrupted = event.name == "INTERRUPTED";
    turn.agent_heard = heard;
    return turn;
  }
  return std::nullopt;
}

}  // namespace al::agentd
