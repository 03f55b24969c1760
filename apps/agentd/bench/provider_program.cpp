#include "agentd/bench/provider_program.h"

#include <utility>
#include <vector>

#include <fmt/format.h>

#include "dialog/scripted_agent.h"
#include "providers/google_stt.h"
#include "providers/http_tts.h"
#include "providers/openai_chat.h"
#include "providers/openai_transcribe.h"

namespace al::agentd::bench {

using namespace providers;

namespace {

constexpr std::string_view kKey = "fake-key";

FakeKeys keys_of(const TestServiceAccount& account) {
  return {.api_key = std::string(kKey), .service_account_public_key = account.public_key_pem};
}

template <typename Port>
ChainLink<Port> link(std::unique_ptr<Port> provider) {
  return {.provider = std::move(provider), .languages = {}, .voices = {}};
}

}  // namespace

Site::Site(const TestServiceAccount& account, const std::string& places)
    : speech(script, keys_of(account)), http(script, keys_of(account)) {
  // No two alike: a caller who repeats himself, and an agent who does, are answered in other ways.
  constexpr int kTexts = 2000;
  std::vector<std::string> said;
  std::vector<FakeAnswer> answers;
  for (int i = 0; i < kTexts; ++i) {
    said.push_back(fmt::format("אני מחפש דירה {} מספר {}", places, i));
    answers.push_back({.text = fmt::format("{} {} {}, כמה חדרים?", kAnswerOpening, places, i), .tool_name = {}});
  }
  script.set_transcripts(std::move(said));
  script.set_answers(std::move(answers));
}

void BreakerWatch::on_provider_event(const ProviderEvent& event) {
  const std::lock_guard lock(mutex_);
  Counts& counts = by_provider_[fmt::format("{}/{}", static_cast<int>(event.stage), event.provider)];
  switch (event.outcome) {
    case ProviderOutcome::kOk:
      ++counts.ok;
      break;
    case ProviderOutcome::kFailed:
    case ProviderOutcome::kTimeout:
      ++counts.failed;
      break;
    case ProviderOutcome::kBreakerOpened:
      ++counts.opened;
      counts.open = true;
      break;
    case ProviderOutcome::kBreakerClosed:
      ++counts.closed;
      counts.open = false;
      break;
    default:
      break;
  }
}

BreakerWatch::Counts BreakerWatch::counts() const {
  const std::lock_guard lock(mutex_);
  Counts all;
  for (const auto& [provider, counts] : by_provider_) {
    all.ok += counts.ok;
    all.failed += counts.failed;
    all.opened += counts.opened;
    all.closed += counts.closed;
    all.open = all.open || counts.open;
  }
  return all;
}

Program::Program(const TestServiceAccount& account, Site& first, Site& second,
                 std::shared_ptr<const dialog::Persona> persona) {
  const ProviderContext context{http, *scheduler, loop.loop()};
  const auto key = *parse_service_account(account.json);
  GoogleSttOptions google;
  google.endpoint = "http://" + first.speech.endpoint();
  google.tokens = make_self_signed_token_source(key, "https://speech.googleapis.com/");
  OpenAiTranscribeOptions whisper;
  whisper.base_url = second.http.http_origin() + "/v1";
  whisper.api_key = kKey;
  whisper.model = "fake";
  OpenAiChatOptions chat;
  chat.base_url = first.http.http_origin() + "/v1";
  chat.api_key = kKey;
  chat.model = "fake";
  GoogleTtsOptions voice;
  voice.base_url = first.http.http_origin();
  voice.tokens = make_self_signed_token_source(key, "https://texttospeech.googleapis.com/");
  AzureTtsOptions azure;
  azure.base_url = second.http.http_origin();
  azure.api_key = kKey;
  BreakerOptions breaker;
  breaker.open_for = breaker.rejected_for = seconds{1};
  breaker.longest_open = kLongestRest;
  stt = *make_stt_chain({link<dialog::SpeechToText>(make_google_stt(google, *scheduler)),
                         link<dialog::SpeechToText>(*make_openai_transcribe(whisper, context))},
                        {.breaker = breaker}, *scheduler, &watch);
  llm = *make_model_chain(
      {link<dialog::LanguageModel>(*make_openai_chat(chat, context)),
       link<dialog::LanguageModel>(std::make_unique<dialog::ScriptedAgent>(
           std::move(persona), [this](std::function<void()> work) { loop.loop().post(std::move(work)); }))},
      {.breaker = breaker}, *scheduler, &watch);
  tts = *make_tts_chain({link<dialog::TextToSpeech>(*make_google_tts(voice, context)),
                         link<dialog::TextToSpeech>(*make_azure_tts(azure, context))},
                        {.breaker = breaker}, *scheduler, &watch);
}

Program::~Program() {
  tts.reset();
  llm.reset();
  stt.reset();
}

}  // namespace al::agentd::bench
