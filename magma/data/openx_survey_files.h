// The files that keep a survey in its version folder: magma_statistics_HASH.json, also of use to a robot's policy, and
// magma_index_HASH.safetensors. HASH says what they were made of.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "magma/core/file.h"
#include "magma/data/openx_survey.h"

namespace magma {

class SurveyFiles {
 public:
  // Hashes the metadata, the list, sizes and times of the shards, the layout and the way of counting.
  SurveyFiles(const RldsDataset& dataset, const Path& version_folder, const OpenxLayout& layout, bool with_proprio);

  // nullopt when there are none; a warning in the log when they are damaged or do not belong together.
  std::optional<OpenxSurvey> load() const;
  // A warning in the log when the folder cannot be written.
  void save(const OpenxSurvey& survey) const;

  const Path& statistics() const { return statistics_; }
  const Path& index() const { return index_; }

 private:
  OpenxSurvey read() const;  // Error(Malformed)
  std::string statistics_text(const OpenxSurvey& survey) const;

  const RldsDataset& dataset_;
  std::string name_, fingerprint_;
  bool with_drawn_;
  Path statistics_, index_;
};

}  // namespace magma
