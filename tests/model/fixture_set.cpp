#include "tests/model/fixture_set.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>

#include "magma/core/json.h"
#include "magma/nn/safetensors.h"

namespace magma {
namespace {

std::optional<IdRange> range_of(const Json& value) {
  if (value.is_null()) return std::nullopt;
  return IdRange{value.at(0), value.at(1)};
}

FixtureCase read_case(const std::string& checkpoint, const Json& facts, const SafetensorsFile& pixels) {
  FixtureCase fixture;
  fixture.checkpoint = checkpoint;
  fixture.name = facts.at("name");
  fixture.facts = facts;
  fixture.strategy = facts.at("strategy");
  fixture.padding = facts.at("padding") == "right" ? Padding::Right : Padding::Left;
  for (const Json& row : facts.at("rows")) {
    fixture.ids.push_back(row.at("input_ids").get<Ids>());
    fixture.images_of_row.push_back(row.at("pixels").size());
    for (size_t i = 0; i < row.at("pixels").size(); ++i) {
      const std::string key = row["pixels"][i];
      const Json& size = row.at("image_sizes").at(i);
      fixture.images.push_back({Tensor::of(pixels.entry(key).shape, pixels.read_as<float>(key)), {size[0], size[1]}});
    }
  }
  return fixture;
}

}  // namespace

Path FixtureSet::folder() {
  const char* named = std::getenv("MAGMA_FIXTURES");
  return named != nullptr ? Path(named) : Path(MAGMA_SOURCE_DIR) / "tests/fixtures/model";
}

std::vector<std::string> FixtureSet::checkpoints() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder() / "reference")) {
    if (std::filesystem::exists(entry.path() / "cases.json")) names.push_back(entry.path().filename());
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::string> FixtureSet::variants() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder() / "checkpoints")) {
    const std::string name = entry.path().filename();
    if (name.find("--") != std::string::npos) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<FixtureCase> FixtureSet::cases(const std::string& checkpoint) {
  const Json root = read_json(folder() / "reference" / checkpoint / "cases.json");
  const SafetensorsFile pixels(folder() / "reference/pixels.safetensors");
  std::vector<FixtureCase> result;
  for (const Json& facts : root.at("cases")) {
    const Path outputs = folder() / "reference" / checkpoint / (facts.at("name").get<std::string>() + ".safetensors");
    if (std::filesystem::exists(outputs)) result.push_back(read_case(checkpoint, facts, pixels));
  }
  return result;
}

std::vector<Prompt> encoded_prompts(Network& network, const FixtureCase& fixture, const StageSink& sink) {
  const std::vector<Tensor> tokens =
      network.encode_images(fixture.images, {.strategy = fixture.strategy, .sink = sink});
  std::vector<Prompt> prompts;
  auto next = tokens.begin();
  for (size_t r = 0; r < fixture.ids.size(); ++r) {
    const auto end = next + static_cast<std::ptrdiff_t>(fixture.images_of_row[r]);
    prompts.push_back({fixture.ids[r], {next, end}});
    next = end;
  }
  return prompts;
}

GenerateOptions greedy_options(const FixtureCase& fixture) {
  const Json& greedy = fixture.facts.at("greedy");
  GenerateOptions options;
  options.max_new_tokens = greedy.at("max_new_tokens");
  options.stop_ids = greedy.at("stop_ids").get<Ids>();
  options.sampling.allowed = range_of(greedy.at("allowed_ids"));
  options.sampling.banned = range_of(greedy.at("banned_ids"));
  return options;
}

Difference difference(const std::vector<float>& expected, const std::vector<float>& got) {
  Difference result;
  double squares = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    const double off = std::abs(static_cast<double>(expected[i]) - got[i]);
    result.largest = std::isnan(off) ? INFINITY : std::max(result.largest, off);
    squares += off * off;
  }
  result.root_mean_square = std::sqrt(squares / static_cast<double>(std::max<size_t>(1, expected.size())));
  return result;
}

}  // namespace magma
