#include "alctl/server_api.h"

#include <thread>

#include <nlohmann/json.hpp>

#include "core/json.h"

namespace al::alctl {
namespace {

using nlohmann::json;

Result<json> get_json(net::HttpClient& http, const std::string& url, const std::string& api_key) {
  net::ClientRequest request;
  request.url = url;
  request.headers.push_back({"Authorization", "Bearer " + api_key});
  request.headers.push_back({"Accept", "application/json"});
  request.timeouts.total = milliseconds{5'000};
  auto answer = http.fetch(std::move(request));
  if (!answer) return fail(answer.error());
  if (answer->status == 401 || answer->status == 403) return fail(Errc::kRejected, "the API key is refused");
  if (answer->status == 404) return fail(Errc::kNotFound, "the server does not know this call");
  if (answer->status != 200) return fail(Errc::kInternal, url + " answered " + std::to_string(answer->status));
  return parse_json(answer->body);
}

ServerCall read_call(const json& details) {
  ServerCall call;
  if (const json* turns = json_member(details, "turns"); turns != nullptr && turns->is_array()) {
    for (const json& turn : *turns) {
      std::string heard = json_string(turn, "agent_heard");
      if (heard.empty()) heard = json_string(turn, "agent_text");
      call.turns.push_back({json_string(turn, "caller_text"), std::move(heard)});
    }
  }
  const json* leads = json_member(details, "leads");
  const json* slots = json_member(details, "slots");
  if (leads != nullptr && leads->is_array() && !leads->empty()) {
    call.lead_json = dump_json(leads->back());
  } else if (slots != nullptr && slots->is_object() && !slots->empty()) {
    call.lead_json = dump_json(json{{"slots", *slots}});
  }
  return call;
}

}  // namespace

Result<ServerCall> fetch_call(net::HttpClient& http, const std::string& base_url, const std::string& api_key,
                              const std::string& call_sid, Duration patience) {
  const Timestamp until = monotonic_now() + patience;
  for (;;) {
    auto details = get_json(http, base_url + "/api/calls/" + call_sid, api_key);
    const json* call = details ? json_member(*details, "call") : nullptr;
    // A call without an end is still being written.
    const bool whole = details && (call == nullptr || !json_string(*call, "ended").empty());
    const bool final_error = !details && details.error().code == Errc::kRejected;
    if (whole || final_error || monotonic_now() >= until) {
      if (!details) return fail(details.error());
      return read_call(*details);
    }
    std::this_thread::sleep_for(milliseconds{100});
  }
}

std::string origin_of(const std::string& url) {
  if (!url.starts_with("http://") && !url.starts_with("https://")) return {};
  const std::size_t slash = url.find('/', url.find("://") + 3);
  return url.substr(0, slash);
}

}  // namespace al::alctl
