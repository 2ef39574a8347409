// magma list: every plug-in the program knows.
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "apps/magma/command.h"
#include "magma/data/synthetic_set.h"
#include "magma/mark/clip_marks.h"
#include "magma/mark/shot_detector.h"
#include "magma/model/backbone.h"
#include "magma/model/tower.h"
#include "magma/track/tracker.h"

namespace magma {
namespace {

template <typename Plugins>
void list_family(const Output& out, nlohmann::json& all, const std::string& kind) {
  out.line("{}:", kind);
  for (const auto& [name, entry] : Plugins::entries()) {
    out.line("  {:<16}{}", name, entry.summary);
    all[kind][name] = entry.summary;
  }
}

class List final : public Command {
 public:
  static constexpr const char* kSummary =
      "every plug-in: trackers, variants, shot detectors, models, made data sets, commands";

  void options(CLI::App&) override {}
  std::string examples() const override { return "  magma list --json\n"; }
  int run(const Output& out) override {
    nlohmann::json all;
    list_family<Trackers>(out, all, "trackers");
    list_family<MarkProcedures>(out, all, "variants");
    list_family<ShotDetectors>(out, all, "shot detectors");
    list_family<Backbones>(out, all, "language models");
    list_family<Towers>(out, all, "vision towers");
    list_family<SyntheticSets>(out, all, "made data sets");
    list_family<Commands>(out, all, "commands");
    out.value(all);
    return 0;
  }
};

MAGMA_REGISTER(Commands, List);

}  // namespace
}  // namespace magma
