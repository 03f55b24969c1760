// Connections to providers: begun while Twilio is still opening the stream.
#include "agentd/testing_service.h"

namespace al::agentd::test {
namespace {

class WarmUpTest : public ServiceTest {
 protected:
  void start_with_model() {
    start({{"llm", "openai,scripted"},
           {"openai_api_key", "fake-key"},
           {"llm_model", "fake"},
           {"openai_base_url", model_.url("/v1")},
           {"tts", "azure"},
           {"azure_speech_key", "unused"},
           {"azure_tts_base_url", "http://127.0.0.1:1"}});
  }
  net::ClientResponse rings(bool good = true) {
    return post_signed("/webhook/incoming_call",
                       {{"CallSid", "CA" + std::string(32, 'a')},
                        {"AccountSid", std::string(kServiceAccount)},
                        {"From", std::string(kPerson)},
                        {"To", std::string(kUs)},
                        {"Direction", "inbound"},
                        {"CallStatus", "ringing"}},
                       good);
  }

  OtherService model_{[](const providers::RawRequest&, std::size_t) { return OtherService::Answer{}; }};
};

TEST_F(WarmUpTest, TheModelIsConnectedToWhenTheTelephoneRings) {
  start_with_model();
  ASSERT_EQ(rings().status, 200);
  EXPECT_EQ(model_.request(0).method, "HEAD") << "a connection, nothing that is billed";
}

TEST_F(WarmUpTest, AStrangerConnectsToNobody) {
  start_with_model();
  ASSERT_EQ(rings(false).status, 403);
  ASSERT_EQ(ask("GET", "/webhook/incoming_call_preview").status, 200);
  ASSERT_EQ(rings().status, 200);  // what the strangers set in motion would have come before this
  EXPECT_EQ(model_.request(0).method, "HEAD");
  EXPECT_EQ(model_.requests().size(), 1U);
}

}  // namespace
}  // namespace al::agentd::test
