#include "apps/magma/model_options.h"

#include <thread>

#include <CLI/CLI.hpp>

namespace magma {

void ModelOptions::add_to(CLI::App& app) {
  app.add_option("--model", model, "model folder, or a GGUF file of the Llama family")->required()->type_name("PATH");
  app.add_option("--precision", precision, "of the matrices in memory: stored, bf16 or f32")
      ->check(CLI::IsMember({"stored", "bf16", "f32"}))
      ->type_name("NAME")
      ->capture_default_str();
  add_cache_option(app, cache);
  app.add_option("--threads", threads, "threads; never changes the result; 0: one per processor")
      ->check(CLI::Range(0, 256))
      ->type_name("N")
      ->capture_default_str();
}

LoadOptions ModelOptions::load_options() const {
  const int all = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  return {.threads = threads == 0 ? all : threads,
          .precision = parse_precision(precision),
          .cache = parse_cache_format(cache)};
}

void add_cache_option(CLI::App& app, std::string& cache) {
  app.add_option("--cache", cache, "format of a model's keys and values: f32, bf16 or int8")
      ->check(CLI::IsMember({"f32", "bf16", "int8"}))
      ->type_name("NAME")
      ->capture_default_str();
}

void AnswerLength::add_to(CLI::App& app) {
  app.add_option("--max-tokens", max_tokens, "longest answer")
      ->check(CLI::Range(1, 1 << 20))
      ->type_name("N")
      ->capture_default_str();
  app.add_option("--temperature", sampling.temperature, "0: always the likeliest word")
      ->check(CLI::Range(0.0, 100.0))
      ->type_name("T")
      ->capture_default_str();
  app.add_option("--top-k", sampling.top_k, "draw from the K likeliest tokens; 0: from all")
      ->check(CLI::Range(0, 1 << 20))
      ->type_name("K")
      ->capture_default_str();
  app.add_option("--top-p", sampling.top_p, "draw from the likeliest tokens that hold this share")
      ->check(CLI::Range(0.0, 1.0))
      ->type_name("SHARE")
      ->capture_default_str();
  app.add_option("--repetition-penalty", sampling.repetition_penalty, "above 1: what was said becomes less likely")
      ->check(CLI::Range(0.01, 100.0))
      ->type_name("X")
      ->capture_default_str();
  app.add_option("--seed", seed, "of what is drawn")->type_name("N")->capture_default_str();
  app.add_option("--lookup", lookup, "guess up to N tokens at a time from what was said; the answer is the same")
      ->check(CLI::Range(0, 15))
      ->type_name("N")
      ->capture_default_str();
}

GenerateOptions AnswerLength::generate_options() const {
  GenerateOptions options{.max_new_tokens = max_tokens, .sampling = sampling, .seed = seed, .lookup = lookup};
  require_valid(options);
  return options;
}

}  // namespace magma
