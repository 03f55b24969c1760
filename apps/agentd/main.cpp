// agentd: the voice agent that answers a Twilio number. Reads its settings, builds the daemon, then waits for signals
// and keeps systemd informed.
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "agentd/daemon.h"
#include "agentd/manual.h"
#include "agentd/supervisor.h"
#include "core/log.h"
#include "core/settings.h"
#include "core/settings_doc.h"

namespace {

using namespace al;

constexpr int kUsage = 2;
constexpr int kBadConfiguration = 78;  // EX_CONFIG of sysexits.h
constexpr int kUnavailable = 1;

int complain(const std::string& what, int code) {
  std::cerr << "agentd: " << what << "\n";
  return code;
}

int print(std::string_view kind) {
  if (kind == "sample") {
    std::cout << settings_sample_file();
  } else if (kind == "man") {
    std::cout << agentd::man_page(AL_VERSION);
  } else if (kind == "man-settings") {
    std::cout << settings_man_page(AL_VERSION, "");
  } else {
    return complain("--print takes one of: sample, man, man-settings", kUsage);
  }
  return 0;
}

void start_log(const Settings& settings) {
  log::Options options;
  options.level = log::parse_level(settings.string("log_level")).value_or(log::Level::kInfo);
  options.format = log::parse_format(settings.string("log_format")).value_or(log::Format::kText);
  options.transcripts = settings.boolean("log_transcripts");
  log::start(options);
  for (const std::string& warning : settings.warnings()) log::warn("SETTINGS", {{"warning", warning}});
}

int run(const Settings& settings, const agentd::LoadSettings& load_again) {
  agentd::block_signals();  // before the first thread: all of them inherit it
  start_log(settings);
  auto daemon = agentd::Daemon::make(settings);
  if (!daemon) {
    log::error("START_FAILED", {{"why", to_string(daemon.error())}});
    log::stop();
    const bool configuration = daemon.error().code == Errc::kMalformed || daemon.error().code == Errc::kRejected ||
                               daemon.error().code == Errc::kNotFound || daemon.error().code == Errc::kUnsupported;
    return complain(daemon.error().detail, configuration ? kBadConfiguration : kUnavailable);
  }
  if (const std::string& file = settings.string("port_file"); !file.empty()) {
    std::ofstream(file) << (*daemon)->port() << "\n";
  }
  log::info("LISTENING", {{"port", (*daemon)->port()}, {"admin_port", (*daemon)->admin_port()}});
  const int code = agentd::supervise(**daemon, settings, load_again);
  daemon->reset();
  log::info("STOPPED");
  log::stop();
  return code;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  const auto line = split_command_line(arguments);
  if (!line) return complain(line.error().detail, kUsage);
  bool check_only = false;
  for (std::size_t i = 0; i < line->rest.size(); ++i) {
    const std::string& word = line->rest[i];
    if (word == "--help" || word == "-h") {
      std::cout << agentd::help_text();
      return 0;
    }
    if (word == "--version") {
      std::cout << "agentd " AL_VERSION " (" AL_COMMIT ")\n";
      return 0;
    }
    if (word == "--print") return print(i + 1 < line->rest.size() ? line->rest[i + 1] : "");
    if (word == "--check-config") {
      check_only = true;
      continue;
    }
    const std::string_view near = nearest_setting(word);
    return complain("unknown argument '" + word + "'" +
                        (near.empty() ? "" : "; did you mean " + flag_name(near) + "?") +
                        " (agentd --help lists all settings)",
                    kUsage);
  }
  const auto load = [&line]() {
    SettingSources sources = process_sources(line->config_path);
    sources.flags = line->flags;
    return Settings::load(sources);
  };
  const auto settings = load();
  if (!settings) return complain(settings.error().detail, kBadConfiguration);
  if (check_only) {
    for (const std::string& warning : settings->warnings()) std::cerr << "warning: " << warning << "\n";
    std::cout << "The settings are in order.\n";
    return 0;
  }
  return run(*settings, load);
}
