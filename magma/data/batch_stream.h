// BatchStream: exactly the tokens, labels, pictures and actions that a trainer sees, batch by batch.
// Batch k depends on the configuration, the data, the seed and k alone. Source: data_formats.md 5.5, 5.6, 6.3.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "magma/core/error.h"
#include "magma/data/data_source.h"
#include "magma/data/labels.h"
#include "magma/data/sample.h"
#include "magma/image/image_processor.h"

namespace magma {

struct SkippedSample {
  Origin origin;
  ErrorCode code = ErrorCode::Malformed;
};

struct BatchRow {
  Origin origin;
  std::string tag{}, dataset{};
  LabelledTokens tokens{};
  std::vector<std::string> image_names{};
  std::vector<ImageCrops> crops{};  // of each picture; empty where pictures are left out
  std::optional<ActionNumbers> action{};
  std::vector<SkippedSample> skipped{};  // bad samples passed over since the row before
};

struct Batch {
  int64_t number = 0;
  std::vector<BatchRow> rows;
};

struct BatchOptions {
  int64_t batch_size = 1;
  uint64_t seed = 0;
  bool shuffled = true;  // endless; else once through every source in its order
  int workers = 1;
};

// Where a stream stands between two batches.
struct StreamPosition {
  int64_t batch = 0;      // number of the next one
  int64_t candidate = 0;  // in file order: samples that were looked at
  int64_t rows = 0, skipped = 0;
};

class BatchStream {
 public:
  // Opens every reader. Error(Usage) where nothing is left to read or samples cannot be grouped as configured.
  BatchStream(const DataSource& source, TrainingTokens tokens, const BatchOptions& options);
  ~BatchStream();

  // In file order batches before `position.batch` are read again unless `position` came from position().
  void start(const StreamPosition& position);
  std::optional<Batch> next();  // nullopt: file order is at its end
  StreamPosition position() const;
  int64_t rows_in_file_order() const;  // at most; -1: endless
  std::vector<Path> files() const;     // of all readers, each once
  TokenId pad() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace magma
