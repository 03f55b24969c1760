// Twilio's simulated side facing a scripted server in virtual time: for the tests of this room.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "twilio/media_message.h"
#include "twilio/simulated_call.h"
#include "twilio/twiml.h"

namespace al::twilio::test {

inline constexpr std::string_view kToken = "auth-token";

inline SimulatedCallOptions plain_options() {
  SimulatedCallOptions options;
  options.webhook_url = "https://h.example/webhook/incoming_call";
  options.status_callback = "https://h.example/webhook/call_status";
  options.auth_token = kToken;
  options.call_sid = CallSid("CA0123456789abcdef0123456789abcdef");
  options.account_sid = AccountSid("AC0123456789abcdef0123456789abcdef");
  return options;
}

inline StreamTwiml stream_twiml() {
  StreamTwiml out;
  out.stream_url = "wss://h.example/ws/twilio-media";
  out.status_callback = "https://h.example/webhook/stream_status";
  out.connect_action = "https://h.example/webhook/stream_ended";
  out.parameters = {{"call_sid", "CA0123456789abcdef0123456789abcdef"}, {"token", "t"}};
  return out;
}

struct Rig {
  SimulatedCall call;
  Timestamp now{};
  std::map<std::string, HttpAnswer> answers;  // by the last part of the path
  std::vector<sim::HttpRequest> requests;
  std::vector<sim::FetchClip> clips;
  std::vector<MediaMessage> received;  // by the server, over the socket
  std::vector<std::string> notes;
  std::optional<sim::Ended> ended;
  bool accept_socket = true;
  std::string chosen_subprotocol;
  int sockets = 0;
  std::vector<std::uint16_t> closes;

  explicit Rig(SimulatedCallOptions options = plain_options()) : call(std::move(options)) {
    answers["incoming_call"] = xml(connect_stream_twiml(stream_twiml()));
    answers["stream_ended"] = xml(hangup_twiml());
  }
  static HttpAnswer xml(std::string body) { return {200, "text/xml; charset=utf-8", std::move(body)}; }

  void drain() {
    while (auto action = call.poll()) std::visit([&](auto& one) { on(one); }, *action);
  }
  void on(sim::HttpRequest& request) {
    requests.push_back(request);
    const std::string path = request.url.substr(0, request.url.find('?'));
    const auto answer = answers.find(path.substr(path.rfind('/') + 1));
    call.http_response(request.id, answer == answers.end() ? HttpAnswer{204, "", ""} : answer->second, now);
  }
  void on(sim::FetchClip& clip) {
    clips.push_back(clip);
    call.clip_ready(clip.id, std::vector<std::uint8_t>(1600, 0x10), now);  // 200 ms
  }
  void on(sim::OpenSocket&) {
    ++sockets;
    if (accept_socket) {
      call.socket_opened(chosen_subprotocol, now);
    } else {
      call.socket_refused(403, "refused", now);
    }
  }
  void on(sim::SendText& text) {
    auto message = parse_media_message(text.text);
    ASSERT_TRUE(message.has_value()) << text.text;
    received.push_back(std::move(*message));
  }
  void on(sim::CloseSocket& close) { closes.push_back(close.code); }
  void on(sim::Note& one) { notes.push_back(one.what + " " + one.detail); }
  void on(sim::Ended& one) { ended = one; }

  void dial() {
    call.dial(now);
    drain();
  }
  // Goes on until `until`, from deadline to deadline.
  void run(Duration duration) {
    const Timestamp until = now + duration;
    for (auto next = call.deadline(); next && *next <= until; next = call.deadline()) {
      now = std::max(now, *next);
      call.advance(now);
      drain();
    }
    now = until;
  }
  void server_says(const std::string& text) {
    call.socket_text(text, now);
    drain();
  }
  StreamSid stream() const { return call.stream()->identity().stream_sid; }
  std::vector<std::string> marks() const {
    std::vector<std::string> names;
    for (const MediaMessage& message : received) {
      if (const auto* mark = std::get_if<msg::Mark>(&message)) names.push_back(mark->name);
    }
    return names;
  }
  std::size_t media_count() const {
    return static_cast<std::size_t>(std::count_if(received.begin(), received.end(), [](const MediaMessage& message) {
      return std::holds_alternative<msg::Media>(message);
    }));
  }
  std::vector<std::string> stream_events() const {
    std::vector<std::string> events;
    for (const auto& request : requests) {
      if (request.purpose == sim::HttpPurpose::kStreamStatus) events.emplace_back(request.form.get("StreamEvent"));
    }
    return events;
  }
  bool asked(std::string_view part) const {
    return std::any_of(requests.begin(), requests.end(),
                       [&](const auto& request) { return request.url.find(part) != std::string::npos; });
  }
};

inline std::vector<std::uint8_t> tone(std::size_t frames) {
  return std::vector<std::uint8_t>(frames * kFrameBytes, 0x20);
}

}  // namespace al::twilio::test
