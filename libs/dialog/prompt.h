// The text given to a language model before the conversation: who it is, the rules, what is known. Pure, thread-safe.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "dialog/conversation.h"
#include "dialog/persona.h"
#include "dialog/ports.h"

namespace al::dialog {

// The part that is the same for a whole conversation (and may be cached by the provider).
[[nodiscard]] std::string fixed_prompt(const Persona& persona, const ConversationOptions& options);
// The part that changes with each turn: known values, what is missing, what to ask next.
[[nodiscard]] std::string turn_prompt(const Persona& persona, const std::map<std::string, std::string>& slots,
                                      const DialogueHint& hint);
// A caller's words as they may stand in a message: cleaned, without marks that models take for structure.
[[nodiscard]] std::string caller_message(std::string_view text);

[[nodiscard]] std::vector<ToolSpec> tool_specs(const Persona& persona, const ConversationOptions& options);

}  // namespace al::dialog
