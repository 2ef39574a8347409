// MAGMA_CHECK: our own code must hold this; a failure is a bug, reported as Error with code Bug.
#pragma once

#include <string>

#include <fmt/core.h>

namespace magma {

[[noreturn]] void fail_check(const char* file, int line, const char* condition, const std::string& text);

}  // namespace magma

#define MAGMA_CHECK(condition, ...)                                                    \
  do {                                                                                 \
    if (!(condition)) {                                                                \
      ::magma::fail_check(__FILE__, __LINE__, #condition, ::fmt::format(__VA_ARGS__)); \
    }                                                                                  \
  } while (false)
