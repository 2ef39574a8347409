// What must not change a result: the cache, neighbours in a batch, the side of the padding, the number of threads,
// names.
#include <algorithm>
#include <fstream>

#include <gtest/gtest.h>

#include "magma/model/magma.h"
#include "magma/model/weight_names.h"
#include "tests/model/fixture_set.h"

namespace magma {
namespace {

constexpr const char* kCheckpoint = "tiny-names";
constexpr double kCachedLogits = 1e-4;

std::vector<float> values_of(const Tensor& tensor) { return {tensor.floats(), tensor.floats() + tensor.count()}; }

FixtureCase case_named(const std::string& name) {
  for (const FixtureCase& fixture : FixtureSet::cases(kCheckpoint)) {
    if (fixture.name == name) return fixture;
  }
  throw std::runtime_error("no case " + name);
}

std::vector<float> all_logits(Network& network, const FixtureCase& fixture, Padding padding = Padding::Left) {
  const auto prompts = encoded_prompts(network, fixture);
  return values_of(network.prefill(prompts, {.all_logits = true, .padding = padding}).logits);
}

TEST(Equivalence, AnyNumberOfThreadsGivesTheSameBits) {
  const FixtureCase fixture = case_named("batch_left");
  const auto one = load_network(FixtureSet::weights(kCheckpoint), 1);
  const std::vector<float> expected = all_logits(*one, fixture);
  for (const int threads : {2, 3, 7}) {
    const auto network = load_network(FixtureSet::weights(kCheckpoint), threads);
    EXPECT_EQ(all_logits(*network, fixture), expected) << threads;
  }
}

TEST(Equivalence, DecodingWithTheCacheIsPrefillOfTheWhole) {
  const auto network = load_network(FixtureSet::weights(kCheckpoint), 2);
  const FixtureCase fixture = case_named("batch_left");
  std::vector<Prompt> prompts = encoded_prompts(*network, fixture);
  std::vector<std::vector<float>> steps;
  GenerateOptions options = greedy_options(fixture);
  options.on_logits = [&](const Tensor& logits) { steps.push_back(values_of(logits)); };
  const std::vector<Generated> generated = generate(*network, prompts, options);
  ASSERT_GE(steps.size(), 16U);
  for (size_t step : {1U, 15U}) {
    std::vector<Prompt> longer = prompts;
    for (size_t r = 0; r < longer.size(); ++r) {
      const Ids& ids = generated[r].ids;
      longer[r].ids.insert(longer[r].ids.end(), ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(step));
    }
    const Tensor whole = network->prefill(longer, {}).logits;
    EXPECT_LE(difference(values_of(whole), steps[step]).largest, kCachedLogits) << step;
  }
}

TEST(Equivalence, ABatchGivesWhatItsRowsGiveAlone) {
  const auto network = load_network(FixtureSet::weights(kCheckpoint), 2);
  const FixtureCase fixture = case_named("batch_left");
  for (const double temperature : {0.0, 0.8}) {
    GenerateOptions options = greedy_options(fixture);
    options.sampling.temperature = temperature;
    options.sampling.repetition_penalty = temperature > 0 ? 1.2 : 1;
    options.seed = 5;
    const std::vector<Prompt> prompts = encoded_prompts(*network, fixture);
    const std::vector<Generated> together = generate(*network, prompts, options);
    for (size_t r = 0; r < prompts.size(); ++r) {
      EXPECT_EQ(generate(*network, {prompts[r]}, options).front().ids, together[r].ids) << r;
    }
  }
}

TEST(Equivalence, PaddingOnEitherSideGivesTheSameBits) {
  const auto network = load_network(FixtureSet::weights(kCheckpoint), 2);
  const FixtureCase fixture = case_named("batch_left");
  const std::vector<Prompt> prompts = encoded_prompts(*network, fixture);
  const Tensor left = network->prefill(prompts, {.all_logits = true, .padding = Padding::Left}).logits;
  const Tensor right = network->prefill(prompts, {.all_logits = true, .padding = Padding::Right}).logits;
  const int64_t L = left.dim(1), V = left.dim(2);
  for (size_t r = 0; r < prompts.size(); ++r) {
    int64_t length = static_cast<int64_t>(prompts[r].ids.size());
    for (const Tensor& image : prompts[r].images) length += image.dim(0) - 1;
    const float* a = left.floats() + (static_cast<int64_t>(r) * L + L - length) * V;
    const float* b = right.floats() + static_cast<int64_t>(r) * L * V;
    EXPECT_TRUE(std::equal(a, a + length * V, b)) << r;
  }
}

// The tensors under the names of `list`: those whose canonical name is the tensor's.
WeightMap renamed(const WeightMap& weights, const Path& list) {
  WeightMap result;
  std::ifstream names(list);
  for (std::string name; std::getline(names, name);) {
    const Tensor& tensor = weights.at(canonical_name(name));
    const bool as_convolution =
        name.starts_with("visual.") && name.find(".mlp.fc") != std::string::npos && tensor.rank() == 2;
    result[name] = as_convolution ? tensor.reshaped({tensor.dim(0), tensor.dim(1), 1, 1}) : tensor;
  }
  return result;
}

TEST(Equivalence, OtherNamesOfTheTensorsLoadToTheSameNetwork) {
  if (std::getenv("MAGMA_FIXTURES") != nullptr) GTEST_SKIP() << "the whole set has the folders themselves";
  const Path folder = FixtureSet::weights(kCheckpoint);
  const FixtureCase fixture = case_named("image_square");
  const std::vector<float> expected = all_logits(*load_network(folder, 2), fixture);
  const WeightMap weights = map_weight_folder(folder);
  int lists = 0;
  for (const auto& list : std::filesystem::directory_iterator(FixtureSet::folder() / "names")) {
    const WeightMap other = renamed(weights, list.path());
    EXPECT_GE(other.size(), weights.size() - 3) << list.path().filename();  // all but the unused head
    const auto network = make_network(read_model_config(folder), other, list.path().filename(), 2);
    EXPECT_EQ(all_logits(*network, fixture), expected) << list.path().filename();
    ++lists;
  }
  EXPECT_EQ(lists, 5);
}

TEST(Equivalence, RenamedFoldersLoadToTheSameNetwork) {
  if (std::getenv("MAGMA_FIXTURES") == nullptr) GTEST_SKIP() << "folders of the whole set only";
  const FixtureCase fixture = case_named("image_square");
  const std::vector<float> expected = all_logits(*load_network(FixtureSet::weights(kCheckpoint), 2), fixture);
  for (const std::string& variant : FixtureSet::variants()) {
    EXPECT_EQ(all_logits(*load_network(FixtureSet::weights(variant), 2), fixture), expected) << variant;
  }
}

}  // namespace
}  // namespace magma
