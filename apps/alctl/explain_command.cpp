#include <charconv>
#include <fstream>
#include <iostream>
#include <iterator>

#include <nlohmann/json.hpp>

#include "alctl/commands.h"
#include "core/json.h"
#include "twilio/error_catalogue.h"

namespace al::alctl {
namespace {

using nlohmann::ordered_json;

constexpr std::size_t kMaxLog = 64U << 20;  // the end of a longer log is what counts

std::optional<int> code_of(const std::string& text) {
  int code = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), code);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return code;
}

Result<std::string> read_log(const std::string& path) {
  if (path == "-") return std::string((std::istreambuf_iterator<char>(std::cin)), {});
  std::ifstream in(path, std::ios::binary | std::ios::ate);
  if (!in) return fail(Errc::kNotFound, "'" + path + "' is neither a known code nor a file that can be read");
  const auto size = static_cast<std::size_t>(in.tellg());
  if (size > kMaxLog) {
    in.seekg(-static_cast<std::streamoff>(kMaxLog), std::ios::end);
  } else {
    in.seekg(0);
  }
  return std::string((std::istreambuf_iterator<char>(in)), {});
}

ordered_json code_json(const twilio::CatalogueEntry& entry) {
  return {{"code", entry.code}, {"title", entry.title}, {"cause", entry.cause}, {"cure", entry.cure}};
}

void print(Io& io, const std::string& head, std::string_view cause, std::string_view cure) {
  io.out << io.bold(head) << "\n  cause: " << cause << "\n  cure:  " << cure << "\n";
}

ExitCode explain_code(int code, Io& io) {
  const twilio::CatalogueEntry* entry = twilio::find_error(code);
  if (entry == nullptr) {
    return io.fail(ExitCode::kNotFound, "code " + std::to_string(code) +
                                            " is not in the catalogue; see https://www.twilio.com/docs/api/errors/" +
                                            std::to_string(code));
  }
  if (io.json) {
    io.out << ordered_json{{"schema", 1}, {"codes", {code_json(*entry)}}, {"symptoms", ordered_json::array()}}.dump(2)
           << "\n";
  } else {
    print(io, std::to_string(code) + " " + std::string(entry->title), entry->cause, entry->cure);
  }
  return ExitCode::kOk;
}

ExitCode explain_log(const std::string& log, Io& io) {
  const auto hits = twilio::symptoms_in(log);
  const auto codes = twilio::codes_in(log);
  if (io.json) {
    ordered_json body{{"schema", 1}, {"codes", ordered_json::array()}, {"symptoms", ordered_json::array()}};
    for (const int code : codes) body["codes"].push_back(code_json(*twilio::find_error(code)));
    for (const auto& hit : hits) {
      body["symptoms"].push_back({{"id", hit.symptom->id},
                                  {"title", hit.symptom->title},
                                  {"cause", hit.symptom->cause},
                                  {"cure", hit.symptom->cure},
                                  {"line", hit.line},
                                  {"text", hit.text}});
    }
    io.out << body.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
    return ExitCode::kOk;
  }
  for (const auto& hit : hits) {
    print(io, std::string(hit.symptom->title), hit.symptom->cause, hit.symptom->cure);
    io.out << io.dim("  line " + std::to_string(hit.line) + ": " + hit.text) << "\n\n";
  }
  for (const int code : codes) {
    explain_code(code, io);
    io.out << "\n";
  }
  if (hits.empty() && codes.empty()) io.out << "No known symptom and no known error code in this log.\n";
  return ExitCode::kOk;
}

ExitCode run_explain(const Arguments& arguments, Io& io) {
  const std::string what = arguments.text("CODE|LOG");
  if (what == "list") {
    ordered_json codes = ordered_json::array();
    for (const auto& entry : twilio::error_catalogue()) {
      codes.push_back(code_json(entry));
      if (!io.json) io.out << entry.code << "  " << entry.title << "\n";
    }
    if (io.json) io.out << ordered_json{{"schema", 1}, {"codes", codes}}.dump(2) << "\n";
    return ExitCode::kOk;
  }
  if (const auto code = code_of(what)) return explain_code(*code, io);
  const auto log = read_log(what);
  if (!log) return io.fail(log.error());
  return explain_log(*log, io);
}

}  // namespace

CommandSpec explain_command() {
  CommandSpec spec;
  spec.name = "explain";
  spec.summary = "say what a Twilio error code means, or what a log shows";
  spec.description =
      "A number is looked up in the catalogue. Anything else is a log file (- for standard input), which is searched "
      "for\n"
      "symptoms: no audio in (rx=0), no audio out (tx=0), empty recognition, failed providers, refused signatures, and "
      "for\n"
      "error codes. 'list' shows every code.";
  spec.arguments = {{"CODE|LOG", "an error code, 'list', a log file, or -", true, false, ValueKind::kFile, {}}};
  spec.examples = {{"alctl explain 31920", "why the stream's handshake failed, and what to do"},
                   {"journalctl -u agentd -o cat --since today | alctl explain -", "what today's log points to"}};
  spec.run = run_explain;
  return spec;
}

}  // namespace al::alctl
