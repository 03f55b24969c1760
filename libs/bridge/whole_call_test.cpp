// The engine facing the simulated Twilio in virtual time, message by message as on the wire: a whole call without a
// socket. Recognition, answers and voice are scripted; everything between them is real.
#include <algorithm>
#include <cmath>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "audio/g711.h"
#include "audio/tone.h"
#include "bridge/stream_bridge.h"
#include "dialog/call_engine.h"
#include "dialog/heard_text.h"
#include "dialog/scripted_agent.h"
#include "twilio/media_message.h"
#include "twilio/simulated_call.h"

namespace al::bridge {
namespace {

using namespace dialog;

constexpr Timestamp kStart{seconds{50}};
const std::string kTwiml =
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response><Connect action=\"https://h.example/webhook/stream_ended\">"
    "<Stream url=\"wss://h.example/ws/twilio-media\"/></Connect></Response>";

std::vector<std::uint8_t> voice(milliseconds length) {
  std::vector<std::int16_t> pcm(static_cast<std::size_t>(MediaTime::from(length).samples));
  for (std::size_t i = 0; i < pcm.size(); ++i) {
    const double t = static_cast<double>(i) / audio::kSampleRateHz;
    const double loud = std::fmod(t, 0.16) < 0.12 ? 2600.0 : 20.0;  // syllables
    pcm[i] =
        static_cast<std::int16_t>(loud * (std::sin(2 * 3.14159265 * 180 * t) + std::sin(2 * 3.14159265 * 730 * t)));
  }
  std::vector<std::uint8_t> ulaw(pcm.size());
  audio::encode_ulaw(pcm, ulaw);
  return ulaw;
}

// One driver of both sides: it does what each asks for and has no opinion.
class WholeCall {
 public:
  explicit WholeCall(twilio::SimulatedCallOptions sim = {}, std::uint64_t seed = 1) : sim_(with_url(std::move(sim))) {
    options_.persona = Persona::built_in("en-real-estate").value();
    seed_ = seed;
    sim_.dial(now_);
    drain();
  }

  void say(std::string words, milliseconds length) {
    words_.push_back(std::move(words));
    sim_.say(voice(length));
  }
  void run(Duration time) {
    const Timestamp end = now_ + time;
    while (now_ < end) {
      Timestamp next = end;
      if (!pending_.empty()) next = std::min(next, pending_.begin()->first);
      if (const auto due = sim_.deadline()) next = std::min(next, *due);
      if (const auto due = engine_ ? engine_->deadline() : std::nullopt) next = std::min(next, due->when);
      now_ = std::max(now_, next);
      while (!pending_.empty() && pending_.begin()->first <= now_) {
        auto [input, turn] = std::move(pending_.begin()->second);
        pending_.erase(pending_.begin());
        if (!cancelled_.contains(turn)) feed(input);
      }
      if (engine_ && engine_->deadline() && engine_->deadline()->when <= now_) feed(in::DeadlineReached{});
      if (sim_.deadline() && *sim_.deadline() <= now_) sim_.advance(now_);
      drain();
    }
  }

  // Milliseconds since the stream began at which the caller hears sound of ours, and the last one before `limit`.
  [[nodiscard]] std::optional<std::int64_t> first_sound_ms(std::int64_t from = 0) const {
    const auto& track = sim_.agent_track();
    for (std::size_t i = static_cast<std::size_t>(from) * 8; i < track.size(); ++i) {
      if (loud(track[i])) return static_cast<std::int64_t>(i / 8);
    }
    return std::nullopt;
  }
  [[nodiscard]] std::int64_t last_sound_ms() const {
    const auto& track = sim_.agent_track();
    for (std::size_t i = track.size(); i-- > 0;) {
      if (loud(track[i])) return static_cast<std::int64_t>(i / 8);
    }
    return 0;
  }
  [[nodiscard]] std::int64_t line_ms() const { return static_cast<std::int64_t>(sim_.agent_track().size() / 8); }
  [[nodiscard]] const twilio::SimulatedCall& sim() const { return sim_; }
  [[nodiscard]] const CallEngine& engine() const { return *engine_; }
  [[nodiscard]] int turns() const { return turns_; }
  [[nodiscard]] int ends() const { return ends_; }
  [[nodiscard]] const std::map<std::string, std::string>& lead() const { return lead_; }
  void hang_up() {
    sim_.hang_up(now_);
    drain();
  }

