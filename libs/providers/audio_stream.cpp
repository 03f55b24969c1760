#include "providers/audio_stream.h"

#include <charconv>

#include "audio/format.h"
#include "audio/g711.h"

namespace al::providers {

AudioStreamDecoder::AudioStreamDecoder(AudioFormat headerless, Duration longest)
    : stripper_(headerless),
      max_samples_(static_cast<std::size_t>(to_ms(longest)) * MediaTime::kSamplesPerMs),
      format_(headerless) {}

Result<void> AudioStreamDecoder::feed(std::string_view bytes, std::vector<std::int16_t>& pcm_8k) {
  auto fed = stripper_.feed(
      bytes, [&](const AudioFormat& format, std::string_view payload) { take(format, payload, pcm_8k); });
  if (!fed) return fed;
  if (error_) return fail(*error_);
  if (samples_ > max_samples_) {
    return fail(Errc::kMalformed, "the audio does not end: more than " + std::to_string(max_samples_ / 8000) + " s");
  }
  return {};
}

Result<void> AudioStreamDecoder::finish(std::vector<std::int16_t>& pcm_8k) {
  stripper_.finish([&](const AudioFormat& format, std::string_view payload) { take(format, payload, pcm_8k); });
  flush_resampler(pcm_8k);
  carry_.clear();
  if (error_) return fail(*error_);
  return {};
}

void AudioStreamDecoder::take(const AudioFormat& format, std::string_view payload, std::vector<std::int16_t>& pcm_8k) {
  if (!(format == format_)) {
    flush_resampler(pcm_8k);
    resampler_.reset();
    carry_.clear();
    format_ = format;
  }
  const std::size_t sample_bytes = format.encoding == AudioEncoding::kPcm16Le ? 2 : 1;
  const std::size_t step = sample_bytes * static_cast<std::size_t>(format.channels);
  std::string joined;
  if (!carry_.empty()) {
    joined = std::move(carry_).append(payload);
    carry_.clear();
    payload = joined;
  }
  const std::size_t whole = payload.size() / step * step;
  carry_.assign(payload.substr(whole));
  decoded_.clear();
  decoded_.reserve(whole / step);
  for (std::size_t at = 0; at < whole; at += step) {
    int sum = 0;
    for (std::size_t k = at; k < at + step; k += sample_bytes) {
      const auto low = static_cast<std::uint8_t>(payload[k]);
      sum += sample_bytes == 1 ? audio::decode_ulaw(low)
                               : static_cast<std::int16_t>(low | static_cast<std::uint8_t>(payload[k + 1]) << 8);
    }
    decoded_.push_back(static_cast<std::int16_t>(sum / format.channels));
  }
  emit(pcm_8k);
}

void AudioStreamDecoder::emit(std::vector<std::int16_t>& pcm_8k) {
  const std::size_t before = pcm_8k.size();
  if (format_.rate_hz == audio::kSampleRateHz) {
    pcm_8k.insert(pcm_8k.end(), decoded_.begin(), decoded_.end());
  } else {
    if (!resampler_) {
      auto made = audio::Resampler::create(format_.rate_hz, audio::kSampleRateHz);
      if (!made) {
        error_ = made.error();
        return;
      }
      resampler_.emplace(std::move(*made));
    }
    resampler_->process(decoded_, pcm_8k);
  }
  samples_ += pcm_8k.size() - before;
}

void AudioStreamDecoder::flush_resampler(std::vector<std::int16_t>& pcm_8k) {
  if (!resampler_) return;
  const std::size_t before = pcm_8k.size();
  resampler_->finish(pcm_8k);
  samples_ += pcm_8k.size() - before;
}

std::optional<int> content_type_rate(std::string_view content_type) {
  constexpr std::string_view kRate = "rate=";
  const std::size_t at = content_type.find(kRate);
  if (at == std::string_view::npos) return {};
  const std::string_view digits = content_type.substr(at + kRate.size());
  int rate = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), rate);
  if (error != std::errc{} || rate < 4000 || rate > 192000) return {};
  return rate;
}

}  // namespace al::providers
