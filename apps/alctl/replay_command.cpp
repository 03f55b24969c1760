// alctl replay FILE…: a recording or a recorded call through the engine of the daemon, offline.
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "alctl/call_voice.h"
#include "alctl/commands.h"
#include "alctl/fake_providers.h"
#include "alctl/replay_providers.h"
#include "alctl/replay_report.h"
#include "alctl/settings_arguments.h"
#include "audio/g711.h"
#include "audio/wav_file.h"
#include "bridge/call_settings.h"
#include "bridge/persona_settings.h"
#include "core/json.h"
#include "dialog/scripted_agent.h"
#include "providers/fakes/fake_world.h"

namespace al::alctl {
namespace {

constexpr std::int64_t kMaxRecordBytes = 512LL << 20;

struct Setup {
  Settings settings;
  std::shared_ptr<const audio::SileroModel> silero;
  std::unique_ptr<CallVoice> voice;  // with --stt local or --tts local
  std::vector<std::string> lines;    // --line, for --stt scripted
  std::unique_ptr<providers::FakeWorld> fakes;
  std::unique_ptr<WireProviders> wire;  // of this file's persona
};

bool is_raw(const std::string& path) {
  return path.ends_with(".ulaw") || path.ends_with(".ul") || path.ends_with(".raw");
}
bool is_record(const std::string& path) {
  return path.ends_with(".jsonl");
}

Result<std::string> read_file(const std::string& path) {
  std::error_code error;
  const auto size = std::filesystem::file_size(path, error);
  if (error) return fail(Errc::kNotFound, path + ": " + error.message());
  if (size > static_cast<std::uintmax_t>(kMaxRecordBytes))
    return fail(Errc::kUnsupported, path + ": larger than 512 MiB");
  std::ifstream in(path, std::ios::binary);
  if (!in) return fail(Errc::kNotFound, path + ": cannot be read");
  return std::string(std::istreambuf_iterator<char>(in), {});
}

Result<void> write_file(const std::string& path, const std::string& text) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << text;
  out.close();
  if (!out) return fail(Errc::kInternal, path + ": cannot be written");
  return {};
}

// With several files, "report.html" becomes "report-2.html" for the second.
std::string numbered(const std::string& path, std::size_t index) {
  if (index == 0) return path;
  const std::filesystem::path p(path);
  return (p.parent_path() / fmt::format("{}-{}{}", p.stem().string(), index + 1, p.extension().string())).string();
}

// Who serves a stage: as it was said, else the settings' providers where their fakes run.
std::string who(const Arguments& arguments, const std::string& stage) {
  return arguments.given("fake") && !arguments.given(stage) ? "provider" : arguments.text(stage);
}

Result<ReplayProviders> make_providers(const Arguments& arguments, Setup& setup,
                                       const std::shared_ptr<const dialog::Persona>& shared_persona) {
  ReplayProviders providers;
  const dialog::Persona& persona = *shared_persona;
  const std::string stt = who(arguments, "stt");
  WireProviders::Wants wants;
  wants.stt = stt == "provider";
  wants.llm = stt != "none" && who(arguments, "llm") == "provider";
  wants.tts = who(arguments, "tts") == "provider";
  if (wants.stt || wants.llm || wants.tts) {
    auto fakes = start_fakes(arguments, setup.settings, shared_persona);
    if (!fakes) return fail(fakes.error());
    setup.wire.reset();  // before the fakes it talks to
    setup.fakes = std::move(*fakes);
    auto wire = WireProviders::open(setup.settings, shared_persona, wants);
    if (!wire) return fail(wire.error());
    setup.wire = std::move(*wire);
    setup.wire->serve(providers);
  }
  if (stt == "scripted") {
    providers.recognise = [&setup, next = std::size_t{0}](const auto&) mutable {
      return next < setup.lines.size() ? setup.lines[next++] : std::string();
    };
  } else if (stt == "local") {
    if (!setup.voice->can_listen()) {
      return fail(Errc::kUnsupported, "no embedded recogniser here: run scripts/fetch-speech, or use --stt scripted");
    }
    providers.recognise = [&setup](const std::vector<std::int16_t>& pcm) {
      std::vector<std::uint8_t> ulaw(pcm.size());
      audio::encode_ulaw(pcm, ulaw);
      return setup.voice->transcribe(ulaw).value_or(std::string());
    };
  }
  if (stt != "none" && who(arguments, "llm") == "scripted") {
    providers.answer = [&persona](const dialog::ModelRequest& request) {
      return dialog::scripted_answer(persona, request).sentences;
    };
  }
  if (who(arguments, "tts") == "local") {
    providers.speak = [&setup, &persona](const std::string& text) {
      std::vector<std::int16_t> pcm;
      if (const auto line = setup.voice->line_from_text(text, persona.language)) {
        pcm.resize(line->ulaw.size());
        audio::decode_ulaw(line->ulaw, pcm);
      }
      return pcm;
    };
  }
  return providers;
}

// Without recognition there is no conversation: the agent keeps quiet and only the listening is shown.
void listen_only(dialog::CallOptions& options) {
  options.greeting = "";
  options.turn.noise_voice = std::chrono::hours{24};
  options.idle.first = options.idle.second = options.idle.goodbye = std::chrono::hours{24};
  options.idle.max_call = std::chrono::hours{24};
}

// The side of a recording that is the caller's.
Result<std::vector<std::int16_t>> read_caller(const Arguments& arguments, const std::string& path) {
  if (is_raw(path)) return audio::read_raw_ulaw(path);
  const std::string channel = arguments.text("channel");
  return audio::read_8k(path, channel == "left" ? 0 : channel == "right" ? 1 : -1);
}

// What is said of that; nothing where there was no choice.
void note_channel(const Arguments& arguments, const std::string& path, ReplayHead& head) {
  if (is_raw(path) || is_record(path)) return;
  head.channels = audio::channels_of(path).value_or(1);
  if (head.channels > 1) head.channel = arguments.text("channel");
}

Result<ReplayRun> run_audio(const Arguments& arguments, const std::string& path, Setup& setup) {
  auto pcm = read_caller(arguments, path);
  if (!pcm) return fail(pcm.error());
  auto persona = bridge::open_persona(
      arguments.given("persona") ? arguments.text("persona") : setup.settings.string("persona"), setup.settings);
  if (!persona) return fail(persona.error());
  auto providers = make_providers(arguments, setup, *persona);
  if (!providers) return fail(providers.error());
  dialog::CallOptions options = bridge::call_options(setup.settings, *persona, setup.silero);
  if (!providers->recognise) listen_only(options);
  return replay_audio(*pcm, options, *providers, static_cast<std::uint64_t>(arguments.integer("seed", 1)));
}

Result<ReplayRun> run_record(const std::string& path, const Setup& setup) {
  auto text = read_file(path);
  if (!text) return fail(text.error());
  auto record = dialog::parse_call_record(*text);
  if (!record) return fail(record.error().code, path + ": " + record.error().detail);
  Settings settings = setup.settings;
  for (const auto& [key, value] : record->header.settings) {
    if (settings.given(key)) continue;  // --set changes what was recorded: "would it still have cut her off?"
    if (auto set = settings.set(key, value, "record"); !set) return fail(set.error());
  }
  if (settings.string("vad_engine") == "silero" && setup.silero == nullptr) {
    return fail(Errc::kNotFound, path +
                                     ": this call was heard with Silero, whose model is not here: name its folder "
                                     "with --speech, or another detector with --vad");
  }
  auto persona = record->header.persona_toml.empty()
                     ? dialog::Persona::open(settings.string("persona"))
                     : dialog::Persona::parse(record->header.persona_toml, record->header.persona_name);
  if (persona) persona = bridge::with_settings(std::move(*persona), settings);
  if (!persona) return fail(persona.error());
  dialog::CallOptions options = bridge::call_options(settings, *persona, setup.silero);
  dialog::apply_header(record->header, options);
  return replay_record(*record, options);
}

Result<void> write_outputs(const Arguments& arguments, std::size_t index, const ReplayHead& head,
                           const ReplayRun& run) {
  if (arguments.given("out-wav")) {
    std::vector<std::int16_t> stereo;
    stereo.reserve(run.caller.size() * 2);
    for (std::size_t i = 0; i < run.caller.size(); ++i) {
      stereo.push_back(run.caller[i]);
      stereo.push_back(run.agent[i]);
    }
    const std::string path = numbered(arguments.text("out-wav"), index);
    if (auto wrote = audio::write_wav(path, stereo, audio::kSampleRateHz, 2); !wrote) return wrote;
  }
  if (arguments.given("html")) return write_file(numbered(arguments.text("html"), index), replay_page(head, run));
  return {};
}

Result<Setup> make_setup(const Arguments& arguments) {
  auto settings = settings_from(arguments);
  if (!settings) return fail(settings.error());
  Setup setup{std::move(*settings), nullptr, nullptr, arguments.all("line"), nullptr, nullptr};
  auto silero = silero_from(arguments, setup.settings);
  if (!silero) return fail(silero.error());
  setup.silero = std::move(*silero);
  const bool ears = arguments.text("stt") == "local";
  const bool voice = arguments.text("tts") == "local";
  if (ears || voice) {
    auto loaded = CallVoice::load(arguments.text("speech"), voice, ears);
    if (!loaded) return fail(loaded.error());
    setup.voice = std::move(*loaded);
  }
  return setup;
}

nlohmann::json check_json(const ReplayCheck& check) {
  nlohmann::json object = {{"compared", check.compared},
                           {"outputs", check.outputs},
                           {"identical", check.identical()},
                           {"whole", check.whole}};
  if (check.differs_at) object["differs_at_ms"] = to_ms(*check.differs_at);
  return object;
}

void print_check(Io& io, const ReplayCheck& check) {
  if (!check.whole) io.out << io.yellow("The recording lacks its end.") << "\n";
  if (check.identical()) {
    io.out << io.green(fmt::format("The engine put out the same as in the call: {} outputs, compared at {} points.",
                                   check.outputs, check.compared))
           << "\n";
  } else if (check.differs_at) {
    io.out << io.yellow(fmt::format("The outputs differ from those of the call, first before {}.",
                                    clock_text(to_ms(*check.differs_at))))
           << "\n";
  }
}

ExitCode run(const Arguments& arguments, Io& io) {
  auto setup = make_setup(arguments);
  if (!setup) return io.fail(setup.error());
  nlohmann::json files = nlohmann::json::array();
  bool differs = false;
  const std::vector<std::string> paths = arguments.all("FILE");
  for (std::size_t i = 0; i < paths.size(); ++i) {
    const auto began = std::chrono::steady_clock::now();
    auto result = is_record(paths[i]) ? run_record(paths[i], *setup) : run_audio(arguments, paths[i], *setup);
    if (!result) return io.fail(result.error());
    differs = differs || (result->check && !result->check->identical());
    for (const std::string& problem : setup->wire ? setup->wire->problems() : std::vector<std::string>())
      io.err << io.yellow("warning: ") << problem << "\n";
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
    ReplayHead head;
    head.file = paths[i];
    note_channel(arguments, paths[i], head);
    head.vad = result->vad;
    for (const std::string& change : arguments.all("set")) head.changes += (head.changes.empty() ? "" : " ") + change;
    if (auto wrote = write_outputs(arguments, i, head, *result); !wrote) return io.fail(wrote.error());
    if (io.json) {
      files.push_back(replay_json(head, *result));
      if (result->check) files.back()["record"] = check_json(*result->check);
    } else {
      print_replay(io, head, *result, arguments.flag("events"));
      if (result->check) print_check(io, *result->check);
    }
    // Not on stdout: the same recording gives the same stdout every time.
    const double length = static_cast<double>(result->frames.size()) * 0.02;
    io.err << fmt::format("{}: {:.1f} s in {:.3f} s, {:.0f} times real time\n", paths[i], length, took.count(),
                          length / std::max(took.count(), 1e-6));
  }
  if (io.json) io.out << dump_json({{"files", files}}, 1) << '\n';
  return arguments.flag("verify") && differs ? ExitCode::kFailed : ExitCode::kOk;
}

}  // namespace

