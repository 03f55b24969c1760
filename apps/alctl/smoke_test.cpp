// `alctl smoke` against a good server and against one with each planted fault: it must fail with the right line.
#include <gtest/gtest.h>

#include "alctl/model_server.h"
#include "alctl/smoke_checks.h"

namespace al::alctl {
namespace {

using test::Fault;
using test::InjectingProxy;
using test::ModelServer;

TwilioTarget target_of(const std::string& url) {
  TwilioTarget target;
  target.origin = target.public_origin = url;
  target.webhook_url = url + "/webhook/incoming_call";
  target.auth_token = ModelServer::kToken;
  target.account_sid = "AC00000000000000000000000000000000";
  return target;
}

std::vector<std::string> failures(const TwilioTarget& target) {
  std::vector<std::string> names;
  for (const SmokeCheck& check : run_smoke(target, {}, [](const SmokeCheck&) {})) {
    if (!check.ok) names.push_back(check.name + " (" + check.detail + ")");
  }
  return names;
}

// True when a failed line has this name.
bool failed(const std::vector<std::string>& lines, std::string_view name) {
  return std::any_of(lines.begin(), lines.end(),
                     [&](const std::string& line) { return line.starts_with(std::string(name) + " "); });
}

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += "\n  " + line;
  return text;
}

TEST(Smoke, AGoodServerPassesEveryCheck) {
  const ModelServer server;
  const auto lines = failures(target_of(server.url()));
  EXPECT_TRUE(lines.empty()) << joined(lines);
}

struct Planted {
  Fault fault;
  const char* line;
  std::size_t lines = 1;  // how many may fail because of it
};

void PrintTo(const Planted& planted, std::ostream* out) {
  *out << planted.line;
}

class SmokeFault : public testing::TestWithParam<Planted> {};

TEST_P(SmokeFault, FailsWithTheRightLine) {
  const ModelServer server({GetParam().fault});
  const auto lines = failures(target_of(server.url()));
  EXPECT_TRUE(failed(lines, GetParam().line)) << joined(lines);
  EXPECT_LE(lines.size(), GetParam().lines) << joined(lines);
}

INSTANTIATE_TEST_SUITE_P(
    EachFault, SmokeFault,
    testing::Values(Planted{Fault::kNoSubprotocolEcho, "socket_subprotocol"},
                    Planted{Fault::kWrongContentType, "twiml_type", 4},  // the call cannot be made either
                    Planted{Fault::kHttpAction, "twiml_https", 7},  // wss on a server without TLS: no socket either
                    Planted{Fault::kSlowStatus, "route_stream_status"},
                    Planted{Fault::kStatusError, "route_call_status"}, Planted{Fault::kPlayFirst, "twiml_order", 2},
                    Planted{Fault::kByteOrderMark, "twiml_valid"}, Planted{Fault::kQueryInStream, "twiml_valid"},
                    Planted{Fault::kOtherHost, "twiml_host", 9},
                    Planted{Fault::kAcceptsUnsigned, "signature_missing_refused"},
                    Planted{Fault::kAcceptsWrongSignature, "signature_wrong_refused"},
                    Planted{Fault::kRefusesRightSignature, "signature_right_accepted", 4},
                    Planted{Fault::kNoSlash, "socket_slash"}, Planted{Fault::kStrangersStay, "socket_stranger_refused"},
                    Planted{Fault::kSilentAgent, "call_first_audio"}, Planted{Fault::kLateAgent, "call_first_audio"},
                    Planted{Fault::kNoVersion, "version"}, Planted{Fault::kDraining, "ready"},
                    Planted{Fault::kClosesWithError, "call_ends_cleanly"}));

TEST(Smoke, AForcedSubprotocolFailsTheWayTwilioConnects) {
  const ModelServer server;
  const InjectingProxy proxy(server.port(), "Sec-WebSocket-Protocol: audio.twilio.com");
  TwilioTarget target = target_of(server.url());
  target.origin = proxy.url();
  const auto lines = failures(target);
  EXPECT_TRUE(failed(lines, "socket_plain")) << joined(lines);
}

TEST(Smoke, NobodyThereIsOneLine) {
  TwilioTarget target = target_of("http://127.0.0.1:1");
  const auto checks = run_smoke(target, {}, [](const SmokeCheck&) {});
  ASSERT_EQ(checks.size(), 1U);
  EXPECT_FALSE(checks[0].ok);
}

TEST(Smoke, WithoutATokenSignedChecksAreSkipped) {
  const ModelServer server;
  TwilioTarget target = target_of(server.url());
  target.auth_token.clear();
  const auto checks = run_smoke(target, {}, [](const SmokeCheck&) {});
  EXPECT_TRUE(all_ok(checks));
  EXPECT_EQ(std::count_if(checks.begin(), checks.end(), [](const SmokeCheck& check) { return check.skipped; }), 3);
}

}  // namespace
}  // namespace al::alctl
