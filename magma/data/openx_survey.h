// OpenxSurvey: what one pass over all episodes of a robot data set finds out: the statistics of its actions, and where
// its episodes lie, so that they can be read in any order. Kept in files of the version folder, because a pass reads
// terabytes. Source: data_formats.md 2.7.
#pragma once

#include <cstdint>
#include <vector>

#include "magma/core/file.h"
#include "magma/core/progress.h"
#include "magma/data/normalisation.h"
#include "magma/data/openx_layout.h"
#include "magma/data/rlds_dataset.h"

namespace magma {

struct OpenxEpisode {
  static constexpr int64_t kBad = -1;

  EpisodePlace place;
  int64_t transitions = 0;  // kBad: it cannot be read, and is in no statistics
  bool labelled = false;
};

struct OpenxSurvey {
  OpenxStatistics statistics;
  std::vector<OpenxEpisode> episodes;  // of all splits, in (split, shard, record) order
  std::vector<uint8_t> drawn{};        // of each transition of all episodes: whether it is drawn; empty: all are
};

struct SurveyOptions {
  bool with_proprio = false;  // else the state counts as zeros, as in the reference's pre-training
  int threads = 1;
  ProgressStyle progress = ProgressStyle::Auto;
};

// From the files of an earlier pass when they match shards, metadata and layout; else of a pass, whose results are kept
// where the folder can be written. The same whatever the threads. An episode that is Malformed is counted as bad; when
// all are, the first one's Error is thrown. Malformed too for a data set without transitions.
OpenxSurvey survey_openx(const RldsDataset& dataset, const Path& version_folder, const OpenxLayout& layout,
                         const SurveyOptions& options);

// An episode as a trajectory; errors name shard, data set and record.
OpenxTrajectory to_trajectory(const RldsDataset& dataset, const EpisodePlace& place, const OpenxLayout& layout,
                              const EpisodeSteps& episode, bool with_proprio);

// Throws what is wrong with the first bad episode; does nothing when all are good.
void require_good_episodes(const RldsDataset& dataset, const OpenxLayout& layout, const OpenxSurvey& survey);

}  // namespace magma
