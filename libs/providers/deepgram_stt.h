// Deepgram streaming recognition (nova-3): µ-law over a WebSocket, one socket a call, opened when the call is expected
// and kept alive between turns. A broken socket is opened again and the turn's audio sent again. Sinks are called from
// the loop's thread. Source: developers.deepgram.com, live streaming audio.
#pragma once

#include <memory>
#include <string>

#include "core/error.h"
#include "core/time.h"
#include "dialog/ports.h"
#include "providers/http_provider.h"

namespace al::providers {

struct DeepgramOptions {
  std::string base_url = "wss://api.deepgram.com";  // or with the path of another endpoint than /v1/listen
  std::string api_key;                              // required
  std::string model;                                // required; nova-3 knows Hebrew
  Duration endpointing = milliseconds{300};
  Duration keep_alive = seconds{4};             // a silent socket is closed after about 10 s
  Duration final_timeout = milliseconds{2500};  // end of turn -> final
  Duration max_replay = seconds{30};
  int max_reconnects = 2;  // per turn
};

// kMalformed names the option that is missing.
[[nodiscard]] Result<std::unique_ptr<dialog::SpeechToText>> make_deepgram_stt(DeepgramOptions options,
                                                                              ProviderContext context);

}  // namespace al::providers
