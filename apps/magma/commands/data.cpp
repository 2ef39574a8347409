// magma data: training data, read as it lies on disk. Its verbs are plug-ins of their own.
#include <algorithm>
#include <memory>
#include <vector>

#include <CLI/CLI.hpp>

#include "apps/magma/command.h"
#include "apps/magma/data_verbs/data_verb.h"

namespace magma {
namespace {

class Data final : public Command {
 public:
  static constexpr const char* kSummary = "training data: look at it, check it, mix it, make batches of it";

  void options(CLI::App& app) override {
    app.require_subcommand(1);
    for (const auto& [name, entry] : DataVerbs::entries()) {
      CLI::App* sub = app.add_subcommand(name, entry.summary);
      sub->fallthrough();  // --json and --quiet are the command's
      sub->set_help_flag("-h,--help", "show this help");
      verbs_.emplace_back(sub, entry.make());
      DataVerb* verb = verbs_.back().second.get();
      verb->options(*sub);
      sub->footer([verb] { return verb->examples(); });
    }
  }

  std::string examples() const override {
    return "  magma data make robot -o made\n"
           "  magma data show made/openx.yaml --count 3 --json\n"
           "  magma data VERB --help\n";
  }

  int run(const Output& out) override {
    const auto chosen =
        std::find_if(verbs_.begin(), verbs_.end(), [](const auto& verb) { return verb.first->parsed(); });
    return chosen->second->run(out);  // the parser requires one
  }

 private:
  std::vector<std::pair<CLI::App*, std::unique_ptr<DataVerb>>> verbs_;
};

MAGMA_REGISTER(Commands, Data);

}  // namespace
}  // namespace magma
