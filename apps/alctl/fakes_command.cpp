// alctl fakes: the stand-ins for the providers as servers on loopback, for a real agentd without accounts or network.
#include <string>
#include <thread>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "alctl/commands.h"
#include "alctl/fake_providers.h"
#include "alctl/terminal.h"
#include "bridge/persona_settings.h"
#include "core/json.h"
#include "providers/fakes/fake_world.h"

namespace al::alctl {
namespace {

using providers::FakeStage;

// One word for a POSIX shell, whatever is in it.
std::string shell_word(std::string_view text) {
  std::string word = "'";
  for (const char c : text) {
    if (c == '\'') {
      word += "'\\''";
    } else {
      word += c;
    }
  }
  return word + "'";
}

void print_settings(Io& io, const providers::FakeWorld& world) {
  if (io.json) {
    nlohmann::ordered_json environment;
    for (const auto& [key, value] : world.settings()) environment[environment_name(key)] = value;
    io.out << nlohmann::ordered_json{{"schema", 1}, {"environment", environment}}.dump() << std::endl;
    return;
  }
  for (const auto& [key, value] : world.settings())
    io.out << "export " << environment_name(key) << "=" << shell_word(value) << "\n";
  io.out.flush();
}

ExitCode run_fakes(const Arguments& arguments, Io& io) {
  auto settings = Settings::load(process_sources(arguments.text("config")));
  if (!settings) return io.fail(ExitCode::kConfig, settings.error().detail);
  auto persona = bridge::open_persona(
      arguments.given("persona") ? arguments.text("persona") : settings->string("persona"), *settings);
  if (!persona) return io.fail(ExitCode::kConfig, persona.error().detail);
  Result<std::unique_ptr<providers::FakeWorld>> world = fail(Errc::kNotFound, "no fakes");
  // Without a name: the first that this build can serve.
  for (const std::string& name :
       arguments.given("NAME") ? std::vector{arguments.text("NAME")} : providers::fake_world_names()) {
    world = start_fakes(arguments, name, "", *persona);
    if (world || world.error().code != Errc::kUnsupported) break;
  }
  if (!world)
    return io.fail(world.error().code == Errc::kMalformed ? ExitCode::kUsage : ExitCode::kNotFound,
                   world.error().detail);
  if (arguments.given("say")) (*world)->script().set_transcripts(arguments.all("say"));
  stop_on_terminate();
  print_settings(io, **world);

  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(arguments.integer("seconds"));
  while (!interrupted() && std::chrono::steady_clock::now() < until)
    std::this_thread::sleep_for(std::chrono::milliseconds(50));

  const providers::FakeScript& script = (*world)->script();
  io.err << fmt::format("alctl fakes: {} turns recognised, {} answers, {} texts spoken\n",
                        script.requests(FakeStage::kStt), script.requests(FakeStage::kModel),
                        script.requests(FakeStage::kTts));
  const auto problems = script.problems();
  for (const std::string& problem : problems) io.err << io.yellow("a real service would refuse: ") << problem << "\n";
  return problems.empty() ? ExitCode::kOk : ExitCode::kFailed;
}

}  // namespace

CommandSpec fakes_command() {
  CommandSpec spec;
  spec.name = "fakes";
  spec.summary = "stand-ins for the speech and language providers, on this machine";
  spec.description =
      "Starts servers that speak the providers' own protocols (gRPC with TLS, HTTP, WebSockets) on free ports of the "
      "loopback interface, prints the environment variables that lead agentd or alctl to them, and runs until it is "
      "stopped. The keys it prints are made up and open nothing else.\n\n"
      "Recognition hears nothing: it gives the lines of a caller one after the other, whatever was said. The language "
      "model reads its prompt and asks for what is missing. The voice is a hum as long as the text.\n\n"
      "At the end it says what was asked of it. The exit code is 1 when something came that the real service would "
      "have refused.";
  spec.arguments = {{"NAME", "who serves the three stages; all of them run in any case", false, false,
                     ValueKind::kChoice, providers::fake_world_names()}};
  spec.options = fake_script_options("");
  spec.options.push_back(
      {"say", ValueKind::kText, "TEXT", "what callers say, in turn, over and over", "", true, {}, {}, {}});
  spec.options.push_back({"persona",
                          ValueKind::kText,
                          "ID|FILE",
                          "for whom the language model speaks; default: the setting PERSONA",
                          "",
                          false,
                          {},
                          {},
                          {}});
  spec.options.push_back(
      {"seconds", ValueKind::kInteger, "S", "end by itself after this long", "3600", false, {}, 1.0, 86400.0});
  spec.options.push_back({"config", ValueKind::kFile, "FILE", "configuration file", "", false, {}, {}, {}});
  spec.examples = {{"alctl fakes google > fakes.env & sleep 1; . ./fakes.env; agentd",
                    "agentd on Google's and OpenAI's protocols, without a network"},
                   {"alctl fakes google --fault stt=503:3 --latency llm=2000", "a bad day of a provider"}};
  spec.run = run_fakes;
  return spec;
}

}  // namespace al::alctl
