// The handlers of fake_http.h, by trade. Each serves one request on its connection's thread. Not for other users.
#pragma once

#include <string>

#include "providers/fakes/fake_http.h"
#include "providers/fakes/fake_reply.h"

namespace al::providers {

struct FakeContext {
  FakeScript& script;
  const FakeKeys& keys;
};

// True when the request carries `expected` in that header; else answers 401 with `refusal`.
bool check_key(const RawRequest& request, RawConnection& connection, std::string_view header,
               const std::string& expected, const std::string& refusal);
// The body as a JSON object with all `required` members; else answers 400 and notes the problem. Empty on failure.
bool check_json(const FakeContext& context, const RawRequest& request, RawConnection& connection,
                std::initializer_list<const char*> required);

void serve_openai_chat(const FakeContext& context, const RawRequest& request, RawConnection& connection);
void serve_anthropic(const FakeContext& context, const RawRequest& request, RawConnection& connection);

void serve_openai_transcription(const FakeContext& context, const RawRequest& request, RawConnection& connection);

void serve_google_tts(const FakeContext& context, const RawRequest& request, RawConnection& connection);
void serve_azure_tts(const FakeContext& context, const RawRequest& request, RawConnection& connection);
void serve_elevenlabs_tts(const FakeContext& context, const RawRequest& request, RawConnection& connection);
void serve_openai_speech(const FakeContext& context, const RawRequest& request, RawConnection& connection);

void serve_token(const FakeContext& context, const RawRequest& request, RawConnection& connection);
void serve_meta_whatsapp(const FakeContext& context, const RawRequest& request, RawConnection& connection);
void serve_twilio_whatsapp(const FakeContext& context, const RawRequest& request, RawConnection& connection);
void serve_whatsapp_bridge(const FakeContext& context, const RawRequest& request, RawConnection& connection);

// WebSockets: the handshake and the conversation until it ends.
void serve_deepgram(const FakeContext& context, const RawRequest& request, RawConnection& connection);
void serve_elevenlabs_ws(const FakeContext& context, const RawRequest& request, RawConnection& connection);

}  // namespace al::providers
