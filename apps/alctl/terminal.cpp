#include "alctl/terminal.h"

#include <csignal>

#include <sys/ioctl.h>
#include <unistd.h>

#include "core/settings.h"

namespace al::alctl {
namespace {

volatile std::sig_atomic_t interrupts = 0;

void on_interrupt(int) {
  if (interrupts != 0) _exit(static_cast<int>(ExitCode::kInterrupted));
  interrupts = 1;
}

}  // namespace

void fit_to_terminal(Io& io) {
  const std::string term = environment_variable("TERM").value_or("");
  const bool dumb = term.empty() || term == "dumb";
  const bool no_color = !environment_variable("NO_COLOR").value_or("").empty();
  io.color = isatty(STDOUT_FILENO) != 0 && !dumb && !no_color;
  io.progress = isatty(STDERR_FILENO) != 0 && !dumb;
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 40) io.width = size.ws_col;
}

bool stdin_is_terminal() {
  return isatty(STDIN_FILENO) == 1;
}

void prepare_signals() {
  std::signal(SIGINT, on_interrupt);
  std::signal(SIGPIPE, SIG_DFL);  // `alctl … | head` ends quietly
}

void stop_on_terminate() {
  std::signal(SIGTERM, on_interrupt);
}

bool interrupted() {
  return interrupts != 0;
}

}  // namespace al::alctl
