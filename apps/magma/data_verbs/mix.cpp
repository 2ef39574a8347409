// magma data mix: how often each part of a configuration is drawn.
#include <algorithm>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "apps/magma/data_verbs/data_verb.h"
#include "magma/core/json.h"
#include "magma/data/data_source.h"
#include "magma/data/mixtures.h"

namespace magma {
namespace {

constexpr int kExactDigits = 17;

class Mix final : public DataVerb {
 public:
  static constexpr const char* kSummary = "how often each part of a configuration is drawn";

  void options(CLI::App& app) override {
    app.add_option("CONFIG", source_, "configuration, RLDS version folder or file of items")->required();
    app.add_option("--set", settings_, "setting, such as data.mixture.bridge_orig=2")
        ->type_name("KEY=VALUE")
        ->expected(1)
        ->take_all();
  }

  std::string examples() const override { return "  magma data mix openx.yaml\n"; }

  int run(const Output& out) override {
    const DataSource source = read_data_source(source_, {.settings = settings_});
    std::vector<StreamSource> streams;
    Json maps = Json::array();
    int64_t items = 0;
    for (const DataEntry& entry : source.entries) {
      const std::unique_ptr<Reader> reader = open_reader(entry);
      if (entry.stream) {
        streams.push_back({entry.options.dataset, entry.weight, reader->transitions()});
      } else {
        maps.push_back({{"path", entry.path}, {"tag", entry.options.tag}, {"items", reader->size()}});
        items += reader->size();
      }
    }
    const StreamWeights weights = streams.empty() ? StreamWeights{} : stream_weights(streams);
    show(out, streams, weights, maps, items);
    return 0;
  }

 private:
  static std::string name_of(const Json& map) {
    return map["path"].get<std::string>() + " (" + map["tag"].get<std::string>() + ")";
  }

  static size_t widest_name(const std::vector<StreamSource>& streams, const Json& maps) {
    size_t wide = std::string_view("data set").size();
    for (const StreamSource& stream : streams) wide = std::max(wide, stream.dataset.size());
    for (const Json& map : maps) wide = std::max(wide, name_of(map).size());
    return wide;
  }

  static void show(const Output& out, const std::vector<StreamSource>& streams, const StreamWeights& weights,
                   const Json& maps, int64_t items) {
    const double all = static_cast<double>(items) + static_cast<double>(weights.epoch_length);
    const double share = all > 0 ? static_cast<double>(weights.epoch_length) / all : 0;
    Json listed = Json::array();
    const size_t wide = widest_name(streams, maps);
    out.line("{:<{}} {:>10} {:>12} {:>9}", "data set", wide, "weight", "size", "drawn");
    for (size_t i = 0; i < streams.size(); ++i) {
      const StreamSource& stream = streams[i];
      listed.push_back({{"dataset", stream.dataset},
                        {"weight", stream.weight},
                        {"transitions", stream.transitions},
                        {"probability", weights.probability[i]}});
      out.line("{:<{}} {:>10.4f} {:>12} {:>8.3f}%", stream.dataset, wide, stream.weight, stream.transitions,
               100 * share * weights.probability[i]);
    }
    for (const Json& map : maps) {
      const double drawn = all > 0 ? static_cast<double>(map["items"].get<int64_t>()) / all : 0;
      out.line("{:<{}} {:>10} {:>12} {:>8.3f}%", name_of(map), wide, "", map["items"].get<int64_t>(), 100 * drawn);
    }
    out.line("an epoch: {} samples", items + weights.epoch_length);
    out.value({{"streams", listed},
               {"epoch_length", weights.epoch_length},
               {"maps", maps},
               {"map_items", items},
               {"map_probability", all > 0 ? 1 - share : 0},
               {"stream_probability", share}},
              kExactDigits);
  }

  std::string source_;
  std::vector<std::string> settings_;
};

MAGMA_REGISTER(DataVerbs, Mix);

}  // namespace
}  // namespace magma
