#include "dialog/call_record.h"

#include <array>
#include <charconv>
#include <cmath>

#include <nlohmann/json.hpp>

#include "core/json.h"

namespace al::dialog {
namespace {

constexpr std::string_view kKind = "agentlocator-call";
constexpr std::int64_t kVersion = 1;
constexpr std::size_t kMaxLineBytes = 32U << 20;  // a header with many clips

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

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}
bool read_hex(std::string_view text, std::vector<std::uint8_t>& out) {
  if (text.size() % 2 != 0) return false;
  out.clear();
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = hex_value(text[i]);
    const int low = hex_value(text[i + 1]);
    if (high < 0 || low < 0) return false;
    out.push_back(static_cast<std::uint8_t>(high * 16 + low));
  }
  return true;
}
bool read_hex(std::string_view text, Pcm& out) {
  std::vector<std::uint8_t> bytes;
  if (text.size() % 4 != 0 || !read_hex(text, bytes)) return false;
  out.resize(bytes.size() / 2);
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = static_cast<std::int16_t>(static_cast<std::uint16_t>(bytes[2 * i] << 8U | bytes[2 * i + 1]));
  }
  return true;
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

constexpr std::string_view kStages[] = {"stt", "model", "tts"};

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
        .text("stage", kStages[static_cast<int>(f.stage)])
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

// ---- reading --------------------------------------------------------------------------------------------------------

using Json = nlohmann::json;

TurnId turn_of(const Json& line) {
  return TurnId{static_cast<std::uint64_t>(json_int(line, "turn").value_or(0))};
}
SpeechId speech_of(const Json& line) {
  return SpeechId{static_cast<std::uint64_t>(json_int(line, "speech").value_or(0))};
}
float real_of(const Json& line, std::string_view name) {
  return static_cast<float>(json_number(line, name).value_or(0.0));
}

Result<Input> read_media(const Json& line) {
  in::Media media;
  media.sequence = static_cast<std::uint64_t>(json_int(line, "seq").value_or(0));
  media.media_time.samples = json_int(line, "at").value_or(0);
  std::vector<std::uint8_t> bytes;
  if (!read_hex(json_string(line, "ulaw"), bytes) || bytes.size() != media.ulaw.size()) {
    return fail(Errc::kMalformed, "'ulaw' is not 160 bytes in hex");
  }
  std::copy(bytes.begin(), bytes.end(), media.ulaw.begin());
  return media;
}

Result<Input> read_failed(const Json& line) {
  const std::string stage = json_string(line, "stage");
  for (int i = 0; i < 3; ++i) {
    if (stage != kStages[i]) continue;
    const std::int64_t code = json_int(line, "code").value_or(0);
    if (code < 0 || code > static_cast<std::int64_t>(Errc::kInternal)) break;
    return in::ProviderFailed{static_cast<Stage>(i), turn_of(line), speech_of(line),
                              Error{static_cast<Errc>(code), json_string(line, "detail")}};
  }
  return fail(Errc::kMalformed, "unknown 'stage' or 'code' of a failure");
}

Result<Input> read_input(const Json& line) {
  const std::string kind = json_string(line, "in");
  if (kind == "media") return read_media(line);
  if (kind == "mark") return in::MarkPlayed{json_string(line, "name")};
  if (kind == "dtmf") {
    const std::string digit = json_string(line, "digit");
    if (digit.size() != 1) return fail(Errc::kMalformed, "'digit' is not one character");
    return in::Dtmf{digit[0]};
  }
  if (kind == "stt_partial")
    return in::SttPartial{turn_of(line), json_string(line, "text"), real_of(line, "stability")};
  if (kind == "stt_final") return in::SttFinal{turn_of(line), json_string(line, "text"), real_of(line, "confidence")};
  if (kind == "model_delta") return in::ModelDelta{turn_of(line), json_string(line, "text")};
  if (kind == "model_tool") {
    return in::ModelToolCall{turn_of(line), json_string(line, "id"), json_string(line, "name"),
                             json_string(line, "arguments")};
  }
  if (kind == "tool_result") {
    return in::ToolResult{turn_of(line), json_string(line, "id"), json_string(line, "name"),
                          json_string(line, "result")};
  }
  if (kind == "model_done") return in::ModelDone{turn_of(line)};
  if (kind == "tts_audio") {
    in::TtsAudio audio{speech_of(line), {}};
    if (!read_hex(json_string(line, "pcm"), audio.pcm_8k)) return fail(Errc::kMalformed, "'pcm' is not hex");
    return audio;
  }
  if (kind == "tts_done") return in::TtsDone{speech_of(line)};
  if (kind == "failed") return read_failed(line);
  if (kind == "deadline") return in::DeadlineReached{};
  if (kind == "hangup") return in::Hangup{json_string(line, "reason")};
  return fail(Errc::kMalformed, "unknown input '" + kind + "'");
}