CommandSpec replay_command() {
  CommandSpec spec;
  spec.name = "replay";
  spec.summary = "Put recordings through the engine of the daemon, offline";
  spec.description =
      "The same engine as on the telephone hears a recording (WAV and whatever else libsndfile reads, at any rate; raw "
      "µ-law as .ulaw, .ul or .raw) or a recorded call (.jsonl) in virtual time, and says frame for frame what it "
      "decided: where an utterance began and ended and why, when the agent spoke, when it was interrupted, and where "
      "the time of each answer went.\n\n"
      "Without --stt only the listening is shown. With --stt scripted every utterance is the next --line; with --stt "
      "local the embedded recogniser hears it, with --stt provider that of the settings (from --config). The answers "
      "come from the scripted agent, or with --llm provider from a model. --fake puts stand-ins for providers on this "
      "machine and uses them for all three. Providers take a fixed time, "
      "so that the same recording gives the same output, byte for byte.\n\n"
      "A recorded call (CALL_RECORD_EVERY) brings its own provider answers, and digests of what the engine put out: "
      "the same "
      "build says that it does the same again, frame for frame. --set changes one setting and shows what would have "
      "happened.";
  spec.arguments = {{"FILE", "recordings or recorded calls", true, true, ValueKind::kFile, {}}};
  spec.options = {
      {"stt",
       ValueKind::kChoice,
       "WHO",
       "who recognises the caller's words",
       "none",
       false,
       {"none", "scripted", "local", "provider"},
       {},
       {}},
      {"line", ValueKind::kText, "TEXT", "words of the next utterance, for --stt scripted", "", true, {}, {}, {}},
      {"llm", ValueKind::kChoice, "WHO", "who answers", "scripted", false, {"none", "scripted", "provider"}, {}, {}},
      {"tts",
       ValueKind::kChoice,
       "WHO",
       "the agent's voice; tone is a soft hum as long as the text",
       "tone",
       false,
       {"tone", "local", "provider"},
       {},
       {}},
      {"persona", ValueKind::kText, "ID|FILE", "the agent", "", false, {}, {}, {}},
      {"channel",
       ValueKind::kChoice,
       "WHICH",
       "whom to hear in a file with several channels; `alctl call --wav` writes the caller left, the agent right",
       "left",
       false,
       {"left", "right", "mix"},
       {},
       {}},
      {"html",
       ValueKind::kFile,
       "FILE",
       "write one self-contained page with pictures and players",
       "",
       false,
       {},
       {},
       {}},
      {"out-wav",
       ValueKind::kFile,
       "FILE",
       "write both sides as a stereo WAV: left the caller, right the agent",
       "",
       false,
       {},
       {},
       {}},
      {"verify",
       ValueKind::kFlag,
       "",
       "exit with 1 when a recorded call does not put out what it put out on the telephone",
       "",
       false,
       {},
       {},
       {}},
      {"events", ValueKind::kFlag, "", "print every event of the engine", "", false, {}, {}, {}},
      {"seed", ValueKind::kInteger, "N", "seed of the engine's choices", "1", false, {}, 0, {}},
  };
  for (OptionSpec& option : settings_options({"energy", "silero", "webrtc"})) spec.options.push_back(std::move(option));
  for (OptionSpec& option : fake_options()) spec.options.push_back(std::move(option));
  spec.examples = {
      {"alctl replay call.wav --fake google", "recognition, answers and voice over Google's and OpenAI's protocols"},
      {"alctl replay call.wav --html report.html", "draws what the engine heard and decided"},
      {"alctl replay call.wav --stt scripted --line \"three rooms in Haifa\" --out-wav both.wav",
       "a whole conversation over the recording"},
      {"alctl replay both.wav --channel right", "the other side of a stereo recording"},
      {"alctl replay CA123.jsonl --set min_silence=600", "a recorded call with another setting"},
  };
  spec.run = run;
  return spec;
}

}  // namespace al::alctl
