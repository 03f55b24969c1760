// For tests of everything that is not a call: a whole agentd over its own sockets, in its own folder, without speech;
// and services of others that answer as the test says, byte for byte.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "agentd/daemon.h"
#include "core/log.h"
#include "net/http_client.h"
#include "providers/fakes/raw_server.h"
#include "store/store_fixture.h"
#include "twilio/form.h"

namespace al::agentd::test {

inline constexpr std::string_view kServiceToken = "0123456789abcdef0123456789abcdef";
inline constexpr std::string_view kServiceKey = "the-api-key";
inline constexpr std::string_view kServiceBase = "https://agent.example.com";
inline constexpr std::string_view kServiceAccount = "AC11111111111111111111111111111111";
inline constexpr std::string_view kPerson = "+972541234567";  // a mobile in Israel
inline constexpr std::string_view kUs = "+97231234567";
// Far longer than anything takes; only a failing test waits for it.
inline constexpr milliseconds kServicePatience{25'000};

// Somebody else's HTTP service on a loopback port: keeps what it was asked, answers what it was told to.
class OtherService {
 public:
  struct Answer {
    int status = 200;
    std::string body;
    net::HttpHeaders headers{};
    enum class Fate { kAnswered, kReset, kSilent } fate = Fate::kAnswered;
  };
  using Script = std::function<Answer(const providers::RawRequest& request, std::size_t number)>;  // number: from 0
  explicit OtherService(Script script);

  [[nodiscard]] std::string url(std::string_view path = {}) const { return server_.origin("http") + std::string(path); }
  // The request of that number, waited for; an empty one where it never came.
  [[nodiscard]] providers::RawRequest request(std::size_t number);
  [[nodiscard]] std::vector<providers::RawRequest> requests();
  void answer_with(Script script);

 private:
  void serve(const providers::RawRequest& request, providers::RawConnection& connection);
  std::mutex mutex_;
  std::condition_variable came_;
  Script script_;
  std::vector<providers::RawRequest> requests_;
  providers::RawServer server_;  // last: its threads use the rest
};

// "a=b&c=d" as a map, decoded.
[[nodiscard]] std::map<std::string, std::string> form_of(std::string_view body);

class ServiceTest : public ::testing::Test {
 protected:
  using Changes = std::map<std::string, std::string>;
  void TearDown() override;
  // Starts agentd; again after stop(): on the same folder, with what an earlier one left there.
  void start(const Changes& changes = {});
  void stop() { daemon_.reset(); }

  net::ClientResponse ask(std::string_view method, std::string_view path, std::string body = {},
                          net::HttpHeaders headers = {});
  // With the API's key.
  net::ClientResponse api(std::string_view method, std::string_view path, std::string body = {},
                          net::HttpHeaders headers = {});
  nlohmann::json get(std::string_view path);  // of the API; null where it is not answered with 200
  net::ClientResponse post_signed(std::string_view path, const twilio::FormParams& form, bool good = true);
  // Somebody writes to us; a new MessageSid for every text unless one is given.
  net::ClientResponse writes(const std::string& text, std::string sid = {}, std::string_view from = kPerson);
  [[nodiscard]] static twilio::FormParams message_form(const std::string& text, const std::string& sid,
                                                       std::string_view from = kPerson);
  // A message identifier as Twilio gives them.
  [[nodiscard]] static std::string message_sid(int number);

  // Another connection to the daemon's own database: to put in what calls would leave, and to look.
  [[nodiscard]] std::unique_ptr<store::Store> store();
  [[nodiscard]] static bool eventually(const std::function<bool()>& condition);
  // Messages of ours (or to us) as the API lists them, the oldest first.
  std::vector<nlohmann::json> messages(std::string_view direction);
  [[nodiscard]] bool logged(std::string_view part);

  log::Capture log_{log::Level::kInfo};
  store::testing::TemporaryFolder folder_;
  std::string database_;  // "" = SQLite in the folder
  net::HttpClient http_;
  std::unique_ptr<Daemon> daemon_;
  int written_ = 0;
};

// Takes every message, as Twilio does: 201 and an identifier of its own.
[[nodiscard]] OtherService::Answer twilio_takes(const providers::RawRequest& request, std::size_t number);

class WhatsAppTest : public ServiceTest {
 protected:
  void start_with_twilio(Changes changes = {});
  // The text of our message of that number.
  std::string said(std::size_t number) { return form_of(network_.request(number).body)["Body"]; }

  OtherService network_{twilio_takes};
};

}  // namespace al::agentd::test
