// Single requests and handshakes of the smoke test, blocking, with their times.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "alctl/twilio_target.h"
#include "net/http_client.h"
#include "net/loop.h"
#include "net/websocket_client.h"
#include "twilio/form.h"

namespace al::alctl {

struct HttpProbe {
  std::optional<Error> error;  // no answer at all
  int status = 0;
  std::string content_type;
  std::string body;
  double ms = 0;
};

struct SocketProbe {
  bool opened = false;
  int http_status = 0;        // where it was refused
  std::string error;          // where it did not open
  std::string subprotocol;    // chosen by the server
  std::optional<int> closed;  // close code, when the server closed within the wait
  double ms = 0;              // to the opening
  double closed_ms = 0;       // from the opening to the close
};

class Prober {
 public:
  enum class Sign { kNot, kWrong, kRight };

  explicit Prober(const TwilioTarget& target) : target_(target), loop_("alctl-smoke") {}

  [[nodiscard]] HttpProbe get(const std::string& path);
  [[nodiscard]] HttpProbe post(const std::string& path, const twilio::FormParams& form, Sign sign);
  // `url` as in the TwiML. `messages` are sent after opening; then it waits for the server's close.
  [[nodiscard]] SocketProbe open_socket(const std::string& url, const std::string& subprotocol,
                                        const std::vector<std::string>& messages = {},
                                        Duration wait_for_close = Duration{0});
  [[nodiscard]] std::string to_connect(const std::string& url) const;

 private:
  [[nodiscard]] HttpProbe send(net::ClientRequest request);

  const TwilioTarget& target_;
  net::LoopThread loop_;
  net::HttpClient http_;
};

}  // namespace al::alctl
