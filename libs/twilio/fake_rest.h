// The part of Twilio's REST API that this program uses, as a pure handler: for tests and offline demonstrations. Put it
// behind any HTTP server, or call it directly. Not thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/time.h"
#include "twilio/call_status.h"
#include "twilio/form.h"
#include "twilio/simulated_call.h"

namespace al::twilio {

struct FakeRestAnswer {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::string retry_after;  // header; empty = none
};

// One accepted change of a call, for the test or the simulated call to act on.
struct FakeCallUpdate {
  std::string call_sid;
  std::string url;    // redirect
  std::string twiml;  // inline document
  bool completed = false;
};

class FakeRest {
 public:
  FakeRest(std::string account_sid, std::string user, std::string secret);

  void put_call(std::string_view call_sid, CallStatus status);  // a call that exists
  // A call whose updates are done to it at once: new TwiML, a redirect, the end. Its own state is what GET tells and
  // what refuses an update (21220). It must stay until detach().
  void attach(SimulatedCall& call);
  void detach(std::string_view call_sid);
  // The next `times` requests are answered so instead: 429 (20429), 500, 503, … `code` 0 = the usual one.
  void fail_next(int times, int http_status, std::string retry_after = {}, int code = 0);

  // `path`: with the leading '/', without host. `authorization`: the header's value. `now` matters to attached calls,
  // which have actions to be done afterwards: drain their poll().
  [[nodiscard]] FakeRestAnswer handle(std::string_view method, std::string_view path, std::string_view authorization,
                                      std::string_view body, Timestamp now = {});

  [[nodiscard]] std::vector<FakeCallUpdate> take_updates();
  [[nodiscard]] std::vector<FormParams> take_messages();  // accepted POST /Messages.json
  [[nodiscard]] std::uint64_t requests() const { return requests_; }

 private:
  [[nodiscard]] FakeRestAnswer update_call(const std::string& call_sid, const FormParams& form, Timestamp now);
  [[nodiscard]] CallStatus status_of(const std::string& call_sid) const;
  [[nodiscard]] FakeRestAnswer create_call(const FormParams& form);
  [[nodiscard]] FakeRestAnswer create_message(const FormParams& form);

  std::string account_sid_;
  std::string user_;
  std::string secret_;
  std::map<std::string, CallStatus, std::less<>> calls_;
  std::map<std::string, SimulatedCall*, std::less<>> attached_;
  std::vector<FakeCallUpdate> updates_;
  std::vector<FormParams> messages_;
  int failures_ = 0;
  int failure_status_ = 0;
  int failure_code_ = 0;
  std::string failure_retry_after_;
  std::uint64_t requests_ = 0;
  std::uint64_t next_sid_ = 1;
};

}  // namespace al::twilio
