// What Twilio's error codes mean for this program, and what the symptoms in a log point to: cause and cure in plain
// words. A table; read by `alctl explain`. Pure and thread-safe.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace al::twilio {

struct CatalogueEntry {
  int code;
  std::string_view title;
  std::string_view cause;
  std::string_view cure;
};
[[nodiscard]] std::span<const CatalogueEntry> error_catalogue();  // sorted by code
[[nodiscard]] const CatalogueEntry* find_error(int code);         // nullptr = not in the table

// Something a log line shows. `keys` are texts that must all be in the line.
struct Symptom {
  std::string_view id;  // "rx_zero"
  std::string_view title;
  std::string_view cause;
  std::string_view cure;
};
struct SymptomHit {
  const Symptom* symptom = nullptr;
  std::size_t line = 0;  // 1-based
  std::string text;      // the line, shortened to 200 characters
};
[[nodiscard]] std::span<const Symptom> symptoms();
// Reads log text line by line; at most one hit per symptom (the first), in order of the lines. Error codes that appear
// as "error_code=31920", "ErrorCode=…" or "code 31920" are found by codes_in().
[[nodiscard]] std::vector<SymptomHit> symptoms_in(std::string_view log);
[[nodiscard]] std::vector<int> codes_in(std::string_view log);  // known codes, each once, in order of appearance

}  // namespace al::twilio
