// What to ask next, and where the conversation stands.
#include <algorithm>

#include "dialog/conversation_state.h"

namespace al::dialog {

bool Conversation::State::applies(const SlotSpec& spec) const {
  return std::ranges::none_of(spec.not_for, [&](const std::string& rule) {
    const std::size_t equals = rule.find('=');
    const auto hit = slots.find(rule.substr(0, equals));
    return hit != slots.end() && hit->second == rule.substr(equals + 1);
  });
}

bool Conversation::State::missing(const SlotSpec& spec) const {
  return spec.required && applies(spec) && !slots.contains(spec.name);
}

bool Conversation::State::complete() const {
  return std::ranges::none_of(persona->slots, [&](const SlotSpec& spec) { return missing(spec); });
}

int Conversation::State::asked(std::string_view what) const {
  const auto hit = asks.find(std::string(what));
  return hit == asks.end() ? 0 : hit->second;
}

std::vector<std::string> Conversation::State::next_ask() const {
  const SlotSpec* later = nullptr;
  for (const SlotSpec& spec : persona->slots) {
    if (!missing(spec) || asked(spec.name) >= kMaxAsks) continue;
    if (asked(spec.name) >= kAsksBeforeLater) {
      if (later == nullptr || asked(spec.name) < asked(later->name)) later = &spec;
      continue;
    }
    std::vector<std::string> ask_now{spec.name};
    const SlotSpec* with = persona->slot(spec.joint_with);
    if (with != nullptr && missing(*with) && pending_digits.empty()) ask_now.push_back(with->name);
    return ask_now;
  }
  if (later != nullptr) return {later->name};
  return {};
}

// Moves from collecting to confirming to confirmed. `changed`: the last words filled or changed a slot.
void Conversation::State::settle_stage(Intent intent, bool changed) {
  const bool whole = complete();
  if (!whole) {
    stage = DialogueStage::kCollecting;
    return;
  }
  if (stage == DialogueStage::kCollecting) {
    stage = DialogueStage::kConfirming;
    return;
  }
  if (stage == DialogueStage::kConfirmed) {
    if (changed && intent != Intent::kYes) stage = DialogueStage::kConfirming;
    return;
  }
  const bool callback_known = slots.contains(std::string(kCallbackSlot));
  const bool asked_callback = !ask.empty() && ask.front() == kCallbackSlot;
  const bool agreed = (intent == Intent::kYes && !changed) || intent == Intent::kWhatsApp ||
                      ((intent == Intent::kCallback || asked_callback) && callback_known) ||
                      (intent == Intent::kYes && changed && callback_known && asked_callback);
  if (agreed) stage = DialogueStage::kConfirmed;
}

void Conversation::State::plan() {
  const std::string before = ask.empty() ? std::string() : ask.front();
  switch (stage) {
    case DialogueStage::kCollecting:
      ask = next_ask();
      break;
    case DialogueStage::kConfirming: {
      const bool wants_callback =
          hint.intent == to_string(Intent::kCallback) && persona->slot(kCallbackSlot) != nullptr;
      const std::string what(wants_callback ? kCallbackSlot : kConfirm);
      ask = {what};
      break;
    }
    case DialogueStage::kConfirmed:
      ask = {std::string(kAnythingElse)};
      break;
  }
  hint.stage = stage;
  hint.ask = ask;
  hint.asked_before = ask.empty() ? 0 : asked(ask.front());
  const SlotSpec* left = persona->slot(before);
  hint.moved_on = left != nullptr && missing(*left) && (ask.empty() || ask.front() != before);
  hint.introduced = introduced;
  hint.pending_digits = pending_digits;
  hint.committed = committed;
  hint.whatsapp_allowed = options.whatsapp && !options.caller_number.empty();
  if (!ask.empty()) ++asks[ask.front()];
}

}  // namespace al::dialog
