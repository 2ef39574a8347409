// For tests of time, memory and signals, which mean nothing when every access is watched.
#pragma once

#include <gtest/gtest.h>

#if defined(__SANITIZE_THREAD__)
#define MAGMA_NOT_UNDER_THREAD_SANITIZER(why) GTEST_SKIP() << (why)
#else
#define MAGMA_NOT_UNDER_THREAD_SANITIZER(why) static_cast<void>(why)
#endif

#if defined(__SANITIZE_ADDRESS__)
#define MAGMA_NOT_UNDER_SANITIZERS(why) GTEST_SKIP() << (why)
#else
#define MAGMA_NOT_UNDER_SANITIZERS(why) MAGMA_NOT_UNDER_THREAD_SANITIZER(why)
#endif
