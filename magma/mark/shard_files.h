// What items leave behind, spooled to disk while they run, and its assembly into the files of one output shard.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "magma/core/file.h"
#include "magma/mark/output_folder.h"
#include "magma/nn/safetensors.h"

namespace magma {

struct ItemCounts {
  int64_t clips = 0, samples = 0, failed = 0, dropped = 0;
  ItemCounts& operator+=(const ItemCounts& other);
};

// Results of one item in a folder of its own; memory is that of one call.
class ItemSpool {
 public:
  ItemSpool(Path folder, int64_t shard);
  ~ItemSpool();

  void record(const nlohmann::json& record);  // counted by its "status"
  void sample(const nlohmann::json& sample);
  SafetensorsWriter& tensors() { return *tensors_; }
  // The name that image `file` will have, relative to the output folder; and where to write it now.
  std::string image_name(const std::string& file) const;
  void image(const std::string& file, std::string_view bytes);
  const Path& videos() const { return videos_; }  // folders ITEM-sNNN are made in it

  void finish();
  void clear();  // as if nothing had been written
  const ItemCounts& counts() const { return counts_; }

 private:
  void open();

  Path folder_, videos_;
  int64_t shard_;
  ItemCounts counts_;
  std::unique_ptr<AtomicFile> records_, samples_;
  std::unique_ptr<SafetensorsWriter> tensors_;
};

struct FinishedItems {
  std::vector<Path> folders;  // of their finished spools, in order
  ItemCounts counts;
  std::string manifest_hash;     // of the run's manifest.json, for the .done file
  std::function<void()> joined;  // called when only renaming is left
};

// Joins the items under `staged` (a folder of `staging`), publishes them and at last the .done file.
void publish_shard(StagingFolder& staging, const Path& staged, int64_t shard, const FinishedItems& items);

}  // namespace magma
