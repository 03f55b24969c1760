// Reading recorded calls.
#include <algorithm>
#include <charconv>

#include <nlohmann/json.hpp>

#include "core/json.h"
#include "dialog/call_record.h"
#include "dialog/call_record_words.h"

namespace al::dialog {
namespace {

constexpr std::size_t kMaxLineBytes = 32U << 20;  // a header with many clips

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
    if (stage != kRecordStages[i]) continue;
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
  if (json_string(line, "record") != kRecordKind) return fail(Errc::kMalformed, "not a recorded call: no \"record\"");
  if (json_int(line, "version").value_or(0) != kRecordVersion) {
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
  header.prompts_said = static_cast<int>(std::clamp<std::int64_t>(json_int(line, "prompts_said").value_or(0), 0, 1000));
  constexpr std::int64_t kLongestCall = 7 * 24 * 3600;
  header.max_call = seconds{std::clamp<std::int64_t>(json_int(line, "max_call_sec").value_or(0), 0, kLongestCall)};
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

void describe_call(const CallOptions& options, CallRecordHeader& header) {
  header.call_sid = options.call_sid;
  header.clips = options.clips;
  header.resume_state = options.resume_state;
  header.caller = options.conversation.caller_number;
  header.canary = options.conversation.canary;
  header.local_time = options.conversation.local_time;
  header.prompts_said = options.idle.prompts_said;
  header.max_call = options.idle.max_call;
}

void apply_header(const CallRecordHeader& header, CallOptions& options) {
  options.call_sid = header.call_sid;
  options.clips = header.clips;
  options.resume_state = header.resume_state;
  options.conversation.conversation_id = header.call_sid;
  options.conversation.caller_number = header.caller;
  options.conversation.canary = header.canary;
  options.conversation.local_time = header.local_time;
  options.idle.prompts_said = header.prompts_said;
  if (header.max_call > seconds{0}) options.idle.max_call = header.max_call;
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
