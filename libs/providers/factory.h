// Builds the provider chains of a program from its settings: STT, LLM, TTS in the order the settings give, with caches,
// breakers and the embedded engines behind them. Used by agentd and alctl alike. What is missing is named, together
// with what is used instead; it is an error only when nothing is left or a provider was asked for by name without its
// key.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/settings.h"
#include "dialog/persona.h"
#include "dialog/ports.h"
#include "providers/provider_events.h"
#include "providers/scheduler.h"
#include "providers/tts_cache.h"

namespace al::net {
class HttpClient;
class Loop;
}  // namespace al::net

namespace al::providers {

class LocalSpeech;

// All must outlive the providers. http and loop serve the remote providers; observer may be null.
struct FactoryContext {
  net::HttpClient& http;
  net::Loop& loop;
  Scheduler& scheduler;
  ProviderObserver* observer = nullptr;
};

struct ProviderSet {
  ProviderSet();
  ~ProviderSet();
  ProviderSet(ProviderSet&&) noexcept;
  ProviderSet& operator=(ProviderSet&&) noexcept;

  // Destroyed in the reverse order: chains before what they are made of, the pools in `local` before the cache that
  // their last jobs write to.
  std::unique_ptr<TtsCache> cache;  // null when it is switched off
  std::unique_ptr<LocalSpeech> local;
  std::unique_ptr<dialog::SpeechToText> stt;
  std::unique_ptr<dialog::LanguageModel> llm;
  std::unique_ptr<dialog::TextToSpeech> tts;
  std::unique_ptr<PhraseWarmer> warmer;  // speaks the persona's phrases ahead

  // One sentence each, for start-up: what serves recognition, answers and voice, and which keys are missing.
  std::vector<std::string> report;
  std::vector<std::string> warnings;
};

// What to build; alctl does not need all of it.
struct FactoryWants {
  bool stt = true;
  bool llm = true;
  bool tts = true;
  bool warm_phrases = true;
};

// kMalformed: a name in STT, LLM or TTS that does not exist (the detail lists the legal ones), or one whose credentials
// are missing (the detail names the setting). kNotFound: nothing is left that could serve a stage.
Result<ProviderSet> make_providers(const Settings& settings, std::shared_ptr<const dialog::Persona> persona,
                                   FactoryContext context, FactoryWants wants = {});

}  // namespace al::providers
