#include "alctl/call_report.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/json.h"

namespace al::alctl {
namespace {

using nlohmann::ordered_json;

ordered_json or_null(const std::optional<std::int64_t>& value) {
  return value ? ordered_json(*value) : ordered_json(nullptr);
}

double rounded(double value) {
  return std::round(value * 100) / 100;
}

std::string text_at(const std::vector<std::string>& texts, std::size_t i) {
  return i < texts.size() ? texts[i] : std::string();
}

ordered_json turns_json(const CallOutcome& outcome) {
  ordered_json turns = ordered_json::array();
  for (std::size_t i = 0; i < outcome.figures.turns.size(); ++i) {
    const TurnFigures& turn = outcome.figures.turns[i];
    const CallerLine& line = outcome.lines.at(turn.line);
    turns.push_back({{"caller_text", line.text},
                     {"caller_end_ms", turn.caller_end_ms},
                     {"agent_start_ms", or_null(turn.agent_start_ms)},
                     {"latency_ms", or_null(turn.latency_ms)},
                     {"agent_text", text_at(outcome.agent_texts, i)},
                     {"agent_understood", text_at(outcome.agent_understood, i)},
                     {"source", line.source},
                     {"recognised_text", text_at(outcome.caller_heard, i)},
                     {"silence_ms", turn.silence_ms}});
  }
  return turns;
}

std::string write(const ordered_json& value) {
  return value.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

std::string seconds_text(std::int64_t ms) {
  return fmt::format("{:.2f} s", static_cast<double>(ms) / 1000);
}

void print_dialogue(const CallOutcome& outcome, Io& io) {
  if (!outcome.greeting_text.empty()) io.out << io.dim("  agent   ") << outcome.greeting_text << "\n";
  for (std::size_t i = 0; i < outcome.figures.turns.size(); ++i) {
    const TurnFigures& turn = outcome.figures.turns[i];
    const CallerLine& line = outcome.lines.at(turn.line);
    io.out << io.bold("  caller  ") << (line.text.empty() ? "[" + line.source + "]" : line.text) << "\n";
    const std::string heard = text_at(outcome.caller_heard, i);
    if (!heard.empty() && heard != line.text) io.out << io.dim("   heard  " + heard) << "\n";
    const std::string answer = text_at(outcome.agent_texts, i);
    const std::string after =
        turn.latency_ms ? fmt::format("  ({} after)", seconds_text(*turn.latency_ms)) : "  (no answer)";
    io.out << "  agent   " << (answer.empty() && turn.latency_ms ? "[speech]" : answer) << io.dim(after) << "\n";
  }
}

}  // namespace

int CallOutcome::turns_answered() const {
  return static_cast<int>(std::count_if(figures.turns.begin(), figures.turns.end(),
                                        [](const TurnFigures& turn) { return turn.latency_ms.has_value(); }));
}

std::string call_json(const CallOutcome& outcome) {
  ordered_json body;
  body["schema"] = 1;
  body["ok"] = outcome.ok;
  if (!outcome.problem.empty()) body["problem"] = outcome.problem;
  body["first_audio_ms"] = or_null(outcome.figures.first_audio_ms);
  body["turns"] = turns_json(outcome);
  body["max_silence_ms"] = outcome.figures.max_silence_ms;
  body["barge_in_stop_ms"] = outcome.figures.barge_in_stop_ms;
  body["pacing_p99_ms"] = rounded(percentile(outcome.pacing_ms, 0.99));
  body["underruns"] = outcome.underruns;
  body["frames_in"] = outcome.frames_in;
  body["frames_out"] = outcome.frames_out;
  body["lead"] =
      outcome.lead_json.empty() ? ordered_json(nullptr) : ordered_json::parse(outcome.lead_json, nullptr, false);
  body["call_sid"] = outcome.call_sid;
  body["url"] = outcome.url;
  body["ended"] = outcome.ended;
  body["duration_ms"] = outcome.duration_ms;
  body["greeting_text"] = outcome.greeting_text;
  body["pacing_p50_ms"] = rounded(percentile(outcome.pacing_ms, 0.5));
  body["pacing_max_ms"] = rounded(outcome.pacing_ms.empty() ? 0 : outcome.pacing_ms.back());
  body["streams"] = outcome.streams;
  body["subprotocol"] = outcome.subprotocol;
  body["unanswered"] = outcome.unanswered;
  body["requests"] = ordered_json::array();
  for (const RequestTiming& request : outcome.requests) {
    body["requests"].push_back({{"url", request.url}, {"status", request.status}, {"ms", rounded(request.ms)}});
  }
  body["twilio_errors"] = ordered_json::array();
  for (const auto& error : outcome.debugger)
    body["twilio_errors"].push_back({{"code", error.code}, {"detail", error.detail}});
  if (!outcome.wav_path.empty()) body["wav"] = outcome.wav_path;
  return write(body);
}

std::string timeline_json(const CallOutcome& outcome) {
  struct Entry {
    std::int64_t at_ms;
    std::string what;
    std::string detail;
  };
  std::vector<Entry> entries;
  for (const auto& note : outcome.timeline)
    entries.push_back({to_ms(note.at - outcome.answered), note.what, note.detail});
  constexpr std::int64_t kFrameMs = 20;
  for (const SpokenSpan& span : outcome.spans) {
    const CallerLine& line = outcome.lines.at(span.line);
    entries.push_back({static_cast<std::int64_t>(span.begin) * kFrameMs, "caller_start",
                       line.text.empty() ? line.source : line.text});
    entries.push_back({static_cast<std::int64_t>(span.end) * kFrameMs, "caller_end", ""});
  }
  for (std::size_t i = 0; i < outcome.figures.turns.size(); ++i) {
    const auto& start = outcome.figures.turns[i].agent_start_ms;
    if (start) entries.push_back({*start, "agent_start", text_at(outcome.agent_texts, i)});
  }
  std::stable_sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.at_ms < b.at_ms; });
  ordered_json events = ordered_json::array();
  for (const Entry& entry : entries)
    events.push_back({{"at_ms", entry.at_ms}, {"what", entry.what}, {"detail", entry.detail}});
  return write({{"schema", 1}, {"call_sid", outcome.call_sid}, {"events", events}});
}

