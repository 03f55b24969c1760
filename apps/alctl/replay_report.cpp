#include "alctl/replay_report.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace al::alctl {
namespace {

using dialog::CallEvent;
using dialog::Fact;
using nlohmann::json;

std::int64_t at_ms(const CallEvent& event) {
  return to_ms(event.at.time_since_epoch());
}

json fact_value(const Fact& fact) {
  return std::visit([](const auto& value) { return json(value); }, fact.value);
}
std::string fact_text(const CallEvent& event, std::string_view key) {
  for (const Fact& fact : event.facts) {
    if (fact.key != key) continue;
    if (const auto* text = std::get_if<std::string>(&fact.value)) return *text;
    if (const auto* number = std::get_if<std::int64_t>(&fact.value)) return std::to_string(*number);
  }
  return {};
}

// The events that tell the story; the rest with --events.
std::string story_line(const CallEvent& event) {
  const auto fact = [&](std::string_view key) { return fact_text(event, key); };
  if (event.name == "STATE_CHANGE") {
    if (fact("machine") != "agent") return {};
    return fmt::format("{} -> {} ({})", fact("from"), fact("to"), fact("reason"));
  }
  if (event.name == "BARGE_IN") return fmt::format("barge-in after {} ms of voice", fact("voice_ms"));
  if (event.name == "INTERRUPTED") return fmt::format("interrupted ({})", fact("reason"));
  if (event.name == "FILLER") return fmt::format("filler, {} ms after the caller", fact("after_ms"));
  if (event.name == "TURN_FAILED") return fmt::format("turn failed: {}", fact("reason"));
  if (event.name == "LATENCY") {
    return fmt::format("answer {} ms after the caller: endpointing {}, stt {}, model {}, clause {}, tts {}, playout {}",
                       fact("total_ms"), fact("endpointing_ms"), fact("stt_ms"), fact("model_ms"), fact("clause_ms"),
                       fact("tts_ms"), fact("playout_ms"));
  }
  return {};
}

struct TimelineLine {
  std::int64_t at;
  std::string who;
  std::string what;
};

std::vector<TimelineLine> timeline(const ReplayRun& run, bool all_events) {
  std::vector<TimelineLine> lines;
  for (const ReplayUtterance& u : run.utterances) {
    std::string what =
        fmt::format("{:.2f} s of speech, end declared {} ms after it ({})",
                    static_cast<double>(u.end_ms - u.onset_ms) / 1000.0, u.decided_ms - u.end_ms, u.reason);
    if (!u.text.empty()) what += fmt::format(": \"{}\"", u.text);
    lines.push_back({u.onset_ms, "caller", std::move(what)});
  }
  for (const auto& [at, text] : run.spoken) {
    if (!text.empty()) lines.push_back({at, "agent", fmt::format("\"{}\"", text)});
  }
  for (const CallEvent& event : run.events) {
    std::string what = story_line(event);
    if (what.empty() && all_events) {
      what = event.name;
      for (const Fact& fact : event.facts) what += fmt::format(" {}={}", fact.key, fact_text(event, fact.key));
    }
    if (!what.empty()) lines.push_back({at_ms(event), "", std::move(what)});
  }
  std::stable_sort(lines.begin(), lines.end(), [](const auto& a, const auto& b) { return a.at < b.at; });
  return lines;
}

std::int64_t duration_ms(const ReplayRun& run) {
  return static_cast<std::int64_t>(run.frames.size()) * 20;
}
std::int64_t voice_ms(const ReplayRun& run) {
  return 20 * std::count_if(run.frames.begin(), run.frames.end(), [](const ReplayFrame& f) { return f.voice; });
}

std::string channel_words(const ReplayHead& head) {
  if (head.channel.empty()) return {};
  if (head.channel == "mix") return fmt::format(", all {} channels mixed", head.channels);
  return fmt::format(", the {} one of {} channels is the caller", head.channel, head.channels);
}

}  // namespace

std::string clock_text(std::int64_t ms) {
  return fmt::format("{}:{:02}.{:03}", ms / 60'000, ms / 1000 % 60, ms % 1000);
}

void print_replay(Io& io, const ReplayHead& head, const ReplayRun& run, bool all_events) {
  io.out << io.bold(head.file)
         << fmt::format("  {}, detector {}{}{}\n", clock_text(duration_ms(run)), head.vad,
                        head.changes.empty() ? "" : ", " + head.changes, channel_words(head));
  for (const TimelineLine& line : timeline(run, all_events)) {
    const std::string time = fmt::format("{:>9}", clock_text(line.at));
    const std::string who = fmt::format("{:<7}", line.who);
    io.out << io.dim(time) << "  " << (line.who == "caller" ? io.green(who) : io.yellow(who)) << line.what << '\n';
  }
  const auto kept = std::count_if(run.utterances.begin(), run.utterances.end(),
                                  [](const ReplayUtterance& u) { return u.reason != "dropped"; });
  io.out << fmt::format("{:>9}  {} utterances, {:.1f} s of voice in {:.1f} s{}\n\n", "", kept,
                        static_cast<double>(voice_ms(run)) / 1000.0, static_cast<double>(duration_ms(run)) / 1000.0,
                        run.end_reason.empty() ? "" : ", call ended: " + run.end_reason);
}

json replay_json(const ReplayHead& head, const ReplayRun& run) {
  json object = {{"file", head.file},         {"vad", head.vad},
                 {"channel", head.channel},   {"channels", head.channels},
                 {"changes", head.changes},   {"duration_ms", duration_ms(run)},
                 {"voice_ms", voice_ms(run)}, {"end_reason", run.end_reason}};
  json utterances = json::array();
  for (const ReplayUtterance& u : run.utterances) {
    utterances.push_back({{"turn", u.turn.value},
                          {"onset_ms", u.onset_ms},
                          {"end_ms", u.end_ms},
                          {"decided_ms", u.decided_ms},
                          {"voice_ms", u.voice_ms},
                          {"reason", u.reason},
                          {"text", u.text}});
  }
  json spoken = json::array();
  for (const auto& [at, text] : run.spoken) spoken.push_back({{"at_ms", at}, {"text", text}});
  json events = json::array();
  json turns = json::array();
  for (const CallEvent& event : run.events) {
    json facts = json::object();
    for (const Fact& fact : event.facts) facts[fact.key] = fact_value(fact);
    events.push_back({{"at_ms", at_ms(event)}, {"name", event.name}, {"turn", event.turn.value}, {"facts", facts}});
    if (event.name == "LATENCY") {
      facts["turn"] = event.turn.value;
      turns.push_back(std::move(facts));
    }
  }
  object["utterances"] = std::move(utterances);
  object["spoken"] = std::move(spoken);
  object["turns"] = std::move(turns);
  object["events"] = std::move(events);
  return object;
}

}  // namespace al::alctl
