// The webhooks of a call (SPEC 2): what Twilio asks when somebody calls, when a stream begins or ends, when a call is
// over, when a message was recorded. Handlers answer at once; what a report sets in motion happens on the desk's loop.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "agentd/call_desk.h"
#include "agentd/call_pages.h"
#include "agentd/metrics.h"
#include "agentd/playback_service.h"
#include "agentd/web_gate.h"
#include "net/http_server.h"
#include "store/async_store.h"

namespace al::agentd {

class CallWebhooks {
 public:
  struct Options {
    bool stream_ended_without_content = false;  // STREAM_ENDED_STATUS=204: no resume
    std::string persona;
    std::string language;
    std::string node;
    std::function<void()> stream_expected;  // Twilio was told to open a stream: providers may connect meanwhile
  };
  // All must outlive the routes. `playback` null: PLAYBACK=stream.
  CallWebhooks(Options options, const WebGate& gate, CallDesk& desk, const CallPages& pages, store::AsyncStore& store,
               const PlaybackService* playback = nullptr);

  [[nodiscard]] std::vector<net::Route> routes();

  void incoming(const Webhook& hook, net::Responder respond);
  void preview(const Webhook& hook, net::Responder respond);
  void stream_ended(const Webhook& hook, net::Responder respond);
  void stream_status(const Webhook& hook);
  void call_status(const Webhook& hook);
  void recording(const Webhook& hook, net::Responder respond);

 private:
  void offer(store::OfferKind kind, const Webhook& hook, const twilio::VoiceRequest& request, net::Responder respond);
  void remember(const twilio::VoiceRequest& request);

  const Options options_;
  const WebGate& gate_;
  CallDesk& desk_;
  const CallPages& pages_;
  store::AsyncStore& store_;
  const PlaybackService* playback_;
};

}  // namespace al::agentd
