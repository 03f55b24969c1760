// ElevenLabs over its text-to-dialogue WebSocket, the one its v3 and v4 models speak: a socket is opened and its voice
// announced before there is text, so the first audio comes sooner than over HTTP. The protocol has no cancel: a
// cancelled speech drops its socket and a spare one takes over. Sinks are called from the loop's thread.
#pragma once

#include <memory>

#include "dialog/ports.h"
#include "providers/http_provider.h"
#include "providers/http_tts.h"

namespace al::providers {

struct ElevenLabsWsOptions {
  std::string base_url = "wss://api.elevenlabs.io";
  std::string api_key;   // required
  std::string model;     // required: a v3 or v4 model
  std::string voice_id;  // used when the request's voice has no name
  double stability = 0.5;
  int spare_sockets = 1;              // opened by warm_up() and kept alive
  Duration keep_alive = seconds{10};  // the service closes after 20 s
  Duration spare_for = seconds{60};   // an unused spare socket is closed after this
  Duration first_audio_timeout = milliseconds{4000};
  Duration stall_timeout = milliseconds{3000};
};

// kMalformed names the option that is missing.
[[nodiscard]] Result<std::unique_ptr<dialog::TextToSpeech>> make_elevenlabs_ws(ElevenLabsWsOptions options,
                                                                               ProviderContext context);

}  // namespace al::providers
