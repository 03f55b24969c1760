// Routes without business: health, readiness, version, clips, metrics.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "agentd/answer_clips.h"
#include "agentd/call_desk.h"
#include "agentd/metrics.h"
#include "net/http_server.h"

namespace al::agentd {

struct NodeState {
  std::function<bool()> loops_alive;     // every loop turned lately
  std::function<bool()> store_degraded;  // the database is away or slow: calls go on
};

// /health, /healthz (alive), /readyz (503 while draining or full), /version.
[[nodiscard]] std::vector<net::Route> health_routes(const CallDesk& desk, NodeState state, std::string version,
                                                    std::string commit);
// /static/tts/*: regular files of one folder, by plain name, WAV, MP3 or raw µ-law; with HEAD and caching. And what
// `answers` holds, if given: those are of one call and are not cached.
[[nodiscard]] net::Route clip_route(std::string folder, const AnswerClips* answers = nullptr);
// /metrics, for the admin listener.
[[nodiscard]] net::Route metrics_route(Metrics& metrics);

}  // namespace al::agentd
