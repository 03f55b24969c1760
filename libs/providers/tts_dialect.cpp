#include "providers/tts_dialect.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <nlohmann/json.hpp>

#include "core/json.h"

namespace al::providers {
namespace {

using nlohmann::json;

// Two decimals, without the noise of binary fractions: 0.96 stays "0.96" in the request.
double rounded(double value, double low, double high) {
  return std::round(std::clamp(value, low, high) * 100.0) / 100.0;
}

class Google final : public TtsDialect {
 public:
  explicit Google(const GoogleTtsOptions& options) : options_(options) {}
  [[nodiscard]] std::string name() const override { return "google"; }
  [[nodiscard]] std::string origin() const override { return options_.base_url; }
  [[nodiscard]] std::size_t text_limit() const override { return 5000; }
  [[nodiscard]] TextUnit text_unit() const override { return TextUnit::kBytes; }
  [[nodiscard]] bool audio_in_json() const override { return true; }
  [[nodiscard]] AudioFormat headerless_format() const override {
    return {.encoding = options_.audio_encoding == "MULAW" ? AudioEncoding::kUlaw : AudioEncoding::kPcm16Le,
            .rate_hz = 8000};
  }
  [[nodiscard]] Result<net::ClientRequest> request(const std::string& text, const dialog::Voice& voice) const override {
    json body = {{"input", {{"text", text}}},
                 {"voice", {{"languageCode", voice.language}}},
                 {"audioConfig",
                  {{"audioEncoding", options_.audio_encoding},
                   {"sampleRateHertz", 8000},
                   {"speakingRate", rounded(voice.rate, 0.25, 2.0)}}}};
    if (!voice.name.empty()) body["voice"]["name"] = voice.name;
    if (!options_.effects_profile.empty()) body["audioConfig"]["effectsProfileId"] = {options_.effects_profile};
    net::ClientRequest request{.method = "POST",
                               .url = options_.base_url + "/v1/text:synthesize",
                               .headers = {{"Content-Type", "application/json; charset=utf-8"}},
                               .body = dump_json(body),
                               .timeouts = {}};
    if (!options_.tokens && !options_.api_key.empty()) request.headers.push_back({"x-goog-api-key", options_.api_key});
    return request;
  }

 private:
  GoogleTtsOptions options_;
};

class Azure final : public TtsDialect {
 public:
  explicit Azure(const AzureTtsOptions& options) : options_(options) {
    if (options_.base_url.empty()) options_.base_url = "https://" + options_.region + ".tts.speech.microsoft.com";
  }
  [[nodiscard]] std::string name() const override { return "azure"; }
  [[nodiscard]] std::string origin() const override { return options_.base_url; }
  // The service limits audio to 10 minutes; 3000 characters are about four.
  [[nodiscard]] std::size_t text_limit() const override { return 3000; }
  [[nodiscard]] AudioFormat headerless_format() const override {
    return {.encoding = AudioEncoding::kUlaw, .rate_hz = 8000};
  }
  [[nodiscard]] Result<net::ClientRequest> request(const std::string& text, const dialog::Voice& voice) const override {
    const std::string name = voice.name.empty() ? default_voice(voice.language) : voice.name;
    if (name.empty()) return fail(Errc::kUnsupported, "azure: no voice is set for " + voice.language);
    std::string ssml = R"(<speak version="1.0" xmlns="http://www.w3.org/2001/10/synthesis" xml:lang=")" +
                       xml_escape(voice.language) + R"("><voice name=")" + xml_escape(name) + R"(">)";
    const int percent = static_cast<int>(std::lround((std::clamp(voice.rate, 0.5, 2.0) - 1.0) * 100.0));
    if (percent != 0)
      ssml += R"(<prosody rate=")" + std::string(percent > 0 ? "+" : "") + std::to_string(percent) + R"(%">)";
    ssml += xml_escape(text);
    if (percent != 0) ssml += "</prosody>";
    ssml += "</voice></speak>";
    return net::ClientRequest{.method = "POST",
                              .url = options_.base_url + "/cognitiveservices/v1",
                              .headers = {{"Content-Type", "application/ssml+xml"},
                                          {"X-Microsoft-OutputFormat", "raw-8khz-8bit-mono-mulaw"},
                                          {"User-Agent", "AgentLocator"},
                                          {"Ocp-Apim-Subscription-Key", options_.api_key}},
                              .body = std::move(ssml),
                              .timeouts = {}};
  }

 private:
  static std::string default_voice(std::string_view language) {
    if (language.starts_with("he")) return "he-IL-HilaNeural";
    if (language.starts_with("en")) return "en-US-JennyNeural";
    return {};
  }

