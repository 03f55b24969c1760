#include "agentd/daemon.h"

#include <algorithm>
#include <array>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

#include <unistd.h>

#include "agentd/daemon_graph.h"
#include "core/log.h"

namespace al::agentd {
namespace {

constexpr milliseconds kStopGrace{2'000};

std::string node_name(const Settings& settings) {
  if (settings.has("node_id")) return settings.string("node_id");
  std::array<char, 256> host{};
  gethostname(host.data(), host.size() - 1);
  return std::string(host.data()) + "-" + std::to_string(getpid());
}

}  // namespace

std::vector<net::Loop*> Daemon::Graph::loop_list() const {
  std::vector<net::Loop*> list;
  for (const auto& thread : loops) list.push_back(&thread->loop());
  return list;
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
  hook_options.stream_expected = [this] {
    providers.stt->warm_up();
    providers.llm->warm_up();
    providers.tts->warm_up();
  };
  webhooks = std::make_unique<CallWebhooks>(hook_options, *gate, *desk, *pages, *store, playback.get());
  if (playback) playback->use(*pages);
  api = std::make_unique<ApiRoutes>(settings, *gate, *store, *messages, *eraser);
  dialog::LanguageModel& chat_model = chat_providers.llm ? *chat_providers.llm : *providers.llm;
  message_routes = std::make_unique<MessageRoutes>(settings, *gate, *store, *messages, chat_model, *leads, chat_persona,
                                                   desk_loop->loop());
  const bool echo = settings.string("ws_mode") == "echo";
  media =
      std::make_unique<MediaService>(*gate, *desk, *metrics, echo ? nullptr : calls.get(),
                                     MediaLimits{settings.duration("ws_start_timeout_sec"),
                                                 static_cast<std::size_t>(settings.integer("ws_max_message_bytes"))});

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
  front.routes.push_back(clip_route(clips->folder(), playback ? &playback->clips() : nullptr));
  for (net::Route& route : front.routes) route.max_body = static_cast<std::size_t>(settings.integer("max_body_bytes"));
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
  if (playback) {
    const char* const help = "Answers under PLAYBACK=redirect, by how they were heard";
    m.watch(
        "playbacks_total", help, true, [this] { return static_cast<double>(playback->played()); }, "outcome", "clip");
    m.watch(
        "playbacks_total", help, true, [this] { return static_cast<double>(playback->spoken_instead()); }, "outcome",
        "stream");
    m.watch("answer_clips_bytes", "Sound kept for Twilio to fetch", false,
            [this] { return static_cast<double>(playback->clips().bytes()); });
  }
  m.watch("http_connections", "Open HTTP connections", false,
          [this] { return static_cast<double>(server->stats().open_http); });
  m.watch("websockets", "Open media sockets", false,
          [this] { return static_cast<double>(server->stats().open_websockets); });
  m.watch("signatures_refused_total", "Signed routes: requests answered with 403", true,
          [this] { return static_cast<double>(gate->counters().refused); });
  m.watch("unsigned_reports_total", "Status reports without a valid signature", true,
          [this] { return static_cast<double>(gate->counters().unsigned_); });
  if (recorder != nullptr) {
    m.watch("call_records_total", "Calls whose recording was begun", true,
            [this] { return static_cast<double>(recorder->stats().recorded); });
    m.watch("call_records_cut_total", "Recordings that lack their end: a slow or a full disk", true,
            [this] { return static_cast<double>(recorder->stats().cut_short); });
    m.watch("call_record_bytes_total", "Bytes of recordings written", true,
            [this] { return static_cast<double>(recorder->stats().bytes); });
  }
  for (std::size_t i = 0; i < loops.size(); ++i) {
    m.watch(
        "loop_lag_max_seconds", "Longest delay of a timer since start", false,
        [this, i] { return static_cast<double>(loops[i]->loop().stats().lag_max_us) / 1e6; }, "loop",
        std::to_string(i));
  }
  constexpr auto& kBounds = net::LoopStats::kLagBoundsMs;
  for (std::size_t bucket = 0; bucket <= kBounds.size(); ++bucket) {
    const auto timers = [this, bucket] {
      std::uint64_t count = 0;
      for (const auto& thread : loops) count += thread->loop().stats().lag_counts[bucket];
      return static_cast<double>(count);
    };
    m.watch("loop_timers_total", "Timers of the media loops, by how many milliseconds they were late at most", true,
            timers, "late_ms", bucket < kBounds.size() ? std::to_string(kBounds[bucket]) : "more");
  }
  m.watch("media_messages_dropped_total", "Messages to callers dropped because their socket did not take them", true,
          [this] { return static_cast<double>(server->stats().ws_dropped_messages); });
  m.watch("connections_evicted_total", "Silent connections dropped for newer ones", true,
          [this] { return static_cast<double>(server->stats().evicted); });
  m.watch("request_timeouts_total", "Requests that took too long to arrive", true,
          [this] { return static_cast<double>(server->stats().timeouts); });
}

bool Daemon::Graph::loops_alive(Duration limit) const {
  const Timestamp now = monotonic_now();
  const auto turned = [&](net::LoopThread& thread) { return now - thread.loop().stats().heartbeat < limit; };
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

void Daemon::hand_over() {
  graph_->media->close_all(twilio::CloseCode::kNormal, "drained");
}

void Daemon::stop() {
  if (graph_->server == nullptr) return;
  hand_over();
  struct Wait {
    std::mutex mutex;
    std::condition_variable stopped;
    bool done = false;
  };
  // Shared: the server may finish after this has given up waiting.
  const auto wait = std::make_shared<Wait>();
  graph_->server->stop(net::ws_close::kGoingAway, kStopGrace, [wait] {
    const std::lock_guard lock(wait->mutex);
    wait->done = true;
    wait->stopped.notify_one();
  });
  std::unique_lock lock(wait->mutex);
  wait->stopped.wait_for(lock, kStopGrace + seconds{2}, [&] { return wait->done; });
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
int Daemon::calls() const {
  return graph_->desk->slots_used();
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
  graph_->summaries->set_enabled(settings.boolean("whatsapp_call_summary"));
  return {};
}

}  // namespace al::agentd
