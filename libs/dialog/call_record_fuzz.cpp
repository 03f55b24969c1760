// Recorded calls as files hold them: whatever is read is written as it was read.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "dialog/call_record.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace al::dialog;
  const auto record = parse_call_record({reinterpret_cast<const char*>(data), size});
  if (!record) {
    if (record.error().detail.empty()) std::abort();
    return 0;
  }
  std::string text = record_header_line(record->header);
  for (const TimedInput& timed : record->inputs) append_record_line(text, timed.input, timed.at);
  const auto again = parse_call_record(text);
  if (!again || again->inputs.size() != record->inputs.size()) std::abort();
  std::string twice = record_header_line(again->header);
  for (const TimedInput& timed : again->inputs) append_record_line(twice, timed.input, timed.at);
  if (twice != text) std::abort();
  return 0;
}
