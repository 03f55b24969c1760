// Google Cloud Speech-to-Text v1, StreamingRecognize over gRPC. One stream a turn; the channel stays warm between
// turns. Failures that may pass (UNAVAILABLE, DEADLINE_EXCEEDED, INTERNAL, RESOURCE_EXHAUSTED) and the end of a
// stream's life (305 s) open a new stream and send the turn's audio again. Sinks are called from gRPC's threads.
// Source: google/cloud/speech/v1/cloud_speech.proto and the service's published limits.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/time.h"
#include "dialog/ports.h"
#include "providers/google_auth.h"
#include "providers/scheduler.h"

namespace al::providers {

struct GoogleSttOptions {
  // Host and port. "http://…" means plain HTTP/2, for loopback tests; a token is then sent to loopback only.
  std::string endpoint = "speech.googleapis.com:443";
  std::shared_ptr<TokenSource> tokens;  // null: no credentials are sent (only an insecure or test server takes that)
  std::string root_certificates_pem;    // empty = the system's
  std::string server_name;              // expected in the certificate instead of the endpoint's host; empty = as is
  std::string model;                    // empty = the service's default, the one v1 model that knows Hebrew well
  // Asked for in this order once the service has refused the session's own language. Hebrew has an old code that some
  // backends still want.
  std::vector<std::string> alternative_languages{"iw-IL"};
  float hint_boost = 10;  // weight of the hints, 0-20; 0 = the service's own
  bool interim_results = true;
  bool automatic_punctuation = true;
  Duration audio_chunk = milliseconds{100};     // audio is sent in pieces of this length (≈100 ms is recommended)
  Duration rotate_after = seconds{290};         // before the service's 305 s
  Duration silence_after = seconds{8};          // without audio for this long: send silence (the service allows 10 s)
  Duration final_timeout = milliseconds{2500};  // end of turn -> final; later is a failure
  Duration max_replay = seconds{30};            // audio of a turn that is kept for a new stream
  int max_reconnects = 2;                       // per turn
};

// `hints` of the session become speech contexts. Never blocks; a server that cannot be reached shows as on_failed.
// `scheduler` must outlive the provider and its sessions.
[[nodiscard]] std::unique_ptr<dialog::SpeechToText> make_google_stt(GoogleSttOptions options, Scheduler& scheduler);

}  // namespace al::providers
