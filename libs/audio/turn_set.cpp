#include "audio/turn_set.h"

#include <algorithm>
#include <fstream>
#include <iterator>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "audio/wav_file.h"
#include "core/json.h"
#include "core/secret.h"

namespace al::audio {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxManifestBytes = 64U << 20U;

Result<std::string> read_bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail(Errc::kNotFound, fmt::format("cannot open {}", path));
  return std::string((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
}

Result<Span> parse_span(const json& from, const json& to, std::string_view where) {
  if (!from.is_number() || !to.is_number())
    return fail(Errc::kMalformed, fmt::format("{}: times must be numbers", where));
  const Span span{from.get<std::int64_t>(), to.get<std::int64_t>()};
  if (span.start < 0 || span.end < span.start) {
    return fail(Errc::kMalformed, fmt::format("{}: {} .. {} ms is no span of time", where, span.start, span.end));
  }
  return span;
}

Result<std::vector<Span>> parse_spans(const json* list, std::string_view where) {
  std::vector<Span> spans;
  if (list == nullptr) return spans;
  if (!list->is_array()) return fail(Errc::kMalformed, fmt::format("{}: a list is expected", where));
  for (const json& item : *list) {
    const bool pair = item.is_array() && item.size() >= 2;
    const bool object = item.is_object() && item.contains("start") && item.contains("end");
    if (!pair && !object) return fail(Errc::kMalformed, fmt::format("{}: start and end are expected", where));
    auto span = pair ? parse_span(item[0], item[1], where) : parse_span(item["start"], item["end"], where);
    if (!span) return fail(span.error());
    spans.push_back(*span);
  }
  return spans;
}

Result<LabelledTurn> parse_turn(const json& item, const std::string& where) {
  LabelledTurn turn;
  const auto start = json_int(item, "start");
  const auto end = json_int(item, "end");
  if (!start || !end) return fail(Errc::kMalformed, where + ": a turn needs start and end");
  auto whole = parse_span(*json_member(item, "start"), *json_member(item, "end"), where);
  if (!whole) return fail(whole.error());
  turn.whole = *whole;
  turn.kind = json_string(item, "kind", "turn");
  auto speech = parse_spans(json_member(item, "segs"), where + " segs");
  if (!speech) return fail(speech.error());
  turn.speech = std::move(*speech);
  if (turn.speech.empty()) turn.speech.push_back(turn.whole);
  auto pauses = parse_spans(json_member(item, "pauses"), where + " pauses");
  if (!pauses) return fail(pauses.error());
  turn.pauses = std::move(*pauses);
  turn.reply_gap_ms = json_int(item, "reply_gap_ms").value_or(-1);
  return turn;
}

Result<std::vector<std::int16_t>> read_sound(const std::string& path) {
  const bool raw = path.size() > 5 && path.compare(path.size() - 5, 5, ".ulaw") == 0;
  return raw ? read_raw_ulaw(path) : read_8k(path);
}

Result<LabelledCall> parse_call(const json& item, const std::string& folder, const std::string& id) {
  LabelledCall call;
  call.id = id;
  call.scenario = json_string(item, "scenario", "other");
  call.snr_db = json_number(item, "snr_db");
  call.level_dbov = json_number(item, "level_dbov").value_or(0.0);
  if (const json* turns = json_member(item, "turns"); turns != nullptr && turns->is_array()) {
    for (const json& t : *turns) {
      auto turn = parse_turn(t, "manifest.json: " + id);
      if (!turn) return fail(turn.error());
      call.turns.push_back(std::move(*turn));
    }
  }
  auto prompts = parse_spans(json_member(item, "agent"), "manifest.json: " + id + " agent");
  if (!prompts) return fail(prompts.error());
  call.prompts = std::move(*prompts);

  const std::string path = folder + "/" + json_string(item, "audio");
  if (const std::string expected = json_string(item, "sha256"); !expected.empty()) {
    const auto bytes = read_bytes(path);
    if (!bytes) return fail(bytes.error());
    if (to_hex(as_bytes(sha256(*bytes))) != expected) {
      return fail(Errc::kMalformed,
                  fmt::format("{}: not the recording that the manifest describes (sha256 differs)", path));
    }
  }
  auto caller = read_sound(path);
  if (!caller) return fail(caller.error());
  call.caller = std::move(*caller);
  if (const std::string ref = json_string(item, "ref"); !ref.empty()) {
    auto agent = read_sound(folder + "/" + ref);
    if (!agent) return fail(agent.error());
    call.agent = std::move(*agent);
  }
  call.duration_ms = static_cast<std::int64_t>(call.caller.size()) / 8;
  return call;
}

}  // namespace

Result<TurnSet> TurnSet::load(const std::string& folder, const std::vector<std::string>& only) {
  const std::string path = folder + "/manifest.json";
  const auto text = read_bytes(path);
  if (!text) return fail(text.error());
  const auto document = parse_json(*text, kMaxManifestBytes);
  if (!document) return fail(document.error().code, path + ": " + document.error().detail);
  const json* files = json_member(*document, "files");
  if (files == nullptr || !files->is_array()) return fail(Errc::kMalformed, path + ": no list \"files\"");

  TurnSet set;
  set.name = json_string(*document, "name", "unnamed");
  set.manifest_sha256 = to_hex(as_bytes(sha256(*text)));
  for (const json& item : *files) {
    const std::string id = json_string(item, "id");
    if (!only.empty() && std::find(only.begin(), only.end(), id) == only.end()) continue;
    auto call = parse_call(item, folder, id);
    if (!call) return fail(call.error());
    set.calls.push_back(std::move(*call));
  }
  if (set.calls.empty()) return fail(Errc::kMalformed, path + ": no call to score");
  return set;
}

}  // namespace al::audio
