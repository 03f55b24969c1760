// Reads a TwiML document into the element tree of twiml.h: for the simulated call and for tests. Says nothing about
// whether Twilio would like it; twiml_check.h does. Bounded (64 kB, depth 16). Pure and thread-safe.
#pragma once

#include <string_view>

#include "core/error.h"
#include "twilio/twiml.h"

namespace al::twilio {

// The <Response> element. Errors: kMalformed with the position and what the XML parser said.
[[nodiscard]] Result<TwimlElement> parse_twiml(std::string_view document);

// The value of an attribute, or `otherwise`.
[[nodiscard]] std::string_view attribute_or(const TwimlElement& element, std::string_view key,
                                            std::string_view otherwise);

}  // namespace al::twilio
