#include "agentd/api_routes.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include <nlohmann/json.hpp>

#include "core/json.h"
#include "core/secret.h"
#include "providers/whatsapp_wire.h"
#include "store/export.h"
#include "twilio/form.h"

namespace al::agentd {
namespace {

constexpr Duration kReadWait = seconds{5};
constexpr std::string_view kBearer = "Bearer ";
constexpr std::size_t kLongestKey = 200;

net::HttpResponse problem(int status, std::string_view what, std::string_view field = {}) {
  nlohmann::json body = {{"error", what}};
  if (!field.empty()) body["field"] = field;
  return net::HttpResponse::json(status, dump_json(body) + "\n");
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

// A list as somebody asked for it. Errors begin with the name of the argument: "limit: …".
struct ListQuery {
  store::RecordFilter filter;
  bool csv = false;
};

Result<std::int64_t> whole_number(const twilio::FormParam& param, std::int64_t least, std::int64_t most) {
  std::int64_t value = 0;
  const char* end = param.value.data() + param.value.size();
  const auto [stop, fault] = std::from_chars(param.value.data(), end, value);
  if (fault != std::errc{} || stop != end || value < least || value > most) {
    return fail(Errc::kMalformed,
                param.key + ": must be a whole number from " + std::to_string(least) + " to " + std::to_string(most));
  }
  return value;
}

Result<void> read_argument(const twilio::FormParam& param, bool has_direction, ListQuery& query) {
  constexpr std::int64_t kLatestMs = 4'102'444'800'000;  // the year 2100
  const auto wrong = [&](std::string_view what) {
    return fail(Errc::kMalformed, param.key + ": " + std::string(what));
  };
  const auto number = [&](std::int64_t least, std::int64_t most, auto&& use) -> Result<void> {
    const auto value = whole_number(param, least, most);
    if (!value) return fail(value.error());
    use(*value);
    return {};
  };
  store::RecordFilter& filter = query.filter;
  if (param.key == "phone") {
    // A plus that was not percent-encoded arrives as a blank.
    filter.phone = param.value.starts_with(' ') ? "+" + param.value.substr(1) : param.value;
    return filter.phone.empty() ? wrong("is empty") : Result<void>();
  }
  if (param.key == "call") {
    filter.call = CallSid(param.value);
    return is_twilio_sid(param.value, "CA") ? Result<void>() : wrong("is no call identifier: CA and 32 hex digits");
  }
  if (param.key == "limit") return number(1, 10'000, [&](auto value) { filter.limit = static_cast<int>(value); });
  if (param.key == "since_ms") {
    return number(0, kLatestMs, [&](auto value) { filter.since = WallTime{milliseconds{value}}; });
  }
  if (param.key == "before_ms") {
    return number(0, kLatestMs, [&](auto value) { filter.before = WallTime{milliseconds{value}}; });
  }
  if (param.key == "cursor") {
    filter.after = store::parse_cursor(param.value);
    return filter.after ? Result<void>() : wrong("is not the \"next\" of an earlier page");
  }
  if (param.key == "format") {
    query.csv = param.value == "csv";
    return query.csv || param.value == "json" ? Result<void>() : wrong("must be json or csv");
  }
  if (param.key == "direction" && has_direction) {
    filter.inbound = param.value == "in";
    return param.value == "in" || param.value == "out" ? Result<void>() : wrong("must be in or out");
  }
  return wrong("there is no such argument");
}

Result<ListQuery> list_query(std::string_view text, bool has_direction) {
  const auto form = twilio::parse_form(text);
  if (!form) return fail(form.error());
  ListQuery query;
  for (const twilio::FormParam& param : form->entries()) {
    if (const auto read = read_argument(param, has_direction, query); !read) return fail(read.error());
  }
  return query;
}

// "limit: must be …" -> 400 with the field and the words apart.
net::HttpResponse named_problem(int status, const std::string& detail) {
  const std::size_t colon = detail.find(": ");
  if (colon == std::string::npos) return problem(status, detail);
  return problem(status, detail, std::string_view(detail).substr(0, colon));
}

template <typename Rows>
net::HttpResponse render(const Rows& rows, const char* name, const ListQuery& query,
                         std::string (*to_csv)(const Rows&)) {
  const bool more = rows.size() == static_cast<std::size_t>(query.filter.limit);
  const std::string next = more ? store::to_string(store::cursor_of(rows.back())) : std::string();
  net::HttpResponse response;
  if (query.csv) {
    response.content_type = "text/csv; charset=utf-8";
    response.body = to_csv(rows);
  } else {
    nlohmann::json list = nlohmann::json::array();
    for (const auto& row : rows) list.push_back(store::to_json(row));
    nlohmann::json body = {{name, std::move(list)}};
    if (more) body["next"] = next;
    response = net::HttpResponse::json(200, dump_json(body) + "\n");
  }
  if (more) response.headers.push_back({"X-Next-Cursor", next});
  return response;
}

}  // namespace

ApiRoutes::ApiRoutes(const Settings& settings, const WebGate& gate, store::AsyncStore& store, MessageService& messages,
                     CallerEraser& eraser)
    : key_(settings.string("api_key")),
      origins_(settings.list("cors_origins")),
      gate_(gate),
      store_(store),
      messages_(messages),
      eraser_(eraser),
      limiter_(static_cast<int>(settings.integer("api_rate_per_min"))) {}

std::vector<net::Route> ApiRoutes::routes() {
  std::vector<net::Route> routes;
  routes.push_back(route({"GET", "OPTIONS"}, "/api/calls", &ApiRoutes::calls));
  routes.push_back(route({"GET", "OPTIONS"}, "/api/calls/{sid}", &ApiRoutes::call));
  routes.push_back(route({"GET", "OPTIONS"}, "/api/leads", &ApiRoutes::leads));
  routes.push_back(route({"GET", "OPTIONS"}, "/api/whatsapp/messages", &ApiRoutes::messages));
  routes.push_back(route({"DELETE", "OPTIONS"}, "/api/callers/{number}", &ApiRoutes::erase));
  net::Route send = route({"POST", "OPTIONS"}, "/api/whatsapp/send", &ApiRoutes::send_message);
  send.content_types = {"application/json"};
  routes.push_back(std::move(send));
  return routes;
}

net::Route ApiRoutes::route(std::vector<std::string> methods, std::string pattern, Handler handler) {
  return {std::move(methods), std::move(pattern),
          [this, handler](const net::HttpRequestPtr& request, net::Responder respond) {
            // Every answer says which origin may read it: a browser hides the others from its page, errors included.
            const net::HttpHeaders cors = cors_headers(*request);
            const Reply with_cors = [respond = std::move(respond), cors](net::HttpResponse response) {
              for (const net::HttpHeader& header : cors) response.headers.push_back(header);
              respond(std::move(response));
            };
            if (auto instead = refusal(*request)) {
              with_cors(std::move(*instead));
              return;
            }
            (this->*handler)(*request, with_cors);
          }};
}

net::HttpHeaders ApiRoutes::cors_headers(const net::HttpRequest& request) const {
  const auto origin = request.header("Origin");
  if (!origin || std::find(origins_.begin(), origins_.end(), *origin) == origins_.end()) return {};
  net::HttpHeaders headers{{"Access-Control-Allow-Origin", std::string(*origin)}, {"Vary", "Origin"}};
  if (request.method == "OPTIONS") {
    headers.push_back({"Access-Control-Allow-Headers", "Authorization, Content-Type, X-API-Key"});
    headers.push_back({"Access-Control-Allow-Methods", "GET, POST, DELETE"});
    headers.push_back({"Access-Control-Max-Age", "600"});
  } else {
    headers.push_back({"Access-Control-Expose-Headers", "X-Next-Cursor, Retry-After"});
  }
  return headers;
}

std::optional<net::HttpResponse> ApiRoutes::refusal(const net::HttpRequest& request) {
  if (!limiter_.allow(gate_.client_address(request), request.received)) {
    net::HttpResponse response = problem(429, "too many requests from this address");
    response.headers.push_back({"Retry-After", std::to_string(limiter_.retry_after_s())});
    return response;
  }
  if (request.method == "OPTIONS") return net::HttpResponse::empty(cors_headers(request).empty() ? 403 : 204);
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

void ApiRoutes::answer_from_store(std::function<Result<net::HttpResponse>(store::Store&)> read, Reply respond) {
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

template <typename Rows>
void ApiRoutes::list(const net::HttpRequest& request, Reply respond, const char* name,
                     Result<Rows> (store::Records::*read)(const store::RecordFilter&),
                     std::string (*to_csv)(const Rows&)) {
  const bool has_direction = std::string_view(name) == "messages";
  const auto query = list_query(request.query(), has_direction);
  if (!query) {
    respond(named_problem(400, query.error().detail));
    return;
  }
  answer_from_store(
      [query = *query, name, read, to_csv](store::Store& store) -> Result<net::HttpResponse> {
        const auto rows = (store.records().*read)(query.filter);
        if (!rows) return fail(rows.error());
        return render(*rows, name, query, to_csv);
      },
      std::move(respond));
}

void ApiRoutes::calls(const net::HttpRequest& request, Reply respond) {
  list(request, std::move(respond), "calls", &store::Records::calls, store::calls_csv);
}

void ApiRoutes::leads(const net::HttpRequest& request, Reply respond) {
  list(request, std::move(respond), "leads", &store::Records::leads, store::leads_csv);
}

void ApiRoutes::messages(const net::HttpRequest& request, Reply respond) {
  list(request, std::move(respond), "messages", &store::Records::messages, store::messages_csv);
}

void ApiRoutes::call(const net::HttpRequest& request, Reply respond) {
  const CallSid sid(request.parameters.at("sid"));
  if (!is_twilio_sid(sid.str(), "CA")) {
    respond(problem(400, "is no call identifier: CA and 32 hex digits", "sid"));
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

void ApiRoutes::send_message(const net::HttpRequest& request, Reply respond) {
  const auto body = parse_json(request.body);
  if (!body || !body->is_object()) {
    respond(problem(400, "the body must be a JSON object with \"to\" and \"text\""));
    return;
  }
  MessageService::Message message;
  for (const auto& [name, value] : body->items()) {
    std::string* target = name == "to"     ? &message.to
                          : name == "text" ? &message.text
                          : name == "key"  ? &message.key
                                           : nullptr;
    if (target == nullptr) {
      respond(problem(400, "there is no such field; known are to, text and key", name));
      return;
    }
    if (!value.is_string()) {
      respond(problem(400, "must be a text", name));
      return;
    }
    *target = value.get<std::string>();
  }
  if (message.key.size() > kLongestKey) {
    respond(problem(400, "is longer than " + std::to_string(kLongestKey) + " bytes", "key"));
    return;
  }
  // Keys of strangers and keys of our own never meet.
  message.key = "api:" + (message.key.empty() ? random_token() : message.key);
  messages_.send(std::move(message), [respond = std::move(respond)](Result<std::string> queued) {
    if (queued) {
      respond(net::HttpResponse::json(202, dump_json({{"id", *queued}, {"status", "queued"}}) + "\n"));
      return;
    }
    const int status = status_of(queued.error().code);
    respond(status == 503 ? problem(status, "the database does not answer right now")
                          : named_problem(status, queued.error().detail));
  });
}

void ApiRoutes::erase(const net::HttpRequest& request, Reply respond) {
  std::string number = request.parameters.at("number");
  if (number.starts_with("%2B") || number.starts_with("%2b")) number.replace(0, 3, "+");
  if (!providers::is_e164(number)) {
    respond(problem(400, "must be an international number, as +972501234567", "number"));
    return;
  }
  eraser_.erase(number, [respond = std::move(respond)](Result<CallerEraser::Report> report) {
    if (!report) {
      const int status = status_of(report.error().code);
      respond(problem(status, status == 503 ? "the database does not answer right now" : report.error().detail));
      return;
    }
    respond(net::HttpResponse::json(200, dump_json({{"calls", report->rows.calls},
                                                    {"turns", report->rows.turns},
                                                    {"leads", report->rows.leads},
                                                    {"messages", report->rows.messages},
                                                    {"others", report->rows.others},
                                                    {"files", report->files},
                                                    {"recordings", report->recordings},
                                                    {"recordings_left", report->recordings_left}}) +
                                             "\n"));
  });
}

}  // namespace al::agentd
