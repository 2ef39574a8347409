// SIGINT and SIGTERM as a flag that long work polls.
#pragma once

#include "magma/core/error.h"

namespace magma {

void install_interrupt_handlers();  // once, by main()
int interrupt_signal();             // 0 or the signal received
// Throws Error(Stopped) or Error(Terminated) when a signal has arrived. Call between frames or clips.
void throw_if_interrupted();
bool is_interruption(ErrorCode code);  // by a signal, resumable or not

}  // namespace magma
