// Any bytes: the checker says something or nothing, the parser reads or refuses, and what was read renders to itself.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "twilio/twiml_check.h"
#include "twilio/twiml_parse.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace al::twilio;
  const std::string_view document(reinterpret_cast<const char*>(data), size);
  TwimlCheckOptions options;
  options.expected_host = "agent.example.com";
  options.expect_stream = true;
  for (const TwimlFinding& finding : check_twiml(document, options)) {
    if (finding.message.empty() || finding.where.empty()) std::abort();
  }
  const auto tree = parse_twiml(document);
  if (!tree) return 0;
  const std::string once = render_twiml(*tree);
  if (once.size() > kMaxTwimlBytes) return 0;
  // Names come from the input and are not escaped by the builder (ours are constants), so a second reading may fail;
  // where it does not, it must give the same document.
  const auto again = parse_twiml(once);
  if (again && render_twiml(*again) != once) std::abort();
  return 0;
}
