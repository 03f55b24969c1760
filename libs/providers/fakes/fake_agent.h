// What the fakes of language models answer when they shall hold a conversation: they read the request as a model would
// (the system prompt says what is known and what to ask for) and answer in the persona's own sentences. For
// demonstrations and whole-call tests without a network.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "dialog/persona.h"
#include "providers/fakes/fault.h"

namespace al::providers {

// For FakeScript::set_answerer(). Reads bodies of both dialects. Pure, thread-safe; each sentence is said once a
// conversation while there are others. save_lead is called when the prompt says that the caller agreed.
[[nodiscard]] std::function<FakeAnswer(std::string_view body)> fake_agent(
    std::shared_ptr<const dialog::Persona> persona);

// A caller's side that reaches a lead with the built-in personas' questions: one line a turn, Hebrew or English.
[[nodiscard]] std::vector<std::string> fake_caller_lines(const dialog::Persona& persona);

}  // namespace al::providers
