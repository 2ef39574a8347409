#include "magma/nn/gguf_llama.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <fstream>
#include <limits>
#include <map>

#include <gtest/gtest.h>

#include "magma/nn/gguf_tokenizer.h"
#include "magma/nn/safetensors.h"
#include "tests/nn/gguf_bytes.h"
#include "tests/support/temporary_folder.h"

namespace magma {
namespace {

const Path kFiles = Path(MAGMA_SOURCE_DIR) / "tests/nn/gguf";

TEST(GgufLlama, ReadsTheNumbers) {
  const GgufLlama llama = read_gguf_llama(GgufFile(kFiles / "llama.gguf"));
  EXPECT_EQ(llama.layers, 2);
  EXPECT_EQ(llama.context, 128);
  EXPECT_EQ(llama.hidden, 32);
  EXPECT_EQ(llama.feed_forward, 64);
  EXPECT_EQ(llama.heads, 2);
  EXPECT_EQ(llama.key_value_heads, 1);
  EXPECT_EQ(llama.head, 16);
  EXPECT_EQ(llama.vocabulary, 40);
  EXPECT_EQ(llama.rms_epsilon, static_cast<double>(1e-5F));
  EXPECT_EQ(llama.rope_base, 100'000);
  EXPECT_EQ(llama.rope_scaling.kind, "none");
  EXPECT_TRUE(llama.rope_scaling.frequency_factors.empty());
  EXPECT_TRUE(llama.tied);
}

TEST(GgufLlama, TensorsHaveNamesShapesAndRowsOfHuggingFace) {
  const GgufFile file(kFiles / "llama.gguf");
  const GgufLlama llama = read_gguf_llama(file);
  const SafetensorsFile expected(kFiles / "llama.safetensors");
  size_t taken = 0;
  for_each_gguf_llama_tensor(file, llama, [&](const GgufLlamaTensor& tensor, std::span<const float> values) {
    ++taken;
    EXPECT_EQ(expected.entry(tensor.name).shape, tensor.shape) << tensor.name;
    const std::vector<float> want = expected.read_as<float>(tensor.name);
    EXPECT_TRUE(std::equal(values.begin(), values.end(), want.begin(), want.end())) << tensor.name;
  });
  EXPECT_EQ(taken, expected.tensors().size());
  const auto all = gguf_llama_tensors(file, llama);
  const auto query = std::find_if(all.begin(), all.end(), [](const auto& t) { return t.rotary_head > 0; });
  ASSERT_NE(query, all.end());
  std::vector<uint16_t> rounded(static_cast<size_t>(query->count()));
  read_gguf_llama_tensor(file, *query, std::span(rounded));
  const std::vector<float> want = expected.read_as<float>(query->name);
  for (size_t i = 0; i < want.size(); ++i) {
    const float got = std::bit_cast<float>(uint32_t{rounded[i]} << 16);
    EXPECT_NEAR(got, want[i], std::abs(want[i]) / 256) << i;
  }
}

TEST(GgufLlama, RotaryPairsBecomeHalves) {
  std::vector<float> values(8);  // two heads of four rows, one column
  unpermute_rotary_rows(std::vector<float>{0, 1, 2, 3, 10, 11, 12, 13}, 1, 4, values);
  EXPECT_EQ(values, (std::vector<float>{0, 2, 1, 3, 10, 12, 11, 13}));
  std::vector<uint16_t> halves(8);
  unpermute_rotary_rows(std::vector<uint16_t>{0, 1, 2, 3, 4, 5, 6, 7}, 2, 4, halves);
  EXPECT_EQ(halves, (std::vector<uint16_t>{0, 1, 4, 5, 2, 3, 6, 7}));
  EXPECT_ANY_THROW(unpermute_rotary_rows(std::vector<float>(6), 1, 4, std::span(values).first(6)));
}

TEST(GgufLlama, ReadsTheTokenizer) {
  const GgufTokenizer tokenizer = read_gguf_tokenizer(GgufFile(kFiles / "llama.gguf").metadata());
  EXPECT_EQ(tokenizer.kind, "gpt2");
  EXPECT_EQ(tokenizer.pre, "smollm");
  ASSERT_EQ(tokenizer.tokens.size(), 40U);
  EXPECT_EQ(tokenizer.tokens[1], "\xc4\xa0");
  EXPECT_EQ(tokenizer.types.at(0), GgufTokenType::Control);
  EXPECT_EQ(tokenizer.types.at(39), GgufTokenType::Normal);
  EXPECT_EQ(tokenizer.merges, (std::vector<std::string>{"\xc4\xa0 a", "! !"}));
  EXPECT_EQ(tokenizer.bos, 0);
  EXPECT_EQ(tokenizer.unknown, std::nullopt);
  EXPECT_EQ(tokenizer.add_bos, false);
  EXPECT_EQ(tokenizer.add_eos, std::nullopt);
  EXPECT_EQ(tokenizer.chat_template, "{{ messages }}");
}

std::string number(const std::string& key, uint32_t value) { return gguf_value(key, 4, packed(value)); }
std::string text(const std::string& key, const std::string& value) { return gguf_value(key, 8, gguf_text(value)); }

// A Llama of one layer, one head of two values, three tokens; what a test changes replaces the value of that key.
class GgufLlamaFaults : public testing::Test {
 protected:
  GgufLlamaFaults() {
    set("general.architecture", text("general.architecture", "llama"));
    for (const auto& [key, value] :
         {std::pair("block_count", 1), std::pair("context_length", 8), std::pair("embedding_length", 2),
          std::pair("feed_forward_length", 4), std::pair("attention.head_count", 1)}) {
      set("llama." + std::string(key), number("llama." + std::string(key), static_cast<uint32_t>(value)));
    }
    set("epsilon", gguf_value("llama.attention.layer_norm_rms_epsilon", 6, packed(1e-5F)));
    set("tokenizer.ggml.model", text("tokenizer.ggml.model", "gpt2"));
    set("tokenizer.ggml.tokens", texts("tokenizer.ggml.tokens", {"a", "b", "ab"}));
    for (const char* name : {"attn_norm", "ffn_norm"}) add("blk.0." + std::string(name), {2});
    for (const char* name : {"attn_q", "attn_k", "attn_v", "attn_output"}) add("blk.0." + std::string(name), {2, 2});
    for (const char* name : {"ffn_gate", "ffn_up"}) add("blk.0." + std::string(name), {2, 4});
    add("blk.0.ffn_down", {4, 2});
    add("output_norm", {2});
    add("token_embd", {2, 3});
  }

  static std::string texts(const std::string& key, const std::vector<std::string>& values) {
    std::string bytes = packed<uint32_t>(8) + packed<uint64_t>(values.size());
    for (const std::string& value : values) bytes += gguf_text(value);
    return gguf_value(key, 9, bytes);
  }
  void set(const std::string& key, const std::string& bytes) { values_[key] = bytes; }
  void add(const std::string& name, std::vector<uint64_t> sides) { tensors_[name + ".weight"] = std::move(sides); }

  Path file() const {
    GgufBytes made;
    for (const auto& [key, bytes] : values_) made.values.push_back(bytes);
    for (const auto& [name, sides] : tensors_) {
      made.tensors.push_back(gguf_tensor(name, sides, 0, made.data));
      made.data += 32;  // at most 8 values each
    }
    const Path path = folder_.path() / "t.gguf";
    std::ofstream(path, std::ios::binary) << made.bytes();
    return path;
  }
  Error error() const {
    try {
      const GgufFile opened(file());
      gguf_llama_tensors(opened, read_gguf_llama(opened));
      read_gguf_tokenizer(opened.metadata());
    } catch (const Error& error) {
      return error;
    }
    return {ErrorCode::Bug, {.what = "accepted"}};
  }
  Error error_with(const std::string& key, const std::string& bytes) {
    const auto before = values_;
    set(key, bytes);
    const Error result = error();
    values_ = before;
    return result;
  }
  Error error_with_number(const std::string& key, uint32_t value) { return error_with(key, number(key, value)); }

  std::map<std::string, std::string> values_;
  std::map<std::string, std::vector<uint64_t>> tensors_;
  TemporaryFolder folder_;
};

TEST_F(GgufLlamaFaults, TheWholeFileIsAccepted) { EXPECT_EQ(error().code(), ErrorCode::Bug) << error().line(); }

TEST_F(GgufLlamaFaults, OtherArchitecturesAreRefusedByName) {
  const Error refused = error_with("general.architecture", text("general.architecture", "qwen2"));
  EXPECT_EQ(refused.code(), ErrorCode::Refused);
  EXPECT_EQ(refused.fields().got, "qwen2");
  EXPECT_EQ(error_with("general.architecture", number("general.architecture", 1)).code(), ErrorCode::Malformed);
}

TEST_F(GgufLlamaFaults, VariantsThatAreNotKnownAreRefused) {
  EXPECT_EQ(error_with_number("llama.expert_count", 8).code(), ErrorCode::Refused);
  EXPECT_EQ(error_with_number("llama.expert_count", 0).code(), ErrorCode::Bug);
  EXPECT_EQ(error_with_number("llama.attention.sliding_window", 4096).code(), ErrorCode::Refused);
  EXPECT_EQ(error_with_number("llama.attention.value_length", 4).code(), ErrorCode::Refused);
  EXPECT_EQ(error_with_number("llama.rope.dimension_count", 1).code(), ErrorCode::Refused);
  EXPECT_EQ(error_with("k", gguf_value("llama.attention.causal", 7, std::string(1, '\0'))).code(), ErrorCode::Refused);
}

TEST_F(GgufLlamaFaults, NumbersMustBePresentAndAgree) {
  for (const char* key :
       {"block_count", "context_length", "embedding_length", "feed_forward_length", "attention.head_count"}) {
    const std::string name = "llama." + std::string(key);
    const Error zero = error_with_number(name, 0);
    EXPECT_EQ(zero.code(), ErrorCode::Malformed) << key;
    EXPECT_EQ(zero.fields().where, "metadata " + name);
    EXPECT_EQ(error_with(name, number("other", 1)).code(), ErrorCode::Malformed) << key;
    EXPECT_EQ(error_with(name, text(name, "1")).code(), ErrorCode::Malformed) << key;
    EXPECT_EQ(error_with_number(name, ~0U).code(), ErrorCode::Malformed) << key;
    EXPECT_EQ(error_with(name, gguf_value(name, 5, packed(-1))).code(), ErrorCode::Malformed) << key;
    for (const uint64_t huge : {1UL << 31, 1UL << 32, (1UL << 63) - 1, 1UL << 63, ~0UL}) {
      const Error error = error_with(name, gguf_value(name, 10, packed(huge)));
      EXPECT_TRUE(error.code() == ErrorCode::Malformed || (key == std::string("context_length") && huge == 1UL << 31));
      EXPECT_LE(error.line().size(), 512U);
    }
  }
  EXPECT_EQ(error_with_number("llama.attention.head_count", 2).code(), ErrorCode::Malformed);  // heads of one value
  EXPECT_EQ(error_with_number("llama.attention.head_count_kv", 2).code(), ErrorCode::Malformed);
  EXPECT_EQ(error_with_number("llama.vocab_size", 4).code(), ErrorCode::Malformed);
  for (const float bad :
       {0.0F, -1.0F, std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    EXPECT_EQ(error_with("epsilon", gguf_value("llama.attention.layer_norm_rms_epsilon", 6, packed(bad))).code(),
              ErrorCode::Malformed);
    EXPECT_EQ(error_with("base", gguf_value("llama.rope.freq_base", 6, packed(bad))).code(), ErrorCode::Malformed);
  }
  EXPECT_EQ(error_with("scaling", text("llama.rope.scaling.type", "spline")).code(), ErrorCode::Malformed);
}

TEST_F(GgufLlamaFaults, AllWrongTensorsAreListed) {
  tensors_.erase("output_norm.weight");
  tensors_["blk.0.ffn_up.weight"] = {4, 2};
  add("blk.1.attn_q", {2, 2});
  const Error wrong = error();
  EXPECT_EQ(wrong.code(), ErrorCode::Malformed);
  EXPECT_EQ(wrong.fields().got,
            "3 faults: blk.0.ffn_up.weight is [2, 4], not [4, 2]; missing output_norm.weight; "
            "unexpected blk.1.attn_q.weight");
}

TEST_F(GgufLlamaFaults, FrequencyFactorsAreReadAndChecked) {
  add("rope_freqs", {1});
  EXPECT_EQ(error().code(), ErrorCode::Malformed);  // zero divides
  tensors_["rope_freqs.weight"] = {2};
  EXPECT_EQ(error().fields().what, "disagrees with rope_freqs.weight");
}

TEST_F(GgufLlamaFaults, LinearScalingHasTwoSpellings) {
  set("old", gguf_value("llama.rope.scale_linear", 6, packed(2.0F)));
  const GgufRopeScaling old = read_gguf_llama(GgufFile(file())).rope_scaling;
  EXPECT_EQ(old.kind, "linear");
  EXPECT_EQ(old.factor, 2);
  set("old", gguf_value("llama.rope.scaling.factor", 6, packed(4.0F)));
  set("kind", text("llama.rope.scaling.type", "linear"));
  EXPECT_EQ(read_gguf_llama(GgufFile(file())).rope_scaling.factor, 4);
}

TEST_F(GgufLlamaFaults, TokenizersMustHoldTogether) {
  const auto code = [&](const std::string& bytes) { return error_with("tokenizer", bytes).code(); };
  for (const char* name : {"bos", "eos", "eot", "unknown", "padding"}) {
    const std::string key = "tokenizer.ggml." + std::string(name) + "_token_id";
    EXPECT_EQ(code(number(key, 2)), ErrorCode::Bug) << key;
    EXPECT_EQ(code(number(key, 3)), ErrorCode::Malformed) << key;
    EXPECT_EQ(code(gguf_value(key, 5, packed(-1))), ErrorCode::Malformed) << key;
  }
  for (const char* merge : {"", " ", "a", "ab", " b", "a "}) {
    EXPECT_EQ(code(texts("tokenizer.ggml.merges", {"a b", merge})), ErrorCode::Malformed) << merge;
  }
  EXPECT_EQ(code(texts("tokenizer.ggml.merges", {"a \xff"})), ErrorCode::Malformed);
  const auto types = [](std::vector<int32_t> numbers) {
    std::string bytes = packed<uint32_t>(5) + packed<uint64_t>(numbers.size());
    for (const int32_t type : numbers) bytes += packed(type);
    return gguf_value("tokenizer.ggml.token_type", 9, bytes);
  };
  EXPECT_EQ(code(types({1, 3, 6})), ErrorCode::Bug);
  EXPECT_EQ(code(types({1, 3})), ErrorCode::Malformed);
  EXPECT_EQ(code(types({1, 3, 7})), ErrorCode::Malformed);
  EXPECT_EQ(code(types({1, 3, 0})), ErrorCode::Malformed);
  EXPECT_EQ(error_with("tokenizer.ggml.tokens", texts("tokenizer.ggml.tokens", {})).code(), ErrorCode::Malformed);
  EXPECT_EQ(error_with("tokenizer.ggml.tokens", texts("tokenizer.ggml.tokens", {"\xff"})).code(), ErrorCode::Malformed);
  EXPECT_EQ(error_with("tokenizer.ggml.model", number("n", 1)).code(), ErrorCode::Malformed);
  EXPECT_EQ(code(text("tokenizer.chat_template", "\xff")), ErrorCode::Malformed);
}

}  // namespace
}  // namespace magma
