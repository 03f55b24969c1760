// A conversation's state as text, so that a call goes on where it stopped on another node. What comes back is treated
// like any outside input: every value is checked against the persona again.
#include <algorithm>
#include <charconv>

#include <nlohmann/json.hpp>

#include "core/json.h"
#include "dialog/conversation_state.h"
#include "dialog/prompt.h"
#include "dialog/slots.h"
#include "dialog/words.h"

namespace al::dialog {
namespace {

using nlohmann::json;

constexpr int kVersion = 1;
constexpr std::size_t kMaxSaved = 256 * 1024;
constexpr std::size_t kMaxList = 400;

std::string_view role_name(Role role) {
  switch (role) {
    case Role::kSystem:
      return "system";
    case Role::kCaller:
      return "caller";
    case Role::kAgent:
      return "agent";
    case Role::kToolCall:
      return "tool_call";
    case Role::kToolResult:
      return "tool_result";
  }
  return "caller";
}

std::optional<Role> role_of(std::string_view name) {
  for (const Role role : {Role::kCaller, Role::kAgent, Role::kToolCall, Role::kToolResult}) {
    if (role_name(role) == name) return role;
  }
  return std::nullopt;
}

std::string_view stage_name(DialogueStage stage) {
  switch (stage) {
    case DialogueStage::kCollecting:
      return "collecting";
    case DialogueStage::kConfirming:
      return "confirming";
    case DialogueStage::kConfirmed:
      return "confirmed";
  }
  return "collecting";
}

Result<void> wrong(std::string_view what) {
  return fail(Errc::kMalformed, "saved conversation: " + std::string(what));
}

bool read_texts(const json& root, std::string_view name, std::vector<std::string>& out) {
  const json* list = json_member(root, name);
  if (list == nullptr || !list->is_array() || list->size() > kMaxList) return false;
  for (const json& item : *list) {
    if (!item.is_string()) return false;
    out.push_back(clean_text(item.get<std::string>(), 4000));
  }
  return true;
}

bool is_question_name(const Persona& persona, std::string_view name) {
  return persona.slot(name) != nullptr || name == kConfirm || name == kAnythingElse;
}

}  // namespace

std::string Conversation::save() const {
  const State& s = *state_;
  json root = {{"version", kVersion},
               {"persona", s.persona->id},
               {"stage", stage_name(s.stage)},
               {"slots", s.slots},
               {"ask", s.ask},
               {"asks", s.asks},
               {"pending_digits", s.pending_digits},
               {"introduced", s.introduced},
               {"goodbye", s.goodbye_said},
               {"committed", s.committed},
               {"done", {{"saved", s.done.saved}, {"sent", s.done.sent}, {"transferred", s.done.transferred}}},
               {"done_keys", s.done_keys},
               {"last_answer", s.answer.sentences.empty() ? s.last_answer : s.answer.sentences}};
  json said = json::array();
  for (const State::Sentence& sentence : s.said) said.push_back(sentence.normal);
  root["said"] = std::move(said);
  json history = json::array();
  for (const State::Entry& entry : s.entries) {
    json item = {{"role", role_name(entry.message.role)}, {"text", entry.message.text}, {"turn", entry.turn.value}};
    if (!entry.message.tool_name.empty()) item["tool"] = entry.message.tool_name;
    if (!entry.message.tool_id.empty()) item["id"] = entry.message.tool_id;
    history.push_back(std::move(item));
  }
  root["history"] = std::move(history);
  return dump_json(root);
}

Result<void> Conversation::restore(std::string_view saved) {
  const auto parsed = parse_json(saved, kMaxSaved);
  if (!parsed) return fail(parsed.error());
  const json& root = *parsed;
  if (!root.is_object() || json_int(root, "version") != kVersion) return wrong("unknown version");
  const Persona& persona = *state_->persona;
  if (json_string(root, "persona") != persona.id) {
    return wrong("it belongs to persona '" + clean_text(json_string(root, "persona"), 60) + "', not to '" + persona.id +
                 "'");
  }
  auto fresh = std::make_unique<State>(state_->persona, state_->options, state_->seed);
  State& s = *fresh;

  const json* slots = json_member(root, "slots");
  if (slots == nullptr || !slots->is_object()) return wrong("no slots");
  for (const auto& [name, value] : slots->items()) {
    const SlotSpec* spec = persona.slot(name);
    if (spec == nullptr || !value.is_string() || !valid_slot_value(persona, *spec, value.get<std::string>())) {
      return wrong("slot '" + clean_text(name, 40) + "' does not fit the persona");
    }
    s.slots[name] = value.get<std::string>();
  }
  s.ask.clear();
  if (!read_texts(root, "ask", s.ask)) return wrong("no list 'ask'");
  for (const std::string& name : s.ask) {
    if (!is_question_name(persona, name)) return wrong("'ask' names no slot: '" + name + "'");
  }
  if (const json* asks = json_member(root, "asks"); asks != nullptr && asks->is_object() && asks->size() <= kMaxList) {
    for (const auto& [name, count] : asks->items()) {
      if (is_question_name(persona, name) && count.is_number_integer())
        s.asks[name] = std::clamp(count.get<int>(), 0, 100);
    }
  }
  const std::string stage = json_string(root, "stage");
  s.stage = stage == "confirmed" && s.complete()    ? DialogueStage::kConfirmed
            : stage == "confirming" && s.complete() ? DialogueStage::kConfirming
                                                    : DialogueStage::kCollecting;
  s.pending_digits = json_string(root, "pending_digits");
  const bool digits = std::ranges::all_of(s.pending_digits, [](char c) { return c >= '0' && c <= '9'; });
  if (!digits || s.pending_digits.size() > 15) return wrong("'pending_digits' is no number");
  s.introduced = json_bool(root, "introduced").value_or(false);
  s.goodbye_said = json_bool(root, "goodbye").value_or(false);
  s.committed = json_bool(root, "committed").value_or(false);
  if (const json* done = json_member(root, "done"); done != nullptr && done->is_object()) {
    s.done.saved = json_bool(*done, "saved").value_or(false);
    s.done.sent = json_bool(*done, "sent").value_or(false);
    s.done.transferred = json_bool(*done, "transferred").value_or(false);
  }
  std::vector<std::string> texts;
  if (!read_texts(root, "done_keys", texts)) return wrong("no list 'done_keys'");
  s.done_keys.insert(texts.begin(), texts.end());
  texts.clear();
  if (!read_texts(root, "said", texts)) return wrong("no list 'said'");
  for (std::string& text : texts) s.said.push_back({std::move(text), TurnId{}});
  if (!read_texts(root, "last_answer", s.last_answer)) return wrong("no list 'last_answer'");

  const json* history = json_member(root, "history");
  if (history == nullptr || !history->is_array() || history->size() > kMaxList) return wrong("no history");
  for (const json& item : *history) {
    if (!item.is_object()) return wrong("the history has an entry that is no message");
    const auto role = role_of(json_string(item, "role"));
    if (!role) return wrong("the history has an unknown role");
    std::string text = json_string(item, "text");
    if (*role == Role::kCaller) text = caller_message(text);
    s.guard.allow_sums(*role == Role::kCaller ? text : std::string());
    const auto turn = static_cast<std::uint64_t>(std::max<std::int64_t>(0, json_int(item, "turn").value_or(0)));
    s.push({*role, *role == Role::kToolCall ? text : clean_text(text, 4000), clean_text(json_string(item, "tool"), 60),
            clean_text(json_string(item, "id"), 100)},
           TurnId{turn});
  }
  state_ = std::move(fresh);
  return {};
}

}  // namespace al::dialog
