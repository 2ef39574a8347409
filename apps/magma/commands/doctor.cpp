// magma doctor: is a model folder right?
#include "magma/model/doctor.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "apps/magma/command.h"
#include "apps/magma/model_options.h"
#include "magma/core/json.h"

namespace magma {
namespace {

class Doctor final : public Command {
 public:
  static constexpr const char* kSummary =
      "proves that a model folder is right: every file, held to the others, and run";

  void options(CLI::App& app) override { model_.add_to(app); }
  std::string examples() const override {
    return "  magma doctor --model DIR                      exit code 0: right; else that of the first fault\n"
           "  magma doctor --model DIR --json\n";
  }

  int run(const Output& out) override {
    int status = 0;
    Json checks = Json::array();
    examine_model(model_.model, model_.load_options(), [&](const DoctorCheck& check) {
      const char* verdict = check.skipped ? "-" : check.error ? "WRONG" : "ok";
      out.line("{:<6}{:<24}{}", verdict, check.name, check.error ? check.error->line() : check.detail);
      Json entry = {{"check", check.name}, {"ok", !check.error && !check.skipped}, {"skipped", check.skipped}};
      if (check.error) {
        entry["error"] = parse_json(check.error->to_json(), "error")["error"];
        if (status == 0) status = check.error->exit_code();
      } else {
        entry["detail"] = check.detail;
      }
      checks.push_back(entry);
    });
    out.value({{"model", model_.model}, {"ok", status == 0}, {"checks", checks}});
    return status;
  }

 private:
  ModelOptions model_;
};

MAGMA_REGISTER(Commands, Doctor);

}  // namespace
}  // namespace magma
