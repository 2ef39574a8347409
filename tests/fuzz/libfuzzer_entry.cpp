// libFuzzer's entry into the target that the build names in MAGMA_FUZZ_TARGET.
#include <cstddef>
#include <cstdint>

#include "tests/fuzz/fuzz_target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  magma::MAGMA_FUZZ_TARGET({reinterpret_cast<const char*>(data), size});
  return 0;
}
