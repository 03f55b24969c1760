// Requests to Twilio's REST API over the shared HTTP client: hang up, send to the voicemail. Retries what Twilio says
// may be repeated (429, 5xx), takes "the call is over" as done. Any thread may ask; answers come on the service's loop.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "core/ids.h"
#include "core/settings.h"
#include "net/http_client.h"
#include "net/loop.h"
#include "store/watchdog.h"
#include "twilio/rest.h"

namespace al::agentd {

class RestService {
 public:
  // Without an account SID and a secret there is no REST: see available().
  RestService(const Settings& settings, net::HttpClient& http, net::Loop& loop);
  ~RestService();
  RestService(const RestService&) = delete;
  RestService& operator=(const RestService&) = delete;

  [[nodiscard]] bool available() const { return account_.has_value(); }
  [[nodiscard]] const std::optional<twilio::RestAccount>& account() const { return account_; }

  // One attempt: the watchdog repeats by its own rules.
  void redirect_once(const CallSid& call, std::string url, std::function<void(store::RestVerdict)> done);
  // Dials `number` for the caller; the stream ends with it. With retries.
  void transfer(const CallSid& call, const std::string& number, std::function<void(bool taken)> done);
  // Gives the call new TwiML; its stream ends with that. With retries as far as `limit` allows: the caller is waiting.
  // kOk, kAlreadyOver, or anything else: Twilio did not take it, or did not say so in time.
  void update(const CallSid& call, const std::string& twiml, Duration limit,
              std::function<void(twilio::RestVerdict)> done);
  // Ends the call, with retries. `done` gets true when it is over.
  void complete(const CallSid& call, std::function<void(bool over)> done);

 private:
  struct Attempt;
  using Done = std::function<void(twilio::RestVerdict)>;
  void begin(const CallSid& call, twilio::RestRequest request, Done done, std::optional<Timestamp> give_up = {});
  void attempt(std::shared_ptr<Attempt> what);
  void wait_then_attempt(std::shared_ptr<Attempt> what, Duration wait);
  [[nodiscard]] net::ClientRequest to_client(const twilio::RestRequest& request, Duration timeout) const;

  net::HttpClient& http_;
  net::Loop& loop_;
  std::optional<twilio::RestAccount> account_;
  Duration timeout_;
  int repeats_;                                                 // after the first attempt
  std::map<Attempt*, std::shared_ptr<Attempt>> waiting_;        // for their next try
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // callbacks hold it weakly
};

}  // namespace al::agentd
