// magma data make: small data sets that are made up, in the files of the field, to test, to tour and to learn from.
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "apps/magma/data_verbs/data_verb.h"
#include "magma/core/clock.h"
#include "magma/core/interrupt.h"
#include "magma/data/synthetic_set.h"

namespace magma {
namespace {

constexpr int64_t kMostUnits = 1'000'000;

class Make final : public DataVerb {
 public:
  static constexpr const char* kSummary = "make up a small data set that can be learned, in the files of the field";

  void options(CLI::App& app) override {
    app.add_option("NAME", order_.name, "robot, screens, questions or clips (magma list)")->required();
    app.add_option("-o,--output", folder_, "folder of the data set, made whole or not at all")
        ->required()
        ->type_name("DIR");
    app.add_option("--count", order_.count, "episodes (64), screens (200), pictures (500) or clips (100)")
        ->check(CLI::Range(int64_t{1}, kMostUnits))
        ->type_name("N");
    app.add_option("--seed", order_.seed, "of everything that is drawn; the same seed makes the same bytes")
        ->type_name("S")
        ->capture_default_str();
    app.add_flag("--overwrite", order_.overwrite, "replace another made set in DIR");
  }

  std::string examples() const override {
    return "  magma data make robot -o made\n"
           "  magma data show made/openx.yaml --count 3\n"
           "  magma data batch made/openx.yaml --tokenizer MODEL --batches 10 --dump out\n"
           "  magma data make screens -o more --count 1000 --seed 7 --json\n";
  }

  int run(const Output& out) override {
    const Stopwatch watch;
    const auto set = SyntheticSets::make(order_.name);
    order_.folder = folder_;
    if (order_.count < 0) order_.count = set->usual_count();
    Progress progress("make " + order_.name, order_.count, set->unit(), out.progress());
    order_.made = [&progress] {
      progress.advance();
      throw_if_interrupted();
    };
    const SyntheticSummary made = make_synthetic_set(order_);
    show(out, made, set->unit(), watch.seconds());
    return 0;
  }

 private:
  void show(const Output& out, const SyntheticSummary& made, const std::string& unit, double seconds) const {
    out.line("{}: {} {}, {} samples, {} files, {:.1f} MB", folder_, made.count, unit, made.samples, made.files,
             static_cast<double>(made.bytes) / 1e6);
    out.line("look at it: magma data show {} --count 3", made.config);
    out.value({{"name", order_.name},
               {"output", folder_},
               {"config", made.config},
               {"unit", unit},
               {"count", made.count},
               {"seed", order_.seed},
               {"samples", made.samples},
               {"files", made.files},
               {"bytes", made.bytes},
               {"seconds", seconds}});
  }

  std::string folder_;
  SyntheticOrder order_;
};

MAGMA_REGISTER(DataVerbs, Make);

}  // namespace
}  // namespace magma
