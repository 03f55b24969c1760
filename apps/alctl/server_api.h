// What a running agentd knows of a call: its JSON API, with the operator's key.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/error.h"
#include "net/http_client.h"

namespace al::alctl {

struct ServerTurn {
  std::string caller_text;  // as the server recognised it
  std::string agent_text;
};
struct ServerCall {
  std::vector<ServerTurn> turns;
  std::string lead_json;  // the lead of this call as JSON text; empty = none
};

// GET /api/calls/{sid}. Tries for `patience`, since the last turns are stored after the call has ended.
// Errors: kRejected (key), kNotFound, kTimeout, …
[[nodiscard]] Result<ServerCall> fetch_call(net::HttpClient& http, const std::string& base_url,
                                            const std::string& api_key, const std::string& call_sid, Duration patience);

// "https://h:1/x" -> "https://h:1"; empty where it is no http(s) URL.
[[nodiscard]] std::string origin_of(const std::string& url);

}  // namespace al::alctl
