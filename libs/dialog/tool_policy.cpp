// The policy of tool calls, in code: a model may ask for anything, only what stands here is run. Nothing reads another
// caller's data; nothing is committed that the caller did not agree to; no number or text of the model's own goes out.
#include <algorithm>

#include <nlohmann/json.hpp>

#include "core/json.h"
#include "dialog/conversation_state.h"
#include "dialog/slots.h"
#include "dialog/words.h"

namespace al::dialog {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxArgumentBytes = 4096;

Result<json> read_arguments(std::string_view name, std::string_view text) {
  if (text.empty()) text = "{}";  // some models send nothing for "no arguments"
  auto parsed = parse_json(text, kMaxArgumentBytes);
  if (!parsed)
    return fail(Errc::kMalformed, "the arguments of " + std::string(name) + " are not JSON: " + parsed.error().detail);
  if (!parsed->is_object())
    return fail(Errc::kMalformed, "the arguments of " + std::string(name) + " must be a JSON object");
  for (const auto& [key, value] : parsed->items()) {
    if (!value.is_string()) return fail(Errc::kMalformed, "argument '" + clean_text(key, 40) + "' must be a text");
    if (value.get_ref<const std::string&>().size() > 400) {
      return fail(Errc::kMalformed, "argument '" + clean_text(key, 40) + "' is too long");
    }
  }
  return parsed;
}

Result<void> only_keys(const json& object, std::initializer_list<std::string_view> allowed) {
  for (const auto& [key, value] : object.items()) {
    if (std::ranges::find(allowed, key) == allowed.end()) {
      return fail(Errc::kMalformed, "unknown argument '" + clean_text(key, 40) + "'");
    }
  }
  return {};
}

std::string fingerprint(std::string_view conversation, std::string_view name, std::string_view arguments) {
  std::uint64_t hash = 0xCBF29CE484222325ULL;  // FNV-1a: a name, not a proof
  for (const std::string_view part : {conversation, name, arguments}) {
    for (const char c : part) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3ULL;
    hash = (hash ^ 0xFFU) * 0x100000001B3ULL;
  }
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  for (int shift = 60; shift >= 0; shift -= 4) out.push_back(kDigits[(hash >> static_cast<unsigned>(shift)) & 15U]);
  return std::string(name) + "-" + out;
}

// Every word of a value that the model brings must have come from the caller.
bool said_by_caller(const std::vector<Message>& history, std::string_view value) {
  std::vector<Word> heard;
  for (const Message& message : history) {
    if (message.role != Role::kCaller) continue;
    for (Word& word : split_words(clean_text(message.text))) heard.push_back(std::move(word));
  }
  const std::vector<Word> words = split_words(clean_text(value));
  return !words.empty() && std::ranges::all_of(words, [&](const Word& word) {
    return std::ranges::any_of(heard, [&](const Word& other) {
      const auto stems = hebrew_stems(other.text);
      return std::ranges::find(stems, std::string_view(word.text)) != stems.end();
    });
  });
}

// The canonical value that `raw` stands for, if it is one the caller gave; empty = it is not.
std::string grounded(const Persona& persona, const SlotSpec& spec, const std::map<std::string, std::string>& slots,
                     const std::vector<Message>& history, const WallTime local_time, const std::string& raw) {
  const auto known = slots.find(spec.name);
  if (known != slots.end() &&
      (raw == known->second || normal_form(raw) == normal_form(say_slot(persona, spec, known->second)) ||
       normal_form(raw) == normal_form(write_slot(persona, spec, known->second)))) {
    return known->second;
  }
  SlotContext context;
  context.expected = {spec.name};
  context.local_time = local_time;
  std::string value = valid_slot_value(persona, spec, raw) ? raw : std::string();
  for (const SlotFill& fill : extract_slots(persona, raw, context).fills) {
    if (fill.slot == spec.name && valid_slot_value(persona, spec, fill.value)) value = fill.value;
  }
  if (value.empty()) return {};
  if (known != slots.end()) return value == known->second ? value : std::string();
  return said_by_caller(history, raw) ? value : std::string();
}

Result<json> check_save_lead(const Persona& persona, const std::map<std::string, std::string>& slots,
                             const std::vector<Message>& history, WallTime local_time, const json& arguments) {
  json out = json::object();
  for (const auto& [slot, value] : slots) out[slot] = value;
  for (const auto& [key, value] : arguments.items()) {
    const SlotSpec* spec = persona.slot(key);
    if (spec == nullptr) return fail(Errc::kMalformed, "save_lead has no argument '" + clean_text(key, 40) + "'");
    const std::string& raw = value.get_ref<const std::string&>();
    if (raw.empty()) continue;  // "not known", as some models write it
    const std::string canonical = grounded(persona, *spec, slots, history, local_time, raw);
    if (canonical.empty()) {
      return fail(Errc::kRejected,
                  "the value of '" + key + "' is not what the caller said; ask for it instead of guessing");
    }
    out[key] = canonical;
  }
  return out;
}

bool recent(const std::deque<Intent>& intents, Intent wanted) {
  return std::ranges::find(intents, wanted) != intents.end();
}

}  // namespace

