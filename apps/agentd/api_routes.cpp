#include "agentd/api_routes.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include <nlohmann/json.hpp>

#include "core/json.h"
#include "core/secret.h"
#include "store/export.h"
#include "twilio/form.h"

namespace al::agentd {
namespace {

constexpr Duration kReadWait = seconds{5};
constexpr std::string_view kBearer = "Bearer ";

net::HttpResponse problem(int status, std::string_view what) {
  return net::HttpResponse::json(status, dump_json({{"error", what}}) + "\n");
}

int status_of(Errc code) {
  switch (code) {
    case Errc::kNotFound:
      return 404;
    case Errc::kMalformed:
      return 400;
    case Errc::kRejected:
    case Errc::kUnsupported:
      return 409;
    default:
      return 503;
  }
}

// ?phone=+972…&call=CA…&limit=100&since_ms=…&before_ms=…
Result<store::RecordFilter> filter_from(std::string_view query) {
  const auto form = twilio::parse_form(query);
  if (!form) return fail(form.error());
  store::RecordFilter filter;
  const auto number = [&](std::string_view key) -> Result<std::optional<std::int64_t>> {
    const auto text = form->find(key);
    if (!text || text->empty()) return std::nullopt;
    std::int64_t value = 0;
    const auto [stop, fault] = std::from_chars(text->data(), text->data() + text->size(), value);
    if (fault != std::errc{} || stop != text->data() + text->size()) {
      return fail(Errc::kMalformed, std::string(key) + " is not a whole number");
    }
    return value;
  };
  filter.phone = form->get("phone");
  filter.call = CallSid(std::string(form->get("call")));
  const auto limit = number("limit");
  const auto since = number("since_ms");
  const auto before = number("before_ms");
  for (const auto* part : {&limit, &since, &before}) {
    if (!*part) return fail(part->error());
  }
  if (*limit) filter.limit = static_cast<int>(std::clamp<std::int64_t>(**limit, 1, 10'000));
  if (*since) filter.since = WallTime{milliseconds{**since}};
  if (*before) filter.before = WallTime{milliseconds{**before}};
  return filter;
}

bool wants_csv(const net::HttpRequest& request) {
  const auto form = twilio::parse_form(request.query());
  return form && form->get("format") == "csv";
}

template <typename Rows>
net::HttpResponse render(const Rows& rows, const char* name, bool csv, std::string (*to_csv)(const Rows&)) {
  if (csv) {
    net::HttpResponse response;
    response.content_type = "text/csv; charset=utf-8";
    response.body = to_csv(rows);
    return response;
  }
  nlohmann::json list = nlohmann::json::array();
  for (const auto& row : rows) list.push_back(store::to_json(row));
  return net::HttpResponse::json(200, dump_json({{name, std::move(list)}}) + "\n");
}

}  // namespace

ApiRoutes::ApiRoutes(const Settings& settings, const WebGate& gate, store::AsyncStore& store, MessageService& messages)
    : key_(settings.string("api_key")),
      origins_(settings.list("cors_origins")),
      gate_(gate),
      store_(store),
      messages_(messages),
      limiter_(static_cast<int>(settings.integer("api_rate_per_min"))) {}

std::vector<net::Route> ApiRoutes::routes() {
  std::vector<net::Route> routes;
  routes.push_back(route({"GET", "OPTIONS"}, "/api/calls", &ApiRoutes::calls));
  routes.push_back(route({"GET", "OPTIONS"}, "/api/calls/{sid}", &ApiRoutes::call));
  routes.push_back(route({"GET", "OPTIONS"}, "/api/leads", &ApiRoutes::leads));
  routes.push_back(route({"GET", "OPTIONS"}, "/api/whatsapp/messages", &ApiRoutes::messages));
  net::Route send = route({"POST", "OPTIONS"}, "/api/whatsapp/send", &ApiRoutes::send_message);
  send.content_types = {"application/json"};
  routes.push_back(std::move(send));
  return routes;
}

net::Route ApiRoutes::route(std::vector<std::string> methods, std::string pattern, Handler handler) {
  return {std::move(methods), std::move(pattern),
          [this, handler](const net::HttpRequestPtr& request, net::Responder respond) {
            if (auto instead = refusal(*request)) {
              respond(std::move(*instead));
              return;
            }
            (this->*handler)(*request, std::move(respond));
          }};
}

net::HttpHeaders ApiRoutes::cors_headers(const net::HttpRequest& request) const {
  const auto origin = request.header("Origin");
  if (!origin || std::find(origins_.begin(), origins_.end(), *origin) == origins_.end()) return {};
  return {{"Access-Control-Allow-Origin", std::string(*origin)},
          {"Access-Control-Allow-Headers", "Authorization, Content-Type"},
          {"Access-Control-Allow-Methods", "GET, POST"},
          {"Access-Control-Max-Age", "600"},
          {"Vary", "Origin"}};
}

std::optional<net::HttpResponse> ApiRoutes::refusal(const net::HttpRequest& request) {
  if (!limiter_.allow(gate_.client_address(request), request.received)) {
    net::HttpResponse response = problem(429, "too many requests from this address");
    response.headers.push_back({"Retry-After", std::to_string(limiter_.retry_after_s())});
    return response;
  }
  const net::HttpHeaders cors = cors_headers(request);
  if (request.method == "OPTIONS") {
    net::HttpResponse response = net::HttpResponse::empty(cors.empty() ? 403 : 204);
    response.headers = cors;
    return response;
  }
  if (key_.empty()) return problem(403, "the API is closed: API_KEY is not set");
  const std::string_view authorization = request.header("Authorization").value_or("");
  const std::string_view given = authorization.starts_with(kBearer) ? authorization.substr(kBearer.size())
                                                                    : request.header("X-API-Key").value_or("");
  if (!constant_time_equal(given, key_)) {
    net::HttpResponse response = problem(401, "a valid API key is needed: Authorization: Bearer …");
    response.headers.push_back({"WWW-Authenticate", "Bearer"});
    return response;
  }
  return std::nullopt;
}

void ApiRoutes::answer_from_store(std::function<Result<net::HttpResponse>(store::Store&)> read,
                                  net::Responder respond) {
  store_.ask<net::HttpResponse>(
      std::move(read), kReadWait, [respond = std::move(respond)](Result<net::HttpResponse> answer) {
        if (answer) {
          answer->headers.push_back({"Cache-Control", "no-store"});
          respond(std::move(*answer));
        } else {
          const int status = status_of(answer.error().code);
          respond(problem(status, status == 503 ? "the database does not answer right now" : answer.error().detail));
        }
      });
}

void ApiRoutes::calls(const net::HttpRequest& request, net::Responder respond) {
  answer_from_store(
      [query = std::string(request.query()),
       csv = wants_csv(request)](store::Store& store) -> Result<net::HttpResponse> {
        const auto filter = filter_from(query);
        if (!filter) return fail(filter.error());
        const auto rows = store.records().calls(*filter);
        if (!rows) return fail(rows.error());
        return render(*rows, "calls", csv, store::calls_csv);
      },
      std::move(respond));
}

void ApiRoutes::call(const net::HttpRequest& request, net::Responder respond) {
  const CallSid sid(request.parameters.at("sid"));
  if (!is_twilio_sid(sid.str(), "CA")) {
    respond(problem(400, "that is no call identifier: CA and 32 hex digits"));
    return;
  }
  answer_from_store(
      [sid](store::Store& store) -> Result<net::HttpResponse> {
        const auto details = store.records().call(sid);
        if (!details) return fail(details.error());
        return net::HttpResponse::json(200, dump_json(store::to_json(*details)) + "\n");
      },
      std::move(respond));
}

void ApiRoutes::leads(const net::HttpRequest& request, net::Responder respond) {
  answer_from_store(
      [query = std::string(request.query()),
       csv = wants_csv(request)](store::Store& store) -> Result<net::HttpResponse> {
        const auto filter = filter_from(query);
        if (!filter) return fail(filter.error());
        const auto rows = store.records().leads(*filter);
        if (!rows) return fail(rows.error());
        return render(*rows, "leads", csv, store::leads_csv);
      },
      std::move(respond));
}

void ApiRoutes::messages(const net::HttpRequest& request, net::Responder respond) {
  answer_from_store(
      [query = std::string(request.query()),
       csv = wants_csv(request)](store::Store& store) -> Result<net::HttpResponse> {
        const auto filter = filter_from(query);
        if (!filter) return fail(filter.error());
        const auto rows = store.records().messages(*filter);
        if (!rows) return fail(rows.error());
        return render(*rows, "messages", csv, store::messages_csv);
      },
      std::move(respond));
}

void ApiRoutes::send_message(const net::HttpRequest& request, net::Responder respond) {
  const auto body = parse_json(request.body);
  if (!body || !body->is_object() || !body->contains("to") || !(*body)["to"].is_string() || !body->contains("text") ||
      !(*body)["text"].is_string()) {
    respond(problem(400, "the body must be a JSON object with the texts \"to\" (as +972501234567) and \"text\""));
    return;
  }
  MessageService::Message message;
  message.to = (*body)["to"].get<std::string>();
  message.text = (*body)["text"].get<std::string>();
  message.key = body->value("key", std::string());
  if (message.key.empty()) message.key = "api-" + random_token();
  messages_.send(std::move(message), [respond = std::move(respond)](Result<std::string> queued) {
    if (queued) {
      respond(net::HttpResponse::json(202, dump_json({{"id", *queued}, {"status", "queued"}}) + "\n"));
    } else {
      respond(problem(status_of(queued.error().code), queued.error().detail));
    }
  });
}

}  // namespace al::agentd
