// OutputFolder: the folder of a marks run: its manifest, its locks, its finished shards. Layout: som_tom.md 6.2.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "magma/core/file.h"

namespace magma {

std::string shard_name(int64_t shard);  // "00012"

// The files of a shard, relative to the output folder. Images and videos are listed in its .done file.
std::string records_file(int64_t shard);  // shards/00012.jsonl
std::string tensors_file(int64_t shard);  // shards/00012.safetensors
std::string samples_file(int64_t shard);  // samples/00012.jsonl
std::string done_file(int64_t shard);     // shards/00012.done

std::string manifest_text(const nlohmann::json& manifest);  // as it is written

nlohmann::json read_manifest(const Path& folder);

// The text of a .done file: `facts` and their hash, by which every change to the text can be seen.
std::string done_text(nlohmann::json facts);
// What done_text() was given. Error(Malformed) for any text that it has not made.
nlohmann::json parse_done(const std::string& text, const std::string& file);

// The .done file's content when it is there, sound, and every file it names has the size it says; else null.
nlohmann::json finished_shard(const Path& folder, int64_t shard);

// Held while a process works on some shards of a folder. Makes the folder; takes away what it made when nothing was
// published. Throws Error(Usage): a manifest that differs (names the field), somebody else's folder, a live process on
// one of the same shards (names its number).
class OutputFolder {
 public:
  struct Options {
    Path path;
    const nlohmann::json* manifest;  // what this run would write; outlives the object
    std::vector<int64_t> shards;     // that this process, or its ranks, may make
    bool overwrite = false;
  };
  explicit OutputFolder(Options options);
  OutputFolder(const OutputFolder&) = delete;
  OutputFolder& operator=(const OutputFolder&) = delete;
  ~OutputFolder();

  StagingFolder& staging() { return *staging_; }
  // Before the first publication: sets an old run aside when it is to be overwritten, then writes the manifest.
  void begin_publishing();
  bool is_finished(int64_t shard) const;

 private:
  void check();
  void lock();
  void unlock();

  Options options_;
  std::unique_ptr<StagingFolder> staging_;
  int lock_ = -1;
  bool publishing_ = false;
  bool overwriting_ = false;
};

}  // namespace magma
