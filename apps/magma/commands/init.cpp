// magma init: a model folder with random weights.
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "apps/magma/command.h"
#include "magma/model/init_weights.h"

namespace magma {
namespace {

class Init final : public Command {
 public:
  static constexpr const char* kSummary = "a model folder with random weights for any configuration";

  void options(CLI::App& app) override {
    app.add_option("CONFIG", config_, "config.json of the shape wanted")->required();
    app.add_option("-o,--output", output_, "folder to make")->required()->type_name("DIR");
    app.add_option("--seed", options_.seed, "of the random numbers")->type_name("N")->capture_default_str();
    app.add_option("--dtype", dtype_, "bf16 or f32")
        ->check(CLI::IsMember({"bf16", "f32"}))
        ->type_name("NAME")
        ->capture_default_str();
    app.add_option("--threads", options_.threads, "threads; never changes the result")
        ->check(CLI::Range(1, 256))
        ->type_name("N")
        ->capture_default_str();
  }

  std::string examples() const override {
    return "  magma init config.json -o random               to measure memory and speed of a shape\n"
           "  magma init config.json -o random --dtype f32 --seed 7\n";
  }

  int run(const Output& out) override {
    options_.dtype = dtype_ == "f32" ? DType::F32 : DType::BF16;
    const InitSummary summary = write_random_model(config_, output_, options_);
    out.line("{}: {} tensors, {} parameters, {} bytes in {} files", output_, summary.tensors, summary.parameters,
             summary.bytes, summary.shards);
    out.value({{"output", output_},
               {"tensors", summary.tensors},
               {"parameters", summary.parameters},
               {"bytes", summary.bytes},
               {"shards", summary.shards}});
    return 0;
  }

 private:
  std::string config_, output_, dtype_ = "bf16";
  InitOptions options_;
};

MAGMA_REGISTER(Commands, Init);

}  // namespace
}  // namespace magma
