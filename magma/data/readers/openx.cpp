// Open-X Embodiment: frames of robot episodes (RLDS), each with the action that follows. Source: data_formats.md 2.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <thread>

#include <fmt/core.h>

#include "magma/core/error.h"
#include "magma/core/random.h"
#include "magma/data/openx_episodes.h"
#include "magma/data/openx_survey.h"
#include "magma/data/reader.h"
#include "magma/model/conversation.h"
#include "magma/text/prompts.h"

namespace magma {
namespace {

constexpr int64_t kEpisodesKept_bytes = int64_t{32} << 20;
constexpr int64_t kTransition_bytes = 128;  // of actions, normalised too, and words, at least
constexpr int kMostThreads = 16;
constexpr double kTrainPercent = 95;

// Episodes [begin, end) of one stored split.
struct SplitPart {
  size_t split = 0;
  int64_t begin = 0, end = 0;
};

int64_t episodes_of(const RldsSplit& split) {
  return std::accumulate(split.shard_lengths.begin(), split.shard_lengths.end(), int64_t{0});
}

std::optional<size_t> find_split(const RldsDataset& dataset, const std::string& name) {
  const auto& splits = dataset.splits();
  const auto found = std::find_if(splits.begin(), splits.end(), [&](const RldsSplit& s) { return s.name == name; });
  if (found == splits.end()) return std::nullopt;
  return static_cast<size_t>(found - splits.begin());
}

// data_formats.md 1.8.
std::vector<SplitPart> parts_of(const RldsDataset& dataset, const std::string& wanted, const std::string& file) {
  const auto whole = [&](size_t split) { return SplitPart{split, 0, episodes_of(dataset.splits()[split])}; };
  if (wanted == "all") {
    std::vector<SplitPart> parts;
    for (size_t split = 0; split < dataset.splits().size(); ++split) parts.push_back(whole(split));
    return parts;
  }
  const bool share = (wanted == "train" || wanted == "val") && !find_split(dataset, "val");
  if (const auto split = find_split(dataset, share ? "train" : wanted)) {
    SplitPart part = whole(*split);
    if (share) {
      // Halves go to the even neighbour, as TFDS rounds.
      const auto boundary = static_cast<int64_t>(std::nearbyint(kTrainPercent * static_cast<double>(part.end) / 100.0));
      (wanted == "train" ? part.end : part.begin) = boundary;
    }
    return {part};
  }
  std::string known = "train, val, all";
  for (const RldsSplit& split : dataset.splits()) known += ", " + split.name;
  throw Error(ErrorCode::Usage,
              {.file = file, .where = "split", .what = "no such split", .expected = known, .got = wanted});
}

class Openx final : public Reader {
 public:
  static constexpr const char* kSummary = "frames of Open-X robot episodes, as RLDS stores them";

  explicit Openx(const ReaderOptions& options)
      : folder_(options.path),
        seed_(options.seed),
        pictures_(options.config.images),
        dataset_(folder_),
        layout_(options.dataset.empty() ? openx_dataset_name(folder_) : options.dataset),
        survey_(survey(dataset_, folder_, layout_)),
        normaliser_(survey_.statistics.action, parse_normalisation(options.config.normalisation)),
        episodes_(kEpisodesKept_bytes, [this](size_t episode) { return read_episode(episode); }) {
    number_samples(options.split);
  }

  int64_t size() const override { return starts_.back(); }
  int64_t transitions() const override { return survey_.statistics.transitions; }

  Sample read(int64_t index) const override {
    const Found found = find(index);
    const OpenxEpisode& episode = survey_.episodes[found.episode];
    const auto read =
        episodes_.get(found.episode, pictures_ ? episode.place.bytes : episode.transitions * kTransition_bytes);
    const int64_t step = read->trajectory.first_step + found.transition;
    const std::string& language = read->trajectory.language(found.transition);
    Sample sample{.origin = origin_of(episode, step),
                  .tag = "openx",
                  .dataset = layout_.dataset(),
                  .messages = conversation(language),
                  .images = {picture(*read, episode, step)},
                  .num_crops = 1,
                  .language = language,
                  .action = numbers(read->trajectory.actions.row(found.transition)),
                  .action_normalised = numbers(read->normalised.row(found.transition)),
                  .stream_labels = true};
    return sample;
  }

