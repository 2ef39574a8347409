// Measures a model: encode, prefill, decode, memory, each beside what the machine can do at most in the same run.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "magma/model/magma.h"

namespace magma {

struct ModelBenchOptions {
  Path model = {};
  int threads = 1;
  Precision precision = Precision::Stored;
  CacheFormat cache = CacheFormat::F32;
  std::vector<int64_t> lengths = {512};  // of prompts, tokens; decoding goes on from each
  int64_t decoded = 32;                  // tokens after each prompt
  int64_t rounds = 3;                    // the best one counts
};

struct ModelBenchLength {
  int64_t tokens = 0;
  double prefill_s = 0;
  double decode_s = 0;            // of one token
  double prefill_operations = 0;  // multiply-adds count two
  double decode_bytes = 0;        // weights and cache read for one token
};

struct ModelBenchResult {
  double bandwidth = 0;                  // bytes/s
  double operations = 0;                 // per second
  double load_s = 0, first_token_s = 0;  // of a prompt of 8 tokens, after loading
  int64_t weight_bytes = 0, peak_bytes = 0, cache_bytes_per_token = 0;
  double encode_s = 0, encode_operations = 0;  // one crop of img_size; 0: the model sees no images
  std::vector<ModelBenchLength> lengths;
};

ModelBenchResult bench_model(const ModelBenchOptions& options);
nlohmann::json model_bench_json(const ModelBenchResult& result);
std::string model_bench_table(const ModelBenchResult& result);

// Operations of the tower and the projector for one square picture of `side` pixels.
double encode_operations(const MagmaConfig& config, int64_t side);
// Of the decoder for a prompt of `tokens`, the head at the last place only.
double prefill_operations(const MagmaConfig& config, int64_t vocabulary, int64_t tokens);

}  // namespace magma
