// The seams to speech and language providers. Two real things exist behind each: embedded engines and remote services.
//
// Threads: a sink is called from whatever thread the provider works on, never from inside the call that opened the
// session, and one call at a time for one session. Sinks must only post to the call's strand. After a session's
// destructor has returned, its sink is not called again (the destructor may wait for a sink call that is running).
// Destroying a session cancels its work. Sessions are used from one strand and must not outlive their provider.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "audio/format.h"
#include "core/error.h"
#include "core/ids.h"
#include "core/time.h"

namespace al::dialog {

// ---- speech to text -------------------------------------------------------------------------------------------------

struct SttOptions {
  std::string language = "he-IL";  // BCP 47
  std::vector<std::string> hints;  // words to expect: business and area names
  std::string call;                // call_sid, for log lines only
};

class SttSink {
 public:
  virtual ~SttSink() = default;
  // The best text so far of an open turn; `stability` 0..1, 0 = unknown. Replaces earlier partials of the turn.
  virtual void on_partial(TurnId turn, std::string text, float stability) = 0;
  // The last word on a turn; exactly one of on_final and on_failed per finished turn. Empty text = nothing recognised.
  // `confidence` 0..1, 0 = unknown.
  virtual void on_final(TurnId turn, std::string text, float confidence) = 0;
  virtual void on_failed(TurnId turn, Error error) = 0;
};

// Recognition for one call. A turn is: start_turn, feed*, then finish_turn or cancel_turn. At most one turn takes audio
// at a time; the final of an earlier, finished turn may still arrive meanwhile.
class SttSession {
 public:
  virtual ~SttSession() = default;
  virtual void start_turn(TurnId turn) = 0;
  virtual void feed(TurnId turn, std::span<const std::int16_t> pcm_8k) = 0;  // conditioned PCM, any number of samples
  virtual void finish_turn(TurnId turn) = 0;                                 // no more audio; give the final now
  virtual void cancel_turn(TurnId turn) = 0;                                 // nothing more about this turn
};

class SpeechToText {
 public:
  virtual ~SpeechToText() = default;
  // Called when the stream of a call starts. Never blocks.
  virtual std::unique_ptr<SttSession> open(const SttOptions& options, std::shared_ptr<SttSink> sink) = 0;
  virtual void warm_up() {}  // a call is expected: open the connection. Any thread; never blocks
  [[nodiscard]] virtual std::string name() const = 0;  // "google", "moonshine"
};

// ---- language model -------------------------------------------------------------------------------------------------

enum class Role { kSystem, kCaller, kAgent, kToolCall, kToolResult };

struct Message {
  Role role = Role::kCaller;
  std::string text;       // for kToolCall: the arguments as JSON; for kToolResult: the result
  std::string tool_name;  // kToolCall, kToolResult
  std::string tool_id;    // kToolCall, kToolResult
};

struct ToolSpec {
  std::string name;
  std::string description;
  std::string parameters_schema;  // JSON Schema (an object), as text
};

// Where the collecting of a lead stands.
enum class DialogueStage {
  kCollecting,  // slots are missing
  kConfirming,  // all are there; the summary was or is to be offered
  kConfirmed,   // the caller agreed to the summary
};

// What the conversation itself understood of the caller's last words. Enough for an agent without a language model;
// remote models may ignore it (the system prompt says the same in words).
struct DialogueHint {
  DialogueStage stage = DialogueStage::kCollecting;
  std::vector<std::string> filled;  // slots filled or changed by the last words, in the persona's order
  std::vector<std::string> ask;     // slots to ask for now, in one question: [0] is ModelRequest::next_slot
  int asked_before = 0;             // how often that question was put already
  std::string problem;              // "<slot>:<reason>" of a value that was given but is not valid; empty = none
  std::string intent;  // "", "yes", "no", "whatsapp", "callback", "human", "robot", "repeat", "question", "wait"
  std::string pending_digits;     // of a telephone number whose rest is still to come
  bool moved_on = false;          // the question before this one stays open: it was not answered often enough
  bool introduced = false;        // the agent has said who it is
  bool whatsapp_allowed = false;  // the caller's own number is known, so a message could be sent to it
  bool committed = false;         // the lead, as it is now, was saved by the tool
};

struct ModelRequest {
  TurnId turn;
  std::string call;                // call_sid, for log lines and prompt caching
  std::string language = "he-IL";  // BCP 47
  std::vector<Message> messages;   // [0] is the system prompt; the last one is what the caller just said
  std::vector<ToolSpec> tools;
  std::map<std::string, std::string> slots;  // what is known so far, by slot name: for the scripted agent
  std::string next_slot;                     // the slot to ask for next; empty = all collected
  int max_tokens = 200;
  DialogueHint hint;
  std::uint64_t seed = 0;  // for choices among equivalent sentences
};

struct ModelUsage {
  int prompt_tokens = 0;
  int completion_tokens = 0;
};

class ModelSink {
 public:
  virtual ~ModelSink() = default;
  virtual void on_delta(TurnId turn, std::string text) = 0;
  virtual void on_tool_call(TurnId turn, std::string id, std::string name, std::string arguments_json) = 0;
  // Exactly one of on_done and on_failed ends a session that was not destroyed.
  virtual void on_done(TurnId turn, ModelUsage usage) = 0;
  virtual void on_failed(TurnId turn, Error error) = 0;
};

class ModelSession {
 public:
  virtual ~ModelSession() = default;  // cancels
};

class LanguageModel {
 public:
  virtual ~LanguageModel() = default;
  virtual std::unique_ptr<ModelSession> start(ModelRequest request, std::shared_ptr<ModelSink> sink) = 0;
  virtual void warm_up() {}  // a call is expected: open the connection
  [[nodiscard]] virtual std::string name() const = 0;
};

// ---- text to speech -------------------------------------------------------------------------------------------------

struct Voice {
  std::string language = "he-IL";  // BCP 47
  std::string name;                // the provider's own name; empty = the provider's default for the language
  double rate = 0.96;              // 1.0 = normal
};

struct TtsRequest {
  SpeechId speech;
  TurnId turn;
  std::string text;  // plain text of one clause or sentence
  Voice voice;
  std::string call;  // call_sid, for log lines only
};

class TtsSink {
 public:
  virtual ~TtsSink() = default;
  // 8 kHz mono PCM, in order, any number of samples at a time.
  virtual void on_audio(SpeechId speech, std::vector<std::int16_t> pcm_8k) = 0;
  virtual void on_done(SpeechId speech) = 0;  // exactly one of on_done and on_failed ends a session
  virtual void on_failed(SpeechId speech, Error error) = 0;
};

class TtsSession {
 public:
  virtual ~TtsSession() = default;  // cancels
};

class TextToSpeech {
 public:
  virtual ~TextToSpeech() = default;
  virtual std::unique_ptr<TtsSession> start(TtsRequest request, std::shared_ptr<TtsSink> sink) = 0;
  virtual void warm_up() {}
  [[nodiscard]] virtual std::string name() const = 0;
};

}  // namespace al::dialog
