// magma quantize: a model folder in 8 or 4 bits.
#include <algorithm>
#include <filesystem>
#include <thread>

#include <CLI/CLI.hpp>
#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "apps/magma/command.h"
#include "magma/core/error.h"
#include "magma/core/progress.h"
#include "magma/model/quantise_check.h"
#include "magma/model/quantise_model.h"

namespace magma {
namespace {

class Quantize final : public Command {
 public:
  static constexpr const char* kSummary = "a model folder in 8 or 4 bits: a third of the memory, several times as fast";

  void options(CLI::App& app) override {
    app.add_option("MODEL", model_, "model folder with weights in f32, bf16 or f16")->required();
    app.add_option("-o,--output", output_, "folder to make; one that was begun is continued")
        ->required()
        ->type_name("DIR");
    app.add_option("--to", to_, "int8 or int4")->required()->check(CLI::IsMember({"int8", "int4"}))->type_name("NAME");
    app.add_option("--group", group_, "weights that share a scale: 32, 64 or 128")
        ->check(CLI::IsMember({"32", "64", "128"}))
        ->type_name("N")
        ->capture_default_str();
    app.add_flag("--offset", offset_, "with int4: groups have an offset beside the scale");
    app.add_option("--sensitive", sensitive_,
                   "embedding, head, first and last layer: int8, or the same as the other layers")
        ->check(CLI::IsMember({"int8", "same"}))
        ->type_name("NAME")
        ->capture_default_str();
    app.add_option("--calibrate", calibrate_,
                   "text (UTF-8) that the model reads first: weights are rounded for it (GPTQ)")
        ->type_name("FILE");
    app.add_option("--calibrate-images", calibrate_images_,
                   "with --calibrate: folder of pictures (PNG, JPEG) before pieces of the text")
        ->type_name("DIR");
    app.add_option("--calibrate-tokens", calibrate_tokens_, "tokens of that text at most")
        ->check(CLI::Range(2, 1 << 20))
        ->type_name("N")
        ->capture_default_str();
    app.add_option("--check", check_, "text (UTF-8) to measure on what it cost: perplexity, KL, agreement")
        ->type_name("FILE");
    app.add_option("--images", images_, "with --check: folder of pictures (PNG, JPEG) before pieces of the text")
        ->type_name("DIR");
    app.add_option("--check-tokens", check_tokens_, "tokens of the text at most")
        ->check(CLI::Range(2, 1 << 20))
        ->type_name("N")
        ->capture_default_str();
    app.add_option("--threads", threads_, "threads; never changes the result; 0: one per processor")
        ->check(CLI::Range(0, 256))
        ->type_name("N")
        ->capture_default_str();
  }

  std::string examples() const override {
    return "  magma quantize Magma-8B -o Magma-8B-int4 --to int4\n"
           "  magma quantize Magma-8B -o Magma-8B-int8 --to int8 --group 64\n"
           "  magma quantize Magma-8B -o Magma-8B-int4 --to int4 --check corpus.txt --images shots\n"
           "  magma quantize Magma-8B -o Magma-8B-int4 --to int4 --calibrate book.txt --calibrate-images shots\n"
           "  magma chat --model Magma-8B-int4 --image shot.png \"What is on the screen?\"\n";
  }

  int run(const Output& out) override {
    const int all = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
    QuantiseOptions options;
    options.threads = threads_ == 0 ? all : threads_;
    options.format = {to_ == "int8" ? QuantisedKind::Int8
                      : offset_     ? QuantisedKind::Int4Offset
                                    : QuantisedKind::Int4,
                      std::stoll(group_)};
    options.sensitive_in_int8 = sensitive_ == "int8";
    if (offset_ && to_ == "int8") {
      throw Error(ErrorCode::Usage, {.where = "--offset", .what = "goes with --to int4 alone"});
    }
    if (!images_.empty() && check_.empty()) {
      throw Error(ErrorCode::Usage, {.where = "--images", .what = "goes with --check alone"});
    }
    if (!calibrate_images_.empty() && calibrate_.empty()) {
      throw Error(ErrorCode::Usage, {.where = "--calibrate-images", .what = "goes with --calibrate alone"});
    }
    const std::vector<Path> images = pictures_in(images_);
    if (!check_.empty()) require_readable_file(check_);
    if (!calibrate_.empty()) {
      options.calibration = CalibrationOptions{
          .samples = {.text = calibrate_, .images = pictures_in(calibrate_images_), .tokens = calibrate_tokens_}};
    }
    const QuantiseSummary summary = quantise(options, out);
    Json json = summary_json(summary, options);
    if (!check_.empty()) json["cost"] = check(images, options.threads, out);
    out.value(json);
    return 0;
  }

