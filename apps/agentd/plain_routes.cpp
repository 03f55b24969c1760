#include "agentd/plain_routes.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

#include <nlohmann/json.hpp>

#include "core/json.h"

namespace al::agentd {
namespace {

constexpr std::uintmax_t kMaxClipBytes = std::uintmax_t{8} << 20;

std::string_view content_type_of(std::string_view name) {
  if (name.ends_with(".wav")) return "audio/wav";
  if (name.ends_with(".mp3")) return "audio/mpeg";
  if (name.ends_with(".ulaw")) return "audio/basic";
  return {};
}

// One plain file name: no folder, nothing hidden.
bool is_plain_name(std::string_view name) {
  return !name.empty() && name.size() <= 128 && name.front() != '.' &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
                  c == '.';
         });
}

net::HttpResponse uncached(net::HttpResponse response) {
  response.headers.push_back({"Cache-Control", "no-store"});
  return response;
}

}  // namespace

std::vector<net::Route> health_routes(const CallDesk& desk, NodeState state, std::string version, std::string commit) {
  const auto alive = net::at_once([state](const net::HttpRequest&) {
    const bool ok = state.loops_alive();
    return uncached(net::HttpResponse::text(ok ? 200 : 503, ok ? "ok\n" : "a loop hangs\n"));
  });
  const auto ready = net::at_once([&desk, state](const net::HttpRequest&) {
    const bool ok = !desk.draining() && !desk.full() && state.loops_alive();
    const nlohmann::json body{{"ready", ok},
                              {"draining", desk.draining()},
                              {"full", desk.full()},
                              {"slots_used", desk.slots_used()},
                              {"slots", desk.slots()},
                              {"streams", desk.streams()},
                              {"degraded", state.store_degraded()}};
    return uncached(net::HttpResponse::json(ok ? 200 : 503, dump_json(body) + "\n"));
  });
  const auto say_version = net::at_once([version, commit](const net::HttpRequest&) {
    return uncached(net::HttpResponse::json(
        200, dump_json({{"name", "agentd"}, {"version", version}, {"commit", commit}, {"schema", 1}}) + "\n"));
  });
  std::vector<net::Route> routes;
  routes.push_back({{"GET"}, "/health", alive});
  routes.push_back({{"GET"}, "/healthz", alive});
  routes.push_back({{"GET"}, "/readyz", ready});
  routes.push_back({{"GET"}, "/version", say_version});
  return routes;
}

net::Route clip_route(std::string folder, const AnswerClips* answers) {
  return {
      {"GET"}, "/static/tts/*", net::at_once([folder = std::move(folder), answers](const net::HttpRequest& request) {
        const auto rest = request.parameters.find("*");
        const std::string name = rest == request.parameters.end() ? "" : rest->second;
        const std::string_view type = content_type_of(name);
        if (const auto wav = answers != nullptr ? answers->find(name, monotonic_now()) : nullptr) {
          net::HttpResponse response;
          response.content_type = type;
          response.body = *wav;
          return uncached(std::move(response));
        }
        std::error_code fault;
        const std::filesystem::path path = std::filesystem::path(folder) / name;
        if (folder.empty() || type.empty() || !is_plain_name(name) ||
            !std::filesystem::is_regular_file(std::filesystem::symlink_status(path, fault)) ||
            std::filesystem::file_size(path, fault) > kMaxClipBytes) {
          return net::HttpResponse::text(404, "No such clip\n");
        }
        std::ifstream in(path, std::ios::binary);
        net::HttpResponse response;
        response.content_type = type;
        response.body.assign(std::istreambuf_iterator<char>(in), {});
        response.headers = {{"Cache-Control", "public, max-age=86400, immutable"}};
        return response;
      })};
}

net::Route metrics_route(Metrics& metrics) {
  return {{"GET"}, "/metrics", net::at_once([&metrics](const net::HttpRequest&) {
            net::HttpResponse response;
            response.content_type = "text/plain; version=0.0.4; charset=utf-8";
            response.body = metrics.render();
            return response;
          })};
}

}  // namespace al::agentd
