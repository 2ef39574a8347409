// Malformed checkpoints as a user meets them: rows ST, TK and CF of the robustness catalogue and as many of GGUF. Every
// command that reads the part ends with the same code and one line; the parsers' own tests go through the cases.
#include <algorithm>
#include <cstring>

#include <gmock/gmock.h>

#include "tests/apps/program_case.h"

namespace magma {
namespace {

using Words = std::vector<std::string>;

struct Fault {
  const char* row;   // of the catalogue
  const char* file;  // of the folder
  const char* from;  // replaced by `to`, once; empty: the whole file
  std::string to;
  int status;
  const char* part;  // of the line
};

const Words kChat = {"chat", "--model", "model", "Where?", "--max-tokens", "1"};
const Words kInfo = {"info", "model"};
const Words kLogits = {"logits", "--model", "model", "--ids", "1,2", "-o", "out.safetensors"};
const Words kTokenize = {"tokenize", "--model", "model", "Where?"};
const Words kBench = {"bench", "model", "--model", "model"};

class MalformedModel : public ProgramCase {
 protected:
  MalformedModel() {
    std::filesystem::copy(Path(MAGMA_SOURCE_DIR) / "tests/fixtures/model/checkpoints/tiny-names", path("model"));
  }

  void check(const Fault& fault, const std::vector<Words>& commands) const {
    SCOPED_TRACE(std::string(fault.row) + ": " + fault.file + " " + fault.from + " -> " + fault.to.substr(0, 60));
    const std::string name = std::string("model/") + fault.file, whole = text_of(name);
    std::string text = whole;
    if (*fault.from == '\0') {
      text = fault.to;
    } else {
      const size_t at = text.find(fault.from);
      ASSERT_NE(at, std::string::npos);
      text.replace(at, std::strlen(fault.from), fault.to);
    }
    write(name, text);
    for (const Words& command : commands) fails(fault.status, command, fault.part);
    expect_doctor(fault.status, fault.part);
    write(name, whole);
  }

