#include <fstream>
#include <iterator>
#include <utility>

#include <nlohmann/json.hpp>

#include "core/json.h"
#include "dialog/scripted_agent.h"
#include "providers/anthropic_messages.h"
#include "providers/deepgram_stt.h"
#include "providers/elevenlabs_ws.h"
#include "providers/factory_parts.h"
#include "providers/http_tts.h"
#include "providers/openai_chat.h"
#include "providers/openai_transcribe.h"
#include "providers/sink_gate.h"
#if AL_GRPC
#include "providers/google_stt.h"
#endif

namespace al::providers {
namespace {

using dialog::LanguageModel;
using dialog::SpeechToText;
using dialog::TextToSpeech;

ProviderContext remote(const Build& build) {
  return {build.context.http, build.context.scheduler, build.context.loop};
}

tl::unexpected<Error> missing(std::string sentence) {
  return fail(Errc::kNotFound, std::move(sentence));
}

// As the adapters want it: without a slash at the end.
std::string base_url(const Settings& settings, std::string_view key) {
  std::string url = settings.string(key);
  while (url.ends_with('/')) url.pop_back();
  return url;
}

// The request members that settings give; what LLM_EXTRA_JSON says about the same member wins.
std::string extra_json(const Settings& settings, bool temperature_allowed) {
  const std::string& given = settings.string("llm_extra_json");
  if (!temperature_allowed || !settings.has("llm_temperature")) return given;
  nlohmann::json extra = {{"temperature", settings.number("llm_temperature")}};
  if (given.empty()) return dump_json(extra);
  const auto more = parse_json(given);
  if (!more || !more->is_object()) return given;  // the adapter's own check names what is wrong with it
  for (const auto& [name, value] : more->items()) extra[name] = value;
  return dump_json(extra);
}

std::shared_ptr<TokenSource> google_tokens(const Build& build, ServiceAccountKey account, std::string audience) {
  if (build.settings.string("google_auth") == "exchange")
    return make_exchange_token_source(std::move(account), std::string(kGoogleCloudScope), remote(build));
  return make_self_signed_token_source(std::move(account), std::move(audience));
}

// ---- recognition ----------------------------------------------------------------------------------------------------

#if AL_GRPC
Result<std::string> read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(in)), {});
  if (text.empty()) return fail(Errc::kMalformed, path + " cannot be read, or is empty");
  return text;
}
#endif

Result<std::shared_ptr<SpeechToText>> google_stt(Build& build) {
#if AL_GRPC
  GoogleSttOptions options;
  options.endpoint = build.settings.string("google_stt_endpoint");
  const bool plain = options.endpoint.starts_with("http://");  // a server of our own: it may do without credentials
  auto account = google_account(build.settings, false);
  if (account) {
    options.tokens = google_tokens(build, std::move(*account), "https://speech.googleapis.com/");
  } else if (!plain || account.error().code != Errc::kNotFound) {
    return fail(account.error());
  }
  const std::string& model = build.settings.string("google_stt_model");
  options.model = model == "default" ? std::string() : model;
  options.hint_boost = static_cast<float>(build.settings.number("google_stt_hint_boost"));
  options.interim_results = build.settings.boolean("google_stt_interim");
  // The default names the old code of Hebrew, which is no help to other languages.
  const bool fits = build.settings.given("stt_alternative_languages") || build.stt_language().starts_with("he");
  options.alternative_languages = fits ? build.settings.list("stt_alternative_languages") : std::vector<std::string>();
  if (build.settings.has("google_stt_ca_file")) {
    auto authority = read_file(build.settings.string("google_stt_ca_file"));
    if (!authority) return fail(authority.error().code, "GOOGLE_STT_CA_FILE: " + authority.error().detail);
    options.root_certificates_pem = std::move(*authority);
  }
  return std::shared_ptr<SpeechToText>(make_google_stt(std::move(options), build.context.scheduler));
#else
  static_cast<void>(build);
  return missing("this program was built without Google's streaming recogniser (AL_GRPC=OFF)");
#endif
}

