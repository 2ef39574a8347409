// Rotary positions and causal attention: the kernels as they are.
#pragma once

#include "magma/kernel/attention.h"
