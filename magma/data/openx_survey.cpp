#include "magma/data/openx_survey.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include <fmt/core.h>

#include "magma/core/error.h"
#include "magma/core/interrupt.h"
#include "magma/core/log.h"
#include "magma/core/thread_pool.h"
#include "magma/data/openx_survey_files.h"

namespace magma {
namespace {

// data_formats.md 2.9, step 10: quantiles of the whole of Droid, by which a zero action looks like this.
constexpr std::array<float, 6> kDroidQ01 = {-0.7776297926902771F, -0.5803514122962952F, -0.5795090794563293F,
                                            -0.6464047729969025F, -0.7041108310222626F, -0.8895104378461838F};
constexpr std::array<float, 6> kDroidQ99 = {0.7597932070493698F, 0.5726242214441299F, 0.7351000607013702F,
                                            0.6705610305070877F, 0.6464948207139969F, 0.8897542208433151F};
constexpr float kStandsStill = 1e-5F;

// What of an episode the pass keeps.
struct PassedEpisode {
  Columns actions, proprio;
  bool labelled = false;
  std::optional<Error> bad;
};

PassedEpisode pass(const RldsDataset& dataset, const EpisodePlace& place, const OpenxLayout& layout, bool proprio) {
  try {
    OpenxTrajectory trajectory = to_trajectory(dataset, place, layout, steps_of(dataset.read(place)), proprio);
    const bool labelled = trajectory.labelled();
    return {.actions = std::move(trajectory.actions),
            .proprio = std::move(trajectory.proprio),
            .labelled = labelled,
            .bad = std::nullopt};
  } catch (const Error& error) {
    if (error.code() != ErrorCode::Malformed && error.code() != ErrorCode::Refused) throw;
    return {.actions = {}, .proprio = {}, .labelled = false, .bad = error};
  }
}

// One below the other; empties the parts.
Columns stacked(std::vector<PassedEpisode>& passed, Columns PassedEpisode::*part) {
  Columns all;
  for (const PassedEpisode& episode : passed) {
    all.rows += (episode.*part).rows;
    all.width = std::max(all.width, (episode.*part).width);
  }
  all.values.reserve(static_cast<size_t>(all.rows * all.width));
  for (PassedEpisode& episode : passed) {
    const Columns rows = std::exchange(episode.*part, {});
    if (rows.rows > 0 && rows.width != all.width) {
      throw Error(ErrorCode::Malformed, {.where = "proprio",
                                         .what = "episodes with states of different widths",
                                         .expected = std::to_string(all.width),
                                         .got = std::to_string(rows.width)});
    }
    all.values.insert(all.values.end(), rows.values.begin(), rows.values.end());
  }
  return all;
}

ColumnStatistics zeros(size_t width) {
  const std::vector<double> all(width, 0.0);
  return {.mean = all, .std = all, .max = all, .min = all, .q01 = all, .q99 = all};
}

std::vector<uint8_t> moving_frames(const Columns& actions, const ColumnStatistics& statistics) {
  const ActionNormaliser normaliser(statistics, Normalisation::BoundsQ99);
  std::vector<uint8_t> moving(static_cast<size_t>(actions.rows));
  for (int64_t row = 0; row < actions.rows; ++row) {
    std::array<float, kActionNumbers> normalised{};
    normaliser.apply(actions.row(row), normalised);
    for (size_t i = 0; i < kDroidQ01.size(); ++i) {
      const float zero = 2 * (0 - kDroidQ01[i]) / (kDroidQ99[i] - kDroidQ01[i] + 1e-8F) - 1;
      if (std::abs(normalised[i] - zero) > kStandsStill) moving[static_cast<size_t>(row)] = 1;
    }
  }
  return moving;
}

void warn_about_gripper(const Columns& actions, const std::string& dataset) {
  int64_t outside = 0;
  for (int64_t row = 0; row < actions.rows; ++row) {
    const float gripper = actions.row(row)[kActionNumbers - 1];
    if (gripper < 0 || gripper > 1) ++outside;
  }
  if (outside > 0) {
    log(LogLevel::Warning, "{}: the gripper of {} of {} transitions is beyond 0 (closed) and 1 (open)", dataset,
        outside, actions.rows);
  }
}

std::vector<PassedEpisode> pass_all(const RldsDataset& dataset, const std::vector<OpenxEpisode>& episodes,
                                    const OpenxLayout& layout, const SurveyOptions& options) {
  std::vector<PassedEpisode> passed(episodes.size());
  Progress progress("statistics of " + layout.dataset(), static_cast<int64_t>(episodes.size()), "episodes",
                    options.progress);
  parallel_for(options.threads, static_cast<int64_t>(episodes.size()), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      throw_if_interrupted();
      const auto at = static_cast<size_t>(i);
      passed[at] = pass(dataset, episodes[at].place, layout, options.with_proprio);
      progress.advance();
    }
  });
  return passed;
}

