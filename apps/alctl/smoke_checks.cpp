#include "alctl/smoke_checks.h"

#include <algorithm>
#include <cmath>
#include <sstream>

#include <fmt/format.h>

#include "alctl/call_session.h"
#include "alctl/smoke_probe.h"
#include "core/text.h"
#include "twilio/signature.h"
#include "twilio/simulated_stream.h"
#include "twilio/twiml_check.h"
#include "twilio/twiml_parse.h"
#include "twilio/url_parts.h"

namespace al::alctl {
namespace {

constexpr std::string_view kSubprotocol = "audio.twilio.com";
constexpr std::string_view kPreview = "/webhook/incoming_call_preview";

class Smoke {
 public:
  Smoke(const TwilioTarget& target, const SmokeLimits& limits, const std::function<void(const SmokeCheck&)>& on_check)
      : target_(target), limits_(limits), on_check_(on_check), probe_(target), call_sid_(random_sid("CA")) {}

  std::vector<SmokeCheck> run() {
    if (!check_version()) return std::move(checks_);
    check_ready();
    check_twiml();
    check_status_routes();
    check_signatures();
    check_sockets();
    check_call();
    return std::move(checks_);
  }

 private:
  void add(std::string name, bool ok, double ms, std::string detail) {
    checks_.push_back({std::move(name), ok, std::round(ms * 10) / 10, std::move(detail), false});
    on_check_(checks_.back());
  }
  void skip(std::string name, std::string why) {
    checks_.push_back({std::move(name), true, 0, "skipped: " + std::move(why), true});
    on_check_(checks_.back());
  }

  bool check_version();
  void check_ready();
  void check_twiml();
  void check_documents_urls(const twilio::TwimlElement& response);
  void check_status_routes();
  void check_status_route(const std::string& name, const std::string& path, const twilio::FormParams& form, bool twiml);
  void check_signatures();
  void check_sockets();
  void check_call();
  [[nodiscard]] twilio::FormParams call_form(std::string_view status) const;
  [[nodiscard]] bool can_sign() const { return !target_.auth_token.empty(); }

