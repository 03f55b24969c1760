#include "dialog/latency_ledger.h"

#include <algorithm>

namespace al::dialog {

std::vector<Fact> LatencyLedger::facts(Timestamp first_frame) const {
  std::vector<Fact> result;
  const std::int64_t total = std::max<std::int64_t>(0, to_ms(first_frame - voice_end));
  std::int64_t passed = 0;
  const auto part = [&](const char* name, const std::optional<Timestamp>& boundary) {
    const std::int64_t at = boundary ? std::clamp(to_ms(*boundary - voice_end), passed, total) : passed;
    result.push_back({name, at - passed});
    passed = at;
  };
  part("endpointing_ms", eou);
  part("stt_ms", transcript);
  part("model_ms", first_word);
  part("clause_ms", first_clause);
  part("tts_ms", first_sound);
  part("playout_ms", first_frame);
  result.push_back({"total_ms", total});
  if (filler) result.push_back({"filler_ms", to_ms(*filler - voice_end)});
  return result;
}

}  // namespace al::dialog
