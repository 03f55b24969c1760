// The tables behind factory.h: how each provider is made from the settings. For this room's own factory_*.cpp files.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/settings.h"
#include "providers/chain.h"
#include "providers/factory.h"
#include "providers/google_auth.h"
#include "providers/local_speech.h"

namespace al::providers {

// What makers work with.
struct Build {
  const Settings& settings;
  std::shared_ptr<const dialog::Persona> persona;
  FactoryContext context;
  ProviderSet& set;
  bool remote_stt = false;  // some provider recognises, or speaks; not the embedded engines alone
  bool remote_tts = false;

  [[nodiscard]] std::string stt_language() const;
  [[nodiscard]] std::string tts_language() const;
};

// A provider that can be asked for by name. `make` fails with kNotFound when credentials or parts are missing: the
// detail is a sentence that names the setting.
template <typename Port>
struct Offer {
  std::string_view name;
  std::vector<std::string> languages;  // empty = all
  bool embedded = false;               // only for its languages when nobody asked for it by name
  Result<std::shared_ptr<Port>> (*make)(Build&) = nullptr;
};

[[nodiscard]] const std::vector<Offer<dialog::SpeechToText>>& stt_offers();
[[nodiscard]] const std::vector<Offer<dialog::LanguageModel>>& model_offers();
[[nodiscard]] const std::vector<Offer<dialog::TextToSpeech>>& tts_offers();

// The service account for recognition, or for the voice; kNotFound when neither a path nor the key itself is set.
Result<ServiceAccountKey> google_account(const Settings& settings, bool for_voice);

// The voice's own name at this provider: TTS_VOICE for the first link, else the provider's setting, else the persona's.
[[nodiscard]] std::string voice_name(const Build& build, std::string_view provider, bool first);

// A recogniser that is none: each turn fails with `reason`.
[[nodiscard]] std::shared_ptr<dialog::SpeechToText> make_absent_stt(std::string reason, Scheduler& scheduler);

template <typename Port>
Result<std::shared_ptr<Port>> shared(Result<std::unique_ptr<Port>> made) {
  if (!made) return fail(made.error());
  return std::shared_ptr<Port>(std::move(*made));
}

}  // namespace al::providers
