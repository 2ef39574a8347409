// SIGINT and SIGTERM as a flag that long work polls.
#pragma once

#include "magma/core/error.h"

namespace magma {

// Once, by main(). Also: a mapped file that became shorter ends the program with the one error line and exit code 5.
void install_interrupt_handlers();
int interrupt_signal();  // 0 or the signal received
// Throws Error(Stopped) or Error(Terminated) when a signal has arrived. Call between frames or clips.
void throw_if_interrupted();
bool is_interruption(ErrorCode code);  // by a signal, resumable or not

}  // namespace magma
