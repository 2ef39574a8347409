// SyntheticSet: a small data set that is made up, in the files of a family as the field stores them. It can be learned:
// every answer and every action follows from its picture and its question. One plug-in each in magma/data/synthetic.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "magma/core/file.h"
#include "magma/core/random.h"
#include "magma/core/registry.h"

namespace magma {

struct SyntheticRun {
  Path folder{};  // exists and is empty
  int64_t count = 0;
  uint64_t seed = 0;
  std::function<void()> made{};  // called after each unit

  Rng random(int64_t index) const;  // of a unit: the same for any count
};

class SyntheticSet {
 public:
  static constexpr const char* kKind = "made data set";

  virtual ~SyntheticSet() = default;
  virtual std::string unit() const = 0;  // what is counted, a plural noun: "episodes"
  virtual int64_t usual_count() const = 0;
  virtual std::string config() const = 0;  // file name of the configuration it writes
  // Writes everything below run.folder; returns how many samples that makes.
  virtual int64_t make(const SyntheticRun& run) const = 0;
};

using SyntheticSets = Registry<SyntheticSet>;

struct SyntheticOrder {
  std::string name;
  Path folder;
  int64_t count = -1;  // below 0: the usual count
  uint64_t seed = 0;
  bool overwrite = false;           // replaces a made set; never a folder that holds anything else
  std::function<void()> made = {};  // called after each unit; what it throws stops the work, which leaves nothing
};

struct SyntheticSummary {
  std::string config;  // path of the configuration
  int64_t count = 0, samples = 0, files = 0, bytes = 0;
};

// Whole or absent: made beside `folder`, then renamed. Same name, count and seed: same bytes. A folder that exists must
// be empty or hold the same set, else Error(Usage).
SyntheticSummary make_synthetic_set(const SyntheticOrder& order);

// The configuration of a made set: `data_path` and `image_folder` as they stand there, `tag`: its family.
struct SyntheticConfig {
  std::string data_path, image_folder, tag;
};
void write_synthetic_config(const Path& file, const SyntheticConfig& config);

// A JSON array, an item a line, as it grows.
class ItemWriter {
 public:
  explicit ItemWriter(const Path& path) : file_(path) {}
  void add(const nlohmann::json& item);
  void finish();

 private:
  AtomicFile file_;
  bool any_ = false;
};

}  // namespace magma
