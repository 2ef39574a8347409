#include "magma/model/init_weights.h"

#include <cmath>
#include <filesystem>

#include <gtest/gtest.h>

#include "magma/core/error.h"
#include "magma/core/hash.h"
#include "magma/core/log.h"
#include "magma/model/magma.h"
#include "tests/support/temporary_folder.h"

namespace magma {
namespace {

class InitWeights : public testing::Test {
 protected:
  InitWeights() { set_log_level(LogLevel::Off); }  // gamma is as before training
  ~InitWeights() override { set_log_level(LogLevel::Warning); }

  Path config_ = Path(MAGMA_SOURCE_DIR) / "tests/fixtures/model/checkpoints/tiny-names/config.json";
  TemporaryFolder folder_;
};

TEST_F(InitWeights, MakesAFolderThatLoadsAndAnswers) {
  const Path made = folder_.path() / "made";
  const InitSummary summary = write_random_model(config_, made, {.seed = 3, .shard_bytes = 60'000});
  EXPECT_GT(summary.shards, 2);
  const auto network = load_network(made, 1);
  const Tensor logits = network->prefill({{{1, 2, 3}, {}}}, {}).logits;
  EXPECT_EQ(logits.dim(1), network->vocabulary());
  const Tensor matrix = map_weight_folder(made).at("language_model.lm_head.weight").as_f32();
  double squares = 0;
  for (int64_t i = 0; i < matrix.count(); ++i) squares += matrix.floats()[i] * matrix.floats()[i];
  EXPECT_NEAR(std::sqrt(squares / static_cast<double>(matrix.count())), 0.02, 0.001);
}

TEST_F(InitWeights, TheSameSeedGivesTheSameFileOnAnyNumberOfThreads) {
  const auto hash_of = [&](const std::string& name, const InitOptions& options) {
    write_random_model(config_, folder_.path() / name, options);
    return hash_file(folder_.path() / name / "model-00001-of-00001.safetensors");
  };
  const uint64_t first = hash_of("a", {.seed = 1});
  EXPECT_EQ(hash_of("b", {.seed = 1, .threads = 3}), first);
  EXPECT_NE(hash_of("c", {.seed = 2}), first);
}

TEST_F(InitWeights, RefusesAFolderThatHoldsAModel) {
  write_random_model(config_, folder_.path() / "a", {});
  EXPECT_THROW(write_random_model(config_, folder_.path() / "a", {}), Error);
}

}  // namespace
}  // namespace magma
