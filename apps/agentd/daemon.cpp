#include "agentd/daemon.h"

#include <algorithm>
#include <array>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <mutex>
#include <thread>
#include <utility>

#include <unistd.h>

#include "agentd/api_routes.h"
#include "agentd/call_desk.h"
#include "agentd/call_pages.h"
#include "agentd/call_webhooks.h"
#include "agentd/clip_book.h"
#include "agentd/handover_service.h"
#include "agentd/lead_service.h"
#include "agentd/media_service.h"
#include "agentd/message_routes.h"
#include "agentd/message_service.h"
#include "agentd/metrics.h"
#include "agentd/phone_call.h"
#include "agentd/plain_routes.h"
#include "agentd/rest_service.h"
#include "agentd/tool_service.h"
#include "agentd/web_gate.h"
#include "audio/silero_network.h"
#include "bridge/call_settings.h"
#include "core/log.h"
#include "core/secret.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "providers/factory.h"
#include "providers/local_speech.h"
#include "providers/scheduler.h"
#include "store/async_store.h"

namespace al::agentd {
namespace {

namespace fs = std::filesystem;

// Counts what providers did, after it was logged.
class ProviderMetrics final : public providers::ProviderObserver {
 public:
  explicit ProviderMetrics(Metrics& metrics) : metrics_(metrics) {}
  void on_provider_event(const providers::ProviderEvent& event) override {
    metrics_.provider_event(event.provider, providers::to_string(event.stage), providers::to_string(event.outcome),
                            event.elapsed);
  }

 private:
  Metrics& metrics_;
};

constexpr milliseconds kStopGrace{2'000};

std::string node_name(const Settings& settings) {
  if (settings.has("node_id")) return settings.string("node_id");
  std::array<char, 256> host{};
  gethostname(host.data(), host.size() - 1);
  return std::string(host.data()) + "-" + std::to_string(getpid());
}

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

struct Daemon::Graph {
  std::string version = AL_VERSION;
  std::string node;
  std::vector<std::unique_ptr<net::LoopThread>> loops;
  std::unique_ptr<net::LoopThread> desk_loop;
  std::unique_ptr<Metrics> metrics;
  std::unique_ptr<net::HttpClient> http;
  std::unique_ptr<store::AsyncStore> store;
  std::unique_ptr<providers::Scheduler> scheduler;
  std::unique_ptr<ProviderMetrics> provider_metrics;
  std::unique_ptr<providers::ProviderObserver> observer;
  std::shared_ptr<const dialog::Persona> persona;
  providers::ProviderSet providers;
  std::unique_ptr<ClipBook> clips;
  std::unique_ptr<RestService> rest;
  std::unique_ptr<CallDesk> desk;
  std::unique_ptr<LeadService> leads;
  std::unique_ptr<MessageService> messages;
  std::unique_ptr<HandoverService> handover;
  std::unique_ptr<ToolService> tools;
  std::unique_ptr<CallPages> pages;
  std::unique_ptr<WebGate> gate;
  std::unique_ptr<CallWebhooks> webhooks;
  std::unique_ptr<ApiRoutes> api;
  std::unique_ptr<MessageRoutes> message_routes;
  std::unique_ptr<CallContext> calls;
  std::unique_ptr<MediaService> media;
  std::unique_ptr<net::HttpServer> server;

  [[nodiscard]] std::vector<net::Loop*> loop_list() const;
  Result<void> open_store(const Settings& settings);
  Result<void> open_providers(const Settings& settings);
  Result<void> build_services(const Settings& settings);
  Result<void> build_calls(const Settings& settings);
  Result<void> listen(const Settings& settings);
  void watch_everything();
  [[nodiscard]] bool loops_alive(Duration limit) const;
};

std::vector<net::Loop*> Daemon::Graph::loop_list() const {
  std::vector<net::Loop*> list;
  for (const auto& thread : loops) list.push_back(&thread->loop());
  return list;
}

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
  auto loaded = dialog::Persona::open(settings.string("persona"));
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
  leads = std::make_unique<LeadService>(settings, *store);
  auto sender = make_whatsapp_sender(settings, *http, loop, *scheduler);
  if (!sender) return fail(sender.error());
  messages = std::make_unique<MessageService>(settings, loop, *store, std::move(*sender), node);
  handover = std::make_unique<HandoverService>(settings, loop, *store, *http, node);
  tools = std::make_unique<ToolService>(persona, *leads, messages.get(), *rest);
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
                              {}});
  calls->debug_wav_every = static_cast<int>(settings.integer("debug_wav_every"));
  calls->debug_wav_dir = settings.string("debug_wav_dir");
  calls->on_finished = [this](const CallSid& call) {
    rest->complete(call, [this, call](bool over) {
      // Without REST the stream is closed: Twilio then asks /webhook/stream_ended, which hangs up.
      if (!over) media->close_call(call, twilio::CloseCode::kNormal, "conversation over");
    });
  };
  return {};
}

