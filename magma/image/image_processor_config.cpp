#include "magma/image/image_processor_config.h"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <vector>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "magma/core/error.h"
#include "magma/core/log.h"
#include "magma/core/text_distance.h"

namespace magma {
namespace {

constexpr int64_t kSmallestSide = 32, kLargestSide = 4096;  // the tower shrinks 32 times
constexpr int64_t kMostCrops = 256;
constexpr int64_t kMostPixels = int64_t{1} << 26;  // of all crops of one picture
constexpr double kMostMean = 10, kLeastStd = 1e-3, kMostStd = 10;
constexpr double kRescale = 1.0 / 255;

const std::vector<std::string> kRead = {"anyres_strategy", "base_img_size", "num_crops",
                                        "image_mean",      "image_std",     "do_convert_rgb"};
// What other image processors may be told to do and ours always or never does.
const std::vector<std::string> kChecked = {"do_rescale", "do_normalize", "rescale_factor", "image_processor_type"};
const std::vector<std::string> kWithoutMeaning = {"processor_class", "auto_map", "feature_extractor_type",
                                                  "_processor_class"};

class Reader {
 public:
  Reader(const Json& root, const std::string& file) : object_(root, file), file_(file) {}

  bool has(const std::string& key) const { return object_.has(key) && !object_.raw().at(key).is_null(); }

  int64_t integer(const std::string& key, int64_t min, int64_t max) const {
    const int64_t value = object_.integer(key);
    if (value < min || value > max) fail(key, fmt::format("{} to {}", min, max), std::to_string(value));
    return value;
  }

  std::array<float, 3> colour(const std::string& key, double min, double max) const {
    const Json& array = object_.array(key);
    if (array.size() != 3) fail(key, "3 numbers", std::to_string(array.size()));
    std::array<float, 3> result{};
    for (size_t c = 0; c < 3; ++c) {
      const std::string entry = fmt::format("{}/{}", key, c);
      if (!array[c].is_number()) fail(entry, "a number", array[c].type_name());
      const double value = array[c].get<double>();
      if (!(value >= min && value <= max)) fail(entry, fmt::format("{} to {}", min, max), fmt::format("{}", value));
      result[c] = static_cast<float>(value);
    }
    return result;
  }

  // A switch that must stand as we do it, where it stands at all.
  void require_switch(const std::string& key, bool ours) const {
    if (!has(key) || object_.boolean(key) == ours) return;
    refuse(key, ours ? "true" : "false", ours ? "false" : "true");
  }

  std::string one_of(const std::string& key, const std::string& fallback, const std::vector<std::string>& ours) const {
    const std::string value = has(key) ? object_.string(key) : fallback;
    if (std::find(ours.begin(), ours.end(), value) == ours.end()) refuse(key, fmt::format("{}", ours.front()), value);
    return value;
  }

  double number(const std::string& key) const { return object_.number(key); }

  [[noreturn]] void fail(const std::string& key, std::string expected, std::string got) const {
    throw Error(ErrorCode::Malformed, {.file = file_,
                                       .where = "/" + key,
                                       .what = "value out of range",
                                       .expected = std::move(expected),
                                       .got = std::move(got)});
  }

  [[noreturn]] void refuse(const std::string& key, std::string expected, std::string got) const {
    throw Error(ErrorCode::Refused, {.file = file_,
                                     .where = "/" + key,
                                     .what = "this processing of pictures is not supported",
                                     .expected = std::move(expected),
                                     .got = std::move(got)});
  }

  // A key that looks like one of ours misspelled is an error; any other that means nothing to us is named in the log.
  void judge_unknown() const {
    std::vector<std::string> known = kRead;
    known.insert(known.end(), kChecked.begin(), kChecked.end());
    for (const auto& [key, value] : object_.raw().items()) {
      if (std::find(known.begin(), known.end(), key) != known.end()) continue;
      if (std::find(kWithoutMeaning.begin(), kWithoutMeaning.end(), key) != kWithoutMeaning.end()) {
        log(LogLevel::Info, "{}: /{} is not used", file_, escape_text(key));
        continue;
      }
      const std::string nearest = nearest_word(key, known);
      if (nearest.empty()) {
        log(LogLevel::Warning, "{}: /{} is not known and not used", file_, escape_text(key));
        continue;
      }
      throw Error(ErrorCode::Malformed,
                  {.file = file_, .where = "/" + key, .what = "unknown key", .hint = "did you mean " + nearest + "?"});
    }
  }

 private:
  JsonObject object_;
  std::string file_;
};

}  // namespace

ImageProcessorConfig parse_image_processor_config(const Json& root, const std::string& file) {
  const Reader reader(root, file);
  ImageProcessorConfig config;
  reader.judge_unknown();
  reader.one_of("image_processor_type", "MagmaImageProcessor", {"MagmaImageProcessor"});
  config.anyres_strategy = reader.one_of("anyres_strategy", "crop", {"crop", "global"});
  reader.require_switch("do_convert_rgb", true);
  reader.require_switch("do_rescale", true);
  reader.require_switch("do_normalize", true);
  if (reader.has("rescale_factor")) {
    const double factor = reader.number("rescale_factor");
    if (std::abs(factor - kRescale) > 1e-9) reader.refuse("rescale_factor", "1/255", fmt::format("{}", factor));
  }
  config.base_img_size = reader.integer("base_img_size", kSmallestSide, kLargestSide);
  if (config.base_img_size % 32 != 0) {
    reader.fail("base_img_size", "a multiple of 32", std::to_string(config.base_img_size));
  }
  config.num_crops = reader.integer("num_crops", 1, kMostCrops);
  const int64_t most = kMostPixels / (config.base_img_size * config.base_img_size);
  if (config.num_crops > most) {
    reader.fail("num_crops", fmt::format("at most {} crops of {} px", most, config.base_img_size),
                std::to_string(config.num_crops));
  }
  config.image_mean = reader.colour("image_mean", -kMostMean, kMostMean);
  config.image_std = reader.colour("image_std", kLeastStd, kMostStd);
  return config;
}

ImageProcessorConfig read_image_processor_config(const Path& folder) {
  const Path path = folder / "preprocessor_config.json";
  return parse_image_processor_config(read_json(path), path.string());
}

}  // namespace magma