 private:
  static std::vector<Path> pictures_in(const Path& folder) {
    std::vector<Path> files;
    if (folder.empty()) return files;
    std::error_code failed;
    for (const auto& entry : std::filesystem::directory_iterator(folder, failed)) {
      const std::string extension = entry.path().extension().string();
      const bool picture = extension == ".png" || extension == ".jpg" || extension == ".jpeg";
      if (picture && entry.is_regular_file()) files.push_back(entry.path());
    }
    if (failed) throw system_error("open folder", folder.string(), failed.value());
    if (files.empty()) {
      throw Error(ErrorCode::Usage,
                  {.file = folder.string(), .what = "holds no picture", .expected = ".png, .jpg or .jpeg"});
    }
    std::sort(files.begin(), files.end());
    return files;
  }

  static double bits_per_weight(const QuantiseSummary& summary) {
    return 8 * static_cast<double>(summary.bytes) / static_cast<double>(summary.parameters);
  }

  Json check(const std::vector<Path>& images, int threads, const Output& out) const {
    const QuantisationCheck job{.before = model_,
                                .after = output_,
                                .samples = {.text = check_, .images = images, .tokens = check_tokens_},
                                .threads = threads};
    Progress progress("check", -1, "sequences", out.progress());
    const QuantisationCost cost = quantisation_cost(job, [&](int64_t count) { progress.advance(count); });
    out.line("{}", quantisation_cost_table(cost));
    return quantisation_cost_json(cost);
  }

  QuantiseSummary quantise(QuantiseOptions options, const Output& out) const {
    Progress progress("quantise", parameters_of(model_), "parameters", out.progress());
    if (options.calibration) {
      options.calibration->progress = [&](int64_t pass, int64_t places) {
        progress.note(fmt::format("calibration pass {}: {} tokens", pass, places));
        progress.advance(0);
      };
    }
    const QuantiseSummary summary =
        quantise_model(model_, output_, options, [&](int64_t parameters) { progress.advance(parameters); });
    out.line("{}: {} of {} tensors quantised, {:.2f} bits per weight, {:.3f} of {:.3f} GB", output_, summary.quantised,
             summary.tensors, bits_per_weight(summary), static_cast<double>(summary.bytes) / 1e9,
             static_cast<double>(summary.bytes_before) / 1e9);
    if (summary.shards_found > 0) {
      out.line("{} of {} files were there already", summary.shards_found, summary.shards);
    }
    return summary;
  }

  Json summary_json(const QuantiseSummary& summary, const QuantiseOptions& options) const {
    return {{"output", output_},
            {"format", format_name(options.format)},
            {"tensors", summary.tensors},
            {"quantised", summary.quantised},
            {"calibrated", summary.calibrated},
            {"parameters", summary.parameters},
            {"bits_per_weight", bits_per_weight(summary)},
            {"bytes", summary.bytes},
            {"bytes_before", summary.bytes_before},
            {"files", summary.shards},
            {"files_found", summary.shards_found}};
  }

  std::string model_, output_, to_, group_ = "32", sensitive_ = "int8", check_, images_, calibrate_, calibrate_images_;
  int64_t check_tokens_ = 2048, calibrate_tokens_ = 4096;
  bool offset_ = false;
  int threads_ = 0;
};

MAGMA_REGISTER(Commands, Quantize);

}  // namespace
}  // namespace magma
