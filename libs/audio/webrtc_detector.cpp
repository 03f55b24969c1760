#include "audio/webrtc_detector.h"

#ifdef AL_HAVE_WEBRTC
#include <algorithm>
#include <array>

#include <webrtc/modules/audio_processing/include/audio_processing.h>

#include "audio/band_level.h"
#include "audio/level.h"
#include "audio/noise_floor.h"
#endif

namespace al::audio {

#ifdef AL_HAVE_WEBRTC
namespace {

class WebrtcDetector final : public VoiceDetector {
 public:
  WebrtcDetector(std::unique_ptr<webrtc::AudioProcessing> processing, float min_rms)
      : processing_(std::move(processing)), min_rms_(min_rms) {}

  VoiceFrame process(PcmFrameView frame) override {
    constexpr std::size_t kPart = kFrameSamples / 2;  // it takes 10 ms at a time
    const webrtc::StreamConfig mono(kSampleRateHz, 1);
    VoiceFrame out;
    int parts = 0;
    for (std::size_t at = 0; at < kFrameSamples; at += kPart) {
      std::array<float, kPart> part;
      std::transform(frame.begin() + at, frame.begin() + at + kPart, part.begin(),
                     [](std::int16_t s) { return static_cast<float>(s) / kFullScale; });
      const float* const from[] = {part.data()};
      float* const to[] = {part.data()};
      processing_->ProcessStream(from, mono, mono, to);
      if (processing_->voice_detection()->stream_has_voice()) ++parts;
    }
    out.voice = parts > 0;
    out.score = static_cast<float>(parts) / 2.0F;
    out.level_dbfs = dbfs_from_rms(band_.rms(frame));
    out.noise_floor_dbfs = floor_.update(out.level_dbfs);
    out.threshold_dbfs = dbfs_from_rms(min_rms_);
    return out;
  }

  void reset() override {
    processing_->Initialize();
    band_.reset();
    floor_.reset();
  }

 private:
  std::unique_ptr<webrtc::AudioProcessing> processing_;
  float min_rms_;
  BandLevel band_;
  NoiseFloor floor_;
};

}  // namespace

Result<std::unique_ptr<VoiceDetector>> make_webrtc_detector(const VoiceOptions& options) {
  std::unique_ptr<webrtc::AudioProcessing> processing(webrtc::AudioProcessing::Create());
  if (!processing) return fail(Errc::kInternal, "WebRTC audio processing could not be started");
  using Vad = webrtc::VoiceDetection;
  // Their word is the likelihood of calling something voice; the mode is its strictness.
  constexpr std::array<Vad::Likelihood, 4> kModes{Vad::kHighLikelihood, Vad::kModerateLikelihood, Vad::kLowLikelihood,
                                                  Vad::kVeryLowLikelihood};
  const auto mode = static_cast<std::size_t>(std::clamp(options.webrtc_mode, 0, 3));
  if (processing->voice_detection()->set_likelihood(kModes[mode]) != 0 ||
      processing->voice_detection()->Enable(true) != 0) {
    return fail(Errc::kInternal, "WebRTC audio processing refused the voice detector's settings");
  }
  return std::make_unique<WebrtcDetector>(std::move(processing), options.energy.min_rms);
}
#else
Result<std::unique_ptr<VoiceDetector>> make_webrtc_detector(const VoiceOptions&) {
  return fail(Errc::kUnsupported,
              "VAD_ENGINE=webrtc: this program was built without libwebrtc-audio-processing-dev; use energy or silero");
}
#endif

}  // namespace al::audio
