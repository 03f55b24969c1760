#include "alctl/records_server.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "alctl/server_api.h"
#include "core/json.h"
#include "net/http_client.h"
#include "twilio/form.h"

namespace al::alctl {
namespace {

using nlohmann::json;

constexpr int kPage = 1000;
constexpr std::string_view kPaths[] = {"/api/calls", "/api/leads", "/api/whatsapp/messages"};
constexpr const char* kNames[] = {"calls", "leads", "messages"};

tl::unexpected<RecordFault> fault(ExitCode code, std::string message) {
  return tl::make_unexpected(RecordFault{code, std::move(message)});
}

class Server {
 public:
  Server(std::string origin, std::string key) : origin_(std::move(origin)), key_(std::move(key)) {}

  Found<net::ClientResponse> ask(std::string method, const std::string& path, std::string body = {}) {
    net::ClientRequest request;
    request.method = std::move(method);
    request.url = origin_ + path;
    request.headers = {{"Authorization", "Bearer " + key_}};
    if (!body.empty()) request.headers.push_back({"Content-Type", "application/json"});
    request.body = std::move(body);
    request.timeouts.total = milliseconds{30'000};
    request.max_body = std::size_t{256} << 20;
    auto answer = http_.fetch(std::move(request));
    if (!answer) {
      return fault(ExitCode::kUnreachable,
                   fmt::format("no answer from {}: {}; is agentd running there?", origin_, answer.error().detail));
    }
    if (answer->status == 200 || answer->status == 202) return *std::move(answer);
    return refused(*answer);
  }

  Found<json> ask_json(std::string method, const std::string& path, std::string body = {}) {
    const auto answer = ask(std::move(method), path, std::move(body));
    if (!answer) return tl::make_unexpected(answer.error());
    auto parsed = parse_json(answer->body, std::size_t{256} << 20);
    if (!parsed) return no_agentd();
    return *std::move(parsed);
  }

  [[nodiscard]] tl::unexpected<RecordFault> no_agentd() const {
    return fault(ExitCode::kFailed, fmt::format("{} answers, but not as agentd does; is the address right?", origin_));
  }

 private:
  [[nodiscard]] tl::unexpected<RecordFault> refused(const net::ClientResponse& answer) const {
    const auto body = parse_json(answer.body);
    const std::string said = body ? json_string(*body, "error") : std::string();
    const std::string field = body ? json_string(*body, "field") : std::string();
    switch (answer.status) {
      case 401:
        return fault(ExitCode::kDenied,
                     fmt::format("{} refuses the key: API_KEY must be the same here and there", origin_));
      case 403:
        return fault(ExitCode::kDenied,
                     said.empty() ? fmt::format("{} refuses", origin_) : fmt::format("{} says: {}", origin_, said));
      case 404:
        return said.empty() ? no_agentd() : fault(ExitCode::kNotFound, said);
      case 429:
        return fault(ExitCode::kLimit, fmt::format("{}: too many requests; again in {} s", origin_,
                                                   net::find_header(answer.headers, "Retry-After").value_or("a few")));
      case 400:
        return fault(ExitCode::kUsage, field.empty() ? said : field + ": " + said);
      case 409:
        return fault(ExitCode::kConflict, said);
      case 503:
        return fault(ExitCode::kNotReady, fmt::format("{} says: {}", origin_, said));
      default:
        return fault(ExitCode::kFailed, fmt::format("{} answered {} {}", origin_, answer.status, said));
    }
  }

  const std::string origin_;
  const std::string key_;
  net::HttpClient http_;
};

class ServerSource final : public RecordSource {
 public:
  ServerSource(std::string origin, std::string key) : server_(std::move(origin), std::move(key)) {}

  Found<json> list(RecordKind kind, const RecordQuery& query) override {
    const auto index = static_cast<std::size_t>(kind);
    json rows = json::array();
    std::string cursor;
    while (static_cast<int>(rows.size()) < query.limit) {
      RecordQuery page = query;
      page.limit = std::min(query.limit - static_cast<int>(rows.size()), kPage);
      auto answer = server_.ask_json("GET", path_of(kind, page, cursor));
      if (!answer) return tl::make_unexpected(answer.error());
      const json* list = json_member(*answer, kNames[index]);
      if (list == nullptr || !list->is_array()) return server_.no_agentd();
      rows.insert(rows.end(), list->begin(), list->end());
      cursor = json_string(*answer, "next");
      if (cursor.empty()) break;
    }
    return rows;
  }

  Found<std::string> csv(RecordKind kind, const RecordQuery& query) override {
    auto answer = server_.ask("GET", path_of(kind, query, {}) + "&format=csv");
    if (!answer) return tl::make_unexpected(answer.error());
    return std::move(answer->body);
  }

  Found<json> call(const std::string& sid) override {
    return server_.ask_json("GET", "/api/calls/" + twilio::percent_encode(sid));
  }

  Found<json> erase(const std::string& phone) override {
    return server_.ask_json("DELETE", "/api/callers/" + twilio::percent_encode(phone));
  }

 private:
  static std::string path_of(RecordKind kind, const RecordQuery& query, const std::string& cursor) {
    twilio::FormParams form;
    form.add("limit", std::to_string(query.limit));
    if (!query.phone.empty()) form.add("phone", query.phone);
    if (!query.call.empty()) form.add("call", query.call);
    if (query.since) form.add("since_ms", std::to_string(query.since->time_since_epoch().count()));
    if (!cursor.empty()) form.add("cursor", cursor);
    return std::string(kPaths[static_cast<std::size_t>(kind)]) + "?" + twilio::encode_form(form);
  }

  Server server_;
};

Found<std::string> address_of(const std::string& url) {
  std::string origin = origin_of(url);
  if (origin.empty()) return fault(ExitCode::kUsage, fmt::format("--server {}: an address as {}", url, kUsualServer));
  return origin;
}

}  // namespace

Found<std::unique_ptr<RecordSource>> server_source(const std::string& url, std::string api_key) {
  auto origin = address_of(url);
  if (!origin) return tl::make_unexpected(origin.error());
  return std::make_unique<ServerSource>(*std::move(origin), std::move(api_key));
}

Found<json> send_through(const std::string& url, std::string api_key, const OutgoingText& message) {
  auto origin = address_of(url);
  if (!origin) return tl::make_unexpected(origin.error());
  json body = {{"to", message.to}, {"text", message.text}};
  if (!message.key.empty()) body["key"] = message.key;
  return Server(*std::move(origin), std::move(api_key)).ask_json("POST", "/api/whatsapp/send", dump_json(body));
}

}  // namespace al::alctl
