#include "magma/data/mixtures.h"

#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "magma/core/error.h"
#include "magma/data/openx_layout.h"

namespace magma {
namespace {

using testing::HasSubstr;

TEST(Mixtures, CountsOfTheField) {
  const std::map<std::string, size_t> counts = {{"bridge", 1},
                                                {"bridge_rt_1", 2},
                                                {"rtx", 10},
                                                {"rtx_franka", 24},
                                                {"oxe_magic_soup", 23},
                                                {"oxe_magic_soup_plus", 27},
                                                {"oxe_magic_soup_plus_minus", 25}};
  for (const auto& [name, count] : counts) {
    const auto mixture = find_mixture(name);
    EXPECT_EQ(mixture.size(), count) << name;
    for (const MixtureEntry& entry : mixture) EXPECT_TRUE(is_openx_layout(entry.dataset)) << entry.dataset;
  }
  EXPECT_EQ(mixture_names().size(), counts.size());
  EXPECT_EQ(find_mixture("droid_wipe").at(0).dataset, "droid_wipe");
  EXPECT_EQ(find_mixture("droid_wipe").at(0).weight, 1.0);
}

TEST(Mixtures, ExperimentIdsNameThem) {
  const auto size = [](const char* id) { return mixture_of_experiment(id).size(); };
  EXPECT_EQ(size("siglip-224px+mx-bridge"), 1U);
  EXPECT_EQ(size("siglip-224px-icy+mx-bridge"), 1U);
  EXPECT_EQ(size("siglip-224px+mx-oxe-magic-soup"), 23U);
  EXPECT_EQ(size("prism-dinosiglip-224px+mx-oxe-magic-soup-plus"), 25U);  // the published exception
  EXPECT_EQ(size("siglip-224px+mx-oxe-magic-soup-plus"), 27U);
  EXPECT_EQ(mixture_of_experiment("siglip-224px+mx-tdroid_carrot_in_bowl").at(0).dataset, "tdroid_carrot_in_bowl");
  EXPECT_EQ(mixture_of_experiment("x+mx-libero-10-no-noops").at(0).dataset, "libero_10_no_noops");
  EXPECT_THROW(mixture_of_experiment("siglip-224px"), Error);
  try {
    mixture_of_experiment("siglip-224px+mx-oxe-magic-soap");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::Usage);
    EXPECT_THAT(error.fields().hint, HasSubstr("oxe_magic_soup"));
  }
}

TEST(Mixtures, DataSetsOfJointAnglesAreLeftOut) {
  EXPECT_EQ(usable_entries(find_mixture("rtx_franka")).size(), 23U);
  EXPECT_THROW(usable_entries(find_mixture("roboset")), Error);
}

TEST(StreamWeights, ByTransitionsAndWeight) {
  const StreamWeights got = stream_weights({{"a", 1.0, 100}, {"b", 2.0, 25}, {"c", 0.5, 100}, {"d", 1.0, 40}});
  EXPECT_DOUBLE_EQ(got.probability[0], 100.0 / 240);
  EXPECT_DOUBLE_EQ(got.probability[1], 50.0 / 240);
  EXPECT_DOUBLE_EQ(got.probability[2], 50.0 / 240);
  EXPECT_DOUBLE_EQ(got.probability[3], 40.0 / 240);
  EXPECT_EQ(got.epoch_length, 240);
  EXPECT_THROW(stream_weights({{"a", 0.5, 100}}), Error);
  EXPECT_THROW(stream_weights({{"a", 1.0, 100}, {"b", -1, 100}}), Error);
}

}  // namespace
}  // namespace magma
