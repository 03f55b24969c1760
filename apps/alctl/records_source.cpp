#include "alctl/records_source.h"

#include <filesystem>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "alctl/records_server.h"
#include "core/settings.h"
#include "store/caller_files.h"
#include "store/export.h"
#include "store/store.h"

namespace al::alctl {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

tl::unexpected<RecordFault> fault(const Error& error) {
  return tl::make_unexpected(RecordFault{exit_code_for(error.code), error.detail});
}

store::RecordFilter filter_of(const RecordQuery& query) {
  store::RecordFilter filter;
  filter.phone = query.phone;
  filter.call = CallSid(query.call);
  filter.since = query.since;
  filter.limit = query.limit;
  return filter;
}

template <typename Record>
Found<json> as_json(const Result<std::vector<Record>>& records) {
  if (!records) return fault(records.error());
  json list = json::array();
  for (const Record& record : *records) list.push_back(store::to_json(record));
  return list;
}

template <typename Record>
Found<std::string> as_csv(const Result<std::vector<Record>>& records,
                          std::string (*to_csv)(const std::vector<Record>&)) {
  if (!records) return fault(records.error());
  return to_csv(*records);
}

class DatabaseSource final : public RecordSource {
 public:
  DatabaseSource(std::unique_ptr<store::Store> store, store::CallerFolders folders)
      : store_(std::move(store)), folders_(std::move(folders)) {}

  Found<json> list(RecordKind kind, const RecordQuery& query) override {
    const store::RecordFilter filter = filter_of(query);
    if (kind == RecordKind::kCalls) return as_json(store_->records().calls(filter));
    if (kind == RecordKind::kLeads) return as_json(store_->records().leads(filter));
    return as_json(store_->records().messages(filter));
  }

  Found<std::string> csv(RecordKind kind, const RecordQuery& query) override {
    const store::RecordFilter filter = filter_of(query);
    if (kind == RecordKind::kCalls) return as_csv(store_->records().calls(filter), store::calls_csv);
    if (kind == RecordKind::kLeads) return as_csv(store_->records().leads(filter), store::leads_csv);
    return as_csv(store_->records().messages(filter), store::messages_csv);
  }

  Found<json> call(const std::string& sid) override {
    const auto details = store_->records().call(CallSid(sid));
    if (!details) return fault(details.error());
    return store::to_json(*details);
  }

  // Files first: who asks again after an error still finds what is left.
  Found<json> erase(const std::string& phone) override {
    const auto traces = store_->records().traces(phone);
    if (!traces) return fault(traces.error());
    const auto files = store::erase_caller_files(folders_, traces->calls);
    if (!files) return fault(files.error());
    const auto rows = store_->records().erase_caller(phone);
    if (!rows) return fault(rows.error());
    return json{{"calls", rows->calls},   {"turns", rows->turns},
                {"leads", rows->leads},   {"messages", rows->messages},
                {"others", rows->others}, {"files", *files},
                {"recordings", 0},        {"recordings_left", traces->recordings}};
  }

 private:
  std::unique_ptr<store::Store> store_;
  const store::CallerFolders folders_;
};

Found<Settings> settings_of(const Arguments& arguments) {
  auto settings = Settings::load(process_sources(arguments.text("config")));
  if (!settings) return tl::make_unexpected(RecordFault{ExitCode::kConfig, settings.error().detail});
  return *std::move(settings);
}

Found<std::string> key_of(const Settings& settings) {
  if (settings.has("api_key")) return settings.string("api_key");
  return tl::make_unexpected(RecordFault{
      ExitCode::kConfig, "API_KEY is not set: the server's /api is opened with it (--config or environment)"});
}

Found<std::unique_ptr<RecordSource>> open_database(const Arguments& arguments, const Settings& settings) {
  store::StoreOptions options;
  options.url = arguments.given("database") ? arguments.text("database") : settings.string("database_url");
  options.ballast_bytes = 0;  // the daemon's affair
  if (options.url.empty()) {
    const std::string folder = settings.string("state_dir");
    options.default_path = (fs::path(folder.empty() ? "." : folder) / "agentd.sqlite").string();
  }
  const std::string path = options.url.empty() ? options.default_path : options.url;
  std::error_code ignored;
  if (path.find(':') == std::string::npos && !fs::exists(path, ignored)) {
    return tl::make_unexpected(
        RecordFault{ExitCode::kNotFound,
                    fmt::format("there is no database '{}'; name it with --database or DATABASE_URL, or ask a running "
                                "server with --server URL",
                                path)});
  }
  auto store = store::open_store(options);
  if (!store) return fault(store.error());
  return std::make_unique<DatabaseSource>(*std::move(store), store::caller_folders(settings));
}

}  // namespace

std::vector<OptionSpec> source_options() {
  OptionSpec server;
  server.name = "server";
  server.value_name = "URL";
  server.help = "ask a running server, with the setting API_KEY, instead of the database";
  OptionSpec database;
  database.name = "database";
  database.value_name = "URL";
  database.help = "SQLite path or postgresql://…; default: the setting DATABASE_URL";
  OptionSpec config;
  config.name = "config";
  config.kind = ValueKind::kFile;
  config.value_name = "FILE";
  config.help = "configuration file; default: /etc/agentd/agentd.toml";
  return {server, database, config};
}

Found<std::unique_ptr<RecordSource>> open_source(const Arguments& arguments) {
  const auto settings = settings_of(arguments);
  if (!settings) return tl::make_unexpected(settings.error());
  if (!arguments.given("server")) return open_database(arguments, *settings);
  if (arguments.given("database")) {
    return tl::make_unexpected(RecordFault{ExitCode::kUsage, "--server and --database: one of them"});
  }
  auto key = key_of(*settings);
  if (!key) return tl::make_unexpected(key.error());
  return server_source(arguments.text("server"), *std::move(key));
}

Found<json> send_text(const Arguments& arguments, const OutgoingText& message) {
  const auto settings = settings_of(arguments);
  if (!settings) return tl::make_unexpected(settings.error());
  auto key = key_of(*settings);
  if (!key) return tl::make_unexpected(key.error());
  return send_through(arguments.text("server"), *std::move(key), message);
}

}  // namespace al::alctl