 private:
  static bool loud(std::uint8_t code) { return std::abs(audio::decode_ulaw(code)) > 200; }
  static twilio::SimulatedCallOptions with_url(twilio::SimulatedCallOptions sim) {
    sim.webhook_url = "https://h.example/webhook/incoming_call";
    return sim;
  }

  void drain() {
    bool more = true;
    while (more) {
      more = false;
      while (auto action = sim_.poll()) {
        act(*action);
        more = true;
      }
      while (auto output = engine_ ? engine_->poll_output() : std::nullopt) {
        std::visit([this](const auto& what) { act(what); }, *output);
        more = true;
      }
    }
  }
  void feed(const Input& input) {
    engine_->handle(input, now_);
    drain();
  }
  void later(Duration delay, Input input, TurnId turn) {
    pending_.emplace(now_ + delay, std::make_pair(std::move(input), turn));
  }

  void act(const twilio::SimAction& action) {
    if (const auto* http = std::get_if<twilio::sim::HttpRequest>(&action)) {
      const bool twiml = http->purpose == twilio::sim::HttpPurpose::kTwiml;
      const bool ended = http->url.find("stream_ended") != std::string::npos;
      sim_.http_response(http->id, {twiml ? 200 : 204, "text/xml", !twiml ? "" : ended ? "<Response/>" : kTwiml}, now_);
    } else if (std::holds_alternative<twilio::sim::OpenSocket>(action)) {
      sim_.socket_opened("", now_);
    } else if (const auto* text = std::get_if<twilio::sim::SendText>(&action)) {
      auto message = twilio::parse_media_message(text->text);
      ASSERT_TRUE(message.has_value()) << to_string(message.error());
      receive(*message);
    }
  }
  void receive(const twilio::MediaMessage& message) {
    if (const auto* start = std::get_if<twilio::msg::Start>(&message)) {
      stream_ = start->stream_sid;
      engine_.emplace(options_, now_, seed_);
    } else if (const auto* media = std::get_if<twilio::msg::Media>(&message)) {
      cutter_.push(*media, 0, [this](const in::Media& frame) { feed(frame); });
    } else if (const auto input = to_input(message); input && engine_) {
      feed(*input);
    }
  }

  void act(const out::StartStt&) {}
  void act(const out::FeedStt&) {}
  void act(const out::FinishStt& finish) {
    std::string text;
    if (!words_.empty()) {
      text = words_.front();
      words_.pop_front();
    }
    later(milliseconds{150}, in::SttFinal{finish.turn, text, 0.9F}, finish.turn);
  }
  void act(const out::CancelStt& cancel) { cancelled_.insert(cancel.turn); }
  void act(const out::AskModel& ask) {
    ++turns_;
    for (const std::string& sentence : scripted_answer(*options_.persona, ask.request).sentences) {
      later(milliseconds{50}, in::ModelDelta{ask.request.turn, sentence}, ask.request.turn);
    }
    later(milliseconds{50}, in::ModelDone{ask.request.turn}, ask.request.turn);
  }
  void act(const out::Synthesize& say) {
    const auto length = std::chrono::duration_cast<milliseconds>(estimated_length(say.request.text));
    later(milliseconds{90}, in::TtsAudio{say.request.speech, audio::make_tone(300, length)}, say.request.turn);
    later(milliseconds{90}, in::TtsDone{say.request.speech}, say.request.turn);
  }
  void act(const out::CancelTurn& cancel) { cancelled_.insert(cancel.turn); }
  void act(const out::RunTool& tool) {
    later(milliseconds{50}, in::ToolResult{tool.turn, tool.id, tool.name, "ok"}, {});
  }
  void act(const out::SendMedia& media) { sim_.socket_text(twilio::media_message(stream_, media.ulaw), now_); }
  void act(const out::SendMark& mark) { sim_.socket_text(twilio::mark_message(stream_, mark.name), now_); }
  void act(const out::ClearPlayback&) { sim_.socket_text(twilio::clear_message(stream_), now_); }
  void act(const out::EndCall&) {
    ++ends_;
    sim_.rest_complete(now_);
  }
  void act(const out::SaveLead& lead) { lead_ = lead.slots; }
  void act(const out::Event&) {}