Result<std::shared_ptr<SpeechToText>> deepgram_stt(Build& build) {
  if (!build.settings.has("deepgram_api_key")) return missing("DEEPGRAM_API_KEY is not set");
  DeepgramOptions options;
  options.base_url = build.settings.string("deepgram_url");
  options.api_key = build.settings.string("deepgram_api_key");
  options.model = build.settings.string("deepgram_model");
  return shared(make_deepgram_stt(std::move(options), remote(build)));
}

Result<std::shared_ptr<SpeechToText>> whisper_stt(Build& build) {
  const Settings& settings = build.settings;
  const bool own_server = settings.has("whisper_base_url");
  if (!own_server && !settings.has("whisper_api_key") && !settings.has("openai_api_key")) {
    return missing("neither WHISPER_BASE_URL nor WHISPER_API_KEY nor OPENAI_API_KEY is set");
  }
  OpenAiTranscribeOptions options;
  options.base_url = base_url(settings, own_server ? "whisper_base_url" : "openai_base_url");
  options.api_key = settings.string(settings.has("whisper_api_key") ? "whisper_api_key" : "openai_api_key");
  options.model = settings.string("whisper_model");
  return shared(make_openai_transcribe(std::move(options), remote(build)));
}

Result<std::shared_ptr<SpeechToText>> moonshine_stt(Build& build) {
  auto made = build.set.local ? build.set.local->moonshine() : nullptr;
  if (!made)
    return missing("the embedded recogniser is not here (built with AL_LOCAL_SPEECH=OFF, or no speech models)");
  return std::shared_ptr<SpeechToText>(std::move(made));
}

// ---- language models ------------------------------------------------------------------------------------------------

Result<std::shared_ptr<LanguageModel>> openai_model(Build& build) {
  const Settings& settings = build.settings;
  if (!settings.has("openai_api_key") && !settings.given("openai_base_url")) {
    return missing("neither OPENAI_API_KEY nor OPENAI_BASE_URL is set");
  }
  if (!settings.has("llm_model")) return missing("LLM_MODEL is not set: name the model that OPENAI_BASE_URL shall use");
  OpenAiChatOptions options;
  options.base_url = base_url(settings, "openai_base_url");
  options.api_key = settings.string("openai_api_key");
  options.model = settings.string("llm_model");
  options.extra_json = extra_json(settings, true);
  return shared(make_openai_chat(std::move(options), remote(build)));
}

Result<std::shared_ptr<LanguageModel>> anthropic_model(Build& build) {
  const Settings& settings = build.settings;
  if (!settings.has("anthropic_api_key")) return missing("ANTHROPIC_API_KEY is not set");
  if (!settings.has("anthropic_model")) return missing("ANTHROPIC_MODEL is not set");
  AnthropicOptions options;
  options.base_url = base_url(settings, "anthropic_base_url");
  if (!options.base_url.ends_with("/v1")) options.base_url += "/v1";  // the setting is the host
  options.api_key = settings.string("anthropic_api_key");
  options.version = settings.string("anthropic_version");
  options.model = settings.string("anthropic_model");
  options.extra_json = extra_json(settings, options.version == "2023-06-01");
  return shared(make_anthropic_messages(std::move(options), remote(build)));
}

Result<std::shared_ptr<LanguageModel>> scripted_model(Build& build) {
  Scheduler& scheduler = build.context.scheduler;
  return std::make_shared<dialog::ScriptedAgent>(
      build.persona, [&scheduler](std::function<void()> job) { scheduler.at(scheduler.now(), std::move(job)); });
}

// ---- voices ---------------------------------------------------------------------------------------------------------

Result<std::shared_ptr<TextToSpeech>> google_tts(Build& build) {
  GoogleTtsOptions options;
  options.base_url = base_url(build.settings, "google_tts_base_url");
  auto account = google_account(build.settings, true);
  if (!account) return fail(account.error());
  options.tokens = google_tokens(build, std::move(*account), "https://texttospeech.googleapis.com/");
  return shared(make_google_tts(std::move(options), remote(build)));
}

