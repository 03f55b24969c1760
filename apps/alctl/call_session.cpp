#include "alctl/call_session.h"

#include <algorithm>

#include <fmt/format.h>

#include "alctl/terminal.h"
#include "core/secret.h"

namespace al::alctl {
namespace {

using twilio::SimulatedCall;

// Keeps script, driver and notes of one call together while it runs.
class Session {
 public:
  Session(CallSetup setup, Io& io)
      : setup_(std::move(setup)),
        script_(setup_.lines.size(), setup_.script),
        bar_(io, "calling", static_cast<double>(std::max<std::size_t>(1, setup_.lines.size()))),
        driver_(
            loop_, http_, setup_.call, setup_.driver,
            {[this](Timestamp now) { on_step(now); }, [this](const twilio::sim::Note& note) { notes_.push_back(note); },
             [this](const twilio::sim::Ended& ended) { on_ended(ended); }}) {}

  CallResult run() {
    loop_.post([this] { driver_.dial(); });
    net::Timer watch(loop_, [&](Timestamp) {
      if (interrupted()) driver_.hang_up();
      watch.arm_after(milliseconds{100});
    });
    loop_.post([&] { watch.arm_after(milliseconds{100}); });
    loop_.run();
    watch.cancel();
    bar_.finish();
    return collect();
  }

 private:
  void on_step(Timestamp now) {
    SimulatedCall& call = driver_.call();
    if (call.stream_started_at() && !stream_start_) stream_start_ = call.frames();
    const bool speaking = call.unsaid_bytes() > 0;
    if (!speaking && !spans_.empty() && spans_.back().end == 0) close_span();
    const bool streaming = call.leg() == SimulatedCall::Leg::kStreaming;
    const auto heard = call.last_heard();
    HeardFrame frame;
    frame.audible = is_audible(heard.data(), heard.size());
    frame.speech_closed = !streaming || call.stream()->speech_closed();
    frame.buffer_empty = !streaming || call.stream()->playout().buffered_bytes() == 0;
    frame.caller_speaking = speaking;
    if (now - *call.answered_at() > setup_.longest) {
      driver_.hang_up();
      return;
    }
    // Lines are for a listener: while the stream (re)opens, the caller waits.
    const bool listener = streaming || call.leg() == SimulatedCall::Leg::kRecording;
    if (!listener && !stream_start_) return;
    if (hang_up_at_) {
      if (now >= *hang_up_at_) driver_.hang_up();
      return;
    }
    act(script_.on_frame(frame), now);
  }

  void act(CallerScript::Act what, Timestamp now) {
    if (what == CallerScript::Act::kWait) return;
    for (const char digit : std::exchange(setup_.dtmf, {})) driver_.press(digit);
    if (what == CallerScript::Act::kHangUp) {
      hang_up_at_ = now + setup_.linger;
      return;
    }
    const std::size_t line = script_.next() - 1;
    bar_.update(static_cast<double>(line), fmt::format("line {} of {}", line + 1, setup_.lines.size()));
    spans_.push_back({line, driver_.call().frames(), 0});
    driver_.call().say(setup_.lines[line].ulaw);
  }

  // The line's last byte has left; its last voiced frame was the one before the 20 ms of silence that trimming keeps.
  void close_span() {
    const auto& ulaw = setup_.lines[spans_.back().line].ulaw;
    const std::uint64_t frames = (ulaw.size() + twilio::kFrameBytes - 1) / twilio::kFrameBytes;
    spans_.back().end = spans_.back().begin + frames - (frames > 1 ? 1 : 0);
  }

  void on_ended(const twilio::sim::Ended& ended) {
    ended_ = ended;
    loop_.stop();
  }

  CallResult collect() {
    SimulatedCall& call = driver_.call();
    if (!spans_.empty() && spans_.back().end == 0) close_span();
    CallResult result;
    result.tracks = {call.caller_track(), call.agent_track(), stream_start_};
    CallOutcome& out = result.outcome;
    out.call_sid = setup_.call.call_sid.str();
    out.url = setup_.call.webhook_url;
    out.ended = ended_ ? ended_->reason : "unknown";
    out.lines = setup_.lines;
    out.spans = spans_;
    out.figures = measure_call(result.tracks, spans_);
    if (const auto* stream = call.stream()) {
      out.pacing_ms = pacing_deviations_ms(stream->arrivals());
      out.underruns = stream->playout().underruns();
      out.frames_in = stream->media_received();
      out.frames_out = stream->media_sent();
    }
    out.streams = call.streams_opened();
    out.subprotocol = driver_.chosen_subprotocol();
    out.requests = driver_.requests();
    out.debugger = call.debugger();
    out.unanswered = script_.unanswered();
    out.timeline = notes_;
    out.answered = call.answered_at().value_or(notes_.empty() ? Timestamp{} : notes_.front().at);
    out.duration_ms = static_cast<std::int64_t>(call.frames()) * 20;
    judge(out);
    return result;
  }

  void judge(CallOutcome& out) const {
    const auto problem = [&](ExitCode code, std::string why) {
      if (!out.problem.empty()) return;
      out.problem = std::move(why);
      out.exit_code = code;
    };
    for (const RequestTiming& request : out.requests) {
      if (request.purpose != twilio::sim::HttpPurpose::kTwiml || request.status == 200) continue;
      if (request.status == 0) problem(ExitCode::kUnreachable, "no answer from " + request.url);
      if (request.status == 403) {
        problem(ExitCode::kDenied,
                request.url + " refused the signature (403): set TWILIO_AUTH_TOKEN to the server's token");
      }
      problem(ExitCode::kFailed, request.url + " answered " + std::to_string(request.status));
    }
    if (interrupted()) problem(ExitCode::kInterrupted, "interrupted");
    if (!stream_start_) {
      problem(ExitCode::kFailed, out.debugger.empty()
                                     ? "the media stream never opened"
                                     : fmt::format("{} {}", out.debugger[0].code, out.debugger[0].detail));
    }
    if (!out.figures.first_audio_ms) problem(ExitCode::kFailed, "the agent was never heard");
    if (script_.next() < setup_.lines.size()) {
      problem(ExitCode::kFailed, fmt::format("the call ended ({}) before line {} of {}", out.ended, script_.next() + 1,
                                             setup_.lines.size()));
    }
    if (!out.unanswered.empty())
      problem(ExitCode::kFailed, fmt::format("line {} was not answered", out.unanswered[0] + 1));
    out.ok = out.problem.empty();
  }

  CallSetup setup_;
  net::Loop loop_;
  net::HttpClient http_;
  CallerScript script_;
  ProgressBar bar_;
  std::vector<twilio::sim::Note> notes_;
  std::vector<SpokenSpan> spans_;
  std::optional<std::uint64_t> stream_start_;
  std::optional<Timestamp> hang_up_at_;
  std::optional<twilio::sim::Ended> ended_;
  LineDriver driver_;
};

}  // namespace

CallResult run_call(CallSetup setup, Io& io) {
  return Session(std::move(setup), io).run();
}

std::string random_sid(const std::string& prefix) {
  return prefix + to_hex(random_bytes(16));
}

}  // namespace al::alctl
