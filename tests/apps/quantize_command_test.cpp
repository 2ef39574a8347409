// magma quantize as a user runs it: from a folder to one that every command takes, and what it says when it cannot.
#include <fmt/core.h>
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "magma/nn/safetensors.h"
#include "tests/apps/program_case.h"

namespace magma {
namespace {

using testing::HasSubstr;

class QuantizeCommand : public ProgramCase {
 protected:
  void make_model() const {
    const Json config = {{"model_type", "llama"},         {"hidden_size", 256},       {"intermediate_size", 512},
                         {"num_hidden_layers", 4},        {"num_attention_heads", 4}, {"num_key_value_heads", 2},
                         {"max_position_embeddings", 64}, {"vocab_size", 600},        {"rope_theta", 10000.0}};
    write("config.json", config.dump());
    succeeds({"init", "config.json", "-o", "model"});
  }
  Json json_of(std::vector<std::string> words) const {
    words.emplace_back("--json");
    const ProgramRun done = run(words);
    EXPECT_EQ(done.status, 0) << done.err;
    return parse_json(done.out, "stdout");
  }
};

TEST_F(QuantizeCommand, GivesAFolderThatEveryCommandTakes) {
  make_model();
  const Json report = json_of({"quantize", "model", "-o", "four", "--to", "int4"});
  EXPECT_EQ(report["format"], "int4, groups of 32");
  EXPECT_GT(report["bits_per_weight"].get<double>(), 4.5);
  EXPECT_LT(report["bits_per_weight"].get<double>(), 8.5);
  const Json facts = json_of({"info", "four"});
  EXPECT_NEAR(facts["parts"]["head"]["bits_per_weight"].get<double>(), 8.5 * 640 / 600, 1e-6);  // whole panels
  EXPECT_EQ(facts["tensors_by_type"]["int4, groups of 32"], 14);
  EXPECT_EQ(facts["bytes"], report["bytes"]);
  succeeds({"logits", "--model", "four", "--ids", "1,2,3", "-o", "out.safetensors", "--decode", "2"});
  const Json bench = json_of({"bench", "model", "--model", "four", "--tokens", "20", "--decode", "2", "--rounds", "1"});
  EXPECT_EQ(bench["weight_bytes"], report["bytes"]);
}

TEST_F(QuantizeCommand, ThreadsAndASecondRunChangeNothing) {
  make_model();
  json_of({"quantize", "model", "-o", "one", "--to", "int4", "--offset", "--threads", "1"});
  json_of({"quantize", "model", "-o", "two", "--to", "int4", "--offset", "--threads", "3"});
  const std::string file = "/model-00001-of-00001.safetensors";
  EXPECT_EQ(text_of("one" + file), text_of("two" + file));
  EXPECT_EQ(json_of({"quantize", "model", "-o", "one", "--to", "int4", "--offset"})["files_found"], 1);
}

TEST_F(QuantizeCommand, RefusesWithOneLine) {
  make_model();
  fails(2, {"quantize", "model", "-o", "out", "--to", "int3"});
  fails(2, {"quantize", "model", "-o", "out"}, "--to");
  fails(2, {"quantize", "model", "-o", "out", "--to", "int8", "--offset"}, "--offset");
  fails(2, {"quantize", "model", "-o", "out", "--to", "int8", "--images", "."}, "--images");
  fails(2, {"quantize", "model", "-o", "model", "--to", "int8"}, "the folder of the model itself");
  fails(5, {"quantize", "none", "-o", "out", "--to", "int8"}, "none");
  fails(5, {"quantize", "model", "-o", "out", "--to", "int8", "--check", "none.txt"}, "none.txt");
  write("file.gguf", "GGUF");
  fails(2, {"quantize", "file.gguf", "-o", "out", "--to", "int8"}, "GGUF files run from their blocks");
  fails(5, {"quantize", "model", "-o", "file.gguf/out", "--to", "int8"}, "file.gguf/out");
  succeeds({"quantize", "model", "-o", "eight", "--to", "int8"});
  fails(2, {"quantize", "model", "-o", "eight", "--to", "int4"}, "another model or other options");
  fails(4, {"quantize", "eight", "-o", "out", "--to", "int4"}, "is quantised already");
}

TEST_F(QuantizeCommand, CalibratesWithATextOfTheUsersAndGoesOnWithThatTextAlone) {
  const std::string model = std::string(MAGMA_SOURCE_DIR) + "/tests/fixtures/model/checkpoints/tiny-names";
  std::string text;
  for (int i = 0; i < 400; ++i)
    text += fmt::format("Step {}: the robot moves the cup {} cm to the left. ", i, i * 7 % 31);
  write("text.txt", text);
  write("other.txt", text + "And back again.");
  write("short.txt", "Too short.");
  const auto quantize = [&](const std::string& file) {
    return std::vector<std::string>{"quantize",
                                    model,
                                    "-o",
                                    "out",
                                    "--to",
                                    "int4",
                                    "--sensitive",
                                    "same",
                                    "--calibrate",
                                    file,
                                    "--check",
                                    file,
                                    "--calibrate-tokens",
                                    "1024",
                                    "--check-tokens",
                                    "256"};
  };
  fails(5, quantize("none.txt"), "none.txt");
  fails(2, quantize("short.txt"), "is too short");
  const Json report = json_of(quantize("text.txt"));
  EXPECT_GT(report["calibrated"], 0);
  const double kl = report["cost"]["text"]["mean_kl"];
  EXPECT_GT(kl, 0);
  EXPECT_EQ(json_of(quantize("text.txt"))["files_found"], report["files"]);
  fails(2, quantize("other.txt"), "another model or other options");
  const Json plain = json_of({"quantize", model, "-o", "plain", "--to", "int4", "--sensitive", "same", "--check",
                              "text.txt", "--check-tokens", "256"});
  EXPECT_EQ(plain["calibrated"], 0);
  EXPECT_LT(kl, plain["cost"]["text"]["mean_kl"]);
}

TEST_F(QuantizeCommand, WeightsThatAreNoNumbersLeaveNothing) {
  make_model();
  std::string bytes = text_of("model/model-00001-of-00001.safetensors");
  bytes.replace(bytes.size() - 2, 2, "\xc0\x7f");  // NaN in bf16
  write("model/model-00001-of-00001.safetensors", bytes);
  fails(3, {"quantize", "model", "-o", "out", "--to", "int8"}, "is no number");
}

}  // namespace
}  // namespace magma
