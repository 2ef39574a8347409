#include "magma/data/openx_layout.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include <fmt/ranges.h>

#include "magma/core/error.h"
#include "magma/core/text_distance.h"
#include "magma/core/utf8.h"
#include "magma/text/lower_case.h"

namespace magma {
namespace {

constexpr const char* kState = "steps/observation/state";
constexpr size_t kMoved = 6;         // of the seven, those that Bridge takes from its state
constexpr int kStandardisation = 1;  // of what this file does, for fingerprints
constexpr uint32_t kLargestCodePoint = 0x10FFFF, kFirstSurrogate = 0xD800, kLastSurrogate = 0xDFFF;

const OpenxLayoutRow& find_row(const std::string& dataset) {
  const auto rows = openx_layout_rows();
  const auto found = std::find_if(rows.begin(), rows.end(), [&](const auto& row) { return row.name == dataset; });
  if (found == rows.end()) {
    const std::string nearest = nearest_word(dataset, openx_layout_names());
    throw Error(ErrorCode::Usage,
                {.what = "no layout of this name is known",
                 .expected = "a data set of Open-X",
                 .got = dataset,
                 .hint = nearest.empty() ? "name it with --dataset" : "did you mean " + nearest + "?"});
  }
  if (!found->unknown.empty()) {
    throw Error(ErrorCode::Refused, {.file = dataset,
                                     .what = "this data set's actions cannot be read with certainty",
                                     .expected = fmt::format("{} to be stated somewhere", found->unknown)});
  }
  if (found->encoding != ActionEncoding::EefPos) {
    throw Error(ErrorCode::Refused, {.file = dataset,
                                     .what = "this data set's actions are joint angles",
                                     .expected = "moves and turns of the end effector, and a gripper"});
  }
  return *found;
}

// The first of words between spaces; "-" is none.
std::string_view word(std::string_view words, size_t index) {
  for (; index > 0; --index) words.remove_prefix(std::min(words.find(' ') + 1, words.size()));
  words = words.substr(0, words.find(' '));
  return words == "-" ? std::string_view() : words;
}

std::string observation(std::string_view name) { return name.empty() ? "" : "steps/observation/" + std::string(name); }

// Text up to the first NUL of a row of int32 code points.
std::string text_of_code_points(const char* row, int64_t count, const std::string& key, int64_t step) {
  std::string text;
  for (int64_t i = 0; i < count; ++i) {
    uint32_t code_point = 0;
    std::memcpy(&code_point, row + i * 4, sizeof code_point);
    if (code_point == 0) break;
    if (code_point > kLargestCodePoint || (code_point >= kFirstSurrogate && code_point <= kLastSurrogate)) {
      throw feature_error(key, {.where = fmt::format("step {}", step),
                                .what = "not a character",
                                .expected = "a code point of Unicode",
                                .got = fmt::format("{:#x}", code_point)});
    }
    append_utf8(text, code_point);
  }
  return text;
}

std::function<std::string(int64_t)> code_point_texts(const EpisodeSteps& episode, const std::string& key) {
  StoredValue value = episode.value(key);
  if (value.element != Element::I32 || value.shape.size() != 2 || value.shape[0] != episode.steps) {
    throw feature_error(key,
                        {.what = "not a row of code points a step",
                         .expected = fmt::format("int32 [{}, n]", episode.steps),
                         .got = fmt::format("{} [{}]", element_name(value.element), fmt::join(value.shape, ", "))});
  }
  return [value = std::move(value), key](int64_t step) {
    return text_of_code_points(value.bytes.data() + step * value.shape[1] * 4, value.shape[1], key, step);
  };
}

// Moves become differences of the state that was reached; the last step, which reaches none, is left out.
void relabel_moves(StepColumns& columns, int64_t first, Columns& actions) {
  const Columns& state = columns.get(kState);
  if (state.width < static_cast<int64_t>(kMoved)) {
    throw feature_error(kState,
                        {.what = "too few columns", .expected = "6 or more", .got = std::to_string(state.width)});
  }
  actions.rows = std::max<int64_t>(actions.rows - 1, 0);
  actions.values.resize(static_cast<size_t>(actions.rows) * kActionNumbers);
  for (int64_t t = 0; t <= actions.rows && first + t < state.rows; ++t) {
    require_finite(state.row(first + t).first(kMoved), kState, first + t);
  }
  for (int64_t t = 0; t < actions.rows; ++t) {
    const auto before = state.row(first + t), after = state.row(first + t + 1);
    for (size_t i = 0; i < kMoved; ++i) {
      actions.values[static_cast<size_t>(t) * kActionNumbers + i] = after[i] - before[i];
    }
  }
}

void require_feature(const RldsDataset& dataset, const std::string& file, const std::string& key) {
  const auto& features = dataset.features();
  const auto found = std::find_if(features.begin(), features.end(), [&](const auto& f) { return f.key == key; });
  if (found != features.end() && found->per_step) return;
  std::vector<std::string> known;
  for (const RldsFeature& feature : features) known.push_back(feature.key);
  const std::string nearest = nearest_word(key, known);
  throw Error(ErrorCode::Malformed, {.file = file,
                                     .where = "feature " + key,
                                     .what = "the data set does not have it in every step",
                                     .expected = key,
                                     .hint = nearest.empty() ? "" : "did it have " + nearest + " before?"});
}

// Of the folder above, of the one above that, and its own: any may be called after the data set.
std::vector<std::string> folder_names(const Path& version_folder) {
  Path folder = std::filesystem::absolute(version_folder).lexically_normal();
  if (!folder.has_filename()) folder = folder.parent_path();
  return {folder.parent_path().filename(), folder.parent_path().parent_path().filename(), folder.filename()};
}

}  // namespace

EpisodeSteps steps_of(const Episode& episode) {
  return {.steps = episode.steps(),
          .value = [episode](std::string_view key) { return episode.value(key); },
          .text = [episode](std::string_view key, int64_t step) { return episode.text(key, step); }};
}

bool OpenxTrajectory::labelled() const {
  return std::any_of(texts.begin(), texts.end(), [](const std::string& text) { return !text.empty(); });
}

OpenxLayout::OpenxLayout(const std::string& dataset)
    : dataset_(dataset), row_(&find_row(dataset)), action_(row_->action), proprio_(row_->proprio) {}

std::string OpenxLayout::fingerprint() const {
  return fmt::format("{}|{}|{}|{}|{}|{}", kStandardisation, row_->name, row_->proprio, static_cast<int>(row_->language),
                     row_->action, static_cast<int>(row_->quirk));
}

std::string OpenxLayout::primary_camera(double draw) const {
  const bool swapped = row_->quirk == LayoutQuirk::Droid && draw < 0.5;
  return observation(word(row_->cameras, swapped ? 1 : 0));
}

std::string OpenxLayout::language_key() const {
  switch (row_->language) {
    case LanguageSource::Natural:
      return "steps/observation/natural_language_instruction";
    case LanguageSource::CodePoints:
      return "steps/observation/instruction";
    case LanguageSource::Instruction:
      break;
  }
  return "steps/language_instruction";
}

void OpenxLayout::require_features(const RldsDataset& dataset, const std::string& file) const {
  for (const Recipe::Term& term : action_.terms()) {
    if (!term.key.empty()) require_feature(dataset, file, term.key);
  }
  if (row_->quirk == LayoutQuirk::Bridge) require_feature(dataset, file, kState);
  require_feature(dataset, file, language_key());
}

void OpenxLayout::read_language(const EpisodeSteps& episode, OpenxTrajectory& trajectory) const {
  const std::string key = language_key();
  std::function<std::string(int64_t)> text = [&](int64_t step) { return std::string(episode.text(key, step)); };
  if (row_->language == LanguageSource::CodePoints) text = code_point_texts(episode, key);
  std::string before;
  for (int64_t t = 0; t < trajectory.size(); ++t) {
    const int64_t step = trajectory.first_step + t;
    std::string now = text(step);
    if (trajectory.texts.empty() || now != before) {
      if (find_invalid_utf8(now) != std::string_view::npos) {
        throw feature_error(key, {.where = fmt::format("step {}", step), .what = "not valid UTF-8"});
      }
      trajectory.texts.push_back(lower_case(now));
      before = std::move(now);
    }
    trajectory.text_of.push_back(static_cast<uint32_t>(trajectory.texts.size() - 1));
  }
}

OpenxTrajectory OpenxLayout::standardise(const EpisodeSteps& episode, bool with_proprio) const {
  const bool bridge = row_->quirk == LayoutQuirk::Bridge;
  StepColumns columns(episode.steps, episode.value);
  OpenxTrajectory trajectory;
  trajectory.first_step = std::min(episode.steps, first_step());
  trajectory.actions = action_.evaluate(columns, trajectory.first_step);
  if (trajectory.actions.width != static_cast<int64_t>(kActionNumbers)) {
    throw feature_error("action", {.what = "wrong number of columns",
                                   .expected = std::to_string(kActionNumbers),
                                   .got = std::to_string(trajectory.actions.width)});
  }
  if (bridge) relabel_moves(columns, trajectory.first_step, trajectory.actions);
  for (int64_t t = 0; t < trajectory.size(); ++t) {
    require_finite(trajectory.actions.row(t), "action", trajectory.first_step + t);
  }
  if (with_proprio) {
    trajectory.proprio = proprio_.evaluate(columns, trajectory.first_step);
    trajectory.proprio.rows = trajectory.size();
    trajectory.proprio.values.resize(static_cast<size_t>(trajectory.proprio.rows * trajectory.proprio.width));
  }
  read_language(episode, trajectory);
  return trajectory;
}

void OpenxLayout::require_gripper_range(const EpisodeSteps& episode, int64_t count) const {
  const Recipe::Term& term = action_.terms().back();
  const auto& functions = term.functions;
  if (term.key.empty() || std::find(functions.begin(), functions.end(), Recipe::Function::Clip) != functions.end())
    return;
  StepColumns columns(episode.steps, episode.value);
  const int64_t first = std::min(episode.steps, first_step());
  const Columns stored = stored_columns(term, columns, first);
  for (int64_t t = 0; t < std::min(count, stored.rows); ++t) {
    const float gripper = stored.row(t).back();
    if (gripper >= -1 && gripper <= 1) continue;
    throw feature_error(term.key, {.where = fmt::format("step {}", first + t),
                                   .what = "gripper out of range",
                                   .expected = "-1 to 1",
                                   .got = fmt::format("{}", gripper)});
  }
}

bool is_openx_layout(const std::string& dataset) {
  const auto rows = openx_layout_rows();
  return std::any_of(rows.begin(), rows.end(), [&](const auto& row) { return row.name == dataset; });
}

std::vector<std::string> openx_layout_names() {
  std::vector<std::string> names;
  for (const OpenxLayoutRow& row : openx_layout_rows()) names.emplace_back(row.name);
  return names;
}

bool has_openx_layout(const Path& version_folder) {
  const std::vector<std::string> names = folder_names(version_folder);
  return std::any_of(names.begin(), names.end(), is_openx_layout);
}

std::string openx_dataset_name(const Path& version_folder) {
  const std::vector<std::string> names = folder_names(version_folder);
  if (const auto found = std::find_if(names.begin(), names.end(), is_openx_layout); found != names.end()) return *found;
  const std::string& above = names.front();
  const std::string nearest = nearest_word(above, openx_layout_names());
  throw Error(ErrorCode::Usage, {.file = version_folder.string(),
                                 .what = "no layout is known by the name of this folder",
                                 .expected = "a data set of Open-X",
                                 .got = above,
                                 .hint = nearest.empty() ? "name it with --dataset" : "--dataset " + nearest});
}

}  // namespace magma
