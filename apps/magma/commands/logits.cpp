// magma logits: logits and every stage of the network, to be compared with any other implementation.
#include <filesystem>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "apps/magma/command.h"
#include "apps/magma/logit_cases.h"
#include "apps/magma/model_options.h"
#include "magma/core/error.h"
#include "magma/core/interrupt.h"
#include "magma/model/magma.h"

namespace magma {
namespace {

class Logits final : public Command {
 public:
  static constexpr const char* kSummary = "logits and every stage of a model, as tensors";

  void options(CLI::App& app) override {
    app.add_option("--model", model_, "model folder, or GGUF file")->required()->type_name("PATH");
    app.add_option("-o,--output", output_, "safetensors file; with --cases a folder")->required()->type_name("PATH");
    auto* ids =
        app.add_option("--ids", ids_, "a prompt: ids with commas, one image token per image")->type_name("LIST");
    app.add_option("--cases", cases_, "many prompts: a JSON file with \"cases\"")->type_name("FILE")->excludes(ids);
    app.add_option("--pixels", pixels_, "safetensors file with the crops of images")->type_name("FILE");
    app.add_option("--image", images_, "KEY=ROWSxCOLS: an image of the prompt, crops in --pixels")->type_name("IMAGE");
    app.add_option("--decode", decoded_, "greedy tokens after each prompt, with the cache")
        ->check(CLI::Range(0, 100'000))
        ->type_name("N")
        ->capture_default_str();
    app.add_option("--precision", precision_, "stored, f32 or bf16: number format of the matrices in memory")
        ->check(CLI::IsMember({"stored", "f32", "bf16"}))
        ->type_name("NAME")
        ->capture_default_str();
    add_cache_option(app, cache_);
    app.add_option("--threads", threads_, "threads; never changes the result")
        ->check(CLI::Range(1, 256))
        ->type_name("N")
        ->capture_default_str();
  }

  std::string examples() const override {
    return "  magma logits --model DIR --ids 1,2,3 -o logits.safetensors\n"
           "  magma logits --model DIR --ids 1,1153,3 --pixels crops.safetensors --image shot=2x2 -o out.safetensors\n"
           "  magma logits --model DIR --cases cases.json --pixels crops.safetensors -o outputs\n";
  }

  int run(const Output& out) override {
    if (ids_.empty() == cases_.empty()) {
      throw Error(ErrorCode::Usage, {.where = "command line", .what = "name either --ids or --cases"});
    }
    if (pixels_.empty() && !images_.empty()) {
      throw Error(ErrorCode::Usage, {.where = "command line", .what = "images need --pixels"});
    }
    const std::vector<LogitCase> cases = cases_.empty() ? one_case() : read_logit_cases(cases_, pixels_);
    const auto network = load_network(model_, threads_, parse_precision(precision_), parse_cache_format(cache_));
    if (!cases_.empty()) std::filesystem::create_directories(output_);
    for (const LogitCase& work : cases) {
      throw_if_interrupted();
      const Path file = cases_.empty() ? Path(output_) : Path(output_) / (work.name + ".safetensors");
      write_logits(*network, work, decoded_, file);
      out.line("{}", file.string());
    }
    out.value({{"output", output_}, {"cases", cases.size()}, {"vocabulary", network->vocabulary()}});
    return 0;
  }

 private:
  std::vector<LogitCase> one_case() const {
    LogitCase work;
    work.rows = {parse_ids(ids_)};
    work.images.emplace_back();
    for (const std::string& image : images_) work.images.front().push_back(read_crops(image, pixels_));
    return {work};
  }

  std::string model_, output_, ids_, cases_, pixels_, precision_ = "stored", cache_ = "f32";
  std::vector<std::string> images_;
  int64_t decoded_ = 0;
  int threads_ = 1;
};

MAGMA_REGISTER(Commands, Logits);

}  // namespace
}  // namespace magma
