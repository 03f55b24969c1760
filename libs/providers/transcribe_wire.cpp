#include "providers/transcribe_wire.h"

#include <vector>

#include <nlohmann/json.hpp>

#include "audio/format.h"
#include "audio/resampler.h"
#include "core/json.h"
#include "core/utf8.h"
#include "providers/http_provider.h"
#include "providers/tts_dialect.h"
#include "providers/turn_audio.h"
#include "providers/wire_multipart.h"
#include "providers/wire_wav.h"

namespace al::providers {
namespace {

constexpr int kUploadRateHz = 16000;

std::string trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return std::string(text.substr(first, text.find_last_not_of(kBlanks) - first + 1));
}

}  // namespace

TranscriptionUpload write_transcription(TranscriptionTurn turn) {
  constexpr std::size_t kMaxPromptBytes = 800;  // whisper keeps the last 224 tokens of a prompt
  MultipartBody form(std::move(turn.boundary));
  form.add_field("model", turn.model);
  form.add_field("language", primary_language(turn.language));
  form.add_field("temperature", "0");
  form.add_field("response_format", "json");
  std::string prompt;
  for (const std::string& hint : turn.hints) {
    if (prompt.size() + hint.size() + 2 > kMaxPromptBytes) break;
    if (!prompt.empty()) prompt += ", ";
    prompt += hint;
  }
  if (!prompt.empty()) form.add_field("prompt", prompt);
  // The ratio 1:2 is within the converter's range, so this cannot fail; an empty upload would be refused with a reason.
  const auto upsampled =
      audio::resample(turn.pcm_8k, audio::kSampleRateHz, kUploadRateHz, audio::ResampleQuality::kFast);
  const std::vector<std::int16_t> samples = upsampled.value_or(std::vector<std::int16_t>{});
  form.add_file("file", "turn.wav", "audio/wav", wrap_wav_pcm16(to_le_bytes(samples), kUploadRateHz));
  TranscriptionUpload upload{.content_type = form.content_type(), .body = {}};
  upload.body = std::move(form).finish();
  return upload;
}

Result<std::string> read_transcription(std::string_view body) {
  const std::string text = trimmed(body);
  if (text.starts_with('{')) {
    const auto document = parse_json(text);
    if (!document) return fail(Errc::kMalformed, "the answer is not JSON: " + document.error().detail);
    const nlohmann::json* member = json_member(*document, "text");
    if (member == nullptr || !member->is_string()) {
      return fail(Errc::kMalformed, "the answer has no 'text': " + refusal_text(text));
    }
    return trimmed(member->get<std::string>());
  }
  if (text.starts_with('<')) return fail(Errc::kMalformed, "a page instead of an answer: is the base URL right?");
  return repair_utf8(text);
}

}  // namespace al::providers
