// OpenxEpisodes: the episodes read last, so that the samples of one episode cost one read. Thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <future>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include "magma/data/openx_layout.h"
#include "magma/data/rlds_dataset.h"

namespace magma {

struct ReadEpisode {
  std::optional<Episode> stored;  // none where pictures are not wanted
  OpenxTrajectory trajectory;
  Columns normalised;  // [T, 7]
};

class OpenxEpisodes {
 public:
  using Read = std::function<std::shared_ptr<const ReadEpisode>(size_t episode)>;

  // `read` is called once for threads that ask for an episode at the same time; its exceptions go to all of them.
  OpenxEpisodes(int64_t most_bytes, Read read) : most_bytes_(most_bytes), read_(std::move(read)) {}
  // `bytes`: what the episode counts for. One episode at least is kept.
  std::shared_ptr<const ReadEpisode> get(size_t episode, int64_t bytes);

 private:
  using Result = std::shared_future<std::shared_ptr<const ReadEpisode>>;
  struct Kept {
    size_t episode;
    int64_t bytes;
    Result result;
  };
  void make_room();

  int64_t most_bytes_;
  Read read_;
  std::mutex mutex_;
  int64_t bytes_ = 0;
  std::list<Kept> kept_;  // asked for last first
  std::map<size_t, std::list<Kept>::iterator> by_number_;
};

}  // namespace magma
