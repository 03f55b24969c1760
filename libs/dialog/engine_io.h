// Everything that goes into and comes out of a CallEngine, as plain values: a call can be recorded and replayed.
// Inputs say what happened; outputs say what a driver must do. A driver is one switch over Output with no policy in it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "audio/format.h"
#include "core/error.h"
#include "core/ids.h"
#include "core/time.h"
#include "dialog/ports.h"

namespace al::dialog {

enum class Stage { kStt, kModel, kTts };

namespace in {
struct Media {  // 20 ms of the caller
  std::uint64_t sequence = 0;
  MediaTime media_time;  // of the first sample, since the stream began
  audio::UlawFrame ulaw{};
};
struct MarkPlayed {  // Twilio returned a mark: played, or flushed by a clear
  std::string name;
};
struct Dtmf {
  char digit = 0;  // 0-9 * # A-D
};
struct SttPartial {
  TurnId turn;
  std::string text;
  float stability = 0;
};
struct SttFinal {
  TurnId turn;
  std::string text;
  float confidence = 0;
};
struct ModelDelta {
  TurnId turn;
  std::string text;
};
struct ModelToolCall {
  TurnId turn;
  std::string id;
  std::string name;
  std::string arguments_json;
};
struct ToolResult {  // of an out::RunTool
  TurnId turn;
  std::string id;
  std::string name;
  std::string result;  // text for the model
};
struct ModelDone {
  TurnId turn;
};
struct TtsAudio {
  SpeechId speech;
  std::vector<std::int16_t> pcm_8k;
};
struct TtsDone {
  SpeechId speech;
};
struct ProviderFailed {
  Stage stage = Stage::kStt;
  TurnId turn;      // kStt, kModel
  SpeechId speech;  // kTts
  Error error;
};
struct DeadlineReached {};  // the time given by deadline() has come
struct Hangup {             // the stream or the call is over, whoever ended it
  std::string reason;
};
}  // namespace in

using Input = std::variant<in::Media, in::MarkPlayed, in::Dtmf, in::SttPartial, in::SttFinal, in::ModelDelta,
                           in::ModelToolCall, in::ToolResult, in::ModelDone, in::TtsAudio, in::TtsDone,
                           in::ProviderFailed, in::DeadlineReached, in::Hangup>;

// Key events of a call (SPEC 15), for logs, metrics, the call record and the replay report. `name` is one of the fixed
// event names: STATE_CHANGE, EOU, ASR_TEXT, LLM_REPLY, TTS_START, TTS_END, MARK_SENT, MARK_ACK, BARGE_IN, LATENCY,
// LEAD, …
struct Fact {
  std::string key;
  std::variant<std::int64_t, double, std::string> value;
  bool personal = false;  // words of people: debug level only, or with LOG_TRANSCRIPTS
};
struct CallEvent {
  std::string name;
  TurnId turn;
  Timestamp at;
  MediaTime media_time;
  std::vector<Fact> facts;
};

namespace out {
struct StartStt {
  TurnId turn;
};
struct FeedStt {  // pre-roll and live frames alike, in order, after StartStt
  TurnId turn;
  audio::PcmFrame pcm{};
};
struct FinishStt {  // end of utterance
  TurnId turn;
};
struct CancelStt {
  TurnId turn;
};
struct AskModel {
  ModelRequest request;
};
struct Synthesize {
  TtsRequest request;
};
struct CancelTurn {  // drop all model and synthesis work of this turn; nothing of it may arrive later
  TurnId turn;
};
struct RunTool {  // checked against policy already; answer with in::ToolResult
  TurnId turn;
  std::string id;
  std::string name;
  std::string arguments_json;
  std::string idempotency_key;
};
struct SendMedia {
  audio::UlawFrame ulaw{};
};
struct SendMark {
  std::string name;
};
struct ClearPlayback {};
struct EndCall {  // complete the call through REST; the last mark is back
  std::string reason;
};
struct SaveLead {  // the slots changed in a way that must survive a crash
  std::map<std::string, std::string> slots;
  bool complete = false;
};
struct Event {
  CallEvent event;
};
}  // namespace out

using Output = std::variant<out::StartStt, out::FeedStt, out::FinishStt, out::CancelStt, out::AskModel, out::Synthesize,
                            out::CancelTurn, out::RunTool, out::SendMedia, out::SendMark, out::ClearPlayback,
                            out::EndCall, out::SaveLead, out::Event>;

struct Deadline {
  Timestamp when;
  std::string_view reason;  // static text, for logs: "playout", "idle_prompt", "mark_timeout"
};

}  // namespace al::dialog
