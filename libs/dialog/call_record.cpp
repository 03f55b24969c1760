#include "dialog/call_record.h"

#include <array>
#include <charconv>
#include <cmath>

#include <nlohmann/json.hpp>

#include "core/json.h"
#include "dialog/call_record_words.h"

namespace al::dialog {
namespace {

using Json = nlohmann::json;

constexpr char kHex[] = "0123456789abcdef";

void append_hex(std::string& out, std::span<const std::uint8_t> bytes) {
  for (const std::uint8_t byte : bytes) {
    out += kHex[byte >> 4U];
    out += kHex[byte & 15U];
  }
}
void append_hex(std::string& out, std::span<const std::int16_t> samples) {
  for (const std::int16_t sample : samples) {
    const auto bits = static_cast<std::uint16_t>(sample);
    const std::array<std::uint8_t, 2> bytes = {static_cast<std::uint8_t>(bits >> 8U), static_cast<std::uint8_t>(bits)};
    append_hex(out, bytes);
  }
}

void append_number(std::string& out, std::int64_t value) {
  std::array<char, 24> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  out.append(text.data(), end);
}
void append_number(std::string& out, double value) {
  std::array<char, 40> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), std::isfinite(value) ? value : 0.0).ptr;
  out.append(text.data(), end);
}

// One line: {"t":…,"<direction>":"<kind>", then the fields.
class Line {
 public:
  Line(std::string& out, Duration at, std::string_view direction, std::string_view kind) : out_(out) {
    out_ += "{\"t\":";
    append_number(out_, at.count());
    field(direction);
    out_ += '"';
    out_ += kind;
    out_ += '"';
  }
  ~Line() { out_ += "}\n"; }
  Line(const Line&) = delete;
  Line& operator=(const Line&) = delete;

  Line& text(std::string_view name, std::string_view value) {
    field(name);
    append_json_string(out_, value);
    return *this;
  }
  Line& number(std::string_view name, std::int64_t value) {
    field(name);
    append_number(out_, value);
    return *this;
  }
  Line& real(std::string_view name, double value) {
    field(name);
    append_number(out_, value);
    return *this;
  }
  template <typename Bytes>
  Line& audio(std::string_view name, const Bytes& bytes) {
    field(name);
    out_ += '"';
    append_hex(out_, std::span(bytes));
    out_ += '"';
    return *this;
  }
  Line& turn(TurnId id) { return number("turn", static_cast<std::int64_t>(id.value)); }
  Line& speech(SpeechId id) { return number("speech", static_cast<std::int64_t>(id.value)); }

 private:
  void field(std::string_view name) {
    out_ += ",\"";
    out_ += name;
    out_ += "\":";
  }
  std::string& out_;
};

struct InputWriter {
  std::string& out;
  Duration at;
  [[nodiscard]] Line line(std::string_view kind) const { return {out, at, "in", kind}; }

  void operator()(const in::Media& m) const {
    line("media")
        .number("seq", static_cast<std::int64_t>(m.sequence))
        .number("at", m.media_time.samples)
        .audio("ulaw", m.ulaw);
  }
  void operator()(const in::MarkPlayed& m) const { line("mark").text("name", m.name); }
  void operator()(const in::Dtmf& d) const { line("dtmf").text("digit", std::string_view(&d.digit, 1)); }
  void operator()(const in::SttPartial& p) const {
    line("stt_partial").turn(p.turn).text("text", p.text).real("stability", static_cast<double>(p.stability));
  }
  void operator()(const in::SttFinal& f) const {
    line("stt_final").turn(f.turn).text("text", f.text).real("confidence", static_cast<double>(f.confidence));
  }
  void operator()(const in::ModelDelta& d) const { line("model_delta").turn(d.turn).text("text", d.text); }
  void operator()(const in::ModelToolCall& c) const {
    line("model_tool").turn(c.turn).text("id", c.id).text("name", c.name).text("arguments", c.arguments_json);
  }
  void operator()(const in::ToolResult& r) const {
    line("tool_result").turn(r.turn).text("id", r.id).text("name", r.name).text("result", r.result);
  }
  void operator()(const in::ModelDone& d) const { line("model_done").turn(d.turn); }
  void operator()(const in::TtsAudio& a) const { line("tts_audio").speech(a.speech).audio("pcm", a.pcm_8k); }
  void operator()(const in::TtsDone& d) const { line("tts_done").speech(d.speech); }
  void operator()(const in::ProviderFailed& f) const {
    line("failed")
        .text("stage", kRecordStages[static_cast<int>(f.stage)])
        .turn(f.turn)
        .speech(f.speech)
        .number("code", static_cast<std::int64_t>(f.error.code))
        .text("detail", f.error.detail);
  }
  void operator()(const in::DeadlineReached&) const { (void)line("deadline"); }
  void operator()(const in::Hangup& h) const { line("hangup").text("reason", h.reason); }
};

