#include "twilio/error_catalogue.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "core/utf8.h"

namespace al::twilio {
namespace {

constexpr std::size_t kShownBytes = 200;

// `event`: the line's event name (the first word after time and level); `texts`: all must be in the line.
struct Rule {
  Symptom symptom;
  std::string_view event;
  std::array<std::string_view, 2> texts;
};

constexpr Rule kRules[] = {
    {{"rx_zero", "no audio came from the caller (rx=0)",
      "the socket opened but Twilio sent nothing: the handshake or the route is wrong, or the stream was <Start> of "
      "another call",
      "run alctl smoke URL; check that the proxy passes WebSocket frames both ways and does not buffer"},
     "WS_DONE",
     {"rx=0", ""}},
    {{"tx_zero", "the agent was never heard (rx>0, tx=0)",
      "the caller was heard but nothing was sent back: synthesis failed, or sending did",
      "look for TTS_START and TTS_FAILED lines of this call; check the voice provider's key; try TTS=piper or "
      "TTS=espeak"},
     "WS_DONE",
     {"tx=0", ""}},
    {{"empty_text", "recognition returned nothing",
      "the language does not fit, the level is too low, or the utterance was noise",
      "check LANGUAGE and STT; write what recognition heard with DEBUG_WAV_EVERY=1 and listen to it"},
     "ASR_TEXT",
     {"chars=0", ""}},
    {{"empty_text_quoted", "recognition returned nothing",
      "the language does not fit, the level is too low, or the utterance was noise",
      "check LANGUAGE and STT; write what recognition heard with DEBUG_WAV_EVERY=1 and listen to it"},
     "ASR_TEXT",
     {"text=\"\"", ""}},
    {{"stt_failed", "the recogniser failed", "key, quota, network or language of the recognition provider",
      "see the reason in the line; give a fallback, for example STT=google,whisper"},
     "PROVIDER_FAILED",
     {"stage=stt", ""}},
    {{"llm_failed", "the language model failed", "key, quota, network or model name",
      "see the reason in the line; give a fallback: LLM=openai,scripted"},
     "PROVIDER_FAILED",
     {"stage=model", ""}},
    {{"tts_failed", "the voice failed", "key, quota, network or voice name",
      "see the reason in the line; give a fallback: TTS=google,espeak"},
     "PROVIDER_FAILED",
     {"stage=tts", ""}},
    {{"watchdog_redirect", "the stream did not open or went silent, the caller got voicemail",
      "no `start` or no audio within the limit: the media socket is not reachable from Twilio",
      "run alctl smoke with the public URL; look for 31920 or 31921 in Twilio's debugger"},
     "WATCHDOG",
     {"redirect", ""}},
    {{"signature_refused", "a webhook was refused for its signature",
      "token, public URL or proxy headers differ from what Twilio used",
      "alctl signature explain with the URL, parameters and header of that request"},
     "SIGNATURE_REFUSED",
     {"", ""}},
    {{"token_refused", "a media socket was closed for its token",
      "a stranger, an old document, or more than 60 s between webhook and stream",
      "harmless when it is a stranger; otherwise compare the clocks of the nodes (STREAM_TOKEN_KEY must be the same)"},
     "STREAM_REFUSED",
     {"token", ""}},
    {{"underrun", "the caller heard gaps in the agent's speech",
      "the machine or the voice provider was too slow for real time",
      "look at loop lag and TTS latency in /metrics; raise PLAYOUT_LEAD_MS a little"},
     "TTS_END",
     {"underruns=", ""}},
    {{"turn_failed", "a turn ended with the fallback sentence", "recognition, model or voice did not answer in time",
      "the PROVIDER_FAILED line before it names the part"},
     "TURN_FAILED",
     {"", ""}},
    {{"rest_failed", "Twilio's REST API did not do what was asked",
      "wrong account SID or token (20003), no network, or Twilio was busy for long",
      "check TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN; calls then end by themselves only"},
     "REST_GAVE_UP",
     {"", ""}},
    {{"rest_refused", "Twilio's REST API refused a request",
      "wrong account SID, token or region (20003), or a call of another account",
      "check TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN; see the code in the line"},
     "REST_REFUSED",
     {"", ""}},
    {{"store_away", "the database could not be reached",
      "it is locked, full or down; calls go on, records wait in the spool",
      "look at the database server or the disk; nothing acknowledged is lost"},
     "STORE_AWAY",
     {"", ""}},
    {{"node_full", "a caller was sent to voicemail because the node was full", "all slots were in use",
      "add a node, or raise MAX_CALLS when the machine has room (see loop lag in /metrics)"},
     "CALL_REFUSED",
     {"full", ""}},
};

constexpr std::array<Symptom, std::size(kRules)> make_symptoms() {
  std::array<Symptom, std::size(kRules)> out{};
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = kRules[i].symptom;
  return out;
}
constexpr auto kSymptoms = make_symptoms();

bool is_word_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// `part` in `line`, ended by something that is not part of a word ("rx=0" is not in "rx=05").
bool has_fact(std::string_view line, std::string_view part) {
  for (std::size_t at = line.find(part); at != std::string_view::npos; at = line.find(part, at + 1)) {
    const bool begins = at == 0 || !is_word_char(line[at - 1]) || !is_word_char(part.front());
    const std::size_t end = at + part.size();
    const bool ends = end == line.size() || !is_word_char(line[end]) || !is_word_char(part.back());
    if (begins && ends) return true;
  }
  return false;
}

// "underruns=3" is a symptom, "underruns=0" is none.
bool is_nonzero(std::string_view line, std::string_view name) {
  const std::size_t at = line.find(name);
  if (at == std::string_view::npos || at + name.size() >= line.size()) return false;
  const char digit = line[at + name.size()];
  return digit >= '1' && digit <= '9';
}

bool matches(const Rule& rule, std::string_view line) {
  if (!has_fact(line, rule.event)) return false;
  return std::all_of(rule.texts.begin(), rule.texts.end(), [&](std::string_view text) {
    if (text.empty()) return true;
    return text.ends_with('=') ? is_nonzero(line, text) : has_fact(line, text);
  });
}

template <typename Visit>
void for_each_line(std::string_view log, const Visit& visit) {
  std::size_t number = 0;
  while (!log.empty()) {
    const std::size_t end = std::min(log.find('\n'), log.size());
    visit(++number, log.substr(0, end));
    log.remove_prefix(std::min(end + 1, log.size()));
  }
}

}  // namespace

const CatalogueEntry* find_error(int code) {
  const auto table = error_catalogue();
  const auto found = std::lower_bound(table.begin(), table.end(), code,
                                      [](const CatalogueEntry& entry, int wanted) { return entry.code < wanted; });
  return found != table.end() && found->code == code ? &*found : nullptr;
}

std::span<const Symptom> symptoms() {
  return kSymptoms;
}

std::vector<SymptomHit> symptoms_in(std::string_view log) {
  std::vector<SymptomHit> hits;
  std::array<bool, std::size(kRules)> seen{};
  for_each_line(log, [&](std::size_t number, std::string_view line) {
    for (std::size_t i = 0; i < std::size(kRules); ++i) {
      // Without any audio from the caller there is nothing to answer: one cause, one line.
      const bool covered = kRules[i].symptom.id == "tx_zero" && has_fact(line, "rx=0");
      if (seen[i] || covered || !matches(kRules[i], line)) continue;
      seen[i] = true;
      hits.push_back({&kSymptoms[i], number, std::string(truncate_utf8(line, kShownBytes))});
    }
  });
  return hits;
}

std::vector<int> codes_in(std::string_view log) {
  std::vector<int> codes;
  std::size_t at = 0;
  while (at < log.size()) {
    if (log[at] < '0' || log[at] > '9') {
      ++at;
      continue;
    }
    std::size_t end = at;
    while (end < log.size() && log[end] >= '0' && log[end] <= '9') ++end;
    const bool alone = (at == 0 || (!is_word_char(log[at - 1]) && log[at - 1] != '.')) &&
                       (end == log.size() || !is_word_char(log[end]));
    int code = 0;
    if (alone && end - at == 5) std::from_chars(log.data() + at, log.data() + end, code);
    // A five-digit number is a code only where a word before it says so: logs are full of numbers.
    const std::string_view before = log.substr(at < 24 ? 0 : at - 24, at < 24 ? at : 24);
    const bool named = before.find("rror") != std::string_view::npos || before.find("ode") != std::string_view::npos;
    if (code != 0 && named && find_error(code) != nullptr &&
        std::find(codes.begin(), codes.end(), code) == codes.end()) {
      codes.push_back(code);
    }
    at = end;
  }
  return codes;
}

}  // namespace al::twilio