Result<std::shared_ptr<TextToSpeech>> azure_tts(Build& build) {
  if (!build.settings.has("azure_speech_key")) return missing("AZURE_SPEECH_KEY is not set");
  if (!build.settings.has("azure_region") && !build.settings.has("azure_tts_base_url")) {
    return missing("neither AZURE_REGION nor AZURE_TTS_BASE_URL is set");
  }
  AzureTtsOptions options;
  options.base_url = base_url(build.settings, "azure_tts_base_url");
  options.region = build.settings.string("azure_region");
  options.api_key = build.settings.string("azure_speech_key");
  return shared(make_azure_tts(std::move(options), remote(build)));
}

Result<std::shared_ptr<TextToSpeech>> openai_tts(Build& build) {
  const Settings& settings = build.settings;
  if (!settings.has("openai_tts_model")) return missing("OPENAI_TTS_MODEL is not set");
  if (!settings.has("openai_api_key") && !settings.has("openai_tts_base_url")) {
    return missing("neither OPENAI_API_KEY nor OPENAI_TTS_BASE_URL is set");
  }
  OpenAiSpeechOptions options;
  options.base_url =
      base_url(settings, settings.has("openai_tts_base_url") ? "openai_tts_base_url" : "openai_base_url");
  options.api_key = settings.string("openai_api_key");
  options.model = settings.string("openai_tts_model");
  options.voice = settings.string("openai_tts_voice");
  return shared(make_openai_speech(std::move(options), remote(build)));
}

Result<std::shared_ptr<TextToSpeech>> elevenlabs_tts(Build& build) {
  if (!build.settings.has("elevenlabs_api_key")) return missing("ELEVENLABS_API_KEY is not set");
  if (voice_name(build, "elevenlabs", false).empty()) return missing("ELEVENLABS_VOICE_ID is not set");
  const std::string origin = base_url(build.settings, "elevenlabs_base_url");
  const std::string& model = build.settings.string("elevenlabs_model");
  // The WebSocket that v3 and v4 speak knows no other family.
  if (!model.starts_with("eleven_v3") && !model.starts_with("eleven_v4")) {
    ElevenLabsOptions options;
    options.base_url = origin;
    options.api_key = build.settings.string("elevenlabs_api_key");
    options.model = model;
    options.voice_id = build.settings.string("elevenlabs_voice_id");
    return shared(make_elevenlabs_tts(std::move(options), remote(build)));
  }
  ElevenLabsWsOptions options;
  options.base_url = "ws" + origin.substr(std::string_view("http").size());  // https: wss, http: ws
  options.api_key = build.settings.string("elevenlabs_api_key");
  options.model = model;
  options.voice_id = build.settings.string("elevenlabs_voice_id");
  return shared(make_elevenlabs_ws(std::move(options), remote(build)));
}

Result<std::shared_ptr<TextToSpeech>> embedded(std::unique_ptr<TextToSpeech> made, const char* why_not) {
  if (!made) return missing(why_not);
  return std::shared_ptr<TextToSpeech>(std::move(made));
}
Result<std::shared_ptr<TextToSpeech>> piper_tts(Build& build) {
  return embedded(build.set.local->piper(),
                  "the embedded voice piper is not here (built with AL_LOCAL_SPEECH=OFF, or no speech models)");
}
Result<std::shared_ptr<TextToSpeech>> flite_tts(Build& build) {
  return embedded(build.set.local->flite(), "flite is not here");
}
Result<std::shared_ptr<TextToSpeech>> espeak_tts(Build& build) {
  return embedded(build.set.local->espeak(), "espeak-ng is not installed");
}
Result<std::shared_ptr<TextToSpeech>> clip_tts(Build& build) {
  return embedded(build.set.local->clips(), "no clips");
}

// ---- no recogniser at all -------------------------------------------------------------------------------------------

class AbsentStt final : public SpeechToText {
 public:
  AbsentStt(std::string reason, Scheduler& scheduler) : reason_(std::move(reason)), scheduler_(scheduler) {}

  std::unique_ptr<dialog::SttSession> open(const dialog::SttOptions&, std::shared_ptr<dialog::SttSink> sink) override {
    return std::make_unique<Session>(*this, std::move(sink));
  }
  [[nodiscard]] std::string name() const override { return "none"; }