struct OutputWriter {
  std::string& out;
  Duration at;
  [[nodiscard]] Line line(std::string_view kind) const { return {out, at, "out", kind}; }

  void operator()(const out::StartStt& o) const { line("start_stt").turn(o.turn); }
  void operator()(const out::FeedStt& o) const { line("feed_stt").turn(o.turn).audio("pcm", o.pcm); }
  void operator()(const out::FinishStt& o) const { line("finish_stt").turn(o.turn); }
  void operator()(const out::CancelStt& o) const { line("cancel_stt").turn(o.turn); }
  void operator()(const out::AskModel& o) const {
    Line l = line("ask_model");
    l.turn(o.request.turn).text("next_slot", o.request.next_slot);
    std::string messages;
    for (const Message& message : o.request.messages) messages += message.text + '\n';
    l.text("messages", messages);
  }
  void operator()(const out::Synthesize& o) const {
    line("synthesize").turn(o.request.turn).speech(o.request.speech).text("text", o.request.text);
  }
  void operator()(const out::CancelTurn& o) const { line("cancel_turn").turn(o.turn); }
  void operator()(const out::RunTool& o) const {
    line("run_tool").turn(o.turn).text("id", o.id).text("name", o.name).text("arguments", o.arguments_json);
  }
  void operator()(const out::SendMedia& o) const { line("media").audio("ulaw", o.ulaw); }
  void operator()(const out::SendMark& o) const { line("mark").text("name", o.name); }
  void operator()(const out::ClearPlayback&) const { (void)line("clear"); }
  void operator()(const out::EndCall& o) const { line("end_call").text("reason", o.reason); }
  void operator()(const out::SaveLead& o) const {
    Line l = line("save_lead");
    l.number("complete", std::int64_t{o.complete});
    for (const auto& [slot, value] : o.slots) l.text("slot:" + slot, value);
  }
  void operator()(const out::Event& o) const {
    Line l = line("event");
    l.text("name", o.event.name).turn(o.event.turn).number("media_at", o.event.media_time.samples);
    for (const Fact& fact : o.event.facts) {
      if (const auto* whole = std::get_if<std::int64_t>(&fact.value)) l.number(fact.key, *whole);
      if (const auto* real = std::get_if<double>(&fact.value)) l.real(fact.key, *real);
      if (const auto* text = std::get_if<std::string>(&fact.value)) l.text(fact.key, *text);
    }
  }
};

}  // namespace

void OutputDigest::add(const Output& output, Duration since_start) {
  line_.clear();
  append_output_line(line_, output, since_start);
  for (const char c : line_) value_ = (value_ ^ static_cast<std::uint8_t>(c)) * 1099511628211ULL;
  ++outputs_;
}

void append_digest_line(std::string& out, const OutputDigest& digest, Duration since_start, bool last) {
  std::array<char, 16> hex{};
  for (std::size_t i = 0; i < hex.size(); ++i) hex[i] = kHex[digest.value() >> (60 - 4 * i) & 15U];
  out += "{\"t\":";
  append_number(out, since_start.count());
  out += ",\"digest\":\"";
  out.append(hex.data(), hex.size());
  out += "\",\"outputs\":";
  append_number(out, static_cast<std::int64_t>(digest.outputs()));
  out += last ? ",\"end\":true}\n" : "}\n";
}

std::string record_header_line(const CallRecordHeader& header) {
  Json line = {{"record", kRecordKind},
               {"version", kRecordVersion},
               {"call_sid", header.call_sid},
               {"caller", header.caller},
               {"canary", header.canary},
               {"local_time_ms", header.local_time.time_since_epoch().count()},
               {"prompts_said", header.prompts_said},
               {"max_call_sec", header.max_call.count()},
               {"started", header.started},
               {"seed", std::to_string(header.seed)},
               {"persona_name", header.persona_name},
               {"persona_toml", header.persona_toml},
               {"settings", header.settings},
               {"resume_state", header.resume_state}};
  Json clips = Json::object();
  for (const auto& [text, pcm] : header.clips) {
    if (!pcm) continue;
    std::string hex;
    append_hex(hex, std::span(*pcm));
    clips[text] = std::move(hex);
  }
  line["clips"] = std::move(clips);
  return dump_json(line) + '\n';
}

void append_record_line(std::string& out, const Input& input, Duration since_start) {
  std::visit(InputWriter{out, since_start}, input);
}

void append_output_line(std::string& out, const Output& output, Duration since_start) {
  std::visit(OutputWriter{out, since_start}, output);
}

}  // namespace al::dialog