Result<CallRecordHeader> read_header(const Json& line) {
  if (json_string(line, "record") != kKind) return fail(Errc::kMalformed, "not a recorded call: no \"record\"");
  if (json_int(line, "version").value_or(0) != kVersion) {
    return fail(Errc::kUnsupported, "a recorded call of another version than 1");
  }
  CallRecordHeader header;
  header.call_sid = json_string(line, "call_sid");
  header.started = json_string(line, "started");
  header.persona_toml = json_string(line, "persona_toml");
  header.persona_name = json_string(line, "persona_name");
  header.resume_state = json_string(line, "resume_state");
  header.caller = json_string(line, "caller");
  header.canary = json_string(line, "canary");
  header.local_time = WallTime{milliseconds{json_int(line, "local_time_ms").value_or(0)}};
  const std::string seed = json_string(line, "seed");
  if (std::from_chars(seed.data(), seed.data() + seed.size(), header.seed).ec != std::errc()) {
    return fail(Errc::kMalformed, "'seed' is not a number");
  }
  if (const Json* settings = json_member(line, "settings"); settings != nullptr && settings->is_object()) {
    for (const auto& [key, value] : settings->items()) {
      if (value.is_string()) header.settings[key] = value.get<std::string>();
    }
  }
  if (const Json* clips = json_member(line, "clips"); clips != nullptr && clips->is_object()) {
    for (const auto& [text, value] : clips->items()) {
      Pcm pcm;
      if (!value.is_string() || !read_hex(value.get_ref<const std::string&>(), pcm)) {
        return fail(Errc::kMalformed, "the clip '" + text + "' is not hex");
      }
      header.clips[text] = std::make_shared<const Pcm>(std::move(pcm));
    }
  }
  return header;
}

Result<DigestPoint> read_digest(const Json& line, const CallRecord& record) {
  DigestPoint point;
  const std::string text = json_string(line, "digest");
  const auto outputs = json_int(line, "outputs");
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), point.value, 16);
  if (error != std::errc() || end != text.data() + text.size() || !outputs || *outputs < 0) {
    return fail(Errc::kMalformed, "'digest' or 'outputs' is not a number");
  }
  point.outputs = static_cast<std::uint64_t>(*outputs);
  point.inputs = record.inputs.size();
  point.at = Duration{json_int(line, "t").value_or(0)};
  return point;
}

}  // namespace

void apply_header(const CallRecordHeader& header, CallOptions& options) {
  options.call_sid = header.call_sid;
  options.clips = header.clips;
  options.resume_state = header.resume_state;
  options.conversation.conversation_id = header.call_sid;
  options.conversation.caller_number = header.caller;
  options.conversation.canary = header.canary;
  options.conversation.local_time = header.local_time;
}

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
  Json line = {{"record", kKind},
               {"version", kVersion},
               {"call_sid", header.call_sid},
               {"caller", header.caller},
               {"canary", header.canary},
               {"local_time_ms", header.local_time.time_since_epoch().count()},
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

Result<CallRecord> parse_call_record(std::string_view jsonl) {
  CallRecord record;
  std::size_t number = 0;
  Duration last{0};
  while (!jsonl.empty()) {
    ++number;
    const std::size_t end = jsonl.find('\n');
    const bool whole = end != std::string_view::npos;
    const std::string_view text = jsonl.substr(0, end);
    jsonl.remove_prefix(whole ? end + 1 : jsonl.size());
    const std::string where = "line " + std::to_string(number) + ": ";
    auto line = parse_json(text, kMaxLineBytes);
    if (!line) {
      if (!whole && number > 1) {  // the writer died in the middle of it
        record.torn = true;
        break;
      }
      return fail(line.error().code, where + line.error().detail);
    }
    if (number == 1) {
      auto header = read_header(*line);
      if (!header) return fail(header.error().code, where + header.error().detail);
      record.header = std::move(*header);
      continue;
    }
    if (json_member(*line, "digest") != nullptr) {
      auto point = read_digest(*line, record);
      if (!point) return fail(point.error().code, where + point.error().detail);
      record.digests.push_back(*point);
      record.whole = json_bool(*line, "end").value_or(false);
      continue;
    }
    auto input = read_input(*line);
    if (!input) return fail(input.error().code, where + input.error().detail);
    const auto at = json_int(*line, "t");
    if (!at || *at < last.count()) return fail(Errc::kMalformed, where + "'t' is missing or goes back");
    last = Duration{*at};
    record.inputs.push_back({last, std::move(*input)});
  }
  if (number == 0) return fail(Errc::kMalformed, "line 1: the file is empty");
  return record;
}

}  // namespace al::dialog
