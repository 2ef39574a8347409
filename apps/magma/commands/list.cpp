// magma list: every plug-in the program knows, and every data set by name.
#include <algorithm>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "apps/magma/command.h"
#include "apps/magma/data_verbs/data_verb.h"
#include "magma/data/data_source.h"
#include "magma/data/mixtures.h"
#include "magma/data/openx_layouts.h"
#include "magma/data/reader.h"
#include "magma/data/stored_format.h"
#include "magma/data/synthetic_set.h"
#include "magma/mark/clip_marks.h"
#include "magma/mark/shot_detector.h"
#include "magma/model/backbone.h"
#include "magma/model/tower.h"
#include "magma/track/tracker.h"

namespace magma {
namespace {

using Names = std::vector<std::pair<std::string, std::string>>;  // and what stands behind each

template <typename Plugins>
Names plugins() {
  Names names;
  for (const auto& [name, entry] : Plugins::entries()) names.emplace_back(name, entry.summary);
  return names;
}

Names families() {
  Names names;
  for (const DataFamily& family : data_families()) {
    names.emplace_back(family.tag, fmt::format("files read by {}", family.reader));
  }
  return names;
}

// "image - wrist_image" -> "primary image, wrist wrist_image"
std::string cameras_text(std::string_view cameras) {
  std::istringstream words{std::string(cameras)};
  std::string text, camera;
  for (const char* place : {"primary", "secondary", "wrist"}) {
    words >> camera;
    if (camera != "-") text += fmt::format("{}{} {}", text.empty() ? "" : ", ", place, camera);
  }
  return text;
}

Names layouts() {
  Names names;
  for (const OpenxLayoutRow& row : openx_layout_rows()) {
    std::string text = cameras_text(row.cameras);
    if (row.encoding != ActionEncoding::EefPos) text = "not read: its actions are joint angles";
    if (!row.unknown.empty()) text = fmt::format("not read: nobody states {}", row.unknown);
    names.emplace_back(row.name, text);
  }
  return names;
}

Names mixtures() {
  Names names;
  for (const std::string& name : mixture_names()) {
    names.emplace_back(name, fmt::format("data sets: {}", find_mixture(name).size()));
  }
  return names;
}

void list_kind(const Output& out, nlohmann::json& all, const std::string& kind, const Names& names) {
  size_t wide = 14;
  for (const auto& [name, text] : names) wide = std::max(wide, name.size());
  out.line("{}:", kind);
  for (const auto& [name, text] : names) {
    out.line("  {:<{}}  {}", name, wide, text);
    all[kind][name] = text;
  }
}

class List final : public Command {
 public:
  static constexpr const char* kSummary =
      "every plug-in: trackers, variants, models, readers of data, mixtures, commands";

  void options(CLI::App&) override {}
  std::string examples() const override { return "  magma list --json\n"; }
  int run(const Output& out) override {
    nlohmann::json all;
    list_kind(out, all, "trackers", plugins<Trackers>());
    list_kind(out, all, "variants", plugins<MarkProcedures>());
    list_kind(out, all, "shot detectors", plugins<ShotDetectors>());
    list_kind(out, all, "language models", plugins<Backbones>());
    list_kind(out, all, "vision towers", plugins<Towers>());
    list_kind(out, all, "stored formats", plugins<StoredFormats>());
    list_kind(out, all, "readers", plugins<Readers>());
    list_kind(out, all, "families of data", families());
    list_kind(out, all, "robot data sets", layouts());
    list_kind(out, all, "mixtures", mixtures());
    list_kind(out, all, "made data sets", plugins<SyntheticSets>());
    list_kind(out, all, "commands", plugins<Commands>());
    list_kind(out, all, "verbs of data", plugins<DataVerbs>());
    out.value(all);
    return 0;
  }
};

MAGMA_REGISTER(Commands, List);

}  // namespace
}  // namespace magma
