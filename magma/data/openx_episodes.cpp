#include "magma/data/openx_episodes.h"

namespace magma {

std::shared_ptr<const ReadEpisode> OpenxEpisodes::get(size_t episode, int64_t bytes) {
  std::packaged_task<std::shared_ptr<const ReadEpisode>()> task;
  Result result;
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = by_number_.find(episode); found != by_number_.end()) {
      kept_.splice(kept_.begin(), kept_, found->second);
      result = found->second->result;
    } else {
      task = std::packaged_task<std::shared_ptr<const ReadEpisode>()>([this, episode] { return read_(episode); });
      result = task.get_future().share();
      kept_.push_front({episode, bytes, result});
      by_number_[episode] = kept_.begin();
      bytes_ += bytes;
      make_room();
    }
  }
  if (task.valid()) task();
  return result.get();
}

void OpenxEpisodes::make_room() {
  while (bytes_ > most_bytes_ && kept_.size() > 1) {
    bytes_ -= kept_.back().bytes;
    by_number_.erase(kept_.back().episode);
    kept_.pop_back();
  }
}

}  // namespace magma
