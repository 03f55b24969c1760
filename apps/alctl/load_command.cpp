#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "alctl/call_analysis.h"
#include "alctl/call_voice.h"
#include "alctl/commands.h"
#include "alctl/load_session.h"
#include "alctl/terminal.h"

namespace al::alctl {
namespace {

using nlohmann::ordered_json;

// A second of a buzzing tone that detectors of voice take for one: for servers where words do not matter.
std::vector<std::uint8_t> default_voice() {
  std::vector<std::uint8_t> ulaw;
  constexpr int kPitchSamples = 62;  // 129 Hz
  for (int i = 0; i < 8000; ++i) ulaw.push_back(i % kPitchSamples < 8 ? 0x92 : i % kPitchSamples < 16 ? 0x12 : 0xB5);
  return ulaw;
}

double rounded(double value) {
  return std::round(value * 100) / 100;
}

ordered_json spread(const std::vector<double>& sorted) {
  return {{"count", sorted.size()},
          {"p50", rounded(percentile(sorted, 0.5))},
          {"p90", rounded(percentile(sorted, 0.9))},
          {"p99", rounded(percentile(sorted, 0.99))},
          {"max", rounded(sorted.empty() ? 0 : sorted.back())}};
}

ordered_json to_json(const LoadOutcome& outcome, bool ok) {
  ordered_json body{{"schema", 1},
                    {"ok", ok},
                    {"calls", outcome.calls},
                    {"streamed", outcome.streamed},
                    {"spoken_to", outcome.spoken_to},
                    {"webhook_ms", spread(outcome.webhook_ms)},
                    {"status_ms", spread(outcome.status_ms)},
                    {"first_audio_ms", spread(outcome.first_audio_ms)},
                    {"pacing_ms", spread(outcome.pacing_ms)},
                    {"underruns", outcome.underruns},
                    {"frames_in", outcome.frames_in},
                    {"frames_out", outcome.frames_out},
                    {"own_lag_p99_ms", rounded(outcome.own_lag_p99_ms)},
                    {"own_lag_max_ms", rounded(outcome.own_lag_max_ms)},
                    {"seconds", rounded(outcome.seconds)},
                    {"twilio_errors", ordered_json::object()},
                    {"ended", ordered_json::object()}};
  for (const auto& [code, count] : outcome.errors) body["twilio_errors"][std::to_string(code)] = count;
  for (const auto& [reason, count] : outcome.ended) body["ended"][reason] = count;
  return body;
}

void print(const LoadOutcome& outcome, Io& io) {
  io.out << fmt::format("{} calls in {:.1f} s: {} streamed, {} were spoken to\n\n", outcome.calls, outcome.seconds,
                        outcome.streamed, outcome.spoken_to);
  io.out << io.bold(fmt::format("  {:<18}{:>9}{:>9}{:>9}{:>9}\n", "ms", "p50", "p90", "p99", "max"));
  const auto row = [&](const char* name, const std::vector<double>& values) {
    io.out << fmt::format("  {:<18}{:>9.2f}{:>9.2f}{:>9.2f}{:>9.2f}\n", name, percentile(values, 0.5),
                          percentile(values, 0.9), percentile(values, 0.99), values.empty() ? 0 : values.back());
  };
  row("webhook", outcome.webhook_ms);
  row("status callback", outcome.status_ms);
  row("first sound", outcome.first_audio_ms);
  row("pacing", outcome.pacing_ms);
  io.out << fmt::format("\n  underruns {}, frames {} from the server and {} to it\n", outcome.underruns,
                        outcome.frames_in, outcome.frames_out);
  for (const auto& [code, count] : outcome.errors) {
    io.out << io.yellow(fmt::format("  Twilio would log {} in {} calls", code, count)) << "\n";
  }
  for (const auto& [reason, count] : outcome.ended)
    io.out << io.dim(fmt::format("  {} ended: {}", count, reason)) << "\n";
  if (outcome.own_lag_p99_ms > 5) {
    io.out << io.yellow(
                  fmt::format("  this program itself was late (p99 {:.0f} ms): the machine is too small for both sides",
                              outcome.own_lag_p99_ms))
           << "\n";
  }
}

ExitCode run_load_command(const Arguments& arguments, Io& io) {
  const auto target = read_target(arguments);
  if (!target) {
    const bool usage = target.error().code == Errc::kMalformed;
    return io.fail(usage ? ExitCode::kUsage : exit_code_for(target.error().code), target.error().detail);
  }
  LoadSetup setup;
  setup.target = *target;
  setup.calls = static_cast<int>(arguments.integer("calls"));
  setup.length = seconds{arguments.integer("seconds")};
  setup.ramp = milliseconds{arguments.integer("ramp-ms")};
  setup.jitter = milliseconds{arguments.integer("jitter-ms")};
  setup.pause = milliseconds{arguments.integer("pause-ms")};
  setup.voice = default_voice();
  if (arguments.given("say")) {
    auto line = line_from_file(arguments.text("say"));
    if (!line) return io.fail(line.error());
    setup.voice = std::move(line->ulaw);
  }
  const LoadOutcome outcome = run_load(setup, io);
  const bool ok = outcome.streamed == setup.calls && outcome.spoken_to == setup.calls && outcome.errors.empty();
  if (io.json) {
    io.out << to_json(outcome, ok).dump(2) << "\n";
  } else {
    print(outcome, io);
  }
  if (interrupted()) return ExitCode::kInterrupted;
  if (outcome.streamed == 0 && outcome.webhook_ms.empty()) return ExitCode::kUnreachable;
  return ok ? ExitCode::kOk : ExitCode::kFailed;
}

}  // namespace

CommandSpec load_command() {
  CommandSpec spec;
  spec.name = "load";
  spec.summary = "place many calls at once and show percentiles";
  spec.description =
      "Each call is a whole simulated call: signed webhook, TwiML, media socket, 20 ms frames in real time. They run "
      "in\n"
      "one process on shared timers. 'pacing' is how far the server's media messages came from their 20 ms grid.";
  spec.arguments = {{"URL", "the server, or its voice webhook", true, false, ValueKind::kText, {}}};
  spec.options = {{"calls", ValueKind::kInteger, "N", "how many calls", "10", false, {}, 1.0, 20000.0, 'n'},
                  {"seconds", ValueKind::kInteger, "S", "how long each call lasts", "30", false, {}, 1.0, 86400.0, 's'},
                  {"ramp-ms", ValueKind::kInteger, "MS", "time between two starts", "20", false, {}, 0.0, 60000.0},
                  {"pause-ms",
                   ValueKind::kInteger,
                   "MS",
                   "pause between two sentences of the caller; 0 = speaks all the time",
                   "1500",
                   false,
                   {},
                   0.0,
                   60000.0},
                  {"jitter-ms",
                   ValueKind::kInteger,
                   "MS",
                   "delay frames at random by up to this much",
                   "0",
                   false,
                   {},
                   0.0,
                   2000.0},
                  {"say",
                   ValueKind::kFile,
                   "FILE",
                   "what every caller says again and again; default: a voice-like tone",
                   "",
                   false,
                   {},
                   {},
                   {}}};
  for (OptionSpec& option : target_options()) spec.options.push_back(std::move(option));
  spec.examples = {{"alctl load http://127.0.0.1:8080 -n 200 --seconds 60", "200 callers for a minute"}};
  spec.run = run_load_command;
  return spec;
}

}  // namespace al::alctl
