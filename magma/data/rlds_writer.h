// RldsWriter: a TFDS version folder of robot episodes, as tensorflow_datasets reads it. Whole or absent.
// Source: data_formats.md 1.3 to 1.6.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "magma/core/file.h"
#include "magma/data/stored_value.h"

namespace magma {

struct WrittenFeature {
  std::vector<std::string> path{};  // {"steps", "observation", "image_0"}; what is below "steps" has a value a step
  // Numbers but complex, float8 and bfloat16; String; Image.
  Element element = Element::F32;
  std::vector<int64_t> shape{};  // of one value; of a picture [H, W, C], -1: of any size
  std::string format{};          // of a picture: "jpeg" or "png"
  std::string key() const;       // the path with "/" between
};

class RldsWriter {
 public:
  // `version_folder`: ".../NAME/1.0.0", replaced by commit() when it is there already.
  RldsWriter(const Path& version_folder, std::string name, std::vector<WrittenFeature> features,
             int64_t episodes_per_shard = 128);
  ~RldsWriter();
  RldsWriter(const RldsWriter&) = delete;
  RldsWriter& operator=(const RldsWriter&) = delete;

  // `values` by key, all of them; those of a step have a leading T, the same for all. Splits keep their first order.
  void add(const std::string& split, const std::map<std::string, StoredValue>& values);
  void commit();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace magma