Result<void> Daemon::Graph::listen(const Settings& settings) {
  auto made = WebGate::make(settings);
  if (!made) return fail(made.error());
  gate = std::move(*made);
  if (!gate->has_tokens()) {
    log::warn("NO_AUTH_TOKEN",
              {{"why", "TWILIO_AUTH_TOKEN is not set"}, {"so", "every webhook of Twilio is refused with 403"}});
  }
  pages =
      std::make_unique<CallPages>(settings, persona, [this](std::string_view text) { return clips->path_of(text); });
  CallWebhooks::Options hook_options;
  hook_options.stream_ended_without_content = settings.string("stream_ended_status") == "204";
  hook_options.persona = persona->id;
  hook_options.language = persona->language;
  hook_options.node = node;
  webhooks = std::make_unique<CallWebhooks>(hook_options, *gate, *desk, *pages, *store);
  api = std::make_unique<ApiRoutes>(settings, *gate, *store, *messages);
  message_routes = std::make_unique<MessageRoutes>(settings, *gate, *store, *messages, *providers.llm, *leads, persona,
                                                   desk_loop->loop());
  const bool echo = settings.string("ws_mode") == "echo";
  media = std::make_unique<MediaService>(*gate, *desk, *metrics, echo ? nullptr : calls.get());

  net::ServerLimits limits;
  limits.max_header = static_cast<std::size_t>(settings.integer("max_header_bytes"));
  limits.max_connections = static_cast<std::size_t>(settings.integer("max_connections"));
  limits.max_unauthenticated = static_cast<std::size_t>(settings.integer("max_unauthenticated"));
  limits.header_timeout = std::chrono::duration_cast<milliseconds>(settings.duration("header_timeout_sec"));
  limits.body_timeout = std::chrono::duration_cast<milliseconds>(settings.duration("body_timeout_sec"));
  limits.idle_timeout = std::chrono::duration_cast<milliseconds>(settings.duration("idle_timeout_sec"));
  server = std::make_unique<net::HttpServer>(loop_list(), limits);

  const NodeState state{[this] { return loops_alive(seconds{5}); }, [this] { return store->stats().degraded; }};
  net::ListenSpec front;
  front.address = settings.string("listen_host");
  front.port = static_cast<std::uint16_t>(settings.integer("port"));
  front.routes = webhooks->routes();
  const auto add = [&](std::vector<net::Route> more) {
    for (net::Route& route : more) front.routes.push_back(std::move(route));
  };
  add(health_routes(*desk, state, version, AL_COMMIT));
  add(api->routes());
  add(message_routes->routes());
  front.routes.push_back(clip_route(clips->folder()));
  front.websockets.push_back(media->route());
  for (const net::InheritedSocket& socket : net::inherited_sockets()) {
    if (socket.name != "admin") front.inherited_fd = socket.fd;
  }
  if (auto bound = server->listen(std::move(front)); !bound) return fail(bound.error());

  if (!settings.boolean("admin_listener")) return {};
  net::ListenSpec admin;
  admin.name = "admin";
  admin.address = settings.string("admin_host");
  admin.port = static_cast<std::uint16_t>(settings.integer("admin_port"));
  admin.routes = health_routes(*desk, state, version, AL_COMMIT);
  admin.routes.push_back(metrics_route(*metrics));
  return server->listen(std::move(admin));
}