  AzureTtsOptions options_;
};

class ElevenLabs final : public TtsDialect {
 public:
  explicit ElevenLabs(const ElevenLabsOptions& options) : options_(options) {}
  [[nodiscard]] std::string name() const override { return "elevenlabs"; }
  [[nodiscard]] std::string origin() const override { return options_.base_url; }
  [[nodiscard]] std::size_t text_limit() const override { return 3000; }
  [[nodiscard]] AudioFormat headerless_format() const override {
    return {.encoding = AudioEncoding::kUlaw, .rate_hz = 8000};
  }
  [[nodiscard]] Result<net::ClientRequest> request(const std::string& text, const dialog::Voice& voice) const override {
    const std::string& id = voice.name.empty() ? options_.voice_id : voice.name;
    if (id.empty()) return fail(Errc::kUnsupported, "elevenlabs: no voice is set for " + voice.language);
    const json body = {
        {"text", text},
        {"model_id", options_.model},
        {"language_code", primary_language(voice.language)},
        {"voice_settings",
         {{"stability", rounded(options_.stability, 0.0, 1.0)}, {"speed", rounded(voice.rate, 0.7, 1.2)}}}};
    return net::ClientRequest{
        .method = "POST",
        .url = options_.base_url + "/v1/text-to-speech/" + percent_encode(id) + "/stream?output_format=ulaw_8000",
        .headers = {{"Content-Type", "application/json"}, {"xi-api-key", options_.api_key}},
        .body = dump_json(body),
        .timeouts = {}};
  }

 private:
  ElevenLabsOptions options_;
};

class OpenAiSpeech final : public TtsDialect {
 public:
  explicit OpenAiSpeech(const OpenAiSpeechOptions& options) : options_(options) {}
  [[nodiscard]] std::string name() const override { return "openai"; }
  [[nodiscard]] std::string origin() const override { return options_.base_url; }
  [[nodiscard]] std::size_t text_limit() const override { return 4096; }
  [[nodiscard]] AudioFormat headerless_format() const override { return {.rate_hz = options_.pcm_rate_hz}; }
  [[nodiscard]] Result<net::ClientRequest> request(const std::string& text, const dialog::Voice& voice) const override {
    json body = {{"model", options_.model},
                 {"input", text},
                 {"voice", voice.name.empty() ? options_.voice : voice.name},
                 {"response_format", "pcm"},
                 {"speed", rounded(voice.rate, 0.25, 4.0)}};
    if (!options_.instructions.empty()) body["instructions"] = options_.instructions;
    net::ClientRequest request{.method = "POST",
                               .url = options_.base_url + "/audio/speech",
                               .headers = {{"Content-Type", "application/json"}},
                               .body = dump_json(body),
                               .timeouts = {}};
    if (!options_.api_key.empty()) request.headers.push_back({"Authorization", "Bearer " + options_.api_key});
    return request;
  }

 private:
  OpenAiSpeechOptions options_;
};

}  // namespace

std::shared_ptr<const TtsDialect> make_google_tts_dialect(const GoogleTtsOptions& options) {
  return std::make_shared<Google>(options);
}
std::shared_ptr<const TtsDialect> make_azure_tts_dialect(const AzureTtsOptions& options) {
  return std::make_shared<Azure>(options);
}
std::shared_ptr<const TtsDialect> make_elevenlabs_tts_dialect(const ElevenLabsOptions& options) {
  return std::make_shared<ElevenLabs>(options);
}
std::shared_ptr<const TtsDialect> make_openai_speech_dialect(const OpenAiSpeechOptions& options) {
  return std::make_shared<OpenAiSpeech>(options);
}

std::string xml_escape(std::string_view text) {
  std::string out;
  out.reserve(text.size() + 16);
  for (const char c : text) {
    switch (c) {
      case '&':
        out.append("&amp;");
        break;
      case '<':
        out.append("&lt;");
        break;
      case '>':
        out.append("&gt;");
        break;
      case '"':
        out.append("&quot;");
        break;
      case '\'':
        out.append("&apos;");
        break;
      case '\t':
      case '\n':
      case '\r':
        out.push_back(c);
        break;
      default:
        if (static_cast<unsigned char>(c) >= ' ') out.push_back(c);
    }
  }
  return out;
}

std::string primary_language(std::string_view bcp47) {
  return std::string(bcp47.substr(0, bcp47.find('-')));
}

std::string percent_encode(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool unreserved = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
                            c == '.' || c == '_' || c == '~';
    if (unreserved) {
      out.push_back(c);
    } else {
      out.push_back('%');
      out.push_back(kDigits[byte >> 4]);
      out.push_back(kDigits[byte & 0xF]);
    }
  }
  return out;
}

}  // namespace al::providers
