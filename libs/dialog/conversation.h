// What is said in one conversation, without sound and without time-keeping of its own: history, slots, anti-loop rules,
// answer shaping. The telephone call (CallEngine), the WhatsApp chat and `alctl chat` each drive one of these.
// Pure: no I/O, no clock (`now` is passed in), randomness from the seed. Not thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/time.h"
#include "dialog/persona.h"
#include "dialog/ports.h"

namespace al::dialog {

struct ConversationOptions {
  Duration dedup_window = seconds{14};  // DEDUP_WINDOW_SEC
  int min_words = 12;                   // of an answer: 12-20 words
  int max_words = 20;
  int min_chars = 0;     // LLM_MIN_CHARS: asked of the model; 0 = the words alone
  int max_chars = 0;     // LLM_MAX_CHARS: of a model's answer, cut at a clause's end; a closing question may pass it by
                         // 60, a summary may have twice as many; the persona's own sentences are never cut. 0 = none
  std::string style;     // LLM_TARGET_STYLE: one sentence for the prompt; empty = the persona's alone
  int max_tokens = 200;  // of an answer, tool calls included
  int max_history = 40;  // messages kept for the model, oldest dropped first
  bool spoken = true;    // false = text channel (WhatsApp): figures stay figures
  std::string caller_number;    // E.164, from the network; "my number is this one", and the only WhatsApp target
  bool whatsapp = false;        // a WhatsApp provider is configured: messages may be offered
  std::string conversation_id;  // call_sid or chat id: makes idempotency keys unique
  std::string canary;           // put into the system prompt; a sentence that contains it is never said
  // Local calendar time of the business when the conversation began ("tomorrow at ten"); epoch: dates are not resolved.
  WallTime local_time{};
};

// What to do with something the caller said.
enum class CallerAct {
  kAnswer,    // ask the model (or the scripted agent)
  kIgnore,    // the same text again within the window
  kSayFixed,  // say `fixed_text`, do not ask the model ("I did not hear well…")
  kGoodbye,   // say `fixed_text`, then end the call
};
struct CallerDecision {
  CallerAct act = CallerAct::kAnswer;
  std::string fixed_text;
  bool slots_changed = false;
  bool lead_complete = false;   // every required slot is filled and valid
  bool lead_confirmed = false;  // and the caller agreed to the summary
};

// A tool call that passed the policy. `arguments_json` is completed by code (own number, text of the summary): run
// this, not what the model wrote.
struct CheckedTool {
  std::string name;
  std::string arguments_json;
  std::string idempotency_key;  // the same commitment has the same key, however often the model asks
  bool commits = false;         // changes something outside: run only in a turn that is final and not cancelled
};

// What the words allow one to expect of the caller's next utterance; for end-of-turn decisions.
struct Expectation {
  bool digits = false;       // a phone number: pauses between groups are part of it
  bool free_speech = false;  // an open question: a long answer is likely
  bool yes_no = false;       // a short answer is complete
  int digits_known = 0;      // digits of a number whose rest is still to come
};

class Conversation {
 public:
  Conversation(std::shared_ptr<const Persona> persona, ConversationOptions options, std::uint64_t seed);
  ~Conversation();
  Conversation(Conversation&&) noexcept;
  Conversation& operator=(Conversation&&) noexcept;

  // The caller said `text` (a final transcript, or a WhatsApp message). Fills slots, applies the anti-loop rules.
  CallerDecision caller_said(std::string_view text, Timestamp now);

  // The request for the model, built from persona, history and slots.
  [[nodiscard]] ModelRequest request(TurnId turn, std::string call) const;

  // Turns a clause of the model's answer into what may be spoken: no markdown, numbers and currency as words, one
  // question, length limit, no second self-introduction, no repetition of the last answer, no secret. Empty = say
  // nothing. Call in order for each clause of a turn; `first` marks the first clause of an answer.
  std::string shape_clause(TurnId turn, std::string_view clause, bool first);

  // Call once when the model is done with the turn, after its last clause. What must still be said so that the caller
  // is not left in silence or without a question: usually empty; a sentence when every clause was withheld (repetition,
  // leak, claim without a tool) or the model gave nothing. Already shaped.
  std::string finish_answer(TurnId turn);

  // What to say when the model failed or timed out. Never the same sentence twice in a row; already shaped.
  std::string failure_answer(TurnId turn);

  // The agent said a fixed phrase outside a turn (greeting, idle prompt, filler): kept in the history.
  void agent_said_fixed(std::string_view text);

  // What the caller really heard of our answer. `interrupted` adds the note for the model that it was cut off.
  // Called once an answer is over; replaces what was assumed for that turn.
  void agent_heard(TurnId turn, std::string_view heard_text, bool interrupted);

  // A tool call of the model: checked in code against policy and schema. An error's detail is text for the model.
  Result<void> check_tool(std::string_view name, std::string_view arguments_json, std::string& idempotency_key) const;
  [[nodiscard]] Result<CheckedTool> check_tool(std::string_view name, std::string_view arguments_json) const;
  // `ok` false = the tool ran and failed: nothing may be claimed. Overload without it: ok unless `result` begins
  // "error".
  void tool_result(TurnId turn, std::string_view id, std::string_view name, std::string_view arguments_json,
                   std::string_view result, bool ok);
  void tool_result(TurnId turn, std::string_view id, std::string_view name, std::string_view arguments_json,
                   std::string_view result);

  [[nodiscard]] const std::map<std::string, std::string>& slots() const;
  [[nodiscard]] bool complete() const;  // every required slot is filled and valid
  [[nodiscard]] const std::vector<Message>& history() const;
  [[nodiscard]] std::string_view expected_slot()
      const;  // what we asked for last: tells endpointing that digits may follow

  [[nodiscard]] Expectation expectation() const;
  [[nodiscard]] DialogueStage stage() const;
  [[nodiscard]] const Persona& persona() const;
  // The lead in words, as a message to a person: one line a slot. For WhatsApp and reports.
  [[nodiscard]] std::string summary_text() const;

  // State for resuming on another node: JSON text. restore() refuses what does not fit the persona.
  [[nodiscard]] std::string save() const;
  Result<void> restore(std::string_view saved);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace al::dialog