  // It goes on after a fault and ends with the code of the first one.
  void expect_doctor(int status, const std::string& part) const {
    const ProgramRun done = run({"doctor", "--model", "model"});
    EXPECT_EQ(done.status, status) << done.out << done.err;
    EXPECT_THAT(done.out, testing::HasSubstr("WRONG"));
    EXPECT_THAT(done.out, testing::HasSubstr(part));
    EXPECT_THAT(done.err, testing::Not(testing::HasSubstr("error")));
  }
};

std::string deep(int levels) {
  return std::string(static_cast<size_t>(levels), '[') + std::string(static_cast<size_t>(levels), ']');
}

TEST_F(MalformedModel, Configurations) {
  const Fault faults[] = {
      {"CF-1", "config.json", "", "", 3, "config.json"},
      {"CF-1", "config.json", "", "[]", 3, "config.json"},
      {"CF-1", "config.json", "", "{}", 3, "/hidden_size"},
      {"CF-1", "config.json", "{", "{\"model_type\":\"x\",", 3, "twice"},
      {"CF-1", "config.json", "{", "{\"x\":" + deep(65) + ",", 4, "64 levels"},
      {"CF-1", "config.json", "\"hidden_size\": 32,\n  \"intermediate_size\"",
       "\"hidden_size\": 0,\n  \"intermediate_size\"", 3, "/text_config/hidden_size"},
      {"CF-1", "config.json", "\"num_attention_heads\": 4", "\"num_attention_heads\": 6", 3,
       "/text_config/num_attention_heads"},
      {"CF-1", "config.json", "\"num_key_value_heads\": 2", "\"num_key_value_heads\": 3", 3,
       "/text_config/num_key_value_heads"},
      {"CF-1", "config.json", "\"num_hidden_layers\": 2", "\"num_hidden_layers\": 9223372036854775808", 3,
       "/text_config/num_hidden_layers"},
      {"CF-1", "config.json", "\"num_hidden_layers\": 2", "\"num_hidden_layers\": 18446744073709551616", 3,
       "config.json"},
      {"CF-1", "config.json", "\"rms_norm_eps\": 1e-05", "\"rms_norm_eps\": NaN", 3, "config.json"},
      {"CF-1", "config.json", "\"rope_theta\": 500000.0", "\"rope_theta\": \"NaN\"", 3, "/text_config/rope_theta"},
      {"CF-1", "config.json", "\"dims\": [8,", "\"dims\": [0,", 3, "/vision_config/dims"},
      {"CF-1", "config.json", "\"hidden_act\": \"silu\"", "\"hidden_act\": \"gelu\"", 4, "/text_config/hidden_act"},
      {"CF-1", "config.json", "\"model_type\": \"magma\"", "\"model_type\": 7", 3, "/model_type"}};
  for (const Fault& fault : faults) check(fault, {kChat, kInfo, kLogits, kBench});
}

TEST_F(MalformedModel, ConfigurationsThatDisagreeWithTheRest) {
  check({"CF-1", "config.json", "\"vocab_size\": 933", "\"vocab_size\": 934", 3, "/text_config/vocab_size"},
        {kChat, kLogits, kBench});
  check({"CF-1", "config.json", "\"image_token_index\": 929", "\"image_token_index\": 928", 3, "/image_token_index"},
        {kChat});
  check({"CF-1", "generation_config.json", "681", "933", 3, "/eos_token_id"}, {kChat});
  check({"CF-1", "generation_config.json", "681", "-1", 3, "/eos_token_id"}, {kChat});
  check({"CF-1", "generation_config.json", "928", "2147483649", 3, "/pad_token_id"}, {kChat});
  check({"CF-1", "preprocessor_config.json", "\"base_img_size\": 64", "\"base_img_size\": 31", 3, "/base_img_size"},
        {kChat});
  check({"CF-1", "preprocessor_config.json", "\"num_crops\": 4", "\"num_crops\": 0", 3, "/num_crops"}, {kChat});
  check({"CF-1", "preprocessor_config.json", "[0.26862954,", "[0,", 3, "/image_std/0"}, {kChat});
  check({"CF-1", "preprocessor_config.json", "\"crop\"", "\"tile\"", 4, "/anyres_strategy"}, {kChat});
  check({"CF-1", "preprocessor_config.json", "", "{", 3, "preprocessor_config.json"}, {kChat});
}

TEST_F(MalformedModel, Tokenizers) {
  const Fault faults[] = {
      {"TK-1", "tokenizer.json", "", "{}", 3, "tokenizer.json"},
      {"TK-1", "tokenizer.json", "", "\xff", 3, "byte 0"},
      {"TK-1", "tokenizer.json", "\"vocab\": {", "\"vocab\": {\"\":0,", 3, "empty token"},
      {"TK-1", "tokenizer.json", "\"merges\": [", "\"merges\": [[\"!\",\"nosuchtoken\"],", 3, "/model/merges/0"},
      {"TK-1", "tokenizer.json", "\"type\": \"BPE\"", "\"type\": \"Unigram\"", 4, "Unigram"},
      {"TK-1", "tokenizer.json", "\"byte_fallback\": false", "\"byte_fallback\": true", 4, "/model/byte_fallback"},
      {"TK-2", "tokenizer.json", "(?i:'s|'t", "(a+)+$|(?i:'s|'t", 4, "unknown pre-tokenizer pattern"}};
  for (const Fault& fault : faults) check(fault, {kChat, kTokenize});
  check({"TK-1", "tokenizer_config.json", "\"<|begin_of_text|>\"", "\"<|other|>\"", 3, "/added_tokens_decoder"},
        {kChat, kTokenize});
  check({"TK-3", "tokenizer_config.json", "{% for message",
         "{% for i in range(1000000000) %}x{% endfor %}{% for message", 4, "unknown chat template"},
        {kChat});
}

// The list of faults may be long, so each is a warning in front of the error.
TEST_F(MalformedModel, AllMissingTensorsAreListed) {
  std::string config = text_of("model/config.json");
  const std::string from = "\"num_hidden_layers\": 2";
  write("model/config.json", config.replace(config.find(from), from.size(), "\"num_hidden_layers\": 3"));
  const ProgramRun done = run(kChat);
  EXPECT_EQ(done.status, 3);
  const size_t last = done.err.rfind('\n', done.err.size() - 2) + 1;
  expect_one_line(done.err.substr(last), "9 faults in the tensors", "chat");
  EXPECT_THAT(done.err,
              testing::HasSubstr("warning: model: missing language_model.model.layers.2.mlp.up_proj.weight\n"));
  EXPECT_EQ(std::count(done.err.begin(), done.err.end(), '\n'), 10);
  expect_doctor(3, "9 faults in the tensors");
}

TEST_F(MalformedModel, MoreTokensThanTheEmbeddingHasRows) {  // TK-1
  Json tokenizer = parse_json(text_of("model/tokenizer.json"), "tokenizer.json");
  Json added = tokenizer["added_tokens"].back();
  added["id"] = 933;
  added["content"] = "<one more>";
  tokenizer["added_tokens"].push_back(added);
  write("model/tokenizer.json", tokenizer.dump());
  fails(3, kChat, "more tokens than the embedding has rows");
  expect_doctor(3, "more tokens than the embedding has rows");
}

TEST_F(MalformedModel, Weights) {
  const char* shard = "model-00001-of-00002.safetensors";
  const std::string whole = text_of(std::string("model/") + shard);
  const std::string head = whole.substr(0, 8), rest = whole.substr(8);
  const auto length = [](uint64_t value) { return std::string(reinterpret_cast<const char*>(&value), sizeof value); };
  const Fault faults[] = {
      {"ST-1", shard, "", "1234567", 3, "byte 0"},
      {"ST-1", shard, "", length(~uint64_t{0}) + rest, 3, "byte 0"},
      {"ST-1", shard, "", length(100'000'001) + rest, 3, "byte 0"},
      {"ST-2", shard, "", head + "[" + rest.substr(1), 3, "byte 8"},
      {"ST-3", shard, "\"dtype\"", "\"dtypf\"", 3, "dtypf"},
      {"ST-4", shard, "\"F32\"", "\"F33\"", 3, "unknown tensor type"},
      {"ST-5", shard, "\"shape\":[", "\"shape\":[-", 3, "shape"},
      {"ST-9", shard, "", whole.substr(0, whole.size() - 1), 3, "beyond the file"},
      {"ST-9", shard, "", whole.substr(0, 100), 3, "byte 0"},
      {"ST-6", shard, "", whole + "x", 3, "file size and header disagree"},
      {"ST-11", "model.safetensors.index.json", "model-00002", "../model-00002", 4, "/weight_map/"},
      {"ST-11", "model.safetensors.index.json", "model-00002", "model-00001", 3, "missing, but the index lists it"},
      {"ST-11", "model.safetensors.index.json", "model-00002", "model-00003", 3, "the index does not list it"},
      {"ST-11", "model.safetensors.index.json", "\"total_size\": ", "\"total_size\": 1", 3, "/metadata/total_size"}};
  for (const Fault& fault : faults) check(fault, {kChat, kInfo, kLogits, kBench});
}

TEST_F(MalformedModel, AShardThatIsMissing) {  // ST-11
  std::filesystem::remove(path("model/model-00002-of-00002.safetensors"));
  for (const Words& command : {kChat, kInfo, kLogits, kBench}) fails(5, command, "model-00002-of-00002.safetensors");
  expect_doctor(5, "model-00002-of-00002.safetensors");
}

TEST_F(MalformedModel, GgufFiles) {
  const std::string whole = read_file(Path(MAGMA_SOURCE_DIR) / "tests/nn/gguf/llama.gguf", 1 << 20);
  const auto expect = [this](int status) {
    const std::string part = "t.gguf";
    fails(status, {"info", "t.gguf"}, part);
    fails(status, {"logits", "--model", "t.gguf", "--ids", "1", "-o", "out.safetensors"}, part);
    fails(status, {"tokenize", "--model", "t.gguf", "a"}, part);
    fails(status, {"chat", "--model", "t.gguf", "a"}, part);
  };
  const auto with = [&](size_t at, const std::string& bytes) {
    std::string changed = whole;
    return changed.replace(at, bytes.size(), bytes);
  };
  const std::string huge(8, '\xff');
  for (const size_t cut : {size_t{0}, size_t{3}, size_t{23}, whole.size() / 2, whole.size() - 33}) {
    write("t.gguf", whole.substr(0, cut));
    expect(3);
  }
  const std::vector<std::pair<std::string, int>> changed = {{with(0, "GGML"), 3},
                                                            {with(4, std::string("\x01\0\0\0", 4)), 4},
                                                            {with(4, std::string("\x09\0\0\0", 4)), 3},
                                                            {with(8, huge), 3},
                                                            {with(16, huge), 3},
                                                            {with(24, huge), 3},
                                                            {whole + std::string(64, 'x'), 3}};
  for (const auto& [bytes, status] : changed) {
    write("t.gguf", bytes);
    expect(status);
  }
  const size_t layers = whole.find("llama.block_count") + std::strlen("llama.block_count") + 4;
  for (const std::string& count : {std::string(4, '\0'), std::string(4, '\xff'), std::string("\x07\0\0\0", 4)}) {
    write("t.gguf", with(layers, count));
    fails(3, {"logits", "--model", "t.gguf", "--ids", "1", "-o", "out.safetensors"}, "t.gguf");
  }
}

}  // namespace
}  // namespace magma