  // The first sample of an episode stands for all of it.
  void check(int64_t index) const override {
    const auto after = std::upper_bound(starts_.begin(), starts_.end(), index);
    if (index != *(after - 1)) return;
    const OpenxEpisode& episode = survey_.episodes[find(index).episode];
    try {
      layout_.require_gripper_range(steps_of(dataset_.read(episode.place)), episode.transitions);
    } catch (const Error& error) {
      throw in_record(error, shard_of(episode.place), episode.place.record);
    }
  }

  Origin origin(int64_t index) const override {
    const Found found = find(index);
    const OpenxEpisode& episode = survey_.episodes[found.episode];
    if (episode.transitions == OpenxEpisode::kBad) return origin_of(episode, std::nullopt);
    return origin_of(episode, layout_.first_step() + found.transition);
  }

  std::vector<Path> files() const override {
    std::vector<Path> files = {folder_ / "dataset_info.json", folder_ / "features.json"};
    for (const RldsSplit& split : dataset_.splits()) {
      files.insert(files.end(), split.shards.begin(), split.shards.end());
    }
    return files;
  }

  std::vector<int64_t> episodes() const override {
    std::vector<int64_t> firsts;
    for (size_t i = 0; i + 1 < starts_.size(); ++i) {
      if (starts_[i] < starts_[i + 1]) firsts.push_back(starts_[i]);
    }
    return firsts;
  }

  Length length(int64_t) const override { return {.words = -1, .picture = !layout_.primary_camera(0).empty()}; }

 private:
  struct Found {
    size_t episode;      // of the survey
    int64_t transition;  // of the episode
  };

  static OpenxSurvey survey(const RldsDataset& dataset, const Path& folder, const OpenxLayout& layout) {
    layout.require_features(dataset, (folder / "features.json").string());
    const int threads = std::clamp(static_cast<int>(std::thread::hardware_concurrency()), 1, kMostThreads);
    return survey_openx(dataset, folder, layout, {.threads = threads});
  }

  // A bad episode is one sample, whose reading says what is wrong.
  void number_samples(const std::string& split) {
    std::vector<size_t> first_of_split(dataset_.splits().size() + 1, 0);
    for (size_t i = 0; i < dataset_.splits().size(); ++i) {
      first_of_split[i + 1] = first_of_split[i] + static_cast<size_t>(episodes_of(dataset_.splits()[i]));
    }
    first_transition_.push_back(0);
    for (const OpenxEpisode& episode : survey_.episodes) {
      first_transition_.push_back(first_transition_.back() + std::max<int64_t>(episode.transitions, 0));
    }
    for (const SplitPart& part : parts_of(dataset_, split, folder_.string())) {
      for (int64_t i = part.begin; i < part.end; ++i) {
        const size_t episode = first_of_split[part.split] + static_cast<size_t>(i);
        chosen_.push_back(episode);
        starts_.push_back(starts_.back() + samples_of(episode));
      }
    }
  }

  int64_t samples_of(size_t episode) const {
    const int64_t transitions = survey_.episodes[episode].transitions;
    if (transitions == OpenxEpisode::kBad) return 1;
    if (survey_.drawn.empty()) return transitions;
    const auto first = survey_.drawn.begin() + first_transition_[episode];
    return std::count(first, first + transitions, uint8_t{1});
  }

