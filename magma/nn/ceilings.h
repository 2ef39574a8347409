// What the machine can do at most: the kernels as they are.
#pragma once

#include "magma/kernel/ceilings.h"
