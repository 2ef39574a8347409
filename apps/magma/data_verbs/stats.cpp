// magma data stats: the statistics by which a robot data set's actions are normalised.
#include <algorithm>
#include <iterator>
#include <thread>

#include <CLI/CLI.hpp>

#include "apps/magma/data_verbs/data_verb.h"
#include "magma/core/error.h"
#include "magma/data/openx_survey.h"

namespace magma {
namespace {

class Stats final : public DataVerb {
 public:
  static constexpr const char* kSummary = "statistics of the actions of a robot data set";

  void options(CLI::App& app) override {
    app.add_option("SOURCE", source_, "RLDS version folder")->required();
    app.add_option("--dataset", dataset_, "its layout; default: by the folder's name")->type_name("NAME");
    app.add_flag("--proprio", proprio_, "of the state too, which the training leaves out and counts as zeros");
    app.add_option("--threads", threads_, "threads; never changes the result; 0: one per processor")
        ->check(CLI::Range(0, 256))
        ->type_name("N")
        ->capture_default_str();
  }

  std::string examples() const override {
    return "  magma data stats bridge_orig/1.0.0 --json\n"
           "  magma data stats my_robot/1.0.0 --dataset viola\n";
  }

  int run(const Output& out) override {
    if (!std::filesystem::exists(source_)) require_readable_file(source_);
    if (!is_rlds_folder(source_)) {
      throw Error(ErrorCode::Usage, {.file = source_,
                                     .what = "not a data set of robot episodes",
                                     .expected = "an RLDS version folder, with features.json and dataset_info.json"});
    }
    const RldsDataset dataset(source_);
    const OpenxLayout layout(dataset_.empty() ? openx_dataset_name(source_) : dataset_);
    layout.require_features(dataset, (Path(source_) / "features.json").string());
    const int all = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
    const OpenxSurvey survey =
        survey_openx(dataset, source_, layout,
                     {.with_proprio = proprio_, .threads = threads_ == 0 ? all : threads_, .progress = out.progress()});
    require_good_episodes(dataset, layout, survey);
    if (out.json()) {
      std::string text = "{\"" + layout.dataset() + "\":";
      append_json(text, survey.statistics);
      Output::write(text + "}\n");
    } else {
      show(out, layout.dataset(), survey, proprio_);
    }
    return 0;
  }

 private:
  static void show(const Output& out, const std::string& dataset, const OpenxSurvey& survey, bool with_proprio) {
    const auto unlabelled =
        std::count_if(survey.episodes.begin(), survey.episodes.end(), [](const auto& e) { return !e.labelled; });
    out.line("{}: {} transitions in {} episodes, {} of them without an instruction", dataset,
             survey.statistics.transitions, survey.statistics.trajectories, unlabelled);
    if (!survey.drawn.empty()) {
      out.line("{} transitions stand still and are not drawn", std::count(survey.drawn.begin(), survey.drawn.end(), 0));
    }
    show_columns(out, "action", {kActionAxes.begin(), kActionAxes.end()}, survey.statistics.action);
    if (!with_proprio) return;
    std::vector<std::string> names;
    for (size_t i = 0; i < survey.statistics.proprio.mean.size(); ++i) names.push_back(std::to_string(i));
    show_columns(out, "state", names, survey.statistics.proprio);
  }

  static void show_columns(const Output& out, const char* of, const std::vector<std::string>& names,
                           const ColumnStatistics& all) {
    out.line("{:8} {:>11} {:>11} {:>11} {:>11} {:>11} {:>11}", of, "mean", "std", "min", "q01", "q99", "max");
    for (size_t i = 0; i < names.size(); ++i) {
      out.line("{:8} {:11.5g} {:11.5g} {:11.5g} {:11.5g} {:11.5g} {:11.5g}", names[i], all.mean[i], all.std[i],
               all.min[i], all.q01[i], all.q99[i], all.max[i]);
    }
  }

  std::string source_, dataset_;
  bool proprio_ = false;
  int threads_ = 0;
};

MAGMA_REGISTER(DataVerbs, Stats);

}  // namespace
}  // namespace magma
