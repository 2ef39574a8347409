#include "apps/magma/version.h"

#include <fmt/core.h>

namespace magma {

std::string version_number() { return MAGMA_VERSION; }

std::string version_line() {
#if defined(__clang__)
  const std::string compiler = fmt::format("clang {}.{}", __clang_major__, __clang_minor__);
#else
  const std::string compiler = fmt::format("g++ {}.{}", __GNUC__, __GNUC_MINOR__);
#endif
#if defined(__x86_64__)
  const char* machine = "x86-64";
#elif defined(__aarch64__)
  const char* machine = "arm64";
#else
  const char* machine = "unknown machine";
#endif
  return fmt::format("magma {} ({}, {})", MAGMA_VERSION, compiler, machine);
}

}  // namespace magma
