#include "magma/data/openx_survey_files.h"

#include <cstring>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "magma/core/error.h"
#include "magma/core/hash.h"
#include "magma/core/limits.h"
#include "magma/core/log.h"
#include "magma/core/random.h"
#include "magma/nn/safetensors.h"

namespace magma {
namespace {

constexpr int kVersion = 1;          // of the two files
constexpr size_t kIndexColumns = 3;  // offset, bytes, transitions

std::string fingerprint(const RldsDataset& dataset, const Path& folder, const OpenxLayout& layout, bool with_proprio) {
  std::string text = fmt::format("{}|{}|{}|", kVersion, layout.fingerprint(), with_proprio);
  for (const char* name : {"dataset_info.json", "features.json"}) text += hex64(hash_file(folder / name)) + "|";
  for (const RldsSplit& split : dataset.splits()) {
    text += split.name + "|";
    for (const Path& shard : split.shards) {
      text += fmt::format("{}|{}|{}|", shard.filename().string(), std::filesystem::file_size(shard),
                          std::filesystem::last_write_time(shard).time_since_epoch().count());
    }
  }
  return hex64(hash64(text));
}

[[noreturn]] void refuse(const Path& file, const char* what) {
  throw Error(ErrorCode::Malformed, {.file = file.string(), .what = what});
}

// All places of a data set, in order, without offset and bytes.
std::vector<OpenxEpisode> numbered_episodes(const RldsDataset& dataset) {
  std::vector<OpenxEpisode> episodes;
  for (size_t split = 0; split < dataset.splits().size(); ++split) {
    const std::vector<int64_t>& lengths = dataset.splits()[split].shard_lengths;
    for (size_t shard = 0; shard < lengths.size(); ++shard) {
      for (int64_t record = 0; record < lengths[shard]; ++record) {
        episodes.push_back({.place = {.split = split, .shard = shard, .record = record}});
      }
    }
  }
  return episodes;
}

template <typename T>
std::string_view bytes_of(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

}  // namespace

SurveyFiles::SurveyFiles(const RldsDataset& dataset, const Path& version_folder, const OpenxLayout& layout,
                         bool with_proprio)
    : dataset_(dataset),
      name_(layout.dataset()),
      fingerprint_(fingerprint(dataset, version_folder, layout, with_proprio)),
      with_drawn_(layout.draws_moving_frames()),
      statistics_(version_folder / ("magma_statistics_" + fingerprint_ + ".json")),
      index_(version_folder / ("magma_index_" + fingerprint_ + ".safetensors")) {}

std::optional<OpenxSurvey> SurveyFiles::load() const {
  if (!std::filesystem::exists(statistics_) || !std::filesystem::exists(index_)) return std::nullopt;
  try {
    return read();
  } catch (const Error& error) {
    log(LogLevel::Warning, "statistics kept for {} are computed anew: {}", name_, error.line());
    return std::nullopt;
  }
}

OpenxSurvey SurveyFiles::read() const {
  const SafetensorsFile index(index_);
  const std::string text = read_file(statistics_, limits().json_bytes);
  const auto says = [&](const char* key, const std::string& value) {
    const auto found = index.metadata().find(key);
    return found != index.metadata().end() && found->second == value;
  };
  if (!says("fingerprint", fingerprint_)) refuse(index_, "made of another data set");
  if (!says("statistics", hex64(hash64(text)))) refuse(index_, "made with other statistics");
  OpenxSurvey survey{.statistics = {}, .episodes = numbered_episodes(dataset_)};
  const Json root = parse_json(text, statistics_.string());
  survey.statistics = parse_openx_statistics(JsonObject(root, statistics_.string()).object(name_).raw(),
                                             statistics_.string(), "/" + name_);
  const auto places = index.read_as<int64_t>("episodes");
  const auto labelled = index.read_as<uint8_t>("labelled");
  if (places.size() != survey.episodes.size() * kIndexColumns || labelled.size() != survey.episodes.size()) {
    refuse(index_, "made of another number of episodes");
  }
  int64_t transitions = 0;
  for (size_t i = 0; i < survey.episodes.size(); ++i) {
    const int64_t* row = &places[i * kIndexColumns];
    if (row[0] < 0 || row[1] < 0 || row[2] < OpenxEpisode::kBad) refuse(index_, "impossible numbers");
    OpenxEpisode& episode = survey.episodes[i];
    episode.place.offset = row[0];
    episode.place.bytes = row[1];
    episode.transitions = row[2];
    episode.labelled = labelled[i] != 0;
    transitions = checked_add(transitions, std::max<int64_t>(row[2], 0), "transitions");
  }
  if (with_drawn_) survey.drawn = index.read_as<uint8_t>("drawn");
  if (transitions != survey.statistics.transitions ||
      (with_drawn_ && static_cast<int64_t>(survey.drawn.size()) != transitions)) {
    refuse(index_, "made of another number of transitions");
  }
  return survey;
}

std::string SurveyFiles::statistics_text(const OpenxSurvey& survey) const {
  std::string text = "{\"" + name_ + "\":";
  append_json(text, survey.statistics);
  return text + "}\n";
}

void SurveyFiles::save(const OpenxSurvey& survey) const {
  std::vector<int64_t> places;
  std::vector<uint8_t> labelled;
  for (const OpenxEpisode& episode : survey.episodes) {
    places.insert(places.end(), {episode.place.offset, episode.place.bytes, episode.transitions});
    labelled.push_back(episode.labelled ? 1 : 0);
  }
  const auto count = static_cast<int64_t>(labelled.size());
  const std::string text = statistics_text(survey);
  try {
    write_file_atomically(statistics_, text, false);
    SafetensorsWriter index(index_);
    index.set_metadata("fingerprint", fingerprint_);
    index.set_metadata("statistics", hex64(hash64(text)));
    index.add("episodes", DType::I64, {count, kIndexColumns}, bytes_of(places));
    index.add("labelled", DType::U8, {count}, bytes_of(labelled));
    if (with_drawn_) {
      index.add("drawn", DType::U8, {static_cast<int64_t>(survey.drawn.size())}, bytes_of(survey.drawn));
    }
    index.finish(false);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::FileSystem) throw;
    log(LogLevel::Warning, "statistics of {} are not kept, so that the next start computes them again: {}", name_,
        error.line());
  }
}

}  // namespace magma
