#include "alctl/fake_providers.h"

#include <charconv>
#include <optional>
#include <utility>

#include "core/text.h"
#include "providers/fakes/fake_agent.h"
#include "providers/fakes/fake_world.h"

namespace al::alctl {
namespace {

using providers::FakeLatencies;
using providers::FakeScript;
using providers::FakeStage;

constexpr std::pair<std::string_view, FakeStage> kStages[] = {
    {"stt", FakeStage::kStt}, {"llm", FakeStage::kModel}, {"tts", FakeStage::kTts}};
constexpr int kLongestLatencyMs = 60'000;
// Nobody says a sentence at once: what is recognised while the caller speaks grows word by word.
constexpr milliseconds kWordSaid{250};

// "stt=503:2" as stage and rest.
Result<std::pair<FakeStage, std::string>> split_stage(const std::string& option, const std::string& text) {
  const std::size_t equals = text.find('=');
  for (const auto& [name, stage] : kStages) {
    if (equals != std::string::npos && text.substr(0, equals) == name) return std::pair{stage, text.substr(equals + 1)};
  }
  return fail(Errc::kMalformed, "--" + option + " " + text + ": it begins with stt=, llm= or tts=");
}

std::optional<int> whole_number(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

Result<void> set_fault(FakeScript& script, const std::string& option, const std::string& text) {
  auto parts = split_stage(option, text);
  if (!parts) return fail(parts.error());
  auto& [stage, name] = *parts;
  int count = -1;
  if (const std::size_t colon = name.find(':'); colon != std::string::npos) {
    const auto given = whole_number(std::string_view(name).substr(colon + 1));
    if (!given) return fail(Errc::kMalformed, "--" + option + " " + text + ": a number of requests follows the ':'");
    count = *given;
    name.resize(colon);
  }
  const auto fault = providers::parse_fault(name);
  if (!fault) return fail(Errc::kMalformed, "--" + option + " " + text + ": " + fault.error().detail);
  script.set_fault(stage, *fault, count);
  return {};
}

Result<void> set_latency(FakeLatencies& latencies, const std::string& option, const std::string& text) {
  auto parts = split_stage(option, text);
  if (!parts) return fail(parts.error());
  const auto ms = whole_number(parts->second);
  if (!ms || *ms > kLongestLatencyMs) {
    return fail(Errc::kMalformed, "--" + option + " " + text + ": milliseconds from 0 to 60000 follow the '='");
  }
  const Duration time = milliseconds{*ms};
  if (parts->first == FakeStage::kStt) latencies.stt_final = time;
  if (parts->first == FakeStage::kModel) latencies.first_token = time;
  if (parts->first == FakeStage::kTts) latencies.first_audio = time;
  return {};
}

}  // namespace

std::vector<OptionSpec> fake_script_options(const std::string& prefix) {
  return {{prefix + "fault",
           ValueKind::kText,
           "STAGE=FAULT[:N]",
           "stt, llm or tts fails so, N times or always: hang, slow-drip, reset, 401, 429, 503, html, truncated, "
           "malformed, empty, wrong-shape, header-inside, endless, mid-stream-error, odd-split, late",
           "",
           true,
           {},
           {},
           {}},
          {prefix + "latency",
           ValueKind::kText,
           "STAGE=MS",
           "time until the text (stt), the first word (llm), the first sound (tts); 150, 350 and 100 without it",
           "",
           true,
           {},
           {},
           {}}};
}

std::vector<OptionSpec> fake_options() {
  std::vector<OptionSpec> options = fake_script_options("fake-");
  options.insert(options.begin(), {"fake",
                                   ValueKind::kChoice,
                                   "NAME",
                                   "use stand-ins for the providers, inside this program, over their real protocols",
                                   "",
                                   false,
                                   providers::fake_world_names(),
                                   {},
                                   {}});
  return options;
}

Result<std::unique_ptr<providers::FakeWorld>> start_fakes(const Arguments& arguments, const std::string& name,
                                                          const std::string& prefix,
                                                          std::shared_ptr<const dialog::Persona> persona) {
  auto world = providers::FakeWorld::start(name);
  if (!world) return fail(world.error());
  FakeScript& script = (*world)->script();
  script.set_transcripts(providers::fake_caller_lines(*persona));
  script.set_answerer(providers::fake_agent(std::move(persona)));
  for (const std::string& text : arguments.all(prefix + "fault")) {
    if (auto set = set_fault(script, prefix + "fault", text); !set) return fail(set.error());
  }
  FakeLatencies latencies;
  latencies.word_said = kWordSaid;
  for (const std::string& text : arguments.all(prefix + "latency")) {
    if (auto set = set_latency(latencies, prefix + "latency", text); !set) return fail(set.error());
  }
  script.set_latencies(latencies);
  return world;
}

Result<std::unique_ptr<providers::FakeWorld>> start_fakes(const Arguments& arguments, Settings& settings,
                                                          std::shared_ptr<const dialog::Persona> persona) {
  if (!arguments.given("fake")) {
    for (const char* option : {"fake-fault", "fake-latency"}) {
      if (arguments.given(option)) return fail(Errc::kMalformed, std::string("--") + option + " needs --fake NAME");
    }
    return std::unique_ptr<providers::FakeWorld>();
  }
  auto world = start_fakes(arguments, arguments.text("fake"), "fake-", std::move(persona));
  if (!world) return world;
  for (const auto& [key, value] : (*world)->settings()) {
    if (auto set = settings.set(key, value, "--fake"); !set) return fail(set.error());
  }
  return world;
}

}  // namespace al::alctl
