#include "agentd/manual.h"

#include <algorithm>
#include <array>

#include "core/settings_doc.h"

namespace al::agentd {
namespace {

struct Entry {
  std::string_view term;
  std::string_view text;
};

constexpr std::string_view kSummary = "answers a Twilio telephone number with a voice agent";
constexpr std::string_view kDescription =
    "agentd serves Twilio's webhooks and the media stream of each call, listens, thinks and speaks. Settings are keys "
    "of the "
    "configuration file, environment variables in capitals, and flags; a flag beats the environment, which beats a "
    "systemd "
    "credential, which beats the file. Secrets are never flags.";

constexpr std::array kOptions{
    Entry{"--config FILE", "configuration file; default /etc/agentd/agentd.toml where it exists"},
    Entry{"--SETTING VALUE", "any setting of agentd.toml(5), with dashes: --vad-engine energy"},
    Entry{"--check-config", "read the settings, say what is wrong, exit with 78 if anything is"},
    Entry{"--print KIND", "sample: a configuration file; man: this page; man-settings: agentd.toml(5)"},
    Entry{"--version", "print version and commit"},
    Entry{"--help", "print this and all settings"},
};
constexpr std::array kSignals{
    Entry{"SIGTERM, SIGINT",
          "take no new calls, let those in progress end within drain_sec, then hand them over; a second one stops at "
          "once"},
    Entry{"SIGHUP", "read the settings again; what needs a restart is named in the log"},
};
constexpr std::array kExits{
    Entry{"0", "stopped as asked"},
    Entry{"1", "a port, a database or a model could not be had"},
    Entry{"2", "the command line makes no sense"},
    Entry{"78", "the configuration is wrong: one line says what"},
};

template <std::size_t N>
std::string plain_list(std::string_view title, const std::array<Entry, N>& entries) {
  std::string text = std::string(title) + ":\n";
  for (const Entry& entry : entries) {
    std::string line = "  " + std::string(entry.term);
    line.resize(std::max<std::size_t>(line.size() + 2, 22), ' ');
    text += line + std::string(entry.text) + "\n";
  }
  return text + "\n";
}

template <std::size_t N>
std::string roff_list(std::string_view title, const std::array<Entry, N>& entries) {
  std::string text = ".SH " + std::string(title) + "\n";
  for (const Entry& entry : entries) {
    std::string term;
    for (const char c : entry.term) {
      if (c == '-') term += '\\';
      term += c;
    }
    text += ".TP\n.B " + term + "\n" + std::string(entry.text) + "\n";
  }
  return text;
}

}  // namespace

std::string help_text() {
  return "agentd " + std::string(kSummary) + "\n\nUsage: agentd [--config FILE] [--SETTING VALUE]...\n\n" +
         std::string(kDescription) + "\n\n" + plain_list("Options", kOptions) + plain_list("Signals", kSignals) +
         plain_list("Exit codes", kExits) + "Settings:\n" + settings_help();
}

std::string man_page(std::string_view version) {
  return ".TH AGENTD 8 \"\" \"AgentLocator " + std::string(version) + "\"\n.SH NAME\nagentd \\- " +
         std::string(kSummary) +
         "\n.SH SYNOPSIS\n.B agentd\n[\\fB\\-\\-config\\fR \\fIFILE\\fR] [\\fB\\-\\-\\fISETTING VALUE\\fR]...\n.SH "
         "DESCRIPTION\n" +
         std::string(kDescription) + "\n" + roff_list("OPTIONS", kOptions) + roff_list("SIGNALS", kSignals) +
         roff_list("EXIT STATUS", kExits) +
         ".SH FILES\n.TP\n.I /etc/agentd/agentd.toml\nthe settings\n.TP\n.I /var/lib/agentd\nthe database and the "
         "agent's ready-made sentences\n.SH SEE ALSO\n.BR alctl (1),\n.BR agentd.toml (5)\n";
}

}  // namespace al::agentd
