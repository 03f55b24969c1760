// The voice detector inside WebRTC's audio processing (Debian: libwebrtc-audio-processing 0.3), fed 10 ms at a time at
// 8 kHz.
#pragma once

#include <memory>

#include "audio/voice_detector.h"

namespace al::audio {

// kUnsupported when the build had no such library. `mode` 0 (permissive) .. 3 (strict) as in the WebRTC VAD.
Result<std::unique_ptr<VoiceDetector>> make_webrtc_detector(const VoiceOptions& options);

}  // namespace al::audio
