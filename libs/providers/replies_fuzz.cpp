// Every parser of what providers say. The first byte chooses the parser, the second the size of the pieces.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "providers/anthropic_dialect.h"
#include "providers/deepgram_wire.h"
#include "providers/elevenlabs_wire.h"
#include "providers/google_auth.h"
#include "providers/http_provider.h"
#include "providers/openai_dialect.h"
#include "providers/text_split.h"
#include "providers/transcribe_wire.h"
#include "providers/tts_dialect.h"
#include "providers/whatsapp_wire.h"

namespace {

using namespace al::providers;

void read_model(ModelStreamReader& reader, std::string_view body, std::size_t piece) {
  std::size_t spoken = 0;
  std::size_t calls = 0;
  const ModelEvents events{.on_text = [&](std::string_view text) { spoken += text.size(); },
                           .on_tool_call =
                               [&](ToolCall call) {
                                 ++calls;
                                 if (call.id.empty() || call.name.empty() || call.arguments_json.empty()) std::abort();
                               }};
  for (std::size_t at = 0; at < body.size(); at += piece) {
    if (!reader.feed(body.substr(at, piece), events)) return;
    if (reader.done()) break;
  }
  static_cast<void>(reader.finish(events));
  if (spoken > kMaxAnswerBytes || calls > kMaxToolCalls) std::abort();
}

void split(std::string_view text) {
  for (const TextUnit unit : {TextUnit::kBytes, TextUnit::kCharacters}) {
    for (const std::string& part : split_text(text, 16, unit)) {
      if (part.empty() || (unit == TextUnit::kBytes && part.size() > 16)) std::abort();
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::size_t piece = data[1] % 32U + 1U;
  const std::string_view body(reinterpret_cast<const char*>(data) + 2, size - 2);
  switch (data[0] % 10) {
    case 0: {
      const auto dialect = make_openai_dialect({});
      read_model(*dialect->reader(), body, piece);
      if (dialect->learn(body) && dialect->body({}).empty()) std::abort();
      break;
    }
    case 1:
      read_model(*make_anthropic_dialect({})->reader(), body, piece);
      break;
    case 2:
      static_cast<void>(read_deepgram(body));
      break;
    case 3:
      static_cast<void>(read_elevenlabs(body));
      break;
    case 4:
      static_cast<void>(read_transcription(body));
      break;
    case 5:
      static_cast<void>(parse_meta_webhook(body));
      break;
    case 6:
      static_cast<void>(read_bridge_receipt(body));
      static_cast<void>(read_meta_receipt(body));
      break;
    case 7:
      if (http_refusal("p", 500, body).detail.size() > 400) std::abort();
      for (const char* header : {"retry-after", "retry-after-ms"}) {
        const auto delay = retry_delay({}, 1, 429, {{header, std::string(body)}}, 0.5, al::WallTime{}, {});
        if (delay && (*delay < al::Duration::zero() || *delay > al::seconds{60})) std::abort();
      }
      break;
    case 8:
      static_cast<void>(verify_jwt(body, ""));
      break;
    default:
      split(body);
  }
  return 0;
}
