#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "alctl/commands.h"
#include "alctl/smoke_checks.h"

namespace al::alctl {
namespace {

using nlohmann::ordered_json;

void print_check(const SmokeCheck& check, Io& io) {
  const std::string mark = check.skipped ? io.yellow("skip") : check.ok ? io.green("ok  ") : io.red("FAIL");
  const std::string time = check.ms > 0 ? fmt::format("{:7.1f} ms", check.ms) : std::string(10, ' ');
  io.out << fmt::format("{}  {:<28}{}  {}\n", mark, check.name, time, check.detail);
  io.out.flush();
}

ExitCode run_smoke_command(const Arguments& arguments, Io& io) {
  const auto target = read_target(arguments);
  if (!target) {
    const bool usage = target.error().code == Errc::kMalformed;
    return io.fail(usage ? ExitCode::kUsage : exit_code_for(target.error().code), target.error().detail);
  }
  SmokeLimits limits;
  limits.status_route_ms = arguments.number("status-ms");
  limits.first_audio_ms = arguments.number("first-audio-ms");
  const auto checks = run_smoke(*target, limits, [&](const SmokeCheck& check) {
    if (!io.json) print_check(check, io);
  });
  const bool ok = all_ok(checks);
  if (io.json) {
    ordered_json body{{"schema", 1}, {"ok", ok}, {"url", target->origin}, {"checks", ordered_json::array()}};
    for (const SmokeCheck& check : checks) {
      body["checks"].push_back({{"name", check.name}, {"ok", check.ok}, {"ms", check.ms}, {"detail", check.detail}});
    }
    io.out << body.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
  } else {
    const auto failed = std::count_if(checks.begin(), checks.end(), [](const SmokeCheck& check) { return !check.ok; });
    io.out << "\n"
           << (ok ? io.green(fmt::format("GO: all {} checks passed", checks.size()))
                  : io.red(fmt::format("NO GO: {} of {} checks failed", failed, checks.size())))
           << "\n";
  }
  if (ok) return ExitCode::kOk;
  // Only the first check was made: nobody answered.
  return checks.size() == 1 ? ExitCode::kUnreachable : ExitCode::kFailed;
}

}  // namespace

CommandSpec smoke_command() {
  CommandSpec spec;
  spec.name = "smoke";
  spec.summary = "the go/no-go list: is this server ready for Twilio's calls?";
  spec.description =
      "Asks what Twilio will ask: /version, the TwiML (type, schemes, host, order), the four status routes, refused "
      "and\n"
      "accepted signatures, the media socket with and without subprotocol and slash, a stranger's socket, and one "
      "short\n"
      "call with its first sound. Signed requests need TWILIO_AUTH_TOKEN; without it those checks are skipped.\n\n"
      "With --json: ok, checks[] {name, ok, ms, detail}. Times of far servers are without the network's own.";
  spec.arguments = {{"URL", "the server", true, false, ValueKind::kText, {}}};
  spec.options = {
      {"status-ms", ValueKind::kNumber, "MS", "the slowest allowed status route", "100", false, {}, 1.0, 60000.0},
      {"first-audio-ms",
       ValueKind::kNumber,
       "MS",
       "the latest allowed first sound after start",
       "2000",
       false,
       {},
       1.0,
       60000.0}};
  for (OptionSpec& option : target_options()) spec.options.push_back(std::move(option));
  spec.examples = {
      {"alctl smoke https://agent.example.com", "before the number is pointed at it"},
      {"alctl smoke http://127.0.0.1:8080 --public-url https://agent.example.com", "the same, from behind the proxy"}};
  spec.run = run_smoke_command;
  return spec;
}

}  // namespace al::alctl
