// Text of strangers on its way into JSON, logs and the store: never invalid, never two lines, never an exception.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "core/json.h"
#include "core/log.h"
#include "core/secret.h"
#include "core/utf8.h"

namespace {
void require(bool condition) {
  if (!condition) std::abort();
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace al;
  const std::string_view text(reinterpret_cast<const char*>(data), size);

  const std::string repaired = repair_utf8(text);
  require(is_valid_utf8(repaired) && count_codepoints(repaired) == count_codepoints(text));
  require(!is_valid_utf8(text) || repaired == text);
  for (const std::size_t most : {std::size_t{0}, std::size_t{1}, std::size_t{7}}) {
    const std::string_view cut = truncate_utf8(repaired, most);
    require(cut.size() <= most && is_valid_utf8(cut));
  }

  std::string quoted;
  append_json_string(quoted, text);
  const auto back = parse_json(quoted);
  require(back.has_value() && back->is_string() && back->get<std::string>() == repaired);
  if (const auto document = parse_json(text, 1 << 16)) {
    const auto again = parse_json(dump_json(*document));
    require(again.has_value());
  }
  for (const auto format : {log::Format::kText, log::Format::kJson, log::Format::kJournal}) {
    const std::string line = log::format_line(log::Level::kInfo, format, true, "E", {{"text", text}});
    require(line.find('\n') == std::string::npos && is_valid_utf8(line));
  }
  require(base64_decode(base64_encode(text)) == std::string(text));
  if (const auto bytes = base64_decode(text)) require(base64_encode(*bytes) == text);
  return 0;
}
