#include "alctl/load_session.h"

#include <algorithm>
#include <memory>
#include <set>

#include <fmt/format.h>

#include "alctl/call_analysis.h"
#include "alctl/call_session.h"
#include "alctl/line_driver.h"
#include "alctl/terminal.h"

namespace al::alctl {
namespace {

// One call of many, with a voice that repeats itself.
class LoadLine {
 public:
  LoadLine(net::Loop& loop, net::HttpClient& http, const LoadSetup& setup, int number, std::function<void()> on_over)
      : setup_(setup),
        on_over_(std::move(on_over)),
        driver_(loop, http, options(setup, number), driver_options(setup),
                {[this](Timestamp now) { on_step(now); },
                 {},
                 [this](const twilio::sim::Ended& ended) {
                   ended_ = ended.reason;
                   on_over_();
                 }}) {}

  void dial() { driver_.dial(); }
  void hang_up() { driver_.hang_up(); }
  [[nodiscard]] bool over() const { return !ended_.empty(); }

  void add_to(LoadOutcome& out) {
    const auto& call = driver_.call();
    ++out.calls;
    ++out.ended[ended_.empty() ? "still running" : ended_];
    for (const RequestTiming& request : driver_.requests()) {
      auto& list = request.purpose == twilio::sim::HttpPurpose::kTwiml ? out.webhook_ms : out.status_ms;
      if (request.status != 0) list.push_back(request.ms);
    }
    std::set<int> codes;
    for (const auto& error : call.debugger()) codes.insert(error.code);
    for (const int code : codes) ++out.errors[code];
    const auto* stream = call.stream();
    if (stream == nullptr || !call.stream_started_at()) return;
    ++out.streamed;
    out.underruns += stream->playout().underruns();
    out.frames_in += stream->media_received();
    out.frames_out += stream->media_sent();
    const auto deviations = pacing_deviations_ms(stream->arrivals());
    out.pacing_ms.insert(out.pacing_ms.end(), deviations.begin(), deviations.end());
    if (stream->arrivals().empty()) return;
    ++out.spoken_to;
    const Duration first = stream->arrivals().front().at - *call.stream_started_at();
    out.first_audio_ms.push_back(std::chrono::duration<double, std::milli>(first).count());
  }

 private:
  static twilio::SimulatedCallOptions options(const LoadSetup& setup, int number) {
    twilio::SimulatedCallOptions out;
    out.webhook_url = setup.target.webhook_url;
    out.status_callback = setup.target.public_origin + "/webhook/call_status";
    out.auth_token = setup.target.auth_token;
    out.account_sid = AccountSid(setup.target.account_sid);
    out.call_sid = CallSid(random_sid("CA"));
    out.from = fmt::format("+97250{:07}", number);
    out.jitter = setup.jitter;
    out.seed = static_cast<std::uint64_t>(number) + 1;
    out.record = false;
    return out;
  }
  static LineDriverOptions driver_options(const LoadSetup& setup) {
    LineDriverOptions out;
    out.extra_ca_file = setup.target.ca_file;
    if (setup.target.public_origin == setup.target.origin) return out;
    out.public_url = setup.target.public_origin;
    out.connect_url = setup.target.origin;
    return out;
  }

  void on_step(Timestamp now) {
    auto& call = driver_.call();
    if (call.answered_at() && now - *call.answered_at() >= setup_.length) {
      driver_.hang_up();
      return;
    }
    if (call.leg() != twilio::SimulatedCall::Leg::kStreaming || call.unsaid_bytes() > 0) {
      quiet_since_ = now;
      return;
    }
    if (now - quiet_since_ < setup_.pause) return;
    call.say(setup_.voice);
  }

  const LoadSetup& setup_;
  std::function<void()> on_over_;
  std::string ended_;
  Timestamp quiet_since_{};
  LineDriver driver_;
};

class Load {
 public:
  Load(const LoadSetup& setup, Io& io) : setup_(setup), bar_(io, "calls", total_seconds()) {}

  LoadOutcome run() {
    begun_ = monotonic_now();
    net::Timer ramp(loop_, [&](Timestamp) {
      start_one();
      if (static_cast<int>(lines_.size()) < setup_.calls && !interrupted()) ramp.arm_after(setup_.ramp);
    });
    net::Timer watch(loop_, [&](Timestamp now) {
      on_watch(now);
      watch.arm_after(milliseconds{100});
    });
    loop_.post([&] {
      ramp.arm_after(Duration{0});
      watch.arm_after(milliseconds{100});
    });
    loop_.run();
    ramp.cancel();
    watch.cancel();
    bar_.finish();
    return collect();
  }

 private:
  [[nodiscard]] double total_seconds() const {
    return std::chrono::duration<double>(setup_.ramp * setup_.calls + setup_.length).count();
  }

  void start_one() {
    const int number = static_cast<int>(lines_.size());
    lines_.push_back(std::make_unique<LoadLine>(loop_, http_, setup_, number, [this] { on_over(); }));
    lines_.back()->dial();
  }

  void on_over() {
    ++over_;
    const bool all_started = static_cast<int>(lines_.size()) == setup_.calls || interrupted();
    if (all_started && over_ == lines_.size()) loop_.stop();
  }

  void on_watch(Timestamp now) {
    const double since = std::chrono::duration<double>(now - begun_).count();
    bar_.update(since, fmt::format("{} running, {} over", lines_.size() - over_, over_));
    const bool late = since > total_seconds() + 15;
    if (!interrupted() && !late) return;
    for (const auto& line : lines_) {
      if (!line->over()) line->hang_up();
    }
    if (late || lines_.empty()) loop_.stop();
  }

  LoadOutcome collect() {
    LoadOutcome out;
    for (const auto& line : lines_) line->add_to(out);
    for (auto* values : {&out.webhook_ms, &out.status_ms, &out.first_audio_ms, &out.pacing_ms}) {
      std::sort(values->begin(), values->end());
    }
    const net::LoopStats stats = loop_.stats();
    out.own_lag_max_ms = static_cast<double>(stats.lag_max_us) / 1000;
    std::uint64_t total = 0;
    for (const std::uint64_t count : stats.lag_counts) total += count;
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < stats.kLagBoundsMs.size(); ++i) {
      seen += stats.lag_counts[i];
      out.own_lag_p99_ms = stats.kLagBoundsMs[i];
      if (static_cast<double>(seen) >= 0.99 * static_cast<double>(total)) break;
    }
    out.seconds = std::chrono::duration<double>(monotonic_now() - begun_).count();
    return out;
  }

  const LoadSetup& setup_;
  ProgressBar bar_;
  net::Loop loop_;
  net::HttpClient http_;
  std::vector<std::unique_ptr<LoadLine>> lines_;
  std::size_t over_ = 0;
  Timestamp begun_{};
};

}  // namespace

LoadOutcome run_load(const LoadSetup& setup, Io& io) {
  return Load(setup, io).run();
}

}  // namespace al::alctl
