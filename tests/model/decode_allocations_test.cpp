// Tokens after the first ones take no memory from the heap: every call of its functions is counted.
#include <atomic>
#include <cstdlib>
#include <functional>
#include <numeric>

#include <gtest/gtest.h>

#include "magma/model/generate.h"
#include "magma/model/magma.h"
#include "magma/model/quantise_model.h"
#include "tests/model/fixture_set.h"
#include "tests/support/temporary_folder.h"

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define MAGMA_COUNTS_ALLOCATIONS
#endif

namespace magma {
namespace {

std::atomic<int64_t> allocations{0};

}  // namespace
}  // namespace magma

#if defined(MAGMA_COUNTS_ALLOCATIONS)
// Those of the program stand before those of the C library, which are still there under their second names.
extern "C" {
void* __libc_malloc(size_t bytes);
void* __libc_calloc(size_t count, size_t bytes);
void* __libc_realloc(void* memory, size_t bytes);
void* __libc_memalign(size_t alignment, size_t bytes);

void* malloc(size_t bytes) {
  ++magma::allocations;
  return __libc_malloc(bytes);
}
void* calloc(size_t count, size_t bytes) {
  ++magma::allocations;
  return __libc_calloc(count, bytes);
}
void* realloc(void* memory, size_t bytes) {
  ++magma::allocations;
  return __libc_realloc(memory, bytes);
}
void* aligned_alloc(size_t alignment, size_t bytes) {
  ++magma::allocations;
  return __libc_memalign(alignment, bytes);
}
}
#endif

namespace magma {
namespace {

constexpr int64_t kFirstTokens = 3;  // they make the room
constexpr int64_t kTokens = 50;      // with the prompt fewer than the cache has places at first

using Load = std::function<std::unique_ptr<Network>(int threads)>;

class DecodeAllocations : public testing::Test {
 protected:
  void SetUp() override {
#if !defined(MAGMA_COUNTS_ALLOCATIONS)
    GTEST_SKIP() << "the sanitizer has allocation functions of its own";
#endif
    const int64_t before = allocations;
    std::free(std::malloc(1));
    ASSERT_GT(allocations, before) << "calls are not counted";
  }

  // Of each token after the first ones.
  static std::vector<int64_t> of_tokens(Network& network, const std::vector<Prompt>& prompts) {
    std::vector<int64_t> counts;
    counts.reserve(kTokens * prompts.size());
    int64_t before = 0;
    GenerateOptions options{.max_new_tokens = kTokens};
    options.on_token = [&](int64_t row, int64_t) {
      if (row == 0) {
        counts.push_back(allocations - before);
        before = allocations;
      }
      return true;
    };
    generate(network, prompts, options);
    counts.erase(counts.begin(), counts.begin() + kFirstTokens);
    return counts;
  }

  // One thread takes nothing. A second one makes room of its own when it first gets work, whenever that is.
  static void expect_none(const Load& load) {
    const Prompt prompt{{5, 9, 2, 7, 5, 9, 2, 7}, {}}, longer{{3, 1, 4, 1, 5, 9, 2, 6, 5, 3}, {}};
    const std::vector<int64_t> none(kTokens - kFirstTokens, 0);
    for (const std::vector<Prompt>& prompts : {std::vector{prompt}, std::vector{prompt, longer}}) {
      EXPECT_EQ(of_tokens(*load(1), prompts), none);
      const std::vector<int64_t> counts = of_tokens(*load(2), prompts);
      EXPECT_LT(std::accumulate(counts.begin(), counts.end(), int64_t{0}), kTokens - kFirstTokens);
    }
  }
};

TEST_F(DecodeAllocations, NoneForATokenInAnyFormatOfTheCache) {
  for (const CacheFormat cache : {CacheFormat::F32, CacheFormat::BF16, CacheFormat::Int8}) {
    expect_none(
        [&](int threads) { return load_network(FixtureSet::weights("tiny-names"), threads, Precision::F32, cache); });
  }
}

TEST_F(DecodeAllocations, NoneWithWeightsInBf16) {
  expect_none([](int threads) { return load_network(FixtureSet::weights("tiny-bf16"), threads); });
}

TEST_F(DecodeAllocations, NoneWithQuantisedWeights) {
  for (const QuantisedKind kind : {QuantisedKind::Int8, QuantisedKind::Int4, QuantisedKind::Int4Offset}) {
    const TemporaryFolder temporary;
    const Path folder = temporary.path() / "quantised";
    quantise_model(FixtureSet::weights("tiny-bf16"), folder, {.format = {kind, 32}}, [](int64_t) {});
    expect_none([&](int threads) { return load_network(folder, threads, Precision::Stored, CacheFormat::Int8); });
  }
}

}  // namespace
}  // namespace magma
