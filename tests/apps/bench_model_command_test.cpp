// magma bench model: figures are there and hold together; memory is the weights, once.
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "tests/apps/program_case.h"
#include "tests/support/sanitizers.h"

namespace magma {
namespace {

constexpr double kProgram = 64.0 * (1 << 20);  // bytes: the program itself and what a short prompt needs

class BenchModelCommand : public ProgramCase {
 protected:
  // 100 MB of bf16: much more than the program itself.
  static Json config() {
    return {{"model_type", "llama"},         {"hidden_size", 1024},       {"intermediate_size", 2816},
            {"num_hidden_layers", 3},        {"num_attention_heads", 16}, {"num_key_value_heads", 8},
            {"max_position_embeddings", 64}, {"vocab_size", 6000},        {"rope_theta", 10000.0}};
  }
  void make_model() {
    write("config.json", config().dump());
    const ProgramRun made = run({"init", "config.json", "-o", "model", "--threads", "2"});
    ASSERT_EQ(made.status, 0) << made.err;
  }
  Json bench(std::vector<std::string> words) {
    words.insert(words.begin(),
                 {"bench", "model", "--model", "model", "--tokens", "20", "--decode", "2", "--rounds", "1", "--json"});
    const ProgramRun done = run(words);
    EXPECT_EQ(done.status, 0) << done.err;
    return parse_json(done.out, "stdout");
  }
};

TEST_F(BenchModelCommand, LoadingNeedsTheWeightsOnce) {
  MAGMA_NOT_UNDER_SANITIZERS("their memory is not the code's");
  make_model();
  for (const char* precision : {"stored", "f32"}) {
    const Json report = bench({"--precision", precision});
    const double weights = report["weight_bytes"].get<double>(), peak = report["peak_bytes"].get<double>();
    EXPECT_GT(weights, 80e6) << precision;
    EXPECT_GE(peak, weights * 0.8) << precision;
    EXPECT_LE(peak, weights * 1.1 + kProgram) << precision;
  }
}

TEST_F(BenchModelCommand, SaysWhatWasMeasured) {
  make_model();
  const Json report = bench({});
  EXPECT_GT(report["bandwidth_gb_per_s"].get<double>(), 0.1);
  EXPECT_GT(report["gflop_per_s"].get<double>(), 0.1);
  const Json& row = report["lengths"][0];
  EXPECT_EQ(row["tokens"], 20);
  EXPECT_NEAR(row["prefill_tokens_per_s"].get<double>() * row["prefill_s"].get<double>(), 20, 1e-6);
  EXPECT_EQ(report["cache_bytes_per_token"], 2 * 3 * 8 * 64 * 4);
  EXPECT_EQ(bench({"--cache", "bf16"})["cache_bytes_per_token"], 2 * 3 * 8 * 64 * 2);
  EXPECT_EQ(bench({"--cache", "int8"})["cache_bytes_per_token"], 2 * 3 * 8 * (64 + 4));
  EXPECT_EQ(run({"bench", "model", "--model", "model", "--cache", "int4"}).status, 2);
  EXPECT_FALSE(report.contains("encode_ms"));
  EXPECT_EQ(run({"bench", "model"}).status, 2);
}

}  // namespace
}  // namespace magma
