// Every stage and every greedy token against the reference stack.
#include <algorithm>
#include <cstdio>

#include <gtest/gtest.h>

#include "magma/model/magma.h"
#include "magma/nn/safetensors.h"
#include "tests/model/fixture_set.h"

namespace magma {
namespace {

std::vector<float> values_of(const Tensor& tensor) {
  if (tensor.dtype() == DType::F32) return {tensor.floats(), tensor.floats() + tensor.count()};
  const auto* integers = static_cast<const int64_t*>(tensor.data());
  return {integers, integers + tensor.count()};
}

// What the network shows of one case, by the names of the reference.
std::map<std::string, Tensor> stages_of(Network& network, const FixtureCase& fixture) {
  std::map<std::string, Tensor> stages;
  const StageSink sink = [&](const std::string& name, const Tensor& value) {
    Tensor copy = value.dtype() == DType::F32 ? Tensor::of(value.shape(), values_of(value)) : value;
    stages.insert_or_assign(name, copy);
  };
  const std::vector<Prompt> prompts = encoded_prompts(network, fixture, sink);
  stages["logits"] = network.prefill(prompts, {.all_logits = true, .padding = fixture.padding, .sink = sink}).logits;
  return stages;
}

// Places p .. L - 1 of [B, L, W].
std::vector<float> from_place(const Tensor& all, int64_t p) {
  std::vector<float> result;
  for (int64_t b = 0; b < all.dim(0); ++b) {
    const float* row = all.floats() + b * all.dim(1) * all.dim(2);
    result.insert(result.end(), row + p * all.dim(2), row + all.dim(1) * all.dim(2));
  }
  return result;
}

// Of a training row: the logits whose next label is set.
std::vector<float> selected(const Tensor& logits, const std::vector<int64_t>& labels) {
  std::vector<float> result;
  const int64_t L = logits.dim(1), V = logits.dim(2);
  for (int64_t i = 0; i + 1 < static_cast<int64_t>(labels.size()); ++i) {
    if ((i + 1) % L == 0 || labels[static_cast<size_t>(i + 1)] == -100) continue;
    result.insert(result.end(), logits.floats() + i * V, logits.floats() + (i + 1) * V);
  }
  return result;
}

void expect_stages(Network& network, const FixtureCase& fixture) {
  const SafetensorsFile reference(FixtureSet::folder() / "reference" / fixture.checkpoint /
                                  (fixture.name + ".safetensors"));
  std::map<std::string, Tensor> stages = stages_of(network, fixture);
  for (const auto& [name, facts] : fixture.facts.at("tensors").items()) {
    SCOPED_TRACE(fixture.checkpoint + " " + fixture.name + " " + name);
    if (name == "greedy_logits" || name == "labels" || name.starts_with("grad.")) continue;
    if (!reference.tensors().contains(name)) continue;
    const bool integer = reference.entry(name).dtype == DType::I64;
    std::vector<float> expected, got;
    if (integer) {
      const std::vector<int64_t> values = reference.read_as<int64_t>(name);
      expected.assign(values.begin(), values.end());
    } else {
      expected = reference.read_as<float>(name);
    }
    if (name == "logits" && fixture.facts.contains("logits_first_position")) {
      got = from_place(stages.at(name), fixture.facts["logits_first_position"]);
    } else if (name == "selected_logits") {
      got = selected(stages.at("logits"), reference.read_as<int64_t>("labels"));
    } else {
      ASSERT_TRUE(stages.contains(name));
      got = values_of(stages.at(name));
    }
    ASSERT_EQ(expected.size(), got.size());
    const Tensor& mask = stages.at("attention_mask");
    if (name.starts_with("hidden.")) {
      const auto width = static_cast<size_t>(stages.at(name).dim(2));
      for (size_t i = 0; i < got.size(); ++i) {
        if (static_cast<const int64_t*>(mask.data())[i / width] == 0) got[i] = expected[i];
      }
    }
    const double allowed = integer ? 0 : facts.at("f32_atol").get<double>();
    const Difference off = difference(expected, got);
    EXPECT_LE(off.largest, allowed);
    if (std::getenv("MAGMA_FIXTURES") != nullptr && off.largest > 0) {
      std::printf("%s %s %s %.3g %.3g\n", fixture.checkpoint.c_str(), fixture.name.c_str(), name.c_str(), off.largest,
                  off.largest / allowed);
    }
  }
}

void expect_greedy(Network& network, const FixtureCase& fixture) {
  if (!fixture.facts.contains("greedy")) return;
  const std::vector<Generated> got = generate(network, encoded_prompts(network, fixture), greedy_options(fixture));
  const Json& rows = fixture.facts.at("greedy").at("rows");
  ASSERT_EQ(got.size(), rows.size());
  for (size_t r = 0; r < got.size(); ++r) {
    SCOPED_TRACE(fixture.checkpoint + " " + fixture.name + " row " + std::to_string(r));
    Ids expected = rows[r].at("tokens").get<Ids>();
    expected.resize(rows[r].at("length").get<size_t>());
    EXPECT_EQ(got[r].ids, expected);
    EXPECT_EQ(got[r].stopped, rows[r].at("ended_by_stop").get<bool>());
  }
}

TEST(Reference, EveryStageIsWithinTheTolerance) {
  for (const std::string& checkpoint : FixtureSet::checkpoints()) {
    const auto network = load_network(FixtureSet::weights(checkpoint), 2, Precision::F32);
    for (const FixtureCase& fixture : FixtureSet::cases(checkpoint)) expect_stages(*network, fixture);
  }
}

TEST(Reference, GreedyTokensAreTheSame) {
  for (const std::string& checkpoint : FixtureSet::checkpoints()) {
    const auto network = load_network(FixtureSet::weights(checkpoint), 2, Precision::F32);
    for (const FixtureCase& fixture : FixtureSet::cases(checkpoint)) expect_greedy(*network, fixture);
  }
}

// As the processor multiplies bf16: by its own instructions with rounded activations, or unpacked with activations in
// f32.
TEST(Reference, Bf16WeightsStayWithinTheToleranceOfBf16) {
  int compared = 0;
  for (const std::string& checkpoint : FixtureSet::checkpoints()) {
    const auto network = load_network(FixtureSet::weights(checkpoint), 2);
    for (const FixtureCase& fixture : FixtureSet::cases(checkpoint)) {
      const SafetensorsFile reference(FixtureSet::folder() / "reference" / checkpoint /
                                      (fixture.name + ".safetensors"));
      const std::map<std::string, Tensor> stages = stages_of(*network, fixture);
      for (const auto& [name, facts] : fixture.facts.at("tensors").items()) {
        const bool whole = name.starts_with("features.") || name.starts_with("image_tokens.");
        if (!facts.contains("bf16_max_error") || !whole || !reference.tensors().contains(name)) continue;
        const Difference off = difference(reference.read_as<float>(name), values_of(stages.at(name)));
        EXPECT_LE(off.largest, 4 * facts.at("bf16_max_error").get<double>()) << checkpoint << fixture.name << name;
        EXPECT_LE(off.root_mean_square, 2 * facts.at("bf16_rms_error").get<double>()) << fixture.name << name;
        ++compared;
      }
      const Json& logits = fixture.facts.at("tensors").value("logits", Json::object());
      if (!logits.contains("bf16_max_error") || fixture.padding != Padding::Left || fixture.ids.size() != 1) continue;
      const std::vector<float> got = from_place(stages.at("logits"), fixture.facts.value("logits_first_position", 0));
      const Difference off = difference(reference.read_as<float>("logits"), got);
      EXPECT_LE(off.largest, 4 * logits.at("bf16_max_error").get<double>()) << checkpoint << fixture.name;
      EXPECT_LE(off.root_mean_square, 2 * logits.at("bf16_rms_error").get<double>()) << checkpoint << fixture.name;
      ++compared;
    }
  }
  EXPECT_GT(compared, 2);
}

}  // namespace
}  // namespace magma
