// `alctl leads …`, `alctl calls …`, `alctl whatsapp …`: what happened, listed, shown, exported and erased; out of the
// database that agentd uses (both may do so at once), or through a running server.
#include <fstream>
#include <iostream>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "alctl/commands.h"
#include "alctl/records_server.h"
#include "alctl/records_source.h"
#include "alctl/terminal.h"
#include "core/ids.h"
#include "core/json.h"
#include "providers/whatsapp_wire.h"

namespace al::alctl {
namespace {

using nlohmann::json;

constexpr int kMostRows = 10'000;
constexpr const char* kListNames[] = {"calls", "leads", "messages"};

OptionSpec option(std::string name, ValueKind kind, std::string value_name, std::string help,
                  std::string fallback = {}) {
  OptionSpec spec;
  spec.name = std::move(name);
  spec.kind = kind;
  spec.value_name = std::move(value_name);
  spec.help = std::move(help);
  spec.default_text = std::move(fallback);
  return spec;
}

ArgumentSpec argument(std::string name, std::string help) {
  ArgumentSpec spec;
  spec.name = std::move(name);
  spec.help = std::move(help);
  return spec;
}

std::vector<OptionSpec> with_source(std::vector<OptionSpec> options) {
  for (OptionSpec& one : source_options()) options.push_back(std::move(one));
  return options;
}

std::vector<OptionSpec> list_options(std::string limit = "100") {
  std::vector<OptionSpec> options = {
      option("phone", ValueKind::kText, "NUMBER", "only of this number, as +972541234567"),
      option("days", ValueKind::kInteger, "N", "only of the last N days"),
      option("limit", ValueKind::kInteger, "N", "at most so many, newest first", std::move(limit))};
  options[1].min = 1;
  options[2].min = 1;
  options[2].max = kMostRows;
  return with_source(std::move(options));
}

std::vector<OptionSpec> export_options() {
  std::vector<OptionSpec> options = list_options(std::to_string(kMostRows));
  OptionSpec format = option("format", ValueKind::kChoice, "FORMAT", "csv or json", "csv");
  format.choices = {"csv", "json"};
  options.push_back(std::move(format));
  options.push_back(option("out", ValueKind::kFile, "FILE", "write to this file instead of stdout"));
  return options;
}

RecordQuery query_of(const Arguments& arguments) {
  RecordQuery query;
  query.phone = arguments.text("phone");
  query.limit = static_cast<int>(arguments.integer("limit", 100));
  if (arguments.given("days")) query.since = wall_now() - std::chrono::days(arguments.integer("days"));
  return query;
}

ExitCode fail(Io& io, const RecordFault& fault) {
  return io.fail(fault.code, fault.message);
}

ExitCode print_json(Io& io, json body) {
  body["schema"] = 1;
  io.out << dump_json(body, 2) << "\n";
  return ExitCode::kOk;
}

ExitCode write_out(const Arguments& arguments, Io& io, const std::string& text) {
  const std::string path = arguments.text("out");
  if (path.empty()) {
    io.out << text;
    return ExitCode::kOk;
  }
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  if (!file) return io.fail(ExitCode::kFailed, fmt::format("'{}' cannot be written", path));
  io.err << "Written to " << path << ".\n";
  return ExitCode::kOk;
}

// ---- for people -----------------------------------------------------------------------------------------------------

std::string short_time(const json& record, const char* name) {
  const std::string time = json_string(record, name);
  return fmt::format("{:<16}", time.substr(0, 16));
}

std::string in_words(const json& slots) {
  std::string text;
  for (const auto& [name, value] : slots.items()) {
    if (name == "name" || name == "phone" || !value.is_string()) continue;
    text += (text.empty() ? "" : ", ") + name + " " + value.get<std::string>();
  }
  return text;
}

void print_fields(Io& io, const json& object) {
  for (const auto& [name, value] : object.items()) {
    io.out << fmt::format("  {:<16} {}\n", name, value.is_string() ? value.get<std::string>() : value.dump());
  }
}

void print_row(Io& io, RecordKind kind, const json& row) {
  const auto text = [&](const char* name) { return json_string(row, name); };
  switch (kind) {
    case RecordKind::kLeads:
      io.out << fmt::format("{}  {:<20} {:<16} {:<9} {}\n", short_time(row, "updated"), text("name"), text("phone"),
                            json_bool(row, "confirmed").value_or(false) ? "confirmed" : "open",
                            in_words(row.value("slots", json::object())));
      io.out << io.dim("                  " + text("id")) << "\n";
      break;
    case RecordKind::kCalls:
      io.out << fmt::format("{}  {:<34}  {:<9} {:<16} {:<12} {}\n", short_time(row, "started"), text("call_sid"),
                            text("channel"), text("from"), text("status"), text("end_reason"));
      break;
    case RecordKind::kMessages: {
      const bool in = text("direction") == "in";
      io.out << fmt::format("{}  {} {:<16} {:<10} {}\n", short_time(row, "at"), in ? "from" : "to  ",
                            text(in ? "from" : "to"), text("status"), text("body"));
      if (!text("error").empty()) io.out << io.red("                  " + text("error")) << "\n";
      break;
    }
  }
}

void print_call(Io& io, const json& call) {
  const auto text = [&](const char* name) { return json_string(call, name); };
  io.out << io.bold(text("call_sid")) << fmt::format("  from {} to {}, {}", text("from"), text("to"), text("status"))
         << (text("end_reason").empty() ? "" : ": " + text("end_reason")) << "\n";
  const json turns = call.value("turns", json::array());
  for (const json& turn : turns) {
    if (const std::string said = json_string(turn, "caller_text"); !said.empty())
      io.out << "  caller: " << said << "\n";
    std::string answer = json_string(turn, "agent_heard");
    if (answer.empty()) answer = json_string(turn, "agent_text");
    const bool cut = json_bool(turn, "interrupted").value_or(false);
    if (!answer.empty()) io.out << "  agent:  " << answer << (cut ? io.yellow(" [interrupted]") : "") << "\n";
    std::string parts;
    const json latencies = turn.value("latencies_ms", json::object());
    for (const auto& [stage, ms] : latencies.items())
      parts += fmt::format("{}{} {} ms", parts.empty() ? "" : ", ", stage, ms.dump());
    if (!parts.empty()) io.out << io.dim("          " + parts) << "\n";
  }
  print_fields(io, call.value("slots", json::object()));
}

void print_lead(Io& io, const json& lead) {
  const std::string name = json_string(lead, "name");
  io.out << io.bold(name.empty() ? "(no name yet)" : name) << "  " << json_string(lead, "phone") << "\n";
  print_fields(io, lead.value("slots", json::object()));
  print_fields(io, {{"confirmed", json_bool(lead, "confirmed").value_or(false) ? "yes" : "no"},
                    {"call", json_string(lead, "call_sid")},
                    {"to the CRM", json_string(lead, "hand_over")},
                    {"updated", json_string(lead, "updated")}});
}

// ---- the commands ---------------------------------------------------------------------------------------------------

ExitCode list(RecordKind kind, const Arguments& arguments, Io& io) {
  auto source = open_source(arguments);
  if (!source) return fail(io, source.error());
  const auto rows = (*source)->list(kind, query_of(arguments));
  if (!rows) return fail(io, rows.error());
  const char* name = kListNames[static_cast<std::size_t>(kind)];
  if (io.json) return print_json(io, {{name, *rows}});
  for (const json& row : *rows) print_row(io, kind, row);
  if (rows->empty()) io.out << "No " << name << ".\n";
  return ExitCode::kOk;
}

ExitCode export_rows(RecordKind kind, const Arguments& arguments, Io& io) {
  auto source = open_source(arguments);
  if (!source) return fail(io, source.error());
  if (!io.json && arguments.text("format") != "json") {
    const auto text = (*source)->csv(kind, query_of(arguments));
    return text ? write_out(arguments, io, *text) : fail(io, text.error());
  }
  auto rows = (*source)->list(kind, query_of(arguments));
  if (!rows) return fail(io, rows.error());
  if (kind == RecordKind::kCalls) {  // with turns, slots and leads: what CSV cannot hold
    for (json& row : *rows) {
      auto details = (*source)->call(json_string(row, "call_sid"));
      if (!details) return fail(io, details.error());
      row = *std::move(details);
    }
  }
  return write_out(arguments, io, dump_json(*rows, 2) + "\n");
}

ExitCode show_call(const Arguments& arguments, Io& io) {
  auto source = open_source(arguments);
  if (!source) return fail(io, source.error());
  const auto call = (*source)->call(arguments.text("SID"));
  if (!call) return fail(io, call.error());
  if (io.json) return print_json(io, *call);
  print_call(io, *call);
  return ExitCode::kOk;
}

// By its own identifier, or a lead by that of its call.
ExitCode show_one(RecordKind kind, const char* what, const Arguments& arguments, Io& io) {
  auto source = open_source(arguments);
  if (!source) return fail(io, source.error());
  const std::string wanted = arguments.text("ID");
  RecordQuery query;
  query.limit = kMostRows;
  if (is_twilio_sid(wanted, "CA")) query.call = wanted;
  const auto rows = (*source)->list(kind, query);
  if (!rows) return fail(io, rows.error());
  for (const json& row : *rows) {
    if (json_string(row, "id") != wanted && json_string(row, "call_sid") != wanted) continue;
    if (io.json) return print_json(io, {{what, row}});
    if (kind == RecordKind::kLeads) {
      print_lead(io, row);
    } else {
      print_fields(io, row);
    }
    return ExitCode::kOk;
  }
  return io.fail(ExitCode::kNotFound, fmt::format("there is no {} '{}'", what, wanted));
}

ExitCode send_message(const Arguments& arguments, Io& io) {
  const auto answer = send_text(arguments, {arguments.text("NUMBER"), arguments.text("TEXT"), arguments.text("key")});
  if (!answer) return fail(io, answer.error());
  if (io.json) return print_json(io, *answer);
  io.out << "Queued as " << json_string(*answer, "id") << ".\n";
  return ExitCode::kOk;
}

// Asks where somebody can answer.
bool is_agreed(const Arguments& arguments, Io& io, const std::string& phone) {
  if (arguments.flag("yes")) return true;
  if (io.json || !stdin_is_terminal()) return false;
  io.err << fmt::format("This removes everything that is known of {}, for good. Really? [y/N] ", phone) << std::flush;
  std::string answer;
  return std::getline(std::cin, answer) && (answer == "y" || answer == "yes");
}

ExitCode erase(const Arguments& arguments, Io& io) {
  const std::string phone = arguments.text("NUMBER");
  if (!providers::is_e164(phone)) {
    return io.fail(ExitCode::kUsage, fmt::format("'{}' is no international number, as +972541234567", phone));
  }
  if (!is_agreed(arguments, io, phone)) {
    return io.fail(ExitCode::kUsage,
                   fmt::format("this removes everything that is known of {}, for good; say so with --yes", phone));
  }
  auto source = open_source(arguments);
  if (!source) return fail(io, source.error());
  const auto report = (*source)->erase(phone);
  if (!report) return fail(io, report.error());
  const auto count = [&](const char* name) { return json_int(*report, name).value_or(0); };
  std::int64_t total = 0;
  for (const char* name : {"calls", "turns", "leads", "messages", "others", "files", "recordings"})
    total += count(name);
  if (io.json) {
    print_json(io, *report);
  } else {
    io.out << fmt::format(
        "Erased: {} calls, {} turns, {} leads, {} messages, {} other rows, {} files, {} recordings.\n", count("calls"),
        count("turns"), count("leads"), count("messages"), count("others"), count("files"), count("recordings"));
    const json left = report->value("recordings_left", json::array());
    for (const json& url : left) {
      io.err << io.yellow("Still at Twilio, remove it there: ") << (url.is_string() ? url.get<std::string>() : "")
             << "\n";
    }
  }
  return total > 0 ? ExitCode::kOk : ExitCode::kNotFound;
}

// ---- the table ------------------------------------------------------------------------------------------------------

CommandSpec command(std::string name, std::string summary, std::vector<ArgumentSpec> arguments,
                    std::vector<OptionSpec> options, std::vector<Example> examples,
                    std::function<ExitCode(const Arguments&, Io&)> run) {
  CommandSpec spec;
  spec.name = std::move(name);
  spec.summary = std::move(summary);
  spec.arguments = std::move(arguments);
  spec.options = std::move(options);
  spec.examples = std::move(examples);
  spec.run = std::move(run);
  return spec;
}

CommandSpec list_command(const std::string& group, const std::string& things, RecordKind kind) {
  return command(group + " list", "the " + things + ", newest first", {}, list_options(),
                 {{"alctl " + group + " list --days 7", "of this week"},
                  {"alctl " + group + " list --server http://127.0.0.1:8080", "of the server that runs there"}},
                 [kind](const Arguments& arguments, Io& io) { return list(kind, arguments, io); });
}

CommandSpec export_command(const std::string& group, const std::string& things, RecordKind kind) {
  return command(group + " export", "the " + things + " as CSV or JSON", {}, export_options(),
                 {{"alctl " + group + " export --out " + things + ".csv", "for a spreadsheet"}},
                 [kind](const Arguments& arguments, Io& io) { return export_rows(kind, arguments, io); });
}

CommandSpec erase_command(const std::string& group) {
  CommandSpec spec =
      command(group + " erase", "remove everything that is known of a number", {argument("NUMBER", "as +972541234567")},
              with_source({option("yes", ValueKind::kFlag, "", "do not ask")}),
              {{"alctl " + group + " erase +972541234567 --yes", "a caller asked for it"}}, erase);
  spec.description =
      "Calls, turns, leads and messages alike, in every table, with the files of those calls (CALL_RECORD_DIR, "
      "DEBUG_WAV_DIR); the freed space is overwritten. A running server also removes voicemails at Twilio; without one "
      "they are listed. What stays: that the number asked not to be written to, as a hash. Exit code 4: there was "
      "nothing.";
  return spec;
}

CommandSpec send_command() {
  return command("whatsapp send", "send a message through the running server",
                 {argument("NUMBER", "as +972541234567"), argument("TEXT", "what to say")},
                 {option("server", ValueKind::kText, "URL", "where agentd listens", std::string(kUsualServer)),
                  option("key", ValueKind::kText, "KEY", "the same key is sent once only"),
                  option("config", ValueKind::kFile, "FILE", "configuration file; default: /etc/agentd/agentd.toml")},
                 {{"alctl whatsapp send +972541234567 'We have a flat for you'", "API_KEY comes from the settings"}},
                 send_message);
}

}  // namespace

std::vector<CommandSpec> records_commands() {
  return {
      list_command("leads", "leads", RecordKind::kLeads),
      command("leads show", "one lead", {argument("ID", "of the lead, or of its call")}, with_source({}),
              {{"alctl leads show CA0123… --json", "as JSON"}},
              [](const Arguments& arguments, Io& io) { return show_one(RecordKind::kLeads, "lead", arguments, io); }),
      export_command("leads", "leads", RecordKind::kLeads),
      erase_command("leads"),
      list_command("calls", "calls", RecordKind::kCalls),
      command("calls show", "one call: who said what, and how long it took", {argument("SID", "CA…")}, with_source({}),
              {{"alctl calls show CA0123…", "the transcript"}}, show_call),
      export_command("calls", "calls", RecordKind::kCalls),
      erase_command("calls"),
      list_command("whatsapp", "messages", RecordKind::kMessages),
      command(
          "whatsapp show", "one message", {argument("ID", "of the message")}, with_source({}),
          {{"alctl whatsapp show api:offer-17", "what became of it"}},
          [](const Arguments& arguments, Io& io) { return show_one(RecordKind::kMessages, "message", arguments, io); }),
      export_command("whatsapp", "messages", RecordKind::kMessages),
      send_command(),
      erase_command("whatsapp")};
}

}  // namespace al::alctl