  twilio::SimulatedCall sim_;
  CallOptions options_;
  std::uint64_t seed_ = 1;
  std::optional<CallEngine> engine_;
  StreamSid stream_;
  FrameCutter cutter_;
  Timestamp now_ = kStart;
  std::multimap<Timestamp, std::pair<Input, TurnId>> pending_;
  std::set<TurnId> cancelled_;
  std::deque<std::string> words_;
  int turns_ = 0;
  int ends_ = 0;
  std::map<std::string, std::string> lead_;
};

TEST(WholeCall, TheGreetingIsHeardWithinASecond) {
  WholeCall call;
  call.run(seconds{3});
  ASSERT_TRUE(call.first_sound_ms().has_value());
  EXPECT_GE(*call.first_sound_ms(), 780);
  EXPECT_LE(*call.first_sound_ms(), 1000);
}

TEST(WholeCall, AConversationFillsTheLeadAndTwilioHasNothingToComplainAbout) {
  WholeCall call;
  call.run(seconds{11});
  for (const char* line : {"I am looking for an apartment to buy in Haifa", "four rooms", "two million shekels",
                           "next month", "my name is Dana Levi", "054 123 4567"}) {
    call.say(line, milliseconds{1600});
    call.run(seconds{14});
  }
  EXPECT_GE(call.turns(), 4);
  EXPECT_TRUE(call.lead().contains("area")) << call.lead().size();
  EXPECT_GE(call.lead().size(), 3U);
  EXPECT_TRUE(call.sim().debugger().empty());
  call.hang_up();
  EXPECT_TRUE(call.engine().ended());
}

TEST(WholeCall, TheCallerIsNotTalkedOver) {
  WholeCall call;
  call.run(seconds{3});  // the greeting is being said
  const std::int64_t onset = call.line_ms();
  call.say("I am looking for a flat in Haifa", milliseconds{2500});
  call.run(milliseconds{1500});
  EXPECT_LE(call.last_sound_ms() - onset, 200);
}

TEST(WholeCall, GoodbyeEndsTheCallOnce) {
  WholeCall call;
  call.run(seconds{11});
  call.say("thank you, goodbye", milliseconds{1200});
  call.run(seconds{15});
  EXPECT_EQ(call.ends(), 1);
  EXPECT_TRUE(call.sim().ended());
  EXPECT_TRUE(call.engine().ended());
}

TEST(WholeCall, AnUnevenLineChangesNothingOfThat) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    twilio::SimulatedCallOptions line;
    line.jitter = milliseconds{60};
    line.loss = 0.01;
    line.seed = seed;
    WholeCall call(line, seed);
    call.run(seconds{11});
    call.say("a flat in Haifa", milliseconds{1500});
    call.run(seconds{6});
    EXPECT_EQ(call.turns(), 1) << seed;
    call.say("goodbye", milliseconds{1200});
    call.run(seconds{40});
    EXPECT_EQ(call.ends(), 1) << seed;
    EXPECT_TRUE(call.engine().ended()) << seed;
    EXPECT_TRUE(call.sim().debugger().empty()) << seed;
  }
}

}  // namespace
}  // namespace al::bridge
