#include "magma/data/mixtures.h"

#include <algorithm>
#include <array>
#include <string_view>

#include <fmt/core.h>

#include "magma/core/error.h"
#include "magma/core/log.h"
#include "magma/core/text_distance.h"
#include "magma/data/openx_layout.h"

namespace magma {
namespace {

constexpr size_t kMixtures = 7;
constexpr std::array<std::string_view, kMixtures> kNames = {
    "bridge", "bridge_rt_1", "rtx", "rtx_franka", "oxe_magic_soup", "oxe_magic_soup_plus", "oxe_magic_soup_plus_minus"};

struct MixtureRow {
  std::string_view dataset;
  std::array<double, kMixtures> weights;  // 0: not in this mixture
};

// The weights of rtx_franka that are not those of rtx: mixtures.py of OpenVLA.
// clang-format off
constexpr std::array<MixtureRow, 33> kRows = {{
    {"fractal20220817_data", {0, 1.0, 0.54087122203, 0.54087122203, 0.54087122203, 0.54087122203, 1.0}},
    {"kuka", {0, 0, 0.8341046294, 0.8341046294, 0.8341046294, 0.8341046294, 0.8341046294}},
    {"bridge_orig", {1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0}},
    {"taco_play", {0, 0, 2.0, 2.0, 2.0, 2.0, 2.0}},
    {"jaco_play", {0, 0, 2.0, 2.0, 1.0, 1.0, 1.0}},
    {"berkeley_cable_routing", {0, 0, 3.0, 3.0, 1.0, 1.0, 1.0}},
    {"roboturk", {0, 0, 1.0, 1.0, 2.0, 2.0, 2.0}},
    {"viola", {0, 0, 2.0, 2.0, 2.0, 2.0, 2.0}},
    {"berkeley_autolab_ur5", {0, 0, 1.0, 1.0, 2.0, 2.0, 2.0}},
    {"toto", {0, 0, 1.0, 1.0, 1.0, 1.0, 1.0}},
    {"language_table", {0, 0, 0, 0, 0.1, 0.1, 0}},
    {"stanford_hydra_dataset_converted_externally_to_rlds", {0, 0, 0, 1.0, 2.0, 2.0, 2.0}},
    {"austin_buds_dataset_converted_externally_to_rlds", {0, 0, 0, 3.0, 1.0, 1.0, 1.0}},
    {"nyu_franka_play_dataset_converted_externally_to_rlds", {0, 0, 0, 3.0, 3.0, 3.0, 3.0}},
    {"furniture_bench_dataset_converted_externally_to_rlds", {0, 0, 0, 0.1, 0.1, 0.1, 0.1}},
    {"ucsd_kitchen_dataset_converted_externally_to_rlds", {0, 0, 0, 0, 2.0, 2.0, 2.0}},
    {"austin_sailor_dataset_converted_externally_to_rlds", {0, 0, 0, 1.0, 1.0, 1.0, 1.0}},
    {"austin_sirius_dataset_converted_externally_to_rlds", {0, 0, 0, 1.0, 1.0, 1.0, 1.0}},
    {"dlr_edan_shared_control_converted_externally_to_rlds", {0, 0, 0, 0, 1.0, 1.0, 1.0}},
    {"iamlab_cmu_pickup_insert_converted_externally_to_rlds", {0, 0, 0, 1.0, 1.0, 1.0, 1.0}},
    {"utaustin_mutex", {0, 0, 0, 1.0, 1.0, 1.0, 1.0}},
    {"berkeley_fanuc_manipulation", {0, 0, 0, 0, 2.0, 2.0, 2.0}},
    {"cmu_stretch", {0, 0, 0, 0, 1.0, 1.0, 1.0}},
    {"bc_z", {0, 0, 0, 0, 0, 0.2, 0.2}},
    {"fmb_dataset", {0, 0, 0, 0, 0, 1.0, 1.0}},
    {"dobbe", {0, 0, 0, 0, 0, 0.2, 0.2}},
    {"droid", {0, 0, 0, 0, 0, 0.06, 0}},
    {"maniskill_dataset_converted_externally_to_rlds", {0, 0, 0, 0.1, 0, 0, 0}},
    {"cmu_franka_exploration_dataset_converted_externally_to_rlds", {0, 0, 0, 5.0, 0, 0, 0}},
    {"berkeley_rpt_converted_externally_to_rlds", {0, 0, 0, 1.0, 0, 0, 0}},
    {"kaist_nonprehensile_converted_externally_to_rlds", {0, 0, 0, 3.0, 0, 0, 0}},
    {"stanford_robocook_converted_externally_to_rlds", {0, 0, 0, 1.0, 0, 0, 0}},
    {"cmu_play_fusion", {0, 0, 0, 1.0, 0, 0, 0}},
}};
// clang-format on

constexpr std::string_view kMark = "+mx-";
// One id names another mixture than it says.
constexpr std::string_view kExceptionalId = "prism-dinosiglip-224px+mx-oxe-magic-soup-plus";
constexpr std::string_view kExceptionalMixture = "oxe_magic_soup_plus_minus";

std::string underscored(std::string_view name) {
  std::string result(name);
  std::replace(result.begin(), result.end(), '-', '_');
  return result;
}

std::vector<MixtureEntry> column(size_t mixture) {
  std::vector<MixtureEntry> entries;
  for (const MixtureRow& row : kRows) {
    if (row.weights[mixture] > 0) entries.push_back({std::string(row.dataset), row.weights[mixture]});
  }
  return entries;
}

[[noreturn]] void throw_unknown(const std::string& name) {
  std::vector<std::string> known = mixture_names();
  const std::vector<std::string> datasets = openx_layout_names();
  known.insert(known.end(), datasets.begin(), datasets.end());
  const std::string nearest = nearest_word(underscored(name), known);
  throw Error(ErrorCode::Usage, {.where = "mixture",
                                 .what = "no mixture and no data set of this name is known",
                                 .expected = "oxe_magic_soup, bridge, ..., or a data set of Open-X",
                                 .got = name,
                                 .hint = nearest.empty() ? "" : "did you mean " + nearest + "?"});
}

}  // namespace

std::vector<MixtureEntry> find_mixture(const std::string& name) {
  const std::string wanted = underscored(name);
  const auto found = std::find(kNames.begin(), kNames.end(), wanted);
  if (found != kNames.end()) return column(static_cast<size_t>(found - kNames.begin()));
  if (is_openx_layout(wanted)) return {{wanted, 1.0}};
  throw_unknown(name);
}

std::vector<MixtureEntry> mixture_of_experiment(const std::string& id) {
  if (underscored(id) == underscored(kExceptionalId)) return find_mixture(std::string(kExceptionalMixture));
  const size_t mark = id.find(kMark);
  if (mark == std::string::npos) {
    throw Error(ErrorCode::Usage, {.where = "experiment id",
                                   .what = "names no mixture",
                                   .expected = "MODEL+mx-MIXTURE, as siglip-224px+mx-oxe-magic-soup",
                                   .got = id});
  }
  return find_mixture(id.substr(mark + kMark.size()));
}

bool is_experiment_id(const std::string& text) { return text.find(kMark) != std::string::npos; }

std::vector<std::string> mixture_names() { return {kNames.begin(), kNames.end()}; }

std::vector<MixtureEntry> usable_entries(const std::vector<MixtureEntry>& mixture) {
  std::vector<MixtureEntry> usable;
  for (const MixtureEntry& entry : mixture) {
    const auto rows = openx_layout_rows();
    const auto row = std::find_if(rows.begin(), rows.end(), [&](const auto& r) { return r.name == entry.dataset; });
    if (row == rows.end()) throw_unknown(entry.dataset);
    if (row->encoding != ActionEncoding::EefPos) {
      log(LogLevel::Warning, "{} is left out of the mixture: its actions are joint angles", entry.dataset);
    } else {
      usable.push_back(entry);
    }
  }
  if (usable.empty()) {
    throw Error(ErrorCode::Refused, {.where = "mixture",
                                     .what = "no data set with usable actions is left",
                                     .expected = "moves and turns of the end effector, and a gripper"});
  }
  return usable;
}

StreamWeights stream_weights(const std::vector<StreamSource>& sources) {
  double sum = 0;
  for (const StreamSource& source : sources) {
    if (!(source.weight > 0)) {
      throw Error(ErrorCode::Usage, {.where = "weight of " + source.dataset,
                                     .what = "not a weight",
                                     .expected = "above 0",
                                     .got = fmt::format("{}", source.weight)});
    }
    sum += source.weight * static_cast<double>(source.transitions);
  }
  StreamWeights weights;
  double longest = -1;
  for (const StreamSource& source : sources) {
    const auto transitions = static_cast<double>(source.transitions);
    weights.probability.push_back(source.weight * transitions / sum);
    if (source.weight == 1.0) longest = std::max(longest, transitions / weights.probability.back());
  }
  if (longest < 0) {
    throw Error(ErrorCode::Usage, {.where = "mixture",
                                   .what = "no data set has weight 1.0, the measure of an epoch",
                                   .expected = "one at least"});
  }
  weights.epoch_length = static_cast<int64_t>(longest);
  return weights;
}

}  // namespace magma
