// Reader: the samples of one annotation file or RLDS folder, by number. Plug-ins of magma/data/readers, named after
// their file, one per family.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "magma/core/file.h"
#include "magma/core/registry.h"
#include "magma/data/data_config.h"
#include "magma/data/sample.h"

namespace magma {

struct ReaderOptions {
  std::string path{};          // as configured: annotation file, "dir/a+b", RLDS version folder
  std::string image_folder{};  // root of the pictures; empty: the annotation's folder
  std::string tag{};           // data_formats.md 6.2
  std::string dataset{};       // layout of a robot data set; empty: the folder's name
  std::string split =
      "train";        // of RLDS: "train" or "val" in the sense of data_formats.md 1.8, "all", or a stored name
  uint64_t seed = 0;  // of what is drawn at random in a sample
  DataConfig config{};
};

class Reader {
 public:
  static constexpr const char* kKind = "reader";

  virtual ~Reader() = default;
  // After the family's filters. Cheap: known once the reader is made.
  virtual int64_t size() const = 0;
  // Sample `index`, in file order. The same (seed, index) gives the same sample, from any thread. Pictures are not
  // decoded, except where the sample needs their pixels. Error names file and place, and means: this sample is bad.
  virtual Sample read(int64_t index) const = 0;
  // What is wrong with sample `index` although it can be read; for magma data check.
  virtual void check(int64_t) const {}
  // Where sample `index` is, also when it is bad.
  virtual Origin origin(int64_t index) const = 0;
  // Everything the samples come from but pictures, videos and traces: for fingerprints.
  virtual std::vector<Path> files() const = 0;
  // Number of the first sample of each episode, in file order; empty: every sample stands for itself.
  virtual std::vector<int64_t> episodes() const { return {}; }
  // Transitions of the whole data set, all splits, before filters: what its weight in a mixture is multiplied with.
  virtual int64_t transitions() const { return size(); }
  // Words of the conversation (data_formats.md 6.4) and whether it has a picture, without reading that; words < 0: not
  // known before the sample is read.
  struct Length {
    int64_t words = -1;
    bool picture = false;
  };
  virtual Length length(int64_t) const { return {}; }
};

using Readers = Registry<Reader, const ReaderOptions&>;

}  // namespace magma
