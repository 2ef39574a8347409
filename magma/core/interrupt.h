// SIGINT and SIGTERM as a flag that long work polls.
#pragma once

namespace magma {

void install_interrupt_handlers();  // once, by main()
int interrupt_signal();             // 0 or the signal received
// Throws Error(Interrupted) when a signal has arrived. Call between frames or clips.
void throw_if_interrupted();

}  // namespace magma
