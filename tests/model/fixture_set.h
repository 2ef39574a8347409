// Checkpoints with the outputs of the reference stack: tests/fixtures/model, or the folder that MAGMA_FIXTURES names.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "magma/model/generate.h"
#include "magma/model/network.h"

namespace magma {

struct FixtureCase {
  std::string checkpoint, name;
  Json facts;                      // of cases.json
  std::vector<ImageInput> images;  // of all rows, in order
  std::vector<Ids> ids;            // of each row
  std::vector<size_t> images_of_row;
  std::string strategy;
  Padding padding = Padding::Left;
};

class FixtureSet {
 public:
  static Path folder();
  static std::vector<std::string> checkpoints();  // that have outputs
  static std::vector<std::string> variants();     // the same tensors under other names
  static std::vector<FixtureCase> cases(const std::string& checkpoint);
  static Path weights(const std::string& checkpoint) { return folder() / "checkpoints" / checkpoint; }
};

// Rows with their encoded images; every stage goes to the sink.
std::vector<Prompt> encoded_prompts(Network& network, const FixtureCase& fixture, const StageSink& sink = {});
GenerateOptions greedy_options(const FixtureCase& fixture);

struct Difference {
  double largest = 0, root_mean_square = 0;
};
Difference difference(const std::vector<float>& expected, const std::vector<float>& got);

}  // namespace magma