Result<CheckedTool> Conversation::check_tool(std::string_view name, std::string_view arguments_json) const {
  const State& s = *state_;
  if (!one_of(name, {"save_lead", "end_call", "transfer_call", "send_whatsapp"})) {
    return fail(Errc::kUnsupported, "there is no tool '" + clean_text(name, 60) + "'");
  }
  auto arguments = read_arguments(name, arguments_json);
  if (!arguments) return fail(arguments.error());
  json out = json::object();
  if (name == "save_lead") {
    if (s.stage != DialogueStage::kConfirmed) {
      return fail(Errc::kRejected, s.complete() ? "sum up and ask the caller to confirm first"
                                                : "details are still missing; ask for them");
    }
    auto lead = check_save_lead(*s.persona, s.slots, s.history, s.options.local_time, *arguments);
    if (!lead) return fail(lead.error());
    out = std::move(*lead);
  } else if (name == "end_call") {
    if (auto keys = only_keys(*arguments, {"reason"}); !keys) return fail(keys.error());
    const std::string reason = json_string(*arguments, "reason", "completed");
    if (reason != "goodbye" && reason != "completed")
      return fail(Errc::kMalformed, "reason must be \"goodbye\" or \"completed\"");
    if (!s.goodbye_said && !(s.stage == DialogueStage::kConfirmed && s.done.saved)) {
      return fail(Errc::kRejected, "the caller has not said goodbye; go on");
    }
    out["reason"] = reason;
  } else if (name == "transfer_call") {
    if (auto keys = only_keys(*arguments, {"target"}); !keys) return fail(keys.error());
    const std::string target = json_string(*arguments, "target");
    if (!s.persona->transfer_targets.contains(target)) {
      return fail(Errc::kRejected, "there is no transfer target '" + clean_text(target, 40) + "'");
    }
    if (!recent(s.intents, Intent::kHuman)) return fail(Errc::kRejected, "the caller did not ask for a person");
    out["target"] = target;
  } else {
    if (auto keys = only_keys(*arguments, {"message", "to"}); !keys) return fail(keys.error());
    if (!s.options.whatsapp || s.options.caller_number.empty())
      return fail(Errc::kRejected, "WhatsApp is not available in this call");
    const std::string to = json_string(*arguments, "to", s.options.caller_number);
    if (to != s.options.caller_number) return fail(Errc::kRejected, "messages go to the caller's own number only");
    if (json_string(*arguments, "message", "summary") != "summary")
      return fail(Errc::kMalformed, "message must be \"summary\"");
    if (!recent(s.intents, Intent::kWhatsApp))
      return fail(Errc::kRejected, "the caller did not ask for a WhatsApp message");
    if (!s.complete()) return fail(Errc::kRejected, "details are still missing; there is nothing to send yet");
    out = {{"to", to}, {"text", summary_text()}};
  }
  CheckedTool checked;
  checked.name = name;
  checked.arguments_json = dump_json(out);
  checked.idempotency_key = fingerprint(s.options.conversation_id, name, checked.arguments_json);
  checked.commits = true;
  if (s.done_keys.contains(checked.idempotency_key)) return fail(Errc::kConflict, "this was done already");
  return checked;
}

Result<void> Conversation::check_tool(std::string_view name, std::string_view arguments_json,
                                      std::string& idempotency_key) const {
  auto checked = check_tool(name, arguments_json);
  if (!checked) return fail(checked.error());
  idempotency_key = checked->idempotency_key;
  return {};
}

void Conversation::tool_result(TurnId turn, std::string_view id, std::string_view name, std::string_view arguments_json,
                               std::string_view result, bool ok) {
  State& s = *state_;
  if (ok) {
    const auto checked = check_tool(name, arguments_json);
    if (checked) s.done_keys.insert(checked->idempotency_key);
    s.done.saved = s.done.saved || name == "save_lead";
    s.done.sent = s.done.sent || name == "send_whatsapp";
    s.done.transferred = s.done.transferred || name == "transfer_call";
    if (name == "save_lead") s.committed = true;
  }
  // A refused save may still hold a detail that only the model understood: kept if the caller's own words bear it out.
  const auto arguments = read_arguments(name, arguments_json);
  if (name == "save_lead" && arguments) {
    for (const auto& [key, value] : arguments->items()) {
      const SlotSpec* spec = s.persona->slot(key);
      if (spec == nullptr || s.slots.contains(key)) continue;
      const std::string canonical =
          grounded(*s.persona, *spec, s.slots, s.history, s.options.local_time, value.get<std::string>());
      if (!canonical.empty()) s.slots[key] = canonical;
    }
    if (s.stage == DialogueStage::kCollecting) {
      s.settle_stage(Intent::kNone, false);
      s.ask = s.stage == DialogueStage::kCollecting ? s.next_ask() : std::vector<std::string>{std::string(kConfirm)};
    }
  }
  s.hint.committed = s.committed;
  s.push({Role::kToolCall, arguments ? dump_json(*arguments) : "{}", std::string(name), std::string(id)}, turn);
  s.push({Role::kToolResult, clean_text(result, 2000), std::string(name), std::string(id)}, turn);
}

void Conversation::tool_result(TurnId turn, std::string_view id, std::string_view name, std::string_view arguments_json,
                               std::string_view result) {
  tool_result(turn, id, name, arguments_json, result, !result.starts_with("error"));
}

}  // namespace al::dialog
