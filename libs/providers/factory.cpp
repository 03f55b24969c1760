#include "providers/factory.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "core/text.h"
#include "providers/chain_core.h"
#include "providers/factory_parts.h"

namespace al::providers {
namespace {

using dialog::LanguageModel;
using dialog::SpeechToText;
using dialog::TextToSpeech;

struct Choice {
  std::vector<std::string> names;
  bool automatic = true;
  [[nodiscard]] bool has(std::string_view name) const {
    return std::find(names.begin(), names.end(), name) != names.end();
  }
};

Choice choice(const Settings& settings, std::string_view key) {
  Choice chosen{settings.list(key), false};
  chosen.automatic = chosen.names == std::vector<std::string>{"auto"};
  return chosen;
}

template <typename Port>
struct Gathered {
  std::vector<ChainLink<Port>> links;
  std::vector<std::string> missing;  // why the others are not among them
  bool remote = false;               // one of them is a service
};

template <typename Port>
std::string names_of(const std::vector<Offer<Port>>& offers) {
  std::string names;
  for (const auto& offer : offers) names += (names.empty() ? "" : ", ") + std::string(offer.name);
  return names;
}

// The providers of one stage, in order. Those asked for by name must work; `auto` takes what there is.
template <typename Port>
Result<Gathered<Port>> gather(Build& build, std::string_view key, const std::vector<Offer<Port>>& offers,
                              const std::string& language) {
  const Choice chosen = choice(build.settings, key);
  const std::string setting = environment_name(key);
  Gathered<Port> gathered;
  const auto add = [&](const Offer<Port>& offer) -> Result<void> {
    auto made = offer.make(build);
    if (!made) return fail(made.error());
    gathered.links.push_back({std::move(*made), offer.languages, {}});
    gathered.remote = gathered.remote || !offer.embedded;
    return {};
  };
  if (chosen.automatic) {
    for (const auto& offer : offers) {
      const bool useful = offer.languages.empty() || std::find(offer.languages.begin(), offer.languages.end(),
                                                               chain::primary_tag(language)) != offer.languages.end();
      const bool last_resort = offer.name == "clips" && !gathered.links.empty();
      if (!useful || last_resort) continue;
      if (const auto added = add(offer); !added) {
        if (added.error().code != Errc::kNotFound) {
          build.set.warnings.push_back(std::string(offer.name) + " is left out: " + added.error().detail);
        } else if (!offer.embedded) {
          gathered.missing.push_back(added.error().detail);
        }
      }
    }
    return gathered;
  }
  for (const std::string& name : chosen.names) {
    const auto offer = std::find_if(offers.begin(), offers.end(), [&](const auto& o) { return o.name == name; });
    if (offer == offers.end()) {
      return fail(Errc::kMalformed, setting + ": there is no '" + name + "'; there are " + names_of(offers));
    }
    if (const auto added = add(*offer); !added) {
      return fail(Errc::kMalformed, setting + "=" + name + ": " + added.error().detail);
    }
  }
  return gathered;
}

Result<void> load_local(Build& build, const FactoryWants& wants) {
  const Settings& settings = build.settings;
  const auto english = [](const std::string& language) { return chain::primary_tag(language) == "en"; };
  const Choice stt = choice(settings, "stt");
  const Choice tts = choice(settings, "tts");
  LocalSpeechOptions options;
  options.folder = settings.string("speech_dir");
  options.recognition = wants.stt && (stt.has("moonshine") || (stt.automatic && english(build.stt_language())));
  options.voice = wants.tts && (tts.has("piper") || (tts.automatic && english(build.tts_language())));
  options.stt_threads = static_cast<int>(settings.integer("stt_local_threads"));
  options.tts_threads = static_cast<int>(settings.integer("tts_local_threads"));
  options.clip_folder = settings.string("static_dir");
  auto local = LocalSpeech::load(options);
  if (!local) return fail(local.error());
  build.set.local = std::move(*local);
  return {};
}

Result<void> build_stt(Build& build) {
  auto gathered = gather(build, "stt", stt_offers(), build.stt_language());
  if (!gathered) return fail(gathered.error());
  const bool none = gathered->links.empty();
  build.remote_stt = gathered->remote;
  if (none) {
    gathered->links.push_back(
        {make_absent_stt("nobody listens: " + join(gathered->missing, "; "), build.context.scheduler), {}, {}});
  }
  SttChainOptions options;
  options.final_deadline = build.settings.duration("stt_timeout_ms");
  options.last_deadline = std::max<Duration>(options.last_deadline, 2 * options.final_deadline);
  auto made = make_stt_chain(std::move(gathered->links), options, build.context.scheduler, build.context.observer);
  if (!made) return fail(made.error());
  build.set.stt = std::move(*made);
  if (none) {
    build.set.warnings.push_back("No recogniser for " + build.stt_language() + ": callers are not understood. " +
                                 join(gathered->missing, "; ") + ".");
  } else {
    build.set.report.push_back("Recognition (" + build.stt_language() + "): " + build.set.stt->name() + "." +
                               (gathered->missing.empty() ? "" : " Not used: " + join(gathered->missing, "; ") + "."));
  }
  return {};
}

Result<void> build_model(Build& build) {
  auto gathered = gather(build, "llm", model_offers(), build.persona->language);
  if (!gathered) return fail(gathered.error());
  ModelChainOptions options;
  options.first_deadline = build.settings.duration("llm_timeout_ms");
  options.hedge_after = std::min<Duration>(options.hedge_after, options.first_deadline / 2);
  options.last_deadline = std::max<Duration>(options.last_deadline, options.first_deadline);
  auto made = make_model_chain(std::move(gathered->links), options, build.context.scheduler, build.context.observer);
  if (!made) return fail(made.error());
  build.set.llm = std::move(*made);
  build.set.report.push_back("Answers: " + build.set.llm->name() + "." +
                             (gathered->missing.empty() ? "" : " Not used: " + join(gathered->missing, "; ") + "."));
  return {};
}

void open_cache(Build& build) {
  const std::int64_t megabytes = build.settings.integer("tts_cache_mb");
  if (megabytes == 0) return;
  namespace fs = std::filesystem;
  TtsCacheOptions options;
  options.max_bytes = static_cast<std::uint64_t>(megabytes) << 20;
  options.folder = build.settings.string("tts_cache_dir");
  if (options.folder.empty()) {
    const std::string state = build.settings.string("state_dir");
    options.folder = (fs::path(state.empty() ? "." : state) / "tts").string();
  }
  auto cache = TtsCache::open(options);
  if (!cache) {
    build.set.warnings.push_back("Spoken phrases are kept in memory only: " + cache.error().detail);
    cache = TtsCache::open({.folder = {}, .max_bytes = 0, .max_memory_bytes = options.max_memory_bytes});
  }
  if (cache) build.set.cache = std::move(*cache);
}

// What shapes a voice besides the request; a change makes earlier recordings miss.
std::string cache_settings(const Build& build, const std::string& name) {
  if (name == "openai") return build.settings.string("openai_tts_model");
  if (name == "elevenlabs") return build.settings.string("elevenlabs_model");
  return {};
}

Result<void> build_tts(Build& build) {
  auto gathered = gather(build, "tts", tts_offers(), build.tts_language());
  if (!gathered) return fail(gathered.error());
  if (gathered->links.empty()) return fail(Errc::kNotFound, "TTS: no voice at all; install espeak-ng or set a key");
  build.remote_tts = gathered->remote;
  open_cache(build);
  bool first = true;
  for (auto& link : gathered->links) {
    const std::string name = link.provider->name();
    link.voices = {{"", voice_name(build, name, std::exchange(first, false))}};
    if (!build.set.cache || name == "clips") continue;
    CachedTtsOptions options;
    options.settings = cache_settings(build, name);
    link.provider = make_cached_tts(std::move(link.provider), options, *build.set.cache, build.set.local->tts_pool(),
                                    build.context.observer);
  }
  TtsChainOptions options;
  options.first_deadline = build.settings.duration("tts_timeout_ms");
  options.last_deadline = std::max<Duration>(options.last_deadline, 2 * options.first_deadline);
  auto made = make_tts_chain(std::move(gathered->links), options, build.context.scheduler, build.context.observer);
  if (!made) return fail(made.error());
  build.set.tts = std::move(*made);
  build.set.report.push_back("Voice (" + build.tts_language() + "): " + build.set.tts->name() + "." +
                             (gathered->missing.empty() ? "" : " Not used: " + join(gathered->missing, "; ") + "."));
  return {};
}

void warm_phrases(Build& build) {
  std::vector<dialog::TtsRequest> requests;
  for (const std::string& phrase : build.persona->fixed_phrases()) {
    dialog::TtsRequest request;
    request.speech = {requests.size() + 1};
    request.text = phrase;
    request.voice.language = build.tts_language();
    request.voice.rate = build.settings.number("tts_rate");
    requests.push_back(std::move(request));
  }
  build.set.warmer = std::make_unique<PhraseWarmer>(*build.set.tts, std::move(requests), build.context.scheduler);
}

}  // namespace

std::string Build::stt_language() const {
  return settings.has("stt_language") ? settings.string("stt_language") : persona->language;
}
std::string Build::tts_language() const {
  return settings.has("tts_language") ? settings.string("tts_language") : persona->language;
}

ProviderSet::ProviderSet() = default;
ProviderSet::~ProviderSet() = default;
ProviderSet::ProviderSet(ProviderSet&&) noexcept = default;
// Member by member would free the old engines before the old chains over them.
ProviderSet& ProviderSet::operator=(ProviderSet&& other) noexcept {
  if (this == &other) return *this;
  warmer.reset();
  tts = std::move(other.tts);
  llm = std::move(other.llm);
  stt = std::move(other.stt);
  local = std::move(other.local);
  cache = std::move(other.cache);
  warmer = std::move(other.warmer);
  report = std::move(other.report);
  warnings = std::move(other.warnings);
  return *this;
}

Result<ProviderSet> make_providers(const Settings& settings, std::shared_ptr<const dialog::Persona> persona,
                                   FactoryContext context, FactoryWants wants) {
  ProviderSet set;
  Build build{settings, std::move(persona), context, set, false, false};
  if (const auto loaded = load_local(build, wants); !loaded) return fail(loaded.error());
  if (wants.stt) {
    if (const auto built = build_stt(build); !built) return fail(built.error());
  }
  if (wants.llm) {
    if (const auto built = build_model(build); !built) return fail(built.error());
  }
  if (wants.tts) {
    if (const auto built = build_tts(build); !built) return fail(built.error());
    if (wants.warm_phrases && set.cache) warm_phrases(build);
  }
  for (std::string& line : set.local->summary(build.stt_language(), build.remote_stt, build.remote_tts))
    set.report.push_back(std::move(line));
  return set;
}

}  // namespace al::providers
