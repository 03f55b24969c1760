// How one line looks. Pure; the writer is in log.cpp.
#include <cmath>
#include <iterator>

#include <fmt/format.h>

#include "core/json.h"
#include "core/log.h"
#include "core/text.h"
#include "core/utf8.h"

namespace al::log {
namespace {

// Could end a line, move the cursor, or turn the reading direction of what follows.
bool is_control(char32_t c) {
  const bool c0_c1 = c < 0x20 || (c >= 0x7F && c <= 0x9F);
  const bool line_or_direction =
      c == 0x2028 || c == 0x2029 || (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
  return c0_c1 || line_or_direction;
}

bool needs_quotes(std::string_view text) {
  if (text.empty()) return true;
  while (!text.empty()) {
    const char32_t c = take_codepoint(text);
    if (c == U' ' || c == U'"' || c == U'=' || c == U'\\' || is_control(c)) return true;
  }
  return false;
}

void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    const char32_t c = take_codepoint(text);
    if (c == U'\n') {
      out += "\\n";
    } else if (c == U'"' || c == U'\\') {
      out += '\\';
      out += static_cast<char>(c);
    } else if (is_control(c)) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(c));
    } else {
      append_utf8(out, c);
    }
  }
  out += '"';
}

void append_text_value(std::string& out, std::string_view text) {
  if (needs_quotes(text)) {
    append_quoted(out, text);
  } else {
    out += is_valid_utf8(text) ? std::string(text) : repair_utf8(text);
  }
}

void append_number(std::string& out, const Fact& fact) {
  switch (fact.kind()) {
    case Fact::Kind::kInt:
      fmt::format_to(std::back_inserter(out), "{}", fact.integer());
      break;
    case Fact::Kind::kUint:
      fmt::format_to(std::back_inserter(out), "{}", fact.unsigned_integer());
      break;
    case Fact::Kind::kDouble:
      fmt::format_to(std::back_inserter(out), "{:.6g}", fact.number());
      break;
    default:
      out += fact.integer() != 0 ? "true" : "false";
  }
}

// Hidden words become their length: turns that brought no text stay visible.
struct Shown {
  std::string key;
  std::string text;
  bool is_text = true;
  std::size_t count = 0;
};
Shown show(const Fact& fact, bool transcripts) {
  if (fact.kind() == Fact::Kind::kPhone) return {std::string(fact.key()), mask_phone(fact.text())};
  if (fact.kind() == Fact::Kind::kPersonal && !transcripts) {
    return {std::string(fact.key()) + "_chars", "", false, count_codepoints(fact.text())};
  }
  return {std::string(fact.key()), std::string(fact.text())};
}

bool is_textual(Fact::Kind kind) {
  return kind == Fact::Kind::kText || kind == Fact::Kind::kPersonal || kind == Fact::Kind::kPhone;
}

int syslog_priority(Level level) {
  switch (level) {
    case Level::kError:
      return 3;
    case Level::kWarn:
      return 4;
    case Level::kInfo:
      return 6;
    default:
      return 7;
  }
}

std::string text_line(bool transcripts, std::string_view event, Facts facts) {
  std::string out;
  append_text_value(out, event);
  for (const Fact& fact : facts) {
    out += ' ';
    if (!is_textual(fact.kind())) {
      out += fact.key();
      out += '=';
      append_number(out, fact);
      continue;
    }
    const Shown shown = show(fact, transcripts);
    out += shown.key + '=';
    if (shown.is_text) {
      append_text_value(out, shown.text);
    } else {
      out += std::to_string(shown.count);
    }
  }
  return out;
}

std::string json_line(Level level, bool transcripts, std::string_view event, Facts facts) {
  std::string out = "{\"level\":";
  append_json_string(out, to_string(level));
  out += ",\"event\":";
  append_json_string(out, event);
  for (const Fact& fact : facts) {
    out += ',';
    if (!is_textual(fact.kind())) {
      append_json_string(out, fact.key());
      out += ':';
      if (fact.kind() == Fact::Kind::kDouble && !std::isfinite(fact.number())) {
        out += "null";
      } else {
        append_number(out, fact);
      }
      continue;
    }
    const Shown shown = show(fact, transcripts);
    append_json_string(out, shown.key);
    out += ':';
    if (shown.is_text) {
      append_json_string(out, shown.text);
    } else {
      out += std::to_string(shown.count);
    }
  }
  return out + '}';
}

}  // namespace

std::string_view to_string(Level level) {
  switch (level) {
    case Level::kTrace:
      return "trace";
    case Level::kDebug:
      return "debug";
    case Level::kInfo:
      return "info";
    case Level::kWarn:
      return "warn";
    case Level::kError:
      return "error";
    case Level::kOff:
      return "off";
  }
  return "info";
}

Result<Level> parse_level(std::string_view text) {
  for (const Level level : {Level::kTrace, Level::kDebug, Level::kInfo, Level::kWarn, Level::kError, Level::kOff}) {
    if (equal_ignore_case(text, to_string(level))) return level;
  }
  return fail(Errc::kMalformed, fmt::format("'{}' is no log level: trace, debug, info, warn, error or off", text));
}

Result<Format> parse_format(std::string_view text) {
  if (equal_ignore_case(text, "text")) return Format::kText;
  if (equal_ignore_case(text, "json")) return Format::kJson;
  if (equal_ignore_case(text, "journal")) return Format::kJournal;
  return fail(Errc::kMalformed, fmt::format("'{}' is no log format: text, json or journal", text));
}

std::string mask_phone(std::string_view number) {
  constexpr std::size_t kShownAtEnd = 2;
  constexpr std::size_t kShownAtStart = 6;     // + country code and the first of the network's digits
  const std::size_t colon = number.find(':');  // "whatsapp:+9725…"
  const std::size_t start = colon == std::string_view::npos ? 0 : colon + 1;
  std::string out(number);
  const std::size_t digits = out.size() - start;
  const std::size_t keep_front = digits >= kShownAtStart + kShownAtEnd + 3 ? kShownAtStart : 0;
  const std::size_t keep_back = digits > kShownAtEnd + 1 ? kShownAtEnd : 0;
  for (std::size_t i = start + keep_front; i + keep_back < out.size(); ++i) out[i] = '*';
  return out;
}

std::string format_line(Level level, Format format, bool transcripts, std::string_view event, Facts facts) {
  const bool shown = transcripts || level <= Level::kDebug;
  if (format == Format::kJson) return json_line(level, shown, event, facts);
  std::string line = text_line(shown, event, facts);
  if (format == Format::kJournal) line.insert(0, fmt::format("<{}>", syslog_priority(level)));
  return line;
}

}  // namespace al::log
