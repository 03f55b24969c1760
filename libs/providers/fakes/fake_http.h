// All HTTP and WebSocket providers on one loopback port, each at the path where the real service has it: Google's token
// exchange and text-to-speech, OpenAI's chat, speech and transcriptions, Anthropic, Azure, ElevenLabs (both), Deepgram,
// Twilio's and Meta's WhatsApp and a bridge. Requests are checked as the services check them: wrong keys get 401,
// bodies that the service would refuse get 400 and a note in FakeScript::problems().
#pragma once

#include <memory>
#include <string>

#include "providers/fakes/fault.h"

namespace al::providers {

struct FakeKeys {
  std::string api_key = "fake-key";        // of every service that takes a key
  std::string service_account_public_key;  // PEM; empty = Google's bearer tokens are not checked
};

class FakeHttp {
 public:
  FakeHttp(FakeScript& script, FakeKeys keys);  // `script` must outlive it
  ~FakeHttp();
  [[nodiscard]] std::string http_origin() const;  // "http://127.0.0.1:…"; OpenAI and Anthropic are at /v1
  [[nodiscard]] std::string ws_origin() const;    // "ws://127.0.0.1:…"

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace al::providers
