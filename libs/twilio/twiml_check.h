// Would Twilio do what this document means? A checker with words for people: XML, content type, size, names and their
// case, nesting, attribute values, order of verbs, URLs. Findings carry the error code Twilio would log.
// Checks the text only; fetches nothing. Pure and thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace al::twilio {

enum class FindingLevel { kError, kWarning, kNote };
[[nodiscard]] std::string_view to_string(FindingLevel level);

struct TwimlFinding {
  FindingLevel level = FindingLevel::kError;
  int code = 0;         // Twilio's error code; 0 = none
  std::string where;    // "line 3, <Stream url>"
  std::string message;  // what is wrong
  std::string cure;     // what to do
};

struct TwimlCheckOptions {
  int http_status = 200;
  std::string content_type = "text/xml; charset=utf-8";
  // Where not empty, https/wss URLs must name this host (scheme and path are ignored when given).
  std::string expected_host;
  // Plain http and ws are errors at Twilio's real side; a test against a local server may allow them for 127.0.0.1.
  bool allow_insecure_loopback = false;
  // The document answers an incoming call: it must lead to a <Connect><Stream>.
  bool expect_stream = false;
};

// In document order; empty = nothing to say. At most 100 findings.
[[nodiscard]] std::vector<TwimlFinding> check_twiml(std::string_view document, const TwimlCheckOptions& options = {});

[[nodiscard]] bool has_errors(const std::vector<TwimlFinding>& findings);

}  // namespace al::twilio