  const TwilioTarget& target_;
  const SmokeLimits& limits_;
  const std::function<void(const SmokeCheck&)>& on_check_;
  Prober probe_;
  std::string call_sid_;
  std::string stream_url_;
  double network_ms_ = 0;  // of one exchange with a far server: not the server's own time
  std::vector<SmokeCheck> checks_;
};

std::string describe(const HttpProbe& probe) {
  return probe.error ? to_string(*probe.error) : "HTTP " + std::to_string(probe.status);
}

bool is_loopback(const std::string& origin) {
  const std::string_view host = twilio::split_url(origin).host;
  return host == "127.0.0.1" || host == "localhost" || host == "[::1]";
}

double median_of(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

bool Smoke::check_version() {
  static_cast<void>(probe_.get("/version"));  // opens the connection
  std::vector<double> times;
  HttpProbe last;
  for (int i = 0; i < 3; ++i) {
    last = probe_.get("/version");
    times.push_back(last.ms);
    if (last.error) break;
  }
  const double ms = median_of(times);
  if (!is_loopback(target_.origin)) network_ms_ = *std::min_element(times.begin(), times.end());
  const double limit = is_loopback(target_.origin) ? limits_.status_route_ms : limits_.version_ms;
  const bool ok = last.status == 200 && ms <= limit;
  add("version", ok, ms,
      ok                   ? std::string(trim(last.body)).substr(0, 80)
      : last.status == 200 ? fmt::format("answers after {:.0f} ms, at most {:.0f}", ms, limit)
                           : describe(last));
  return !last.error;
}

void Smoke::check_ready() {
  const HttpProbe answer = probe_.get("/readyz");
  add("ready", answer.status == 200, answer.ms,
      answer.status == 200   ? "takes calls"
      : answer.status == 503 ? "503: draining or full, new calls go to voicemail"
                             : describe(answer));
}

void Smoke::check_twiml() {
  const HttpProbe answer = probe_.get(std::string(kPreview));
  const std::string type =
      to_lower_ascii(trim(std::string_view(answer.content_type).substr(0, answer.content_type.find(';'))));
  const bool typed = answer.status == 200 && (type == "text/xml" || type == "application/xml");
  add("twiml_type", typed, answer.ms,
      answer.status != 200 ? std::string(kPreview) + ": " + describe(answer)
                           : "Content-Type: " + (answer.content_type.empty() ? "none" : answer.content_type) +
                                 (typed ? "" : ", must be text/xml"));
  const auto parsed = twilio::parse_twiml(answer.body);
  twilio::TwimlCheckOptions options;
  options.allow_insecure_loopback = true;
  options.expect_stream = true;
  std::string wrong;
  for (const auto& finding : twilio::check_twiml(answer.body, options)) {
    // Schemes have a line of their own below.
    const bool scheme = finding.message.starts_with("the scheme is");
    if (finding.level == twilio::FindingLevel::kError && !scheme && wrong.empty()) {
      wrong = finding.where + ": " + finding.message + "; " + finding.cure;
    }
  }
  if (!parsed && wrong.empty()) wrong = parsed.error().detail;
  add("twiml_valid", wrong.empty(), 0, wrong.empty() ? "as Twilio wants it" : wrong);
  if (parsed) check_documents_urls(*parsed);
}

void Smoke::check_documents_urls(const twilio::TwimlElement& response) {
  std::string first_verb = response.children.empty() ? "" : response.children.front().name;
  add("twiml_order", first_verb == "Connect", 0,
      first_verb == "Connect" ? "<Connect> comes first" : "<" + first_verb + "> before <Connect> delays the stream");
  std::vector<std::pair<std::string, std::string>> https;  // what, URL
  const auto connect = std::find_if(response.children.begin(), response.children.end(),
                                    [](const auto& verb) { return verb.name == "Connect"; });
  if (connect == response.children.end()) return;
  https.emplace_back("action", twilio::attribute_or(*connect, "action", ""));
  const auto stream = std::find_if(connect->children.begin(), connect->children.end(),
                                   [](const auto& noun) { return noun.name == "Stream"; });
  if (stream == connect->children.end()) return;
  stream_url_ = twilio::attribute_or(*stream, "url", "");
  https.emplace_back("statusCallback", twilio::attribute_or(*stream, "statusCallback", ""));

  // A server on this machine may speak plain HTTP, but then it must do so throughout.
  const bool plain = is_loopback(stream_url_) && stream_url_.starts_with("ws://") && is_loopback(target_.public_origin);
  add("twiml_wss", plain || stream_url_.starts_with("wss://"), 0,
      plain ? stream_url_ + " (plain, on this machine)" : stream_url_);
  std::string wrong;
  std::string missing;
  std::string host_wrong;
  const std::string wanted_host(twilio::split_url(target_.public_origin).host);
  const std::string wanted_port(twilio::split_url(target_.public_origin).port);
  const auto check_host = [&](const std::string& what, const std::string& url) {
    const auto parts = twilio::split_url(url);
    if (!equal_ignore_case(parts.host, wanted_host) || parts.port != wanted_port) {
      host_wrong = fmt::format("{} is {}, but the server was asked as {}; set PUBLIC_BASE_URL, or give --public-url",
                               what, url, target_.public_origin);
    }
  };
  check_host("the stream's url", stream_url_);
  for (const auto& [what, url] : https) {
    if (url.empty()) {
      missing = what + " is missing";
      continue;
    }
    const bool good = url.starts_with("https://") || (plain && is_loopback(url) && url.starts_with("http://"));
    if (!good) wrong = what + " is " + url + ", must be https://";
    check_host("the " + what, url);
  }
  const std::string& fault = wrong.empty() ? missing : wrong;
  add("twiml_https", fault.empty(), 0, fault.empty() ? "action and statusCallback" : fault);
  add("twiml_host", host_wrong.empty(), 0, host_wrong.empty() ? wanted_host : host_wrong);
}

twilio::FormParams Smoke::call_form(std::string_view status) const {
  return {{"AccountSid", target_.account_sid},
          {"ApiVersion", "2010-04-01"},
          {"CallSid", call_sid_},
          {"CallStatus", status},
          {"Direction", "inbound"},
          {"From", "+15005550006"},
          {"FromCity", ""},
          {"To", "+15005550009"}};
}

void Smoke::check_status_route(const std::string& name, const std::string& path, const twilio::FormParams& form,
                               bool twiml) {
  const auto sign = can_sign() ? Prober::Sign::kRight : Prober::Sign::kNot;
  std::vector<double> times;
  HttpProbe last;
  for (int i = 0; i < 3; ++i) {
    last = probe_.post(path, form, sign);
    times.push_back(std::max(0.0, last.ms - network_ms_));
    if (last.error) break;
  }
  const double ms = median_of(times);
  const bool good_status = last.status == 204 || last.status == 200;
  const bool refused_unsigned = twiml && !can_sign() && last.status == 403;
  const bool is_twiml = last.status != 200 || !twiml || twilio::parse_twiml(last.body).has_value();
  std::string detail = describe(last);
  if (good_status && !is_twiml) detail = "HTTP 200, but the body is no TwiML";
  if (ms > limits_.status_route_ms) detail += fmt::format(", {:.0f} ms, at most {:.0f}", ms, limits_.status_route_ms);
  add(name, (good_status || refused_unsigned) && is_twiml && ms <= limits_.status_route_ms, ms, detail);
}

void Smoke::check_status_routes() {
  twilio::FormParams stream = call_form("in-progress");
  stream.add("StreamSid", random_sid("MZ"));
  stream.add("StreamName", "smoke");
  stream.add("StreamEvent", "stream-stopped");
  stream.add("Timestamp", to_iso8601(wall_now()));
  check_status_route("route_stream_status", "/webhook/stream_status", stream, false);
  check_status_route("route_stream_ended", "/webhook/stream_ended", call_form("completed"), true);
  check_status_route("route_call_status", "/webhook/call_status", call_form("completed"), false);
  check_status_route("route_handle_recording", "/webhook/handle_recording", call_form("completed"), true);
}

void Smoke::check_signatures() {
  const std::string path = target_.webhook_url.substr(target_.public_origin.size());
  call_sid_ = random_sid("CA");  // the one before has been reported as over
  const auto form = call_form("ringing");
  const HttpProbe none = probe_.post(path, form, Prober::Sign::kNot);
  add("signature_missing_refused", none.status == 403, none.ms,
      none.status == 403 ? "403" : describe(none) + ": an unsigned call must be refused with 403");
  const HttpProbe wrong = probe_.post(path, form, Prober::Sign::kWrong);
  add("signature_wrong_refused", wrong.status == 403, wrong.ms,
      wrong.status == 403 ? "403" : describe(wrong) + ": a wrongly signed call must be refused with 403");
  const bool chatty = none.status == 403 && none.body.size() > 200;
  add("signature_refusal_is_silent", !chatty, 0,
      chatty ? "the refusal tells strangers too much" : "no detail to strangers");
  if (!can_sign()) {
    skip("signature_right_accepted", "TWILIO_AUTH_TOKEN is not set");
    return;
  }
  const HttpProbe right = probe_.post(path, form, Prober::Sign::kRight);
  const bool twiml = right.status == 200 && twilio::parse_twiml(right.body).has_value();
  add("signature_right_accepted", twiml, right.ms,
      twiml ? "200 with TwiML"
      : right.status == 403
          ? "403: another auth token, or the server signs for another URL (see PUBLIC_BASE_URL, --public-url)"
          : describe(right));
  // Nobody will come for this call: say so, before a watchdog looks after it.
  static_cast<void>(probe_.post("/webhook/call_status", call_form("completed"), Prober::Sign::kRight));
}

void Smoke::check_sockets() {
  std::string url = stream_url_;
  if (url.empty()) {
    url = "ws" + target_.public_origin.substr(4) + "/ws/twilio-media";
  }
  const auto refused = [](const SocketProbe& socket) {
    return socket.http_status != 0 && socket.http_status != 101
               ? fmt::format("HTTP {}: {}", socket.http_status, socket.error)
               : socket.error;
  };
  const SocketProbe plain = probe_.open_socket(url, "");
  add("socket_plain", plain.opened && plain.subprotocol.empty(), plain.ms,
      plain.opened ? "101 without a subprotocol, as Twilio connects" : refused(plain));
  const SocketProbe offered = probe_.open_socket(url, std::string(kSubprotocol));
  const bool echoed = offered.opened && offered.subprotocol == kSubprotocol;
  add("socket_subprotocol", echoed, offered.ms,
      echoed           ? "echoed because it was offered"
      : offered.opened ? "audio.twilio.com was offered, but not returned"
                       : refused(offered));
  const SocketProbe slash = probe_.open_socket(url + (url.ends_with('/') ? "" : "/"), "");
  add("socket_slash", slash.opened, slash.ms, slash.opened ? "101 with the trailing slash too" : refused(slash));

  twilio::SimulatedStream stranger(
      {AccountSid(target_.account_sid), CallSid(random_sid("CA")), StreamSid(random_sid("MZ")), {{"token", "guess"}}},
      false);
  const SocketProbe guess =
      probe_.open_socket(url, "", {stranger.connected(), stranger.start()}, limits_.stranger_gone);
  const bool thrown_out = guess.closed == 1008;
  add("socket_stranger_refused", thrown_out, guess.closed_ms,
      thrown_out      ? "closed with 1008"
      : guess.closed  ? fmt::format("closed with {} instead of 1008", *guess.closed)
      : !guess.opened ? refused(guess)
                      : "a socket with a made-up token stays open");
}

// Half a second of a 440 Hz tone: gives an echoing or a silent agent something to answer.
CallerLine tone_line() {
  CallerLine line{"", "tone", {}};
  constexpr int kHalfPeriod = 9;  // samples at 8 kHz
  for (int i = 0; i < 4000; ++i) line.ulaw.push_back(i / kHalfPeriod % 2 == 0 ? 0x9F : 0x1F);
  return line;
}

void Smoke::check_call() {
  if (!can_sign()) {
    skip("call_first_audio", "TWILIO_AUTH_TOKEN is not set");
    skip("call_ends_cleanly", "TWILIO_AUTH_TOKEN is not set");
    return;
  }
  CallSetup setup;
  setup.call.webhook_url = target_.webhook_url;
  setup.call.auth_token = target_.auth_token;
  setup.call.account_sid = AccountSid(target_.account_sid);
  setup.call.call_sid = CallSid(random_sid("CA"));
  setup.call.from = "+15005550006";
  if (target_.public_origin != target_.origin) {
    setup.driver.public_url = target_.public_origin;
    setup.driver.connect_url = target_.origin;
  }
  setup.driver.extra_ca_file = target_.ca_file;
  setup.lines = {tone_line()};
  setup.script.greeting_wait = milliseconds{1600};
  setup.script.patience = milliseconds{1500};
  setup.linger = milliseconds{100};
  setup.longest = seconds{20};
  std::ostringstream quiet;
  Io io{quiet, quiet};
  const CallResult result = run_call(std::move(setup), io);
  const auto& first = result.outcome.figures.first_audio_ms;
  const double ms = first ? static_cast<double>(*first) : 0;
  std::string why = result.outcome.problem.empty() ? "no sound" : result.outcome.problem;
  if (first) why = fmt::format("{:.0f} ms after start, at most {:.0f}", ms, limits_.first_audio_ms);
  add("call_first_audio", first && ms <= limits_.first_audio_ms, ms, why);
  const auto& errors = result.outcome.debugger;
  const bool streamed = result.tracks.stream_start.has_value();
  add("call_ends_cleanly", streamed && errors.empty(), static_cast<double>(result.outcome.duration_ms),
      !streamed        ? "the media stream never opened"
      : errors.empty() ? "ended: " + result.outcome.ended
                       : fmt::format("Twilio would log {} {}", errors[0].code, errors[0].detail));
}

}  // namespace

std::vector<SmokeCheck> run_smoke(const TwilioTarget& target, const SmokeLimits& limits,
                                  const std::function<void(const SmokeCheck&)>& on_check) {
  return Smoke(target, limits, on_check).run();
}

bool all_ok(const std::vector<SmokeCheck>& checks) {
  return std::all_of(checks.begin(), checks.end(), [](const SmokeCheck& check) { return check.ok; });
}

}  // namespace al::alctl