void print_call(const CallOutcome& outcome, Io& io) {
  io.out << io.bold("Call " + outcome.call_sid) << "  " << outcome.url << "\n\n";
  print_dialogue(outcome, io);
  io.out << "\n";
  const auto row = [&](const char* name, const std::string& value) {
    io.out << fmt::format("  {:<24}{}\n", name, value);
  };
  const CallFigures& figures = outcome.figures;
  row("first sound", figures.first_audio_ms ? seconds_text(*figures.first_audio_ms) + " after start" : "never");
  std::vector<double> latencies;
  for (const TurnFigures& turn : figures.turns) {
    if (turn.latency_ms) latencies.push_back(static_cast<double>(*turn.latency_ms));
  }
  std::sort(latencies.begin(), latencies.end());
  if (!latencies.empty()) {
    row("answer after",
        fmt::format("{:.2f} s median, {:.2f} s longest", percentile(latencies, 0.5) / 1000, latencies.back() / 1000));
  }
  if (!figures.turns.empty()) row("longest silence", seconds_text(figures.max_silence_ms));
  for (const std::int64_t stop : figures.barge_in_stop_ms) row("silent after barge-in", fmt::format("{} ms", stop));
  row("pacing", fmt::format("{:.2f} ms p50, {:.2f} ms p99", percentile(outcome.pacing_ms, 0.5),
                            percentile(outcome.pacing_ms, 0.99)));
  row("underruns", std::to_string(outcome.underruns));
  row("frames", fmt::format("{} from the server, {} to it", outcome.frames_in, outcome.frames_out));
  row("ended", outcome.ended);
  for (const auto& error : outcome.debugger)
    row("Twilio would log", io.yellow(fmt::format("{} {}", error.code, error.detail)));
  if (!outcome.lead_json.empty()) {
    io.out << "\n" << io.bold("Lead") << "\n";
    const auto lead = ordered_json::parse(outcome.lead_json, nullptr, false);
    const auto& slots = lead.contains("slots") ? lead["slots"] : lead;
    for (const auto& [name, value] : slots.items()) {
      row(name.c_str(), value.is_string() ? value.get<std::string>() : value.dump());
    }
  }
  if (!outcome.wav_path.empty()) row("sound", outcome.wav_path + " (left: caller, right: agent)");
  if (!outcome.ok) io.out << "\n" << io.red("FAILED: " + outcome.problem) << "\n";
}

}  // namespace al::alctl
