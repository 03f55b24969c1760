// The simulated call follows TwiML: one verb after the other, requests and their answers.
#include <algorithm>
#include <charconv>

#include "core/text.h"
#include "twilio/signature.h"
#include "twilio/simulated_call.h"
#include "twilio/twiml_parse.h"
#include "twilio/url_parts.h"

namespace al::twilio {
namespace {

constexpr std::uint64_t kFramesPerSecond = 50;

int number_or(std::string_view text, int otherwise) {
  int value = otherwise;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

bool is_twiml_type(std::string_view content_type) {
  const std::string type = to_lower_ascii(trim(content_type.substr(0, content_type.find(';'))));
  return type == "text/xml" || type == "application/xml" || type == "text/html";
}

}  // namespace

FormParams SimulatedCall::call_params() const {
  FormParams form{{"AccountSid", options_.account_sid.str()},
                  {"ApiVersion", "2010-04-01"},
                  {"CallSid", options_.call_sid.str()},
                  {"CallStatus", to_string(status_)},
                  {"Called", options_.to},
                  {"Caller", options_.from},
                  {"CallerCity", ""},
                  {"CallerCountry", "IL"},
                  {"Direction", "inbound"},
                  {"From", options_.from},
                  {"FromCity", ""},
                  {"To", options_.to},
                  {"ToZip", ""}};
  for (const FormParam& more : options_.more_params.entries()) form.add(more.key, more.value);
  return form;
}

std::string SimulatedCall::resolve(std::string_view url) const {
  if (url.find("://") != std::string_view::npos) return std::string(url);
  const UrlParts base = split_url(document_url_);
  std::string origin = std::string(base.scheme_and_userinfo) + std::string(base.host);
  if (!base.port.empty()) origin += ":" + std::string(base.port);
  if (url.starts_with('/')) return origin + std::string(url);
  const std::string_view path = base.rest.substr(0, base.rest.find_first_of("?#"));
  return origin + std::string(path.substr(0, path.rfind('/') + 1)) + std::string(url);
}

void SimulatedCall::sign(sim::HttpRequest& request) const {
  if (options_.auth_token.empty()) return;
  request.signature =
      compute_signature(options_.auth_token, request.url, request.method == "POST" ? &request.form : nullptr);
}

void SimulatedCall::request_twiml(std::string_view url, std::string_view method, const FormParams& more,
                                  Timestamp now) {
  if (++requests_ > options_.max_requests) {
    log_error(11215, "too many documents in one call", now);
    end_call(CallStatus::kFailed, "too many documents", now);
    return;
  }
  sim::HttpRequest request;
  request.id = ++next_id_;
  request.method = method == "GET" ? "GET" : "POST";
  request.url = resolve(url);
  request.url = request.url.substr(0, request.url.find('#'));
  request.form = call_params();
  for (const FormParam& entry : more.entries()) request.form.add(entry.key, entry.value);
  if (request.method == "GET") {
    request.url += (request.url.find('?') == std::string::npos ? "?" : "&") + encode_form(request.form);
    request.form = {};
  }
  sign(request);
  document_url_ = request.url;
  twiml_request_ = request.id;
  leg_ = Leg::kFetching;
  http_.push_back({request.id, sim::HttpPurpose::kTwiml, now + options_.http_timeout});
  note(now, "request", request.method + " " + request.url);
  actions_.emplace_back(std::move(request));
}

void SimulatedCall::request_status(sim::HttpPurpose purpose, std::string_view url, FormParams form, Timestamp now) {
  sim::HttpRequest request;
  request.id = ++next_id_;
  request.purpose = purpose;
  request.method = "POST";
  request.url = resolve(url);
  request.form = std::move(form);
  sign(request);
  http_.push_back({request.id, purpose, now + options_.http_timeout});
  actions_.emplace_back(std::move(request));
}

void SimulatedCall::http_response(std::uint64_t id, const HttpAnswer& answer, Timestamp now) {
  const auto found = std::find_if(http_.begin(), http_.end(), [&](const PendingHttp& one) { return one.id == id; });
  if (found == http_.end()) return;
  const sim::HttpPurpose purpose = found->purpose;
  http_.erase(found);
  if (purpose != sim::HttpPurpose::kTwiml) {
    if (answer.status >= 400) log_error(15003, "a callback was answered with " + std::to_string(answer.status), now);
    return;
  }
  if (id != twiml_request_) return;
  twiml_request_ = 0;
  if (answer.status != 200) {
    log_error(answer.status >= 400 ? 11200 : 12100,
              "a TwiML request was answered with " + std::to_string(answer.status), now);
    end_call(CallStatus::kFailed, "no TwiML: HTTP " + std::to_string(answer.status), now);
    return;
  }
  if (!is_twiml_type(answer.content_type)) {
    log_error(12300, "content type '" + answer.content_type + "'", now);
    end_call(CallStatus::kFailed, "the answer is no TwiML by its content type", now);
    return;
  }
  run_document(answer.body, now);
}

void SimulatedCall::http_failed(std::uint64_t id, const Error& error, Timestamp now) {
  const auto found = std::find_if(http_.begin(), http_.end(), [&](const PendingHttp& one) { return one.id == id; });
  if (found == http_.end()) return;
  const sim::HttpPurpose purpose = found->purpose;
  http_.erase(found);
  log_error(purpose == sim::HttpPurpose::kTwiml ? 11205 : 15003, "request failed: " + to_string(error), now);
  if (purpose != sim::HttpPurpose::kTwiml || id != twiml_request_) return;
  twiml_request_ = 0;
  end_call(CallStatus::kFailed, "no TwiML: " + to_string(error), now);
}

void SimulatedCall::run_document(std::string_view document, Timestamp now) {
  auto parsed = parse_twiml(document);
  if (!parsed) {
    log_error(12100, parsed.error().detail, now);
    end_call(CallStatus::kFailed, "the TwiML cannot be read", now);
    return;
  }
  document_ = std::move(*parsed);
  next_verb_ = 0;
  next_verb(now);
}

void SimulatedCall::next_verb(Timestamp now) {
  clip_.clear();
  clip_at_ = 0;
  clip_request_ = 0;
  wait_until_.reset();
  if (ended()) return;
  if (next_verb_ >= document_.children.size()) {
    end_call(CallStatus::kCompleted, "the TwiML is done", now);
    return;
  }
  const TwimlElement verb = document_.children[next_verb_++];
  if (!answered_at_ && verb.name != "Reject" && verb.name != "Redirect") {
    answered_at_ = now;
    next_step_ = now + milliseconds{20};
    status_ = CallStatus::kInProgress;
  }
  run_verb(verb, now);
}

void SimulatedCall::run_verb(const TwimlElement& verb, Timestamp now) {
  note(now, "verb", "<" + verb.name + ">" + (verb.text.empty() ? "" : " " + verb.text));
  if (verb.name == "Connect") {
    begin_connect(verb, now);
  } else if (verb.name == "Play" || verb.name == "Say") {
    begin_clip(verb, now);
  } else if (verb.name == "Record") {
    begin_record(verb, now);
  } else if (verb.name == "Gather") {
    begin_gather(verb, now);
  } else if (verb.name == "Pause") {
    leg_ = Leg::kPausing;
    wait_until_ = now + seconds{std::clamp(number_or(attribute_or(verb, "length", "1"), 1), 0, 180)};
  } else if (verb.name == "Redirect") {
    request_twiml(trim(verb.text), attribute_or(verb, "method", "POST"), {}, now);
  } else if (verb.name == "Hangup") {
    end_call(CallStatus::kCompleted, "<Hangup>", now);
  } else if (verb.name == "Reject") {
    end_call(CallStatus::kBusy, "<Reject>", now);
  } else if (verb.name == "Start" || verb.name == "Stop") {
    next_verb(now);  // side streams and recordings are of no consequence here
  } else {
    log_error(12200, "<" + verb.name + "> is not followed by the simulated call", now);
    next_verb(now);
  }
}

void SimulatedCall::begin_clip(const TwimlElement& verb, Timestamp now) {
  static_cast<void>(now);
  leg_ = Leg::kSpeaking;
  sim::FetchClip clip;
  clip.id = clip_request_ = ++next_id_;
  if (verb.name == "Play") {
    clip.url = resolve(trim(verb.text));
  } else {
    clip.text = verb.text;
    clip.language = attribute_or(verb, "language", "en-US");
  }
  actions_.emplace_back(std::move(clip));
}

void SimulatedCall::clip_ready(std::uint64_t id, std::vector<std::uint8_t> ulaw, Timestamp now) {
  if (id != clip_request_ || leg_ != Leg::kSpeaking) return;
  clip_request_ = 0;
  if (ulaw.empty()) {
    log_error(13420, "a clip could not be played", now);
    next_verb(now);
    return;
  }
  clip_ = std::move(ulaw);
  clip_at_ = 0;
}

void SimulatedCall::begin_record(const TwimlElement& record, Timestamp now) {
  active_ = record;
  record_frames_ = 0;
  record_quiet_ = 0;
  leg_ = Leg::kRecording;
  note(now, "recording", "maxLength " + std::string(attribute_or(record, "maxLength", "3600")) + " s");
}

void SimulatedCall::check_record(Timestamp now) {
  const auto frames = [&](std::string_view key, std::string_view fallback) {
    return static_cast<std::uint64_t>(std::max(0, number_or(attribute_or(active_, key, fallback), 0))) *
           kFramesPerSecond;
  };
  const std::uint64_t silence = frames("timeout", "5");
  if (silence > 0 && record_quiet_ >= silence) {
    finish_record("", now);
  } else if (record_frames_ >= frames("maxLength", "3600")) {
    finish_record("", now);
  }
}

void SimulatedCall::finish_record(std::string_view ended_by, Timestamp now) {
  if (record_quiet_ >= record_frames_) {  // nothing was said: no recording, the next verb follows
    note(now, "recording", "empty");
    next_verb(now);
    return;
  }
  const std::string length = std::to_string((record_frames_ - record_quiet_ + kFramesPerSecond - 1) / kFramesPerSecond);
  const std::string sid =
      "RE" + options_.call_sid.str().substr(std::min<std::size_t>(2, options_.call_sid.str().size()));
  FormParams more{{"RecordingUrl",
                   "https://api.twilio.com/2010-04-01/Accounts/" + options_.account_sid.str() + "/Recordings/" + sid},
                  {"RecordingSid", sid},
                  {"RecordingDuration", length}};
  const std::string_view status_url = attribute_or(active_, "recordingStatusCallback", "");
  if (!status_url.empty()) {
    FormParams form{{"AccountSid", options_.account_sid.str()}, {"CallSid", options_.call_sid.str()}};
    for (const FormParam& entry : more.entries()) form.add(entry.key, entry.value);
    form.add("RecordingStatus", "completed");
    form.add("RecordingSource", "RecordVerb");
    request_status(sim::HttpPurpose::kRecordingStatus, status_url, std::move(form), now);
  }
  if (!ended_by.empty()) more.add("Digits", ended_by);
  const std::string action(attribute_or(active_, "action", document_url_));
  request_twiml(action, attribute_or(active_, "method", "POST"), more, now);
}

void SimulatedCall::begin_gather(const TwimlElement& gather, Timestamp now) {
  active_ = gather;
  digits_.clear();
  leg_ = Leg::kGathering;
  for (const TwimlElement& inner : gather.children) note(now, "prompt", inner.text);
  wait_until_ = now + seconds{std::clamp(number_or(attribute_or(gather, "timeout", "5"), 5), 1, 600)};
}

void SimulatedCall::finish_gather(Timestamp now) {
  if (digits_.empty() && attribute_or(active_, "actionOnEmptyResult", "false") != "true") {
    next_verb(now);
    return;
  }
  const std::string action(attribute_or(active_, "action", document_url_));
  request_twiml(action, attribute_or(active_, "method", "POST"), {{"Digits", digits_}}, now);
}

void SimulatedCall::rest_redirect(std::string_view url, Timestamp now) {
  if (!in_progress()) return;
  note(now, "rest", "redirected to " + std::string(url));
  close_stream(now);
  request_twiml(url, "POST", {}, now);
}

void SimulatedCall::rest_twiml(std::string_view twiml, Timestamp now) {
  if (!in_progress()) return;
  note(now, "rest", "new TwiML");
  const bool connected = leg_ == Leg::kStreaming || leg_ == Leg::kConnecting;
  close_stream(now);
  twiml_request_ = 0;
  if (connected) ask_replaced_action(now);
  run_document(twiml, now);
}

void SimulatedCall::rest_complete(Timestamp now) {
  if (in_progress()) end_call(CallStatus::kCompleted, "completed through REST", now);
}

}  // namespace al::twilio
