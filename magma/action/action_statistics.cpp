#include "magma/action/action_statistics.h"

#include <cmath>
#include <filesystem>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "magma/core/error.h"
#include "magma/core/text_distance.h"

namespace magma {
namespace {

constexpr size_t kMostKeysShown = 12;

// Other names of a set, tried when the name itself is none.
std::vector<std::string> other_names(const std::string& key) {
  if (key == "widowx_bridge") return {"bridge_orig"};
  if (key == "fractal20220817_data") return {"google_robot"};
  if (key == "google_robot") return {"fractal20220817_data"};
  return {key + "_no_noops"};
}

class SetReader {
 public:
  SetReader(const Json& root, std::string file, const std::string& key)
      : object_(JsonObject(root, file).object(key).object("action")), file_(std::move(file)), where_(pointer(key)) {}

  ActionStatistics read() const {
    object_.refuse_unknown({"mean", "std", "max", "min", "q01", "q99", "mask"});
    ActionStatistics set;
    set.q01 = numbers("q01");
    set.q99 = numbers("q99");
    for (size_t i = 0; i < kActionNumbers; ++i) {
      if (set.q01[i] > set.q99[i]) fail(fmt::format("q01/{}", i), "above q99", "", fmt::format("{}", set.q01[i]));
    }
    set.scaled.fill(true);
    if (object_.has("mask")) set.scaled = mask();
    if (object_.has("mean")) numbers("mean");
    if (object_.has("std")) numbers("std");
    if (object_.has("min") && object_.has("max")) {
      const ActionNumbers least = numbers("min"), most = numbers("max");
      for (size_t i = 0; i < kActionNumbers; ++i) set.constant[i] = least[i] == most[i];
    }
    return set;
  }

 private:
  static std::string pointer(const std::string& key) { return "/" + key + "/action"; }

  ActionNumbers numbers(const char* field) const {
    const Json& array = seven(field);
    ActionNumbers result{};
    for (size_t i = 0; i < kActionNumbers; ++i) {
      if (!array[i].is_number()) fail(fmt::format("{}/{}", field, i), "wrong type", "a number", array[i].type_name());
      result[i] = array[i].get<double>();
      if (!std::isfinite(result[i])) fail(fmt::format("{}/{}", field, i), "not finite", "a number", "");
    }
    return result;
  }

  std::array<bool, kActionNumbers> mask() const {
    const Json& array = seven("mask");
    std::array<bool, kActionNumbers> result{};
    for (size_t i = 0; i < kActionNumbers; ++i) {
      if (!array[i].is_boolean()) fail(fmt::format("mask/{}", i), "wrong type", "true or false", array[i].type_name());
      result[i] = array[i].get<bool>();
    }
    return result;
  }

  const Json& seven(const char* field) const {
    const Json& array = object_.array(field);
    if (array.size() != kActionNumbers) fail(field, "wrong number of entries", "7", std::to_string(array.size()));
    return array;
  }

  [[noreturn]] void fail(const std::string& field, std::string what, std::string expected, std::string got) const {
    throw Error(ErrorCode::Malformed, {.file = file_,
                                       .where = where_ + "/" + field,
                                       .what = std::move(what),
                                       .expected = std::move(expected),
                                       .got = std::move(got)});
  }

  JsonObject object_;
  std::string file_, where_;
};

}  // namespace

ActionNumbers ActionStatistics::restored(const ActionNumbers& normalised) const {
  ActionNumbers values = normalised;
  for (size_t i = 0; i < kActionNumbers; ++i) {
    if (scaled[i]) values[i] = 0.5 * (normalised[i] + 1) * (q99[i] - q01[i]) + q01[i];
  }
  return values;
}

ActionNumbers ActionStatistics::normalised(const ActionNumbers& values) const {
  ActionNumbers result = values;
  for (size_t i = 0; i < kActionNumbers; ++i) {
    if (scaled[i]) result[i] = to_unit_range(values[i], q01[i], q99[i]);
    if (constant[i]) result[i] = 0;
  }
  return result;
}

ActionStatisticsTable ActionStatisticsTable::parse(const Json& root, const std::string& file) {
  const JsonObject top(root, file);
  ActionStatisticsTable table;
  table.source_ = file;
  for (const auto& [key, value] : root.items()) table.sets_[key] = SetReader(root, file, key).read();
  if (table.sets_.empty()) throw Error(ErrorCode::Malformed, {.file = file, .what = "holds no statistics"});
  return table;
}

ActionStatisticsTable ActionStatisticsTable::read(const Path& folder) {
  const Path path = folder / "dataset_statistics.json";
  return std::filesystem::exists(path) ? parse(read_json(path), path.string()) : published();
}

ActionStatisticsTable ActionStatisticsTable::published() {
  ActionStatisticsTable table;
  table.source_ = "published with the model";
  table.sets_["bridge_orig"] = {.q01 = {-0.02872725307941437, -0.04170349963009357, -0.026093858778476715,
                                        -0.08092105075716972, -0.09288699507713317, -0.20718276381492615, 0},
                                .q99 = {0.028309678435325586, 0.040855254605412394, 0.040161586627364146,
                                        0.08192047759890528, 0.07792850524187081, 0.20382574498653397, 1},
                                .scaled = kAllButGripper,
                                .constant = {}};
  table.sets_["google_robot"] = {.q01 = {-0.22453527510166169, -0.14820013284683228, -0.231589707583189,
                                         -0.3517994859814644, -0.4193011274933815, -0.43643461108207704, 0},
                                 .q99 = {0.17824687153100965, 0.14938379630446405, 0.21842354819178575,
                                         0.5892666035890578, 0.35272657424211445, 0.44796681255102094, 1},
                                 .scaled = kAllButGripper,
                                 .constant = {}};
  return table;
}

std::vector<std::string> ActionStatisticsTable::keys() const {
  std::vector<std::string> result;
  for (const auto& [key, set] : sets_) result.push_back(key);
  return result;
}

std::string ActionStatisticsTable::resolve(const std::string& key) const {
  if (key.empty() && sets_.size() == 1) return sets_.begin()->first;
  if (sets_.contains(key)) return key;
  for (const std::string& other : other_names(key)) {
    if (sets_.contains(other)) return other;
  }
  const std::vector<std::string> known = keys();
  std::string shown;
  for (size_t i = 0; i < std::min(known.size(), kMostKeysShown); ++i) shown += (i > 0 ? ", " : "") + known[i];
  if (known.size() > kMostKeysShown) shown += fmt::format(" and {} more", known.size() - kMostKeysShown);
  const std::string nearest = key.empty() ? "" : nearest_word(key, known);
  throw Error(ErrorCode::Usage, {.file = source_,
                                 .where = "action statistics",
                                 .what = key.empty() ? "several data sets: name one" : "no such data set",
                                 .expected = shown,
                                 .got = key,
                                 .hint = nearest.empty() ? "" : "did you mean " + nearest + "?"});
}

}  // namespace magma
