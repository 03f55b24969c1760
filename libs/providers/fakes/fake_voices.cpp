// The fakes of synthesisers over HTTP, and of transcription by upload.
#include <nlohmann/json.hpp>

#include "audio/g711.h"
#include "core/json.h"
#include "core/secret.h"
#include "providers/fakes/fake_handlers.h"
#include "providers/google_auth.h"
#include "providers/turn_audio.h"
#include "providers/wire_wav.h"

namespace al::providers {
namespace {

using nlohmann::json;

std::string ulaw_bytes(const std::vector<std::int16_t>& pcm) {
  std::string bytes(pcm.size(), '\0');
  for (std::size_t i = 0; i < pcm.size(); ++i) bytes[i] = static_cast<char>(audio::encode_ulaw(pcm[i]));
  return bytes;
}

// A WAV as Google writes it around µ-law and PCM, with a chunk that not everybody expects before the audio.
std::string wav_with_extra_chunk(const std::string& payload, int rate_hz, bool ulaw) {
  std::string wav = wrap_wav_pcm16(payload, rate_hz);
  if (ulaw) {
    wav[20] = 7;  // format tag
    wav[32] = 1;  // bytes a sample
    wav[34] = 8;  // bits
  }
  const std::string list = std::string("LIST") + std::string("\x06\0\0\0", 4) + "INFO\x01\x02";
  return wav.insert(36, list);
}

std::vector<TimedPiece> in_pieces(const std::string& bytes, Duration first) {
  constexpr std::size_t kPiece = 4096;
  std::vector<TimedPiece> pieces;
  for (std::size_t at = 0; at < bytes.size(); at += kPiece)
    pieces.push_back({at == 0 ? first : Duration::zero(), bytes.substr(at, kPiece)});
  return pieces;
}

// The faults of a provider whose body is the audio itself.
FakeReply raw_audio_reply(const std::string& text, int rate_hz, bool ulaw, Duration first_audio) {
  const auto pcm = fake_speech(text, rate_hz);
  const std::string audio = ulaw ? ulaw_bytes(pcm) : to_le_bytes(pcm);
  FakeReply reply;
  reply.content_type = ulaw ? "audio/basic" : "audio/pcm";
  reply.pieces = in_pieces(audio, first_audio);
  reply.malformed = {{Duration::zero(), "{\"oops\":"}};
  const std::string other = wrap_wav_pcm16(to_le_bytes(fake_speech(text, 24000)), 24000);
  reply.wrong_shape = in_pieces(other, Duration::zero());
  reply.wrong_shape_type = "audio/wav";
  const std::size_t half = audio.size() / 4 * 2;
  reply.header_inside = in_pieces(wav_with_extra_chunk(audio.substr(0, half), rate_hz, ulaw) +
                                      wav_with_extra_chunk(audio.substr(half), rate_hz, ulaw),
                                  Duration::zero());
  reply.endless = audio.substr(0, std::min<std::size_t>(audio.size(), 65536));
  reply.mid_stream_error = {{Duration::zero(), audio.substr(0, half)}};
  return reply;
}

std::string google_body(const std::string& audio) {
  return dump_json({{"audioContent", base64_encode(audio)}});
}

std::string google_refusal(int code, const char* status, const char* message) {
  return dump_json({{"error", {{"code", code}, {"message", message}, {"status", status}}}});
}

// True if the bearer token is one of ours, or a JWT that the test key signed.
bool google_token_is_good(const FakeContext& context, const RawRequest& request) {
  if (context.keys.service_account_public_key.empty()) return true;
  const auto header = net::find_header(request.headers, "authorization");
  if (!header || !header->starts_with("Bearer ")) {
    return net::find_header(request.headers, "x-goog-api-key") == context.keys.api_key;
  }
  const std::string_view token = header->substr(7);
  return token.starts_with("ya29.fake-") || verify_jwt(token, context.keys.service_account_public_key).has_value();
}

std::string unescape_xml(std::string text) {
  for (const auto& [entity, character] :
       {std::pair{"&lt;", "<"}, {"&gt;", ">"}, {"&quot;", "\""}, {"&apos;", "'"}, {"&amp;", "&"}}) {
    for (std::size_t at = text.find(entity); at != std::string::npos; at = text.find(entity, at + 1)) {
      text.replace(at, std::string_view(entity).size(), character);
    }
  }
  return text;
}

// The text of an SSML document; empty where tags do not nest or a bare '&' or '<' stands in the text.
std::string ssml_text(std::string_view ssml) {
  std::vector<std::string> open;
  std::string text;
  while (!ssml.empty()) {
    if (ssml.front() != '<') {
      const std::string_view run = ssml.substr(0, ssml.find('<'));
      text += run;
      ssml.remove_prefix(run.size());
      continue;
    }
    const std::size_t end = ssml.find('>');
    if (end == std::string_view::npos) return {};
    const std::string_view tag = ssml.substr(1, end - 1);
    const std::string name(tag.substr(tag.starts_with('/') ? 1 : 0, tag.find(' ')));
    if (!tag.starts_with('/')) {
      open.push_back(name);
    } else if (open.empty() || open.back() != name) {
      return {};
    } else {
      open.pop_back();
    }
    ssml.remove_prefix(end + 1);
  }
  for (std::size_t at = text.find('&'); at != std::string::npos; at = text.find('&', at + 1)) {
    if (text.find(';', at) == std::string::npos) return {};
  }
  return open.empty() ? unescape_xml(text) : std::string();
}

}  // namespace

void serve_google_tts(const FakeContext& context, const RawRequest& request, RawConnection& connection) {
  const Fault fault = context.script.take_fault(FakeStage::kTts);
  FakeReply reply;
  reply.refusal_401 = google_refusal(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.");
  reply.refusal_429 = google_refusal(429, "RESOURCE_EXHAUSTED", "Quota exceeded");
  reply.refusal_503 = google_refusal(503, "UNAVAILABLE", "The service is currently unavailable.");
  if (!google_token_is_good(context, request)) {
    send_response(connection, 401, {{"Content-Type", "application/json"}}, reply.refusal_401);
    return;
  }
  if (!check_json(context, request, connection, {"input", "voice", "audioConfig"})) return;
  const json body = *parse_json(request.body);
  const std::string text = json_string(body["input"], "text");
  const std::string encoding = json_string(body["audioConfig"], "audioEncoding");
  constexpr std::size_t kLimit = 5000;  // bytes
  if (text.empty() || text.size() > kLimit || json_string(body["voice"], "languageCode").empty()) {
    context.script.note_problem("google tts: empty or long text, or no language");
    send_response(connection, 400, {{"Content-Type", "application/json"}},
                  google_refusal(400, "INVALID_ARGUMENT", "invalid input"));
    return;
  }
  const int rate = static_cast<int>(json_int(body["audioConfig"], "sampleRateHertz").value_or(24000));
  const auto pcm = fake_speech(text, rate);
  const bool ulaw = encoding == "MULAW";
  const std::string raw = ulaw ? ulaw_bytes(pcm) : to_le_bytes(pcm);
  const std::string audio = encoding == "PCM" ? raw : wav_with_extra_chunk(raw, rate, ulaw);
  const Duration wait = context.script.latencies().first_audio;
  reply.content_type = "application/json; charset=UTF-8";
  reply.pieces = in_pieces(google_body(audio), wait);
  reply.malformed = {{Duration::zero(), R"({"audioContent":"***not base64***"})"}};
  reply.empty = {{Duration::zero(), R"({"audioContent":""})"}};
  reply.wrong_shape =
      in_pieces(google_body(wrap_wav_pcm16(to_le_bytes(fake_speech(text, 24000)), 24000)), Duration::zero());
  const std::size_t half = raw.size() / 4 * 2;
  reply.header_inside = in_pieces(google_body(wav_with_extra_chunk(raw.substr(0, half), rate, ulaw) +
                                              wav_with_extra_chunk(raw.substr(half), rate, ulaw)),
                                  Duration::zero());
  reply.endless = std::string(65536, 'A');
  reply.mid_stream_error = {{Duration::zero(), google_refusal(500, "INTERNAL", "Internal error")}};
  play_reply(connection, reply, fault);
}

void serve_azure_tts(const FakeContext& context, const RawRequest& request, RawConnection& connection) {
  const Fault fault = context.script.take_fault(FakeStage::kTts);
  if (!check_key(request, connection, "ocp-apim-subscription-key", context.keys.api_key, "")) return;
  const std::string text = ssml_text(request.body);
  if (text.empty() || net::find_header(request.headers, "x-microsoft-outputformat") != "raw-8khz-8bit-mono-mulaw" ||
      net::find_header(request.headers, "content-type") != "application/ssml+xml") {
    context.script.note_problem("azure: SSML that is not well formed, or a wrong header");
    send_response(connection, 400, {}, "");
    return;
  }
  play_reply(connection, raw_audio_reply(text, 8000, true, context.script.latencies().first_audio), fault);
}

void serve_elevenlabs_tts(const FakeContext& context, const RawRequest& request, RawConnection& connection) {
  const Fault fault = context.script.take_fault(FakeStage::kTts);
  const std::string refusal = R"({"detail":{"status":"invalid_api_key","message":"Invalid API key"}})";
  if (!check_key(request, connection, "xi-api-key", context.keys.api_key, refusal)) return;
  if (!check_json(context, request, connection, {"text", "model_id"})) return;
  if (request.query("output_format") != "ulaw_8000")
    context.script.note_problem("elevenlabs: output_format is not ulaw_8000");
  const json body = *parse_json(request.body);
  FakeReply reply = raw_audio_reply(json_string(body, "text"), 8000, true, context.script.latencies().first_audio);
  reply.refusal_401 = refusal;
  reply.refusal_429 = R"({"detail":{"status":"too_many_concurrent_requests","message":"busy"}})";
  reply.refusal_503 = R"({"detail":{"status":"internal_error","message":"try again"}})";
  play_reply(connection, reply, fault);
}

void serve_openai_speech(const FakeContext& context, const RawRequest& request, RawConnection& connection) {
  constexpr int kRateHz = 24000;
  const Fault fault = context.script.take_fault(FakeStage::kTts);
  const std::string refusal =
      R"({"error":{"message":"Incorrect API key","type":"invalid_request_error","code":"invalid_api_key"}})";
  if (!check_key(request, connection, "authorization", "Bearer " + context.keys.api_key, refusal)) return;
  if (!check_json(context, request, connection, {"model", "input", "voice", "response_format"})) return;
  const json body = *parse_json(request.body);
  if (json_string(body, "response_format") != "pcm")
    context.script.note_problem("openai speech: response_format is not pcm");
  FakeReply reply = raw_audio_reply(json_string(body, "input"), kRateHz, false, context.script.latencies().first_audio);
  reply.refusal_401 = refusal;
  reply.refusal_429 = R"({"error":{"message":"Rate limit reached","type":"requests","code":"rate_limit_exceeded"}})";
  reply.refusal_503 = R"({"error":{"message":"overloaded","type":"server_error"}})";
  const std::string other = wrap_wav_pcm16(to_le_bytes(fake_speech(json_string(body, "input"), 16000)), 16000);
  reply.wrong_shape = in_pieces(other, Duration::zero());
  play_reply(connection, reply, fault);
}

void serve_openai_transcription(const FakeContext& context, const RawRequest& request, RawConnection& connection) {
  const Fault fault = context.script.take_fault(FakeStage::kStt);
  FakeReply reply;
  reply.refusal_401 =
      R"({"error":{"message":"Incorrect API key","type":"invalid_request_error","code":"invalid_api_key"}})";
  reply.refusal_429 = R"({"error":{"message":"Rate limit reached","type":"requests","code":"rate_limit_exceeded"}})";
  reply.refusal_503 = R"({"error":{"message":"overloaded","type":"server_error"}})";
  if (!check_key(request, connection, "authorization", "Bearer " + context.keys.api_key, reply.refusal_401)) return;
  const std::string& body = request.body;
  for (const char* part : {"name=\"model\"", "name=\"language\"\r\n\r\n", "name=\"temperature\"\r\n\r\n0\r\n",
                           "filename=\"turn.wav\"", "RIFF"}) {
    if (body.find(part) == std::string::npos) {
      context.script.note_problem(std::string("transcription: no ") + part);
      send_response(connection, 400, {{"Content-Type", "application/json"}},
                    R"({"error":{"message":"Invalid file format.","type":"invalid_request_error"}})");
      return;
    }
  }
  const std::string text = context.script.next_transcript();
  reply.content_type = "application/json";
  reply.pieces = {{context.script.latencies().stt_final,
                   dump_json({{"text", text}, {"usage", {{"type", "duration"}, {"seconds", 2}}}})}};
  reply.malformed = {{Duration::zero(), R"({"text":)"}};
  reply.empty = {{Duration::zero(), R"({"text":""})"}};
  reply.wrong_shape = {{Duration::zero(), text}};
  reply.wrong_shape_type = "text/plain";
  reply.header_inside = {
      {Duration::zero(),
       dump_json({{"task", "transcribe"}, {"segments", json::array()}, {"text", "  " + text + " "}})}};
  reply.endless = std::string(65536, ' ');
  reply.mid_stream_error = {{Duration::zero(), reply.refusal_503}};
  play_reply(connection, reply, fault);
}

}  // namespace al::providers