 private:
  using Gate = SinkGate<dialog::SttSink>;
  class Session final : public dialog::SttSession {
   public:
    Session(const AbsentStt& owner, std::shared_ptr<dialog::SttSink> sink)
        : owner_(owner), gate_(std::make_shared<Gate>(std::move(sink))) {}
    ~Session() override { gate_->close(); }
    void start_turn(TurnId) override {}
    void feed(TurnId, std::span<const std::int16_t>) override {}
    void finish_turn(TurnId turn) override {
      owner_.scheduler_.at(owner_.scheduler_.now(), [gate = gate_, turn, reason = owner_.reason_] {
        gate->with([&](dialog::SttSink& sink) { sink.on_failed(turn, {Errc::kUnsupported, reason}); });
      });
    }
    void cancel_turn(TurnId) override {}

   private:
    const AbsentStt& owner_;
    const std::shared_ptr<Gate> gate_;
  };

  const std::string reason_;
  Scheduler& scheduler_;
};

}  // namespace

const std::vector<Offer<SpeechToText>>& stt_offers() {
  static const std::vector<Offer<SpeechToText>> offers{{"google", {}, false, google_stt},
                                                       {"deepgram", {}, false, deepgram_stt},
                                                       {"whisper", {}, false, whisper_stt},
                                                       {"moonshine", {"en"}, true, moonshine_stt}};
  return offers;
}

const std::vector<Offer<LanguageModel>>& model_offers() {
  static const std::vector<Offer<LanguageModel>> offers{{"openai", {}, false, openai_model},
                                                        {"anthropic", {}, false, anthropic_model},
                                                        {"scripted", {}, true, scripted_model}};
  return offers;
}

const std::vector<Offer<TextToSpeech>>& tts_offers() {
  static const std::vector<Offer<TextToSpeech>> offers{
      {"google", {}, false, google_tts},         {"azure", {}, false, azure_tts},    {"openai", {}, false, openai_tts},
      {"elevenlabs", {}, false, elevenlabs_tts}, {"piper", {"en"}, true, piper_tts}, {"flite", {"en"}, true, flite_tts},
      {"espeak", {}, true, espeak_tts},          {"clips", {}, true, clip_tts}};
  return offers;
}

Result<ServiceAccountKey> google_account(const Settings& settings, bool for_voice) {
  if (for_voice && settings.has("google_tts_sa_json"))
    return load_service_account(settings.string("google_tts_sa_json"));
  for (const char* key : {"google_cloud_service_account_json", "google_application_credentials"}) {
    if (!settings.has(key)) continue;
    auto account = load_service_account(settings.string(key));
    if (account) return account;
    return fail(Errc::kMalformed, environment_name(key) + ": " + account.error().detail);
  }
  return missing("neither GOOGLE_APPLICATION_CREDENTIALS nor GOOGLE_CLOUD_SERVICE_ACCOUNT_JSON is set");
}

std::string voice_name(const Build& build, std::string_view provider, bool first) {
  const Settings& settings = build.settings;
  if (first && settings.has("tts_voice")) return settings.string("tts_voice");
  const std::string key = provider == "google"       ? "google_tts_voice"
                          : provider == "azure"      ? "azure_voice"
                          : provider == "openai"     ? "openai_tts_voice"
                          : provider == "elevenlabs" ? "elevenlabs_voice_id"
                                                     : "";
  if (!key.empty() && settings.given(key)) return settings.string(key);
  const auto& voices = build.persona->voices;
  if (const auto found = voices.find(std::string(provider)); found != voices.end()) return found->second;
  // The defaults of Google and Azure are Hebrew voices; in other languages the provider chooses.
  const bool hebrew = build.tts_language().starts_with("he") || build.tts_language().starts_with("iw");
  const bool needs_hebrew = provider == "google" || provider == "azure";
  return !key.empty() && (hebrew || !needs_hebrew) ? settings.string(key) : std::string();
}

std::shared_ptr<SpeechToText> make_absent_stt(std::string reason, Scheduler& scheduler) {
  return std::make_shared<AbsentStt>(std::move(reason), scheduler);
}

}  // namespace al::providers
