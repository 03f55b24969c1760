// The parts of the daemon, in the order in which they are made; destroyed in the reverse order. Private to daemon*.cpp.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "agentd/api_routes.h"
#include "agentd/call_desk.h"
#include "agentd/call_pages.h"
#include "agentd/call_recorder.h"
#include "agentd/call_summaries.h"
#include "agentd/call_webhooks.h"
#include "agentd/caller_eraser.h"
#include "agentd/clip_book.h"
#include "agentd/daemon.h"
#include "agentd/handover_service.h"
#include "agentd/housekeeping.h"
#include "agentd/lead_service.h"
#include "agentd/media_service.h"
#include "agentd/message_routes.h"
#include "agentd/message_service.h"
#include "agentd/metrics.h"
#include "agentd/phone_call.h"
#include "agentd/plain_routes.h"
#include "agentd/playback_service.h"
#include "agentd/rest_service.h"
#include "agentd/tool_service.h"
#include "agentd/web_gate.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "providers/factory.h"
#include "providers/scheduler.h"
#include "store/async_store.h"

namespace al::agentd {

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
  std::shared_ptr<const dialog::Persona> chat_persona;
  providers::ProviderSet chat_providers;  // with a model of their own only where the persona differs
  std::unique_ptr<ClipBook> clips;
  std::unique_ptr<RestService> rest;
  std::unique_ptr<CallDesk> desk;
  std::unique_ptr<PlaybackService> playback;  // null: PLAYBACK=stream
  std::unique_ptr<LeadService> leads;
  std::unique_ptr<MessageService> messages;
  std::unique_ptr<CallSummaries> summaries;
  std::unique_ptr<CallerEraser> eraser;
  std::unique_ptr<HandoverService> handover;
  std::unique_ptr<Housekeeping> housekeeping;
  std::unique_ptr<ToolService> tools;
  std::unique_ptr<CallPages> pages;
  std::unique_ptr<WebGate> gate;
  std::unique_ptr<CallWebhooks> webhooks;
  std::unique_ptr<ApiRoutes> api;
  std::unique_ptr<MessageRoutes> message_routes;
  std::unique_ptr<CallRecorder> recorder;
  std::unique_ptr<CallContext> calls;
  std::unique_ptr<MediaService> media;
  std::unique_ptr<net::HttpServer> server;

  [[nodiscard]] std::vector<net::Loop*> loop_list() const;
  Result<void> open_store(const Settings& settings);
  Result<void> open_providers(const Settings& settings);
  Result<void> build_services(const Settings& settings);
  Result<void> open_playback(const Settings& settings);
  Result<void> build_calls(const Settings& settings);
  Result<void> open_recorder(const Settings& settings);
  Result<void> listen(const Settings& settings);
  void watch_everything();
  [[nodiscard]] bool loops_alive(Duration limit) const;
};

}  // namespace al::agentd