OpenxSurvey survey_anew(const RldsDataset& dataset, const Path& folder, const OpenxLayout& layout,
                        const SurveyOptions& options) {
  OpenxSurvey survey;
  for (size_t split = 0; split < dataset.splits().size(); ++split) {
    for (const EpisodePlace& place : dataset.places(split)) survey.episodes.push_back({.place = place});
  }
  std::vector<PassedEpisode> passed = pass_all(dataset, survey.episodes, layout, options);
  const Error* first_bad = nullptr;
  for (size_t i = 0; i < passed.size(); ++i) {
    OpenxEpisode& episode = survey.episodes[i];
    episode.labelled = passed[i].labelled;
    episode.transitions = passed[i].bad ? OpenxEpisode::kBad : passed[i].actions.rows;
    survey.statistics.transitions += passed[i].actions.rows;
    survey.statistics.trajectories += passed[i].bad ? 0 : 1;
    if (passed[i].bad && first_bad == nullptr) first_bad = &*passed[i].bad;
  }
  if (survey.statistics.trajectories == 0 && first_bad != nullptr) throw *first_bad;
  if (survey.statistics.transitions == 0) {
    throw Error(ErrorCode::Malformed, {.file = folder.string(), .what = "a data set without transitions"});
  }
  const Columns actions = stacked(passed, &PassedEpisode::actions);
  survey.statistics.action = column_statistics(actions);
  survey.statistics.proprio =
      options.with_proprio ? column_statistics(stacked(passed, &PassedEpisode::proprio)) : zeros(kActionNumbers);
  if (layout.draws_moving_frames()) survey.drawn = moving_frames(actions, survey.statistics.action);
  warn_about_gripper(actions, layout.dataset());
  return survey;
}

}  // namespace

OpenxSurvey survey_openx(const RldsDataset& dataset, const Path& version_folder, const OpenxLayout& layout,
                         const SurveyOptions& options) {
  const SurveyFiles files(dataset, version_folder, layout, options.with_proprio);
  if (std::optional<OpenxSurvey> kept = files.load()) return *std::move(kept);
  OpenxSurvey survey = survey_anew(dataset, version_folder, layout, options);
  files.save(survey);
  return survey;
}

OpenxTrajectory to_trajectory(const RldsDataset& dataset, const EpisodePlace& place, const OpenxLayout& layout,
                              const EpisodeSteps& episode, bool with_proprio) {
  try {
    return layout.standardise(episode, with_proprio);
  } catch (const Error& error) {
    const ErrorFields& fields = error.fields();
    if (!fields.file.empty()) throw;
    const std::string where = fmt::format("data set {}, record {}", layout.dataset(), place.record);
    ErrorFields placed = fields;
    placed.file = dataset.splits()[place.split].shards[place.shard].string();
    placed.where = fields.where.empty() ? where : where + ", " + fields.where;
    throw Error(error.code(), std::move(placed));
  }
}

void require_good_episodes(const RldsDataset& dataset, const OpenxLayout& layout, const OpenxSurvey& survey) {
  for (const OpenxEpisode& episode : survey.episodes) {
    if (episode.transitions != OpenxEpisode::kBad) continue;
    to_trajectory(dataset, episode.place, layout, steps_of(dataset.read(episode.place)), false);
  }
}

}  // namespace magma
