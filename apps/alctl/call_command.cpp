#include <fstream>

#include "alctl/call_session.h"
#include "alctl/call_voice.h"
#include "alctl/commands.h"
#include "alctl/server_api.h"
#include "alctl/text_align.h"
#include "alctl/twilio_target.h"
#include "audio/g711.h"
#include "audio/wav_file.h"

namespace al::alctl {
namespace {

Result<std::vector<CallerLine>> read_lines(const Arguments& arguments, CallVoice* voice) {
  std::vector<CallerLine> lines;
  for (const auto& [name, value] : arguments.in_order()) {
    if (name != "say" && name != "text") continue;
    auto line = name == "say" ? line_from_file(value) : voice->line_from_text(value, arguments.text("language"));
    if (!line) return fail(line.error());
    lines.push_back(std::move(*line));
  }
  return lines;
}

CallSetup make_setup(const Arguments& arguments, const TwilioTarget& target, std::vector<CallerLine> lines) {
  CallSetup setup;
  setup.call.webhook_url = target.webhook_url;
  setup.call.status_callback = target.public_origin + "/webhook/call_status";
  setup.call.auth_token = target.auth_token;
  setup.call.account_sid = AccountSid(target.account_sid);
  setup.call.call_sid = CallSid(random_sid("CA"));
  setup.call.from = arguments.text("from");
  setup.call.to = arguments.text("to");
  setup.call.subprotocol = arguments.text("subprotocol");
  if (arguments.given("subprotocol") && setup.call.subprotocol.empty()) setup.call.subprotocol = "audio.twilio.com";
  setup.call.jitter = milliseconds{arguments.integer("jitter-ms")};
  setup.call.loss = arguments.number("loss-pct") / 100;
  setup.call.seed = static_cast<std::uint64_t>(arguments.integer("seed", 1));
  setup.driver.extra_ca_file = target.ca_file;
  if (target.public_origin != target.origin) {
    setup.driver.public_url = target.public_origin;
    setup.driver.connect_url = target.origin;
  }
  setup.script.interrupt = arguments.flag("interrupt") || arguments.given("interrupt-at-ms");
  setup.script.interrupt_at = milliseconds{arguments.integer("interrupt-at-ms")};
  setup.script.greeting_wait = milliseconds{arguments.integer("greeting-wait-ms")};
  setup.script.settle = milliseconds{arguments.integer("settle-ms")};
  setup.script.patience = milliseconds{arguments.integer("patience-ms")};
  setup.linger = milliseconds{arguments.integer("linger-ms")};
  setup.longest = seconds{arguments.integer("max-seconds")};
  setup.dtmf = arguments.text("dtmf");
  setup.lines = std::move(lines);
  return setup;
}

std::vector<std::uint8_t> part_of(const std::vector<std::uint8_t>& track, std::uint64_t from, std::uint64_t to) {
  const auto at = [&](std::uint64_t frame) {
    return track.begin() +
           static_cast<std::ptrdiff_t>(std::min<std::uint64_t>(track.size(), frame * twilio::kFrameBytes));
  };
  return trim_silence({at(from), at(to)});
}

// What the agent said: in the server's words where it gives them, and as a listener understood it.
void add_texts(CallResult& result, CallVoice* voice, const Result<ServerCall>* server) {
  CallOutcome& out = result.outcome;
  const auto listen = [&](std::uint64_t from, std::uint64_t to) -> std::string {
    if (voice == nullptr || !voice->can_listen() || from >= to) return {};
    const auto sound = part_of(result.tracks.agent, from, to);
    return sound.empty() ? std::string() : voice->transcribe(sound).value_or("");
  };
  out.greeting_text = listen(out.figures.greeting_from, out.figures.greeting_to);
  for (const TurnFigures& turn : out.figures.turns) {
    out.agent_understood.push_back(listen(turn.agent_from, turn.agent_to));
  }
  out.agent_texts = out.agent_understood;
  if (server == nullptr || !*server) return;
  const ServerCall& call = **server;
  out.lead_json = call.lead_json;
  // The server may have merged, dropped or misheard lines: each is matched by its words.
  std::vector<std::string> said;
  std::vector<std::string> heard;
  for (const TurnFigures& turn : out.figures.turns) said.push_back(out.lines.at(turn.line).text);
  for (const ServerTurn& turn : call.turns) heard.push_back(turn.caller_text);
  const auto matches = align_texts(said, heard);
  for (std::size_t i = 0; i < matches.size(); ++i) {
    out.caller_heard.push_back(matches[i] ? heard[*matches[i]] : std::string());
    if (matches[i] && !call.turns[*matches[i]].agent_text.empty()) {
      out.agent_texts[i] = call.turns[*matches[i]].agent_text;
    }
  }
}

Result<void> write_text(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  if (!file) return fail(Errc::kInternal, "cannot write " + path);
  return {};
}

Result<void> write_wav(const std::string& path, const CallTracks& tracks) {
  std::vector<std::int16_t> stereo(tracks.caller.size() * 2);
  for (std::size_t i = 0; i < tracks.caller.size(); ++i) {
    stereo[2 * i] = audio::decode_ulaw(tracks.caller[i]);
    stereo[2 * i + 1] = audio::decode_ulaw(tracks.agent[i]);
  }
  return audio::write_wav(path, stereo, audio::kSampleRateHz, 2);
}

Result<void> write_files(const Arguments& arguments, CallResult& result) {
  const std::string wav = arguments.text("wav");
  if (!wav.empty()) {
    if (auto written = write_wav(wav, result.tracks); !written) return written;
    result.outcome.wav_path = wav;
  }
  if (arguments.given("timeline")) {
    if (auto written = write_text(arguments.text("timeline"), timeline_json(result.outcome)); !written) return written;
  }
  if (arguments.given("report")) return write_text(arguments.text("report"), call_json(result.outcome));
  return {};
}

ExitCode run_call_command(const Arguments& arguments, Io& io) {
  const auto target = read_target(arguments);
  if (!target)
    return io.fail(target.error().code == Errc::kMalformed ? ExitCode::kUsage : exit_code_for(target.error().code),
                   target.error().detail);
  const auto api_key = read_api_key(arguments);
  if (!api_key) return io.fail(api_key.error());

  std::unique_ptr<CallVoice> voice;
  const bool listen = !arguments.flag("no-transcript");
  if (arguments.given("text") || listen) {
    auto loaded = CallVoice::load(arguments.text("speech"), arguments.given("text"), listen);
    if (!loaded) return io.fail(loaded.error());
    voice = std::move(*loaded);
  }
  auto lines = read_lines(arguments, voice.get());
  if (!lines) return io.fail(lines.error());

  CallResult result = run_call(make_setup(arguments, *target, std::move(*lines)), io);
  net::HttpClient http;
  std::optional<Result<ServerCall>> server;
  if (!api_key->empty() && result.tracks.stream_start) {
    server = fetch_call(http, target->origin, *api_key, result.outcome.call_sid, seconds{3});
    if (!*server) io.err << "alctl: no details from the server: " << to_string(server->error()) << "\n";
  }
  add_texts(result, voice.get(), server ? &*server : nullptr);
  if (auto written = write_files(arguments, result); !written) return io.fail(written.error());
  if (io.json) {
    io.out << call_json(result.outcome);
  } else {
    print_call(result.outcome, io);
  }
  return result.outcome.exit_code;
}

std::vector<OptionSpec> call_options() {
  std::vector<OptionSpec> options = {
      {"say",
       ValueKind::kFile,
       "FILE",
       "the caller says this recording (any sound file, or raw .ulaw)",
       "",
       true,
       {},
       {},
       {}},
      {"text", ValueKind::kText, "TEXT", "the caller says this text with the embedded voice", "", true, {}, {}, {}},
      {"language",
       ValueKind::kText,
       "TAG",
       "language of --text; Hebrew letters are always Hebrew",
       "en-US",
       false,
       {},
       {},
       {}},
      {"interrupt",
       ValueKind::kFlag,
       "",
       "say each line after the first over the agent's answer (a single line: over the greeting)",
       "",
       false,
       {},
       {},
       {}},
      {"interrupt-at-ms",
       ValueKind::kInteger,
       "MS",
       "interrupt this long after the agent began",
       "1000",
       false,
       {},
       0.0,
       60000.0},
      {"dtmf", ValueKind::kText, "KEYS", "press these keys after the greeting", "", false, {}, {}, {}},
      {"wav",
       ValueKind::kFile,
       "FILE",
       "write both sides as a stereo WAV: left the caller, right the agent as heard",
       "",
       false,
       {},
       {},
       {}},
      {"timeline", ValueKind::kFile, "FILE", "write what happened when, as JSON", "", false, {}, {}, {}},
      {"report", ValueKind::kFile, "FILE", "write the JSON report to a file too", "", false, {}, {}, {}},
      {"subprotocol",
       ValueKind::kText,
       "NAME",
       "offer this WebSocket subprotocol (audio.twilio.com); Twilio offers none",
       "",
       false,
       {},
       {},
       {}},
      {"jitter-ms",
       ValueKind::kInteger,
       "MS",
       "delay the caller's frames at random by up to this much",
       "0",
       false,
       {},
       0.0,
       2000.0},
      {"loss-pct", ValueKind::kNumber, "PCT", "lose this share of the caller's frames", "0", false, {}, 0.0, 100.0},
      {"seed", ValueKind::kInteger, "N", "of jitter and loss", "1", false, {}, 0.0, {}},
      {"from", ValueKind::kText, "NUMBER", "the caller's number", "+972501234567", false, {}, {}, {}},
      {"to", ValueKind::kText, "NUMBER", "the number called", "+97231234567", false, {}, {}, {}},
      {"greeting-wait-ms",
       ValueKind::kInteger,
       "MS",
       "wait this long for the agent's first words",
       "5000",
       false,
       {},
       0.0,
       60000.0},
      {"settle-ms",
       ValueKind::kInteger,
       "MS",
       "quiet after the agent's last word before the caller speaks",
       "700",
       false,
       {},
       0.0,
       60000.0},
      {"patience-ms", ValueKind::kInteger, "MS", "wait this long for an answer", "8000", false, {}, 100.0, 60000.0},
      {"linger-ms",
       ValueKind::kInteger,
       "MS",
       "stay on the line this long after the last answer",
       "500",
       false,
       {},
       0.0,
       600000.0},
      {"max-seconds", ValueKind::kInteger, "S", "hang up after this long", "300", false, {}, 1.0, 3600.0},
      {"speech", ValueKind::kDirectory, "DIR", "folder of the embedded speech engines", "", false, {}, {}, {}},
      {"no-transcript", ValueKind::kFlag, "", "do not transcribe what the agent said", "", false, {}, {}, {}},
      api_key_option()};
  for (OptionSpec& option : target_options()) options.push_back(std::move(option));
  return options;
}

}  // namespace

CommandSpec call_command() {
  CommandSpec spec;
  spec.name = "call";
  spec.summary = "place a call to a server, playing Twilio's side of it";
  spec.description =
      "Asks the voice webhook with a valid signature, follows the TwiML verb by verb, opens the media socket, sends "
      "the\n"
      "caller's voice in real time and plays what comes back. Lines are said in the order given, each when the agent "
      "has\n"
      "finished. The token is read from TWILIO_AUTH_TOKEN.\n\n"
      "With --json: first_audio_ms, turns[] {caller_text, caller_end_ms, agent_start_ms, latency_ms, agent_text},\n"
      "max_silence_ms, barge_in_stop_ms[], pacing_p99_ms, underruns, frames_in (from the server), frames_out, lead; "
      "times\n"
      "of turns since the call was answered, first_audio_ms since the stream's start.";
  spec.arguments = {{"URL", "the server, or its voice webhook", true, false, ValueKind::kText, {}}};
  spec.options = call_options();
  spec.examples = {{"alctl call http://127.0.0.1:8080 --text 'Hello, I am looking for a flat.'",
                    "one line, spoken by the embedded voice"},
                   {"alctl call https://agent.example.com --say a.wav --say b.wav --wav call.wav --json",
                    "two recordings; keeps the sound"},
                   {"alctl call http://127.0.0.1:8080 --text Hello --text 'Wait, stop.' --interrupt",
                    "measures how fast the agent stops"}};
  spec.run = run_call_command;
  return spec;
}

}  // namespace al::alctl