  Found find(int64_t index) const {
    if (index < 0 || index >= size()) {
      throw Error(ErrorCode::Usage, {.file = folder_.string(),
                                     .where = fmt::format("sample {}", index),
                                     .what = "no such sample",
                                     .expected = fmt::format("below {}", size())});
    }
    const auto after = std::upper_bound(starts_.begin(), starts_.end(), index);
    const auto at = static_cast<size_t>(after - starts_.begin()) - 1;
    const size_t episode = chosen_[at];
    int64_t transition = index - starts_[at];
    if (!survey_.drawn.empty() && survey_.episodes[episode].transitions != OpenxEpisode::kBad) {
      transition = drawn_transition(episode, transition);
    }
    return {episode, transition};
  }

  // The transition of the `nth` frame that is drawn.
  int64_t drawn_transition(size_t episode, int64_t nth) const {
    const auto first = static_cast<size_t>(first_transition_[episode]);
    int64_t transition = 0;
    for (;; ++transition) {
      if (survey_.drawn[first + static_cast<size_t>(transition)] != 0 && nth-- == 0) return transition;
    }
  }

  std::shared_ptr<const ReadEpisode> read_episode(size_t number) const {
    const EpisodePlace& place = survey_.episodes[number].place;
    const Episode stored = dataset_.read(place);
    OpenxTrajectory trajectory = to_trajectory(dataset_, place, layout_, steps_of(stored), false);
    Columns normalised = trajectory.actions;
    for (int64_t t = 0; t < trajectory.size(); ++t) {
      const auto first = normalised.values.begin() + t * normalised.width;
      normaliser_.apply(trajectory.actions.row(t), std::span(first, kActionNumbers));
    }
    if (trajectory.size() != survey_.episodes[number].transitions) {
      throw Error(ErrorCode::Malformed,
                  {.file = shard_of(place).string(),
                   .where = fmt::format("record {}", place.record),
                   .what = "the episode changed while it was in use",
                   .expected = fmt::format("{} transitions", survey_.episodes[number].transitions),
                   .got = std::to_string(trajectory.size())});
    }
    return std::make_shared<const ReadEpisode>(ReadEpisode{.stored = pictures_ ? std::optional(stored) : std::nullopt,
                                                           .trajectory = std::move(trajectory),
                                                           .normalised = std::move(normalised)});
  }

  const Path& shard_of(const EpisodePlace& place) const { return dataset_.splits()[place.split].shards[place.shard]; }

  Origin origin_of(const OpenxEpisode& episode, std::optional<int64_t> step) const {
    return {.file = shard_of(episode.place).filename().string(), .record = episode.place.record, .step = step};
  }

  SampleImage picture(const ReadEpisode& read, const OpenxEpisode& episode, int64_t step) const {
    const std::string id = shard_of(episode.place).filename().string() + "/" + std::to_string(episode.place.record);
    const std::string camera = layout_.primary_camera(Rng(seed_, id, "outer camera").uniform());
    auto bytes = std::make_shared<std::string>();
    if (!camera.empty() && read.stored) bytes->assign(read.stored->text(camera, step));
    return {.encoded = std::move(bytes), .lanczos = true};
  }

  static std::vector<ChatMessage> conversation(const std::string& language) {
    return {{.role = "system", .content = {{kSystemMessage, true}}},
            {.role = "user", .content = {{"<image>", true}, {"\n" + action_question(language), false}}},
            {.role = "assistant", .content = {{"<action>", true}}}};
  }

  static ActionNumbers numbers(std::span<const float> row) {
    ActionNumbers result{};
    std::copy(row.begin(), row.end(), result.begin());
    return result;
  }

  Path folder_;
  uint64_t seed_;
  bool pictures_;
  RldsDataset dataset_;
  OpenxLayout layout_;
  OpenxSurvey survey_;
  ActionNormaliser normaliser_;
  mutable OpenxEpisodes episodes_;
  std::vector<int64_t> first_transition_{};  // of the episodes of the survey
  std::vector<size_t> chosen_{};             // episodes of the split, as the survey numbers them
  std::vector<int64_t> starts_ = {0};        // number of the first sample of each, and of none
};

MAGMA_REGISTER(Readers, Openx);

}  // namespace
}  // namespace magma
