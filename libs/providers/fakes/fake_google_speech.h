// Google's StreamingRecognize on loopback: one port with TLS (a certificate made for this process) and one without.
// Checks what the service checks: the configuration first and once, the bearer token, language and model, audio in
// time, the age of a stream.
#pragma once

#include <memory>
#include <string>

#include "core/time.h"
#include "providers/fakes/fake_http.h"
#include "providers/fakes/fault.h"

namespace al::providers {

struct FakeGoogleLimits {
  Duration max_stream = seconds{305};
  Duration audio_timeout = seconds{10};
  bool refuse_he = false;  // knows Hebrew under its old code only
};

class FakeGoogleSpeech {
 public:
  FakeGoogleSpeech(FakeScript& script, FakeKeys keys, FakeGoogleLimits limits = {});  // `script` must outlive it
  ~FakeGoogleSpeech();                                                                // cancels what runs
  [[nodiscard]] std::string endpoint() const;                                         // "127.0.0.1:…", plain HTTP/2
  [[nodiscard]] std::string tls_endpoint() const;                                     // "localhost:…"
  [[nodiscard]] std::string certificate_pem() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace al::providers
