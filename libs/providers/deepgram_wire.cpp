#include "providers/deepgram_wire.h"

#include <algorithm>
#include <cmath>

#include <nlohmann/json.hpp>

#include "core/json.h"
#include "net/http_types.h"
#include "providers/http_provider.h"
#include "providers/tts_dialect.h"

namespace al::providers {
namespace {

constexpr std::size_t kMaxKeyterms = 50;
constexpr std::size_t kMaxMessage = 1 << 20;

Duration to_duration(double value) {
  constexpr double kLongest = 86400.0;
  if (!std::isfinite(value)) return {};
  return microseconds(std::llround(std::clamp(value, 0.0, kLongest) * 1e6));
}

}  // namespace

std::string deepgram_url(const DeepgramOptions& options, const dialog::SttOptions& call) {
  constexpr milliseconds kLeastUtteranceEnd{1000};
  const auto parts = net::parse_url(options.base_url);
  const bool has_path = parts && parts->target != "/";
  std::string url = options.base_url + (has_path ? "" : "/v1/listen") + "?model=" + percent_encode(options.model) +
                    "&language=" + percent_encode(primary_language(call.language)) +
                    "&encoding=mulaw&sample_rate=8000&channels=1&interim_results=true&endpointing=" +
                    std::to_string(to_ms(options.endpointing)) +
                    "&utterance_end_ms=" + std::to_string(kLeastUtteranceEnd.count()) +
                    "&vad_events=true&punctuate=true";
  for (std::size_t i = 0; i < std::min(call.hints.size(), kMaxKeyterms); ++i) {
    url += "&keyterm=" + percent_encode(call.hints[i]);
  }
  return url;
}

Result<DeepgramResult> read_deepgram(std::string_view text) {
  const auto document = parse_json(text, kMaxMessage);
  if (!document) return fail(Errc::kMalformed, "a message is not JSON: " + document.error().detail);
  if (!document->is_object()) return fail(Errc::kMalformed, "a message is not a JSON object");
  DeepgramResult result;
  const std::string type = json_string(*document, "type");
  if (type == "Error" || json_member(*document, "err_code") != nullptr) {
    result.kind = DeepgramResult::Kind::kError;
    result.error =
        printable_excerpt(json_string(*document, "description", json_string(*document, "err_msg", "no explanation")));
    return result;
  }
  if (type != "Results") return result;
  result.kind = DeepgramResult::Kind::kResults;
  const auto start = json_number(*document, "start");
  const auto duration = json_number(*document, "duration");
  if (!start || !duration) return fail(Errc::kMalformed, "a result has no 'start' or 'duration'");
  result.start = to_duration(*start);
  result.end = result.start + to_duration(*duration);
  result.is_final = json_bool(*document, "is_final").value_or(false);
  result.speech_final = json_bool(*document, "speech_final").value_or(false);
  result.from_finalize = json_bool(*document, "from_finalize").value_or(false);
  const nlohmann::json* channel = json_member(*document, "channel");
  const nlohmann::json* alternatives = channel != nullptr ? json_member(*channel, "alternatives") : nullptr;
  if (alternatives != nullptr && alternatives->is_array() && !alternatives->empty()) {
    result.transcript = json_string(alternatives->front(), "transcript");
    result.confidence =
        static_cast<float>(std::clamp(json_number(alternatives->front(), "confidence").value_or(0.0), 0.0, 1.0));
  }
  return result;
}

}  // namespace al::providers
