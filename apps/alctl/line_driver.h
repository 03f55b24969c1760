// Does what a SimulatedCall says, over real sockets: HTTP requests, the media socket, clips, time. One per call; many
// may share one loop and one HTTP client. Holds no policy: what the caller says and when is the caller's script. Used
// on the loop's thread only.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "net/http_client.h"
#include "net/loop.h"
#include "net/websocket_client.h"
#include "twilio/simulated_call.h"

namespace al::alctl {

struct LineDriverOptions {
  std::string public_url;     // origin that is signed and that the TwiML names, when it is not the one we connect to
  std::string connect_url;    // origin to connect to instead of public_url
  std::string extra_ca_file;  // PEM
  Duration after_end = seconds{2};  // how long status callbacks may still take when the call is over
};

// One request of the simulated Twilio and how it was answered.
struct RequestTiming {
  twilio::sim::HttpPurpose purpose = twilio::sim::HttpPurpose::kTwiml;
  std::string url;
  int status = 0;  // 0 = no answer
  double ms = 0;
};

struct LineEvents {
  std::function<void(Timestamp now)> on_step;  // after each 20 ms of the line
  std::function<void(const twilio::sim::Note&)> on_note;
  std::function<void(const twilio::sim::Ended&)> on_ended;  // the last one; callbacks have been answered or given up
};

class LineDriver {
 public:
  LineDriver(net::Loop& loop, net::HttpClient& http, twilio::SimulatedCallOptions call, LineDriverOptions options,
             LineEvents events);
  ~LineDriver();
  LineDriver(const LineDriver&) = delete;
  LineDriver& operator=(const LineDriver&) = delete;

  void dial();
  void hang_up();
  void press(char digit);
  [[nodiscard]] twilio::SimulatedCall& call() { return call_; }
  [[nodiscard]] const std::vector<RequestTiming>& requests() const { return requests_; }
  [[nodiscard]] const std::string& chosen_subprotocol() const { return chosen_subprotocol_; }

 private:
  class Socket;

  void pump(Timestamp now);
  void on_timer(Timestamp now);
  void act(twilio::sim::HttpRequest& request, Timestamp now);
  void act(twilio::sim::FetchClip& clip, Timestamp now);
  void act(twilio::sim::OpenSocket& open, Timestamp now);
  void act(twilio::sim::SendText& text, Timestamp now);
  void act(twilio::sim::CloseSocket& close, Timestamp now);
  void act(twilio::sim::Note& note, Timestamp now);
  void act(twilio::sim::Ended& ended, Timestamp now);
  void finish_if_over();
  [[nodiscard]] std::string to_connect(const std::string& url) const;

  net::Loop& loop_;
  net::HttpClient& http_;
  twilio::SimulatedCall call_;
  LineDriverOptions options_;
  LineEvents events_;
  net::Timer timer_;
  std::vector<std::shared_ptr<Socket>> sinks_;  // of this and of earlier streams; the last one belongs to socket_
  std::unique_ptr<net::WebSocketClient> socket_;
  std::vector<std::unique_ptr<net::WebSocketClient>> old_sockets_;  // closing
  std::vector<RequestTiming> requests_;
  std::string chosen_subprotocol_;
  std::optional<twilio::sim::Ended> ended_;
  int open_requests_ = 0;
  int closing_ = 0;  // sockets that we closed and whose end has not come yet
  Timestamp give_up_{};
  std::uint64_t last_frames_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace al::alctl
