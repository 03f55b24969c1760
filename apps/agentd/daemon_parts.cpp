// How the parts of the daemon are made of the settings.
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <mutex>
#include <utility>

#include "agentd/daemon_graph.h"
#include "audio/silero_network.h"
#include "bridge/call_settings.h"
#include "bridge/persona_settings.h"
#include "core/log.h"
#include "core/secret.h"
#include "providers/local_speech.h"

namespace al::agentd {
namespace {

namespace fs = std::filesystem;

Result<std::shared_ptr<const audio::SileroModel>> load_silero(const Settings& settings) {
  const auto folder = providers::find_speech_folder(settings.string("speech_dir"));
  const fs::path path = folder ? fs::path(*folder) / "models" / "silero_vad.onnx" : fs::path();
  std::ifstream in(path, std::ios::binary);
  if (!folder || !in) {
    return fail(Errc::kNotFound, "vad_engine: no Silero model found (speech_dir); the energy detector is used");
  }
  const std::vector<char> bytes((std::istreambuf_iterator<char>(in)), {});
  return audio::SileroModel::parse({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
}

}  // namespace

Result<void> Daemon::Graph::open_store(const Settings& settings) {
  store::StoreOptions options;
  options.url = settings.string("database_url");
  if (options.url.empty()) {
    const fs::path folder =
        settings.string("state_dir").empty() ? fs::path(".") : fs::path(settings.string("state_dir"));
    std::error_code fault;
    fs::create_directories(folder, fault);
    options.default_path = (folder / "agentd.sqlite").string();
  }
  auto opened = store::open_store(options);
  if (!opened) return fail(opened.error().code, "database_url: " + opened.error().detail);
  log::info("STORE", {{"is", (*opened)->description()}});
  store::AsyncStoreOptions async;
  async.max_writes = static_cast<std::size_t>(settings.integer("store_queue"));
  store = std::make_unique<store::AsyncStore>(std::move(*opened), async);
  return {};
}

Result<void> Daemon::Graph::open_providers(const Settings& settings) {
  auto loaded = bridge::open_persona(settings.string("persona"), settings);
  if (!loaded) return fail(loaded.error());
  persona = std::move(*loaded);
  scheduler = providers::make_timer_thread();
  provider_metrics = std::make_unique<ProviderMetrics>(*metrics);
  observer = providers::make_logging_observer(provider_metrics.get());
  providers::FactoryWants wants;
  wants.warm_phrases = false;  // the clip book speaks them, through the same cache
  auto made =
      providers::make_providers(settings, persona, {*http, desk_loop->loop(), *scheduler, observer.get()}, wants);
  if (!made) return fail(made.error());
  providers = std::move(*made);
  chat_persona = persona;
  if (const std::string chat = settings.string("whatsapp_persona");
      !chat.empty() && chat != settings.string("persona")) {
    auto opened = bridge::open_persona(chat, settings);
    if (!opened) return fail(opened.error().code, "whatsapp_persona: " + opened.error().detail);
    chat_persona = std::move(*opened);
    wants.stt = wants.tts = false;
    auto for_chats = providers::make_providers(settings, chat_persona,
                                               {*http, desk_loop->loop(), *scheduler, observer.get()}, wants);
    if (!for_chats) return fail(for_chats.error());
    chat_providers = std::move(*for_chats);
  }
  for (const std::string& line : providers.report) log::info("PROVIDERS", {{"is", line}});
  for (const std::string& line : providers.warnings) log::warn("PROVIDERS", {{"missing", line}});
  return {};
}

Result<void> Daemon::Graph::build_services(const Settings& settings) {
  net::Loop& loop = desk_loop->loop();
  rest = std::make_unique<RestService>(settings, *http, loop);
  if (!rest->available()) {
    log::warn("WATCHDOG_BLIND", {{"why", "TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN (or an API key) are not set"},
                                 {"so", "calls that stay silent are reported, not sent to the voicemail"}});
  }
  CallDesk::Options options = CallDesk::options_from(settings);
  options.node = node;
  if (options.token_key.empty()) {
    // One key for all nodes, kept where all of them look.
    auto agreed = Result<std::string>(random_token(32));
    bool done = false;
    std::mutex mutex;
    std::condition_variable ready;
    store->ask<std::string>([proposal = *agreed](store::Store& db) { return db.agree("stream_token_key", proposal); },
                            seconds{5},
                            [&](Result<std::string> value) {
                              const std::lock_guard lock(mutex);
                              agreed = std::move(value);
                              done = true;
                              ready.notify_one();
                            });
    std::unique_lock lock(mutex);
    ready.wait(lock, [&] { return done; });
    if (!agreed) return fail(agreed.error().code, "stream_token_key: " + agreed.error().detail);
    options.token_key = *agreed;
  }
  desk = std::make_unique<CallDesk>(options, loop, *store, *rest);
  if (auto opened = open_playback(settings); !opened) return opened;
  leads = std::make_unique<LeadService>(settings, *store);
  auto sender = make_whatsapp_sender(settings, *http, loop, *scheduler);
  if (!sender) return fail(sender.error());
  messages = std::make_unique<MessageService>(settings, loop, *store, std::move(*sender), node);
  summaries = std::make_unique<CallSummaries>(settings, loop, *store, *messages);
  eraser = std::make_unique<CallerEraser>(settings, *store, *http, *rest);
  handover = std::make_unique<HandoverService>(settings, loop, *store, *http, node);
  housekeeping = std::make_unique<Housekeeping>(settings, loop, *store);
  tools = std::make_unique<ToolService>(persona, *leads, messages.get(), *rest);
  return {};
}

Result<void> Daemon::Graph::open_playback(const Settings& settings) {
  if (settings.string("playback") != "redirect" || settings.string("ws_mode") == "echo") return {};
  if (!rest->available()) {
    return fail(Errc::kUnsupported,
                "playback: redirect needs Twilio's REST API: set twilio_account_sid and twilio_auth_token (or an API "
                "key), or playback = stream");
  }
  std::string base = settings.string("playback_base_url");
  while (base.ends_with('/')) base.pop_back();
  if (base.empty() && store->shared()) {
    log::warn("PLAYBACK", {{"why", "several nodes may share PUBLIC_BASE_URL, and a clip is on the node that made it"},
                           {"hint", "set PLAYBACK_BASE_URL to this node's own address"}});
  }
  playback = std::make_unique<PlaybackService>(std::move(base), desk_loop->loop(), *desk, *rest);
  return {};
}

Result<void> Daemon::Graph::build_calls(const Settings& settings) {
  std::shared_ptr<const audio::SileroModel> silero;
  if (const std::string& engine = settings.string("vad_engine"); engine == "auto" || engine == "silero") {
    auto model = load_silero(settings);
    if (model) {
      silero = std::move(*model);
    } else if (engine == "silero") {
      return fail(model.error());
    } else {
      log::warn("VAD", {{"instead", "energy"}, {"why", model.error().detail}});
    }
  }
  dialog::CallOptions options = bridge::call_options(settings, persona, silero);
  options.voice.name = settings.string("tts_voice");
  options.voice.rate = settings.number("tts_rate");
  if (settings.has("tts_language")) options.voice.language = settings.string("tts_language");

  const fs::path state = settings.string("state_dir").empty() ? fs::path(".") : fs::path(settings.string("state_dir"));
  const std::string clip_folder =
      settings.has("static_dir") ? settings.string("static_dir") : (state / "clips").string();
  clips = std::make_unique<ClipBook>(*providers.tts, options.voice, clip_folder);
  std::vector<std::string> sentences;
  sentences.push_back(options.greeting.value_or(persona->phrases.greeting));
  for (std::string& phrase : persona->fixed_phrases()) sentences.push_back(std::move(phrase));
  clips->fill(std::move(sentences));

  calls.reset(new CallContext{std::move(options),
                              {*providers.stt, *providers.llm, *providers.tts},
                              *desk,
                              *store,
                              *rest,
                              *leads,
                              *tools,
                              *metrics,
                              *clips,
                              {},
                              0,
                              playback.get(),
                              nullptr,
                              {},
                              {}});
  calls->debug_wav_every = static_cast<int>(settings.integer("debug_wav_every"));
  calls->debug_wav_dir = settings.string("debug_wav_dir");
  if (auto opened = open_recorder(settings); !opened) return opened;
  calls->on_finished = [this](const CallSid& call) {
    rest->complete(call, [this, call](bool over) {
      // Without REST the stream is closed: Twilio then asks /webhook/stream_ended, which hangs up.
      if (!over) media->close_call(call, twilio::CloseCode::kNormal, "conversation over");
    });
  };
  return {};
}

Result<void> Daemon::Graph::open_recorder(const Settings& settings) {
  CallRecorderOptions options = CallRecorderOptions::from(settings);
  std::error_code fault;
  // Recordings of earlier days are still erased when their time has come.
  if (options.every == 0 && !fs::exists(options.folder, fault)) return {};
  if (options.every > 0)
    log::warn("CALL_RECORDS", {{"folder", options.folder}, {"every", options.every}, {"hold", "what callers say"}});
  auto opened = CallRecorder::open(std::move(options));
  if (!opened) return fail(opened.error().code, "call_record_dir: " + opened.error().detail);
  recorder = std::move(*opened);
  calls->recorder = recorder.get();
  dialog::CallRecordHeader& header = calls->record_header;
  header.settings = bridge::recorded_settings(settings);
  header.settings["vad_engine"] = audio::to_string(calls->options.listen.voice.engine);
  header.settings["persona"] = settings.string("persona");
  header.persona_name = persona->id;
  if (std::ifstream file(settings.string("persona"), std::ios::binary); file)
    header.persona_toml.assign(std::istreambuf_iterator<char>(file), {});
  return {};
}

}  // namespace al::agentd
