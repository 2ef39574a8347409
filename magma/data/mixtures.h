// The mixtures of robot data sets that the field trains on, and how much of a stream each data set is. Source:
// data_formats.md 2.1, 2.10.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace magma {

struct MixtureEntry {
  std::string dataset;
  double weight = 1;
};

// "oxe_magic_soup"; the name of a data set is a mixture of it alone. "-" counts as "_". Error(Usage) with the nearest
// name.
std::vector<MixtureEntry> find_mixture(const std::string& name);
// Of an experiment id, "siglip-224px+mx-oxe-magic-soup". Error(Usage).
std::vector<MixtureEntry> mixture_of_experiment(const std::string& id);
bool is_experiment_id(const std::string& text);
std::vector<std::string> mixture_names();  // without those of one data set
// Those whose actions are seven numbers; a warning in the log names what is left out. Error(Refused) when none is left.
std::vector<MixtureEntry> usable_entries(const std::vector<MixtureEntry>& mixture);

struct StreamSource {
  std::string dataset;
  double weight = 1;        // > 0
  int64_t transitions = 0;  // > 0
};
struct StreamWeights {
  std::vector<double> probability;  // of drawing from source i
  int64_t epoch_length = 0;         // frames after which each data set of weight 1 was seen about once
};
// Error(Usage) when no source has the weight 1 exactly, or a weight is not above 0.
StreamWeights stream_weights(const std::vector<StreamSource>& sources);

}  // namespace magma
