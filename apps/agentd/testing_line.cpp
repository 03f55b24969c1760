#include "agentd/testing_line.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>

#include <fmt/format.h>

namespace al::agentd::test {
namespace {

constexpr milliseconds kLook{5};

net::HttpResponse to_response(twilio::FakeRestAnswer answer) {
  net::HttpResponse response;
  response.status = answer.status;
  response.content_type = answer.content_type;
  response.body = std::move(answer.body);
  if (!answer.retry_after.empty()) response.headers.push_back({"Retry-After", answer.retry_after});
  return response;
}

}  // namespace

// ---- one call
// --------------------------------------------------------------------------------------------------------

TestCall::TestCall(TestTwilio& twilio, twilio::SimulatedCallOptions call, std::string connect_url)
    : twilio_(twilio),
      driver_(twilio.loop(), twilio.http(), std::move(call), {std::string(kBase), std::move(connect_url), {}},
              {{},
               [this](const twilio::sim::Note& note) { notes_.push_back(note); },
               [this](const twilio::sim::Ended& ended) {
                 end_reason_ = ended.reason;
                 over_ = true;
               }}) {
  twilio_.rest_.attach(driver_.call());
}

TestCall::~TestCall() {
  twilio_.rest_.detach(driver_.call().options().call_sid.str());
}

void TestCall::say(milliseconds length) {
  constexpr std::size_t kPitchSamples = 62;  // 129 Hz
  std::vector<std::uint8_t> ulaw;
  for (std::size_t i = 0; i < static_cast<std::size_t>(length.count()) * 8; ++i) {
    ulaw.push_back(i % kPitchSamples < 8 ? 0x92 : i % kPitchSamples < 16 ? 0x12 : 0xB5);
  }
  driver_.call().say(ulaw);
}

int TestCall::noted(std::string_view what, std::string_view part) const {
  return static_cast<int>(std::count_if(notes_.begin(), notes_.end(), [&](const twilio::sim::Note& note) {
    return note.what == what && note.detail.find(part) != std::string::npos;
  }));
}

std::string TestCall::timeline() const {
  std::string text;
  for (const twilio::sim::Note& note : notes_) {
    const auto since = std::chrono::duration_cast<milliseconds>(note.at - notes_.front().at);
    text += fmt::format("{:6} {} {}\n", since.count(), note.what, note.detail);
  }
  return text;
}

Duration TestCall::agent_sound() {
  const auto& track = driver_.call().agent_track();
  // µ-law codes above 0x6F (sign apart) are amplitudes under 140 of 32768.
  const auto loud = std::count_if(track.begin(), track.end(), [](std::uint8_t byte) { return (byte & 0x7F) <= 0x6F; });
  return microseconds{loud * 125};
}

// ---- Twilio
// ----------------------------------------------------------------------------------------------------------

TestTwilio::TestTwilio()
    : rest_(std::string(kAccount), std::string(kAccount), std::string(kAuthToken)), server_({&thread_.loop()}) {
  net::ListenSpec spec;
  spec.routes.push_back(
      {{"GET", "POST"}, "/2010-04-01/*", [this](const net::HttpRequestPtr& request, net::Responder respond) {
         ++rest_requests_;
         auto answer = rest_.handle(request->method, request->path(), request->header("Authorization").value_or(""),
                                    request->body, monotonic_now());
         for (twilio::FakeCallUpdate& update : rest_.take_updates()) updates_.push_back(std::move(update));
         respond(to_response(std::move(answer)));
       }});
  if (const auto listening = server_.listen(std::move(spec)); !listening) {
    throw std::runtime_error(to_string(listening.error()));
  }
  rest_port_ = server_.port_of("public");
}

TestTwilio::~TestTwilio() {
  std::promise<void> gone;
  server_.stop(net::ws_close::kGoingAway, milliseconds{100}, [&] { gone.set_value(); });
  gone.get_future().wait_for(std::chrono::seconds{5});
  thread_.stop_and_join();
}

bool TestTwilio::eventually(std::function<bool()> condition, milliseconds patience) {
  struct Watch {
    std::promise<bool> result;
    std::unique_ptr<net::Timer> timer;
  };
  const auto watch = std::make_shared<Watch>();
  const Timestamp until = monotonic_now() + patience;
  auto result = watch->result.get_future();
  thread_.loop().post([this, watch, condition = std::move(condition), until] {
    watch->timer = std::make_unique<net::Timer>(thread_.loop(), [this, watch, condition, until](Timestamp now) {
      const bool holds = condition();
      if (!holds && now < until) {
        watch->timer->arm_after(kLook);
        return;
      }
      watch->result.set_value(holds);
      // The timer holds the watch: it goes after this call.
      thread_.loop().post([watch] { watch->timer.reset(); });
    });
    watch->timer->arm_after(Duration{0});
  });
  return result.get();
}

twilio::SimulatedCallOptions TestTwilio::options() const {
  twilio::SimulatedCallOptions call;
  call.webhook_url = std::string(kBase) + "/webhook/incoming_call";
  call.status_callback = std::string(kBase) + "/webhook/call_status";
  call.auth_token = kAuthToken;
  call.account_sid = AccountSid(std::string(kAccount));
  call.from = "+15551230001";
  call.to = "+15551230002";
  return call;
}

std::shared_ptr<TestCall> TestTwilio::new_call(twilio::SimulatedCallOptions options, const std::string& agent) {
  return with([&] {
    if (options.call_sid == twilio::SimulatedCallOptions{}.call_sid) {
      options.call_sid = CallSid(fmt::format("CA{:032x}", ++calls_));
    }
    return std::make_shared<TestCall>(*this, options, agent);
  });
}

std::shared_ptr<TestCall> TestTwilio::dial(twilio::SimulatedCallOptions options, const std::string& agent) {
  auto call = new_call(std::move(options), agent);
  with([&] { call->driver().dial(); });
  return call;
}

void TestTwilio::forget(std::shared_ptr<TestCall>& call) {
  with([&] { call.reset(); });
}

int TestTwilio::updates_with(std::string_view part) const {
  return static_cast<int>(std::count_if(updates_.begin(), updates_.end(), [&](const twilio::FakeCallUpdate& update) {
    return (part == "completed" && update.completed) || update.url.find(part) != std::string::npos ||
           update.twiml.find(part) != std::string::npos;
  }));
}

// ---- agentd's settings
// -----------------------------------------------------------------------------------------------

std::vector<std::pair<std::string, std::string>> agent_settings(const providers::FakeWorld& world,
                                                                const TestTwilio& twilio,
                                                                const std::string& state_folder) {
  auto settings = world.settings();
  const std::pair<std::string, std::string> own[] = {{"llm", "scripted"},
                                                     {"persona", "en-real-estate"},
                                                     {"port", "0"},
                                                     {"admin_port", "0"},
                                                     {"threads", "2"},
                                                     {"state_dir", state_folder},
                                                     {"public_base_url", std::string(kBase)},
                                                     {"twilio_account_sid", std::string(kAccount)},
                                                     {"twilio_auth_token", std::string(kAuthToken)},
                                                     {"twilio_api_base_url", twilio.rest_url()},
                                                     {"api_key", std::string(kApiKey)},
                                                     {"vad_engine", "energy"},
                                                     {"ai_greeting", "Hello."},
                                                     {"api_rate_per_min", "1000000"},
                                                     {"log_transcripts", "true"}};
  for (const auto& [key, value] : own) {
    const auto same =
        std::find_if(settings.begin(), settings.end(), [&, k = key](const auto& s) { return s.first == k; });
    if (same != settings.end()) {
      same->second = value;
    } else {
      settings.emplace_back(key, value);
    }
  }
  return settings;
}

TestFolder::TestFolder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "al-agentd-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary folder");
  path_ = pattern;
}

TestFolder::~TestFolder() {
  std::error_code fault;
  std::filesystem::remove_all(path_, fault);
}

}  // namespace al::agentd::test
