// What this machine can do at most, measured now: the sizes to which speeds of the network are compared.
#pragma once

#include "magma/kernel/team.h"

namespace magma {

// Bytes per second that all threads together read from memory, 512 MB far beyond any cache; best of three passes.
double read_bandwidth(Team& team);

// Floating point operations per second of all threads: multiply-adds in f32 in the registers, or, where the network
// multiplies bf16 with oneDNN, a large product of that kind. Best of some tenth of a second.
double operation_rate(Team& team);

}  // namespace magma
