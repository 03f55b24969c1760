// `alctl leads …`, `alctl calls …`, `alctl whatsapp …`: what the store knows, listed, shown, exported and erased. They
// open the same database as agentd; both may do so at once.
#include <filesystem>
#include <fstream>
#include <utility>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "alctl/commands.h"
#include "core/json.h"
#include "core/settings.h"
#include "net/http_client.h"
#include "store/export.h"
#include "store/store.h"

namespace al::alctl {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

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

std::vector<OptionSpec> store_options() {
  return {
      option("database", ValueKind::kText, "URL", "SQLite path or postgresql://…; default: the setting DATABASE_URL"),
      option("config", ValueKind::kFile, "FILE", "configuration file; default: /etc/agentd/agentd.toml")};
}

std::vector<OptionSpec> list_options() {
  std::vector<OptionSpec> options = {
      option("phone", ValueKind::kText, "NUMBER", "only of this number, as +972541234567"),
      option("days", ValueKind::kInteger, "N", "only of the last N days"),
      option("limit", ValueKind::kInteger, "N", "at most so many, newest first", "100")};
  options[1].min = 1;
  options[2].min = 1;
  options[2].max = 10000;
  for (OptionSpec& one : store_options()) options.push_back(std::move(one));
  return options;
}

std::vector<OptionSpec> export_options() {
  std::vector<OptionSpec> options = list_options();
  options[2].default_text = "10000";
  OptionSpec format = option("format", ValueKind::kChoice, "FORMAT", "csv or json", "csv");
  format.choices = {"csv", "json"};
  options.push_back(std::move(format));
  options.push_back(option("out", ValueKind::kFile, "FILE", "write to this file instead of stdout"));
  return options;
}

Result<std::unique_ptr<store::Store>> open_store(const Arguments& arguments) {
  const auto settings = Settings::load(process_sources(arguments.text("config")));
  if (!settings) return fail(Errc::kMalformed, settings.error().detail);
  store::StoreOptions options;
  options.url = arguments.given("database") ? arguments.text("database") : settings->string("database_url");
  options.ballast_bytes = 0;  // the daemon's affair
  if (options.url.empty()) {
    const std::string folder = settings->string("state_dir");
    options.default_path = (fs::path(folder.empty() ? "." : folder) / "agentd.sqlite").string();
  }
  const bool is_file = options.url.find("://") == std::string::npos && !options.url.starts_with("sqlite:");
  const std::string path = options.url.empty() ? options.default_path : options.url;
  std::error_code fault;
  if (is_file && !fs::exists(path, fault)) {
    return fail(Errc::kNotFound,
                fmt::format("there is no database '{}'; name it with --database or DATABASE_URL", path));
  }
  return store::open_store(options);
}

store::RecordFilter filter_of(const Arguments& arguments) {
  store::RecordFilter filter;
  filter.phone = arguments.text("phone");
  filter.limit = static_cast<int>(arguments.integer("limit", 100));
  if (arguments.given("days")) filter.since = wall_now() - std::chrono::days(arguments.integer("days"));
  return filter;
}

template <typename Record>
json to_array(const std::vector<Record>& records) {
  json list = json::array();
  for (const Record& record : records) list.push_back(store::to_json(record));
  return list;
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

std::string short_time(WallTime at) {
  return to_iso8601(at).substr(0, 16);
}

// ---- leads
// -----------------------------------------------------------------------------------------------------------

std::string in_words(const store::Slots& slots) {
  std::string text;
  for (const auto& [name, value] : slots) {
    if (name == "name" || name == "phone") continue;
    text += (text.empty() ? "" : ", ") + name + " " + value;
  }
  return text;
}

ExitCode list_leads(const Arguments& arguments, Io& io) {
  auto store = open_store(arguments);
  if (!store) return io.fail(store.error());
  const auto leads = (*store)->records().leads(filter_of(arguments));
  if (!leads) return io.fail(leads.error());
  if (io.json) {
    io.out << dump_json({{"schema", 1}, {"leads", to_array(*leads)}}, 2) << "\n";
    return ExitCode::kOk;
  }
  for (const store::LeadRecord& lead : *leads) {
    io.out << fmt::format("{}  {:<20} {:<16} {:<9} {}\n", short_time(lead.updated), lead.name, lead.phone,
                          lead.confirmed ? "confirmed" : "open", in_words(lead.slots));
    io.out << io.dim("                  " + lead.id) << "\n";
  }
  if (leads->empty()) io.out << "No leads.\n";
  return ExitCode::kOk;
}

ExitCode show_lead(const Arguments& arguments, Io& io) {
  auto store = open_store(arguments);
  if (!store) return io.fail(store.error());
  store::RecordFilter filter;
  filter.limit = 10000;
  const auto leads = (*store)->records().leads(filter);
  if (!leads) return io.fail(leads.error());
  const std::string wanted = arguments.text("ID");
  for (const store::LeadRecord& lead : *leads) {
    if (lead.id != wanted && lead.call.str() != wanted) continue;
    if (io.json) {
      io.out << dump_json({{"schema", 1}, {"lead", store::to_json(lead)}}, 2) << "\n";
      return ExitCode::kOk;
    }
    io.out << io.bold(lead.name.empty() ? "(no name yet)" : lead.name) << "  " << lead.phone << "\n";
    for (const auto& [slot, value] : lead.slots) io.out << fmt::format("  {:<16} {}\n", slot, value);
    io.out << fmt::format("  {:<16} {}\n  {:<16} {}\n  {:<16} {}\n", "confirmed", lead.confirmed ? "yes" : "no", "call",
                          lead.call.str(), "updated", to_iso8601(lead.updated));
    return ExitCode::kOk;
  }
  return io.fail(ExitCode::kNotFound, fmt::format("there is no lead '{}'", wanted));
}

ExitCode export_leads(const Arguments& arguments, Io& io) {
  auto store = open_store(arguments);
  if (!store) return io.fail(store.error());
  const auto leads = (*store)->records().leads(filter_of(arguments));
  if (!leads) return io.fail(leads.error());
  const bool as_json = io.json || arguments.text("format") == "json";
  return write_out(arguments, io, as_json ? dump_json(to_array(*leads), 2) + "\n" : store::leads_csv(*leads));
}

// ---- calls
// -----------------------------------------------------------------------------------------------------------

ExitCode list_calls(const Arguments& arguments, Io& io) {
  auto store = open_store(arguments);
  if (!store) return io.fail(store.error());
  const auto calls = (*store)->records().calls(filter_of(arguments));
  if (!calls) return io.fail(calls.error());
  if (io.json) {
    io.out << dump_json({{"schema", 1}, {"calls", to_array(*calls)}}, 2) << "\n";
    return ExitCode::kOk;
  }
  for (const store::CallRecord& call : *calls) {
    io.out << fmt::format("{}  {:<34}  {:<9} {:<16} {:<12} {}\n", short_time(call.started), call.sid.str(),
                          call.channel, call.from, store::to_string(call.status), call.end_reason);
  }
  if (calls->empty()) io.out << "No calls.\n";
  return ExitCode::kOk;
}

ExitCode show_call(const Arguments& arguments, Io& io) {
  auto store = open_store(arguments);
  if (!store) return io.fail(store.error());
  const auto details = (*store)->records().call(CallSid(arguments.text("SID")));
  if (!details) return io.fail(details.error());
  if (io.json) {
    io.out << dump_json(store::to_json(*details), 2) << "\n";
    return ExitCode::kOk;
  }
  const store::CallRecord& call = details->call;
  io.out << io.bold(call.sid.str())
         << fmt::format("  from {} to {}, {}", call.from, call.to, store::to_string(call.status));
  io.out << (call.end_reason.empty() ? "" : ": " + call.end_reason) << "\n";
  for (const store::TurnRecord& turn : details->turns) {
    if (!turn.caller_text.empty()) io.out << "  caller: " << turn.caller_text << "\n";
    const std::string& said = turn.agent_heard.empty() ? turn.agent_text : turn.agent_heard;
    if (!said.empty()) io.out << "  agent:  " << said << (turn.interrupted ? io.yellow(" [interrupted]") : "") << "\n";
    std::string parts;
    for (const auto& [stage, ms] : turn.latencies_ms)
      parts += fmt::format("{}{} {} ms", parts.empty() ? "" : ", ", stage, ms);
    if (!parts.empty()) io.out << io.dim("          " + parts) << "\n";
  }
  for (const auto& [slot, value] : details->slots) io.out << fmt::format("  {:<16} {}\n", slot, value);
  return ExitCode::kOk;
}

ExitCode export_calls(const Arguments& arguments, Io& io) {
  auto store = open_store(arguments);
  if (!store) return io.fail(store.error());
  const auto calls = (*store)->records().calls(filter_of(arguments));
  if (!calls) return io.fail(calls.error());
  if (!io.json && arguments.text("format") != "json") return write_out(arguments, io, store::calls_csv(*calls));
  json list = json::array();
  for (const store::CallRecord& call : *calls) {  // with turns, slots and leads: what CSV cannot hold
    const auto details = (*store)->records().call(call.sid);
    if (!details) return io.fail(details.error());
    list.push_back(store::to_json(*details));
  }
  return write_out(arguments, io, dump_json(list, 2) + "\n");
}

// ---- messages
// --------------------------------------------------------------------------------------------------------

ExitCode list_messages(const Arguments& arguments, Io& io) {
  auto store = open_store(arguments);
  if (!store) return io.fail(store.error());
  const auto messages = (*store)->records().messages(filter_of(arguments));
  if (!messages) return io.fail(messages.error());
  if (io.json) {
    io.out << dump_json({{"schema", 1}, {"messages", to_array(*messages)}}, 2) << "\n";
    return ExitCode::kOk;
  }
  for (const store::MessageRecord& message : *messages) {
    io.out << fmt::format("{}  {} {:<16} {:<10} {}\n", short_time(message.at), message.inbound ? "from" : "to  ",
                          message.inbound ? message.from : message.to, store::to_string(message.status), message.body);
    if (!message.error.empty()) io.out << io.red("                  " + message.error) << "\n";
  }
  if (messages->empty()) io.out << "No messages.\n";
  return ExitCode::kOk;
}

ExitCode export_messages(const Arguments& arguments, Io& io) {
  auto store = open_store(arguments);
  if (!store) return io.fail(store.error());
  const auto messages = (*store)->records().messages(filter_of(arguments));
  if (!messages) return io.fail(messages.error());
  const bool as_json = io.json || arguments.text("format") == "json";
  return write_out(arguments, io, as_json ? dump_json(to_array(*messages), 2) + "\n" : store::messages_csv(*messages));
}

// Through the running daemon, which keeps the 24-hour window, the queue and the retries.
ExitCode send_message(const Arguments& arguments, Io& io) {
  const auto settings = Settings::load(process_sources(arguments.text("config")));
  if (!settings) return io.fail(ExitCode::kConfig, settings.error().detail);
  const std::string server = arguments.text("server");
  if (!settings->has("api_key"))
    return io.fail(ExitCode::kConfig, "API_KEY is not set: it is the key of the server's /api");
  net::HttpClient http;
  net::ClientRequest request;
  request.method = "POST";
  request.url = server + "/api/whatsapp/send";
  request.headers = {{"Authorization", "Bearer " + settings->string("api_key")}, {"Content-Type", "application/json"}};
  json body = {{"to", arguments.text("NUMBER")}, {"text", arguments.text("TEXT")}};
  if (arguments.given("key")) body["key"] = arguments.text("key");
  request.body = dump_json(body);
  request.timeouts.total = milliseconds{10'000};
  const auto answer = http.fetch(std::move(request));
  if (!answer) return io.fail(answer.error());
  if (answer->status == 401 || answer->status == 403)
    return io.fail(ExitCode::kDenied, "the server refused the key in API_KEY");
  if (answer->status != 202 && answer->status != 200) {
    return io.fail(answer->status == 429 ? ExitCode::kLimit : ExitCode::kFailed,
                   fmt::format("the server answered {}: {}", answer->status, answer->body.substr(0, 500)));
  }
  if (io.json) {
    io.out << answer->body;
  } else {
    const auto parsed = parse_json(answer->body);
    io.out << "Queued" << (parsed ? " as " + json_string(*parsed, "id") : std::string()) << ".\n";
  }
  return ExitCode::kOk;
}

// ---- erasure
// ---------------------------------------------------------------------------------------------------------

ExitCode erase(const Arguments& arguments, Io& io) {
  const std::string phone = arguments.text("NUMBER");
  if (!arguments.flag("yes")) {
    return io.fail(ExitCode::kUsage,
                   fmt::format("this removes everything that is known of {}, for good; say so with --yes", phone));
  }
  auto store = open_store(arguments);
  if (!store) return io.fail(store.error());
  const auto report = (*store)->records().erase_caller(phone);
  if (!report) return io.fail(report.error());
  if (io.json) {
    io.out << dump_json({{"schema", 1},
                         {"calls", report->calls},
                         {"turns", report->turns},
                         {"leads", report->leads},
                         {"messages", report->messages},
                         {"others", report->others}},
                        2)
           << "\n";
  } else {
    io.out << fmt::format("Erased: {} calls, {} turns, {} leads, {} messages, {} other rows.\n", report->calls,
                          report->turns, report->leads, report->messages, report->others);
  }
  return report->total() > 0 ? ExitCode::kOk : ExitCode::kNotFound;
}

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

CommandSpec erase_command(const std::string& group) {
  std::vector<OptionSpec> options = store_options();
  options.push_back(option("yes", ValueKind::kFlag, "", "really erase"));
  CommandSpec spec =
      command(group + " erase", "remove everything that is known of a number", {argument("NUMBER", "as +972541234567")},
              std::move(options), {{"alctl " + group + " erase +972541234567 --yes", "a caller asked for it"}}, erase);
  spec.description =
      "Calls, turns, leads and messages alike, in every table, and the freed space is overwritten. Exit code 4: there "
      "was "
      "nothing.";
  return spec;
}

}  // namespace

std::vector<CommandSpec> records_commands() {
  return {command("leads list", "the leads, newest first", {}, list_options(),
                  {{"alctl leads list --days 7", "of this week"}}, list_leads),
          command("leads show", "one lead", {argument("ID", "of the lead, or of its call")}, store_options(),
                  {{"alctl leads show CA0123… --json", "as JSON"}}, show_lead),
          command("leads export", "the leads as CSV or JSON", {}, export_options(),
                  {{"alctl leads export --out leads.csv", "for a spreadsheet"}}, export_leads),
          erase_command("leads"),
          command("calls list", "the calls, newest first", {}, list_options(),
                  {{"alctl calls list --limit 20", "the last twenty"}}, list_calls),
          command("calls show", "one call: who said what, and how long it took", {argument("SID", "CA…")},
                  store_options(), {{"alctl calls show CA0123…", "the transcript"}}, show_call),
          command("calls export", "the calls as CSV or JSON", {}, export_options(),
                  {{"alctl calls export --format json", "with turns and slots"}}, export_calls),
          erase_command("calls"),
          command("whatsapp list", "the messages, newest first", {}, list_options(),
                  {{"alctl whatsapp list --phone +972541234567", "of one person"}}, list_messages),
          command("whatsapp export", "the messages as CSV or JSON", {}, export_options(),
                  {{"alctl whatsapp export", "as CSV"}}, export_messages),
          command("whatsapp send", "send a message through the running server",
                  {argument("NUMBER", "as +972541234567"), argument("TEXT", "what to say")},
                  {option("server", ValueKind::kText, "URL", "where agentd listens", "http://127.0.0.1:8080"),
                   option("key", ValueKind::kText, "KEY", "the same key is sent once only"),
                   option("config", ValueKind::kFile, "FILE", "configuration file; default: /etc/agentd/agentd.toml")},
                  {{"alctl whatsapp send +972541234567 'We have a flat for you'", "API_KEY comes from the settings"}},
                  send_message),
          erase_command("whatsapp")};
}

}  // namespace al::alctl
