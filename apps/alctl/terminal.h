// The terminal alctl runs in, and the keyboard's Ctrl-C.
#pragma once

#include "alctl/io.h"

namespace al::alctl {

// Fills color, progress and width from the terminal, NO_COLOR and TERM.
void fit_to_terminal(Io& io);

// Somebody can be asked.
[[nodiscard]] bool stdin_is_terminal();

// Ctrl-C sets a flag that long commands look at; a second one ends the program at once. A closed pipe is no crash.
void prepare_signals();
// For a command that runs until it is stopped: SIGTERM is Ctrl-C.
void stop_on_terminate();
[[nodiscard]] bool interrupted();

}  // namespace al::alctl