void Daemon::Graph::watch_everything() {
  Metrics& m = *metrics;
  m.watch("slots_used", "Calls offered or streaming", false, [this] { return desk->slots_used(); });
  m.watch("slots", "Calls this node takes", false, [this] { return desk->slots(); });
  m.watch("draining", "1 while no new calls are taken", false, [this] { return desk->draining() ? 1 : 0; });
  m.watch("log_lines_dropped_total", "Log lines lost to a slow reader", true,
          [] { return static_cast<double>(log::dropped_lines()); });
  m.watch("store_writes_waiting", "Writes that the database has not taken yet", false,
          [this] { return static_cast<double>(store->stats().queued_writes); });
  m.watch("store_writes_dropped_total", "Writes that were given up", true,
          [this] { return static_cast<double>(store->stats().writes_dropped); });
  m.watch("store_degraded", "1 while the database is away", false, [this] { return store->stats().degraded ? 1 : 0; });
  m.watch("http_connections", "Open HTTP connections", false,
          [this] { return static_cast<double>(server->stats().open_http); });
  m.watch("websockets", "Open media sockets", false,
          [this] { return static_cast<double>(server->stats().open_websockets); });
  m.watch("signatures_refused_total", "Signed routes: requests answered with 403", true,
          [this] { return static_cast<double>(gate->counters().refused); });
  m.watch("unsigned_reports_total", "Status reports without a valid signature", true,
          [this] { return static_cast<double>(gate->counters().unsigned_); });
  for (std::size_t i = 0; i < loops.size(); ++i) {
    m.watch(
        "loop_lag_max_seconds", "Longest delay of a timer since start", false,
        [this, i] { return static_cast<double>(loops[i]->loop().stats().lag_max_us) / 1e6; }, "loop",
        std::to_string(i));
  }
}

bool Daemon::Graph::loops_alive(Duration limit) const {
  const Timestamp now = monotonic_now();
  const auto turned = [&](const net::LoopThread& thread) { return now - thread.loop().stats().heartbeat < limit; };
  return turned(*desk_loop) &&
         std::all_of(loops.begin(), loops.end(), [&](const auto& thread) { return turned(*thread); });
}

Daemon::Daemon(std::unique_ptr<Graph> graph) : graph_(std::move(graph)) {}

Daemon::~Daemon() {
  stop();
  // No thread of ours may run any more when the services go; their timers still need the loops.
  for (const auto& thread : graph_->loops) thread->stop_and_join();
  graph_->desk_loop->stop_and_join();
  graph_->store->stop();
}

void Daemon::stop() {
  if (graph_->server == nullptr) return;
  // What is left is handed over: Twilio asks /webhook/stream_ended who goes on, and this process still answers that.
  graph_->media->close_all(twilio::CloseCode::kNormal, "drained");
  std::mutex mutex;
  std::condition_variable stopped;
  bool done = false;
  graph_->server->stop(net::ws_close::kGoingAway, kStopGrace, [&] {
    const std::lock_guard lock(mutex);
    done = true;
    stopped.notify_one();
  });
  std::unique_lock lock(mutex);
  stopped.wait_for(lock, kStopGrace + seconds{2}, [&] { return done; });
}

Result<std::unique_ptr<Daemon>> Daemon::make(const Settings& settings) {
  auto graph = std::make_unique<Graph>();
  graph->node = node_name(settings);
  graph->metrics = std::make_unique<Metrics>(graph->version);
  std::size_t threads = static_cast<std::size_t>(settings.integer("threads"));
  if (threads == 0) threads = std::max(1U, std::thread::hardware_concurrency());
  for (std::size_t i = 0; i < threads; ++i)
    graph->loops.push_back(std::make_unique<net::LoopThread>("media-" + std::to_string(i)));
  graph->desk_loop = std::make_unique<net::LoopThread>("desk");
  graph->http = std::make_unique<net::HttpClient>();
  Graph& g = *graph;
  for (const auto step :
       {&Graph::open_store, &Graph::open_providers, &Graph::build_services, &Graph::build_calls, &Graph::listen}) {
    if (auto done = (g.*step)(settings); !done) return fail(done.error());
  }
  g.watch_everything();
  return std::unique_ptr<Daemon>(new Daemon(std::move(graph)));
}

std::uint16_t Daemon::port() const {
  return graph_->server->port_of("public");
}
std::uint16_t Daemon::admin_port() const {
  return graph_->server->port_of("admin");
}
int Daemon::streams() const {
  return graph_->desk->streams();
}
bool Daemon::loops_alive(Duration limit) const {
  return graph_->loops_alive(limit);
}

void Daemon::drain() {
  graph_->desk->set_draining(true);
  log::info("DRAIN", {{"streams", streams()}});
}

std::string Daemon::status_line() const {
  return std::to_string(streams()) + " of " + std::to_string(graph_->desk->slots()) + " calls" +
         (graph_->desk->draining() ? ", draining" : "");
}

std::vector<std::string_view> Daemon::reload(const Settings& settings) {
  graph_->desk->set_max_calls(static_cast<int>(settings.integer("max_calls")));
  if (const auto level = log::parse_level(settings.string("log_level"))) log::set_level(*level);
  log::set_transcripts(settings.boolean("log_transcripts"));
  return {};
}

}  // namespace al::agentd
