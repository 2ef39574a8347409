// Strict loading: rows ST-11 and the faults of tensors, all in one error.
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "magma/core/log.h"
#include "magma/model/magma.h"
#include "magma/model/weight_names.h"
#include "tests/model/fixture_set.h"
#include "tests/support/temporary_folder.h"

namespace magma {
namespace {

using testing::HasSubstr;

constexpr const char* kTrunk = "vision_tower.clip_vision_model.trunk.";

class Loading : public testing::Test {
 protected:
  Loading() : folder_(Path(MAGMA_SOURCE_DIR) / "tests/fixtures/model/checkpoints/tiny-names") {
    set_log_level(LogLevel::Off);
    config_ = read_model_config(folder_);
    weights_ = map_weight_folder(folder_);
  }
  ~Loading() override { set_log_level(LogLevel::Warning); }

  Error error() const {
    try {
      make_network(config_, weights_, "weights", 1);
    } catch (const Error& caught) {
      return caught;
    }
    return {ErrorCode::Bug, {.what = "accepted"}};
  }

  Path folder_;
  MagmaConfig config_;
  WeightMap weights_;
};

TEST_F(Loading, AllFaultsComeInOneError) {
  weights_.erase("language_model.model.norm.weight");
  weights_.erase("multi_modal_projector.proj.0.bias");
  weights_["language_model.model.layers.9.mlp.up_proj.weight"] = Tensor::zeros({2, 2});
  Tensor& gate = weights_["language_model.model.layers.0.mlp.gate_proj.weight"];
  gate = gate.reshaped({gate.dim(1), gate.dim(0)});
  weights_["language_model.lm_head.weight"] =
      Tensor::zeros(weights_["language_model.lm_head.weight"].shape(), DType::F64);
  const Error caught = error();
  EXPECT_EQ(caught.code(), ErrorCode::Malformed);
  EXPECT_EQ(caught.fields().what, "5 faults in the tensors");
  for (const char* part :
       {"missing language_model.model.norm.weight", "missing multi_modal_projector.proj.0.bias",
        "unexpected language_model.model.layers.9.mlp.up_proj.weight",
        "shape of language_model.model.layers.0.mlp.gate_proj.weight: expected [80, 32], got [32, 80]",
        "type of language_model.lm_head.weight: expected F32, BF16 or F16, got F64"}) {
    EXPECT_THAT(caught.fields().got, HasSubstr(part));
    EXPECT_THAT(caught.to_json(), HasSubstr(part));
  }
  EXPECT_LT(caught.line().size(), 512U);
}

TEST_F(Loading, AMissingGammaIsAnError) {
  weights_.erase(std::string(kTrunk) + "stages.0.blocks.0.gamma");
  EXPECT_THAT(error().fields().got, HasSubstr("missing"));
}

TEST_F(Loading, TwoNamesOfOneTensorAreAnError) {
  const std::string block = std::string(kTrunk) + "stages.0.blocks.0.";
  weights_[block + "weight"] = weights_.at(block + "gamma");
  const Error caught = error();
  EXPECT_EQ(caught.code(), ErrorCode::Malformed);
  EXPECT_THAT(caught.line(), HasSubstr("means the same as another tensor"));
}

TEST_F(Loading, AVocabularyThatDisagreesNamesTheField) {
  config_.text.vocab_size += 1;
  const Error caught = error();
  EXPECT_EQ(caught.code(), ErrorCode::Malformed);
  EXPECT_EQ(caught.fields().where, "/text_config/vocab_size");
}

TEST_F(Loading, TheUnusedHeadMayBeThereOrNot) {
  for (const char* name : {"vision_tower.clip_vision_model.trunk.head.norm.weight", "visual.head.proj.weight",
                           "convnext.layernorm.weight", "head.weight", "multi_modal_projector.proj_segtok.0.weight",
                           "language_model.model.layers.0.self_attn.rotary_emb.inv_freq"}) {
    EXPECT_TRUE(is_unused_name(canonical_name(name))) << name;
  }
  EXPECT_FALSE(is_unused_name(canonical_name("vision_tower.clip_vision_model.trunk.stages.0.blocks.0.norm.weight")));
  EXPECT_FALSE(is_unused_name(canonical_name("language_model.model.norm.weight")));
  std::erase_if(weights_, [](const auto& entry) { return is_unused_name(canonical_name(entry.first)); });
  EXPECT_EQ(error().fields().what, "accepted");
}

class ShardIndex : public testing::Test {
 protected:
  void write(const std::string& index) const {
    std::ofstream(folder_.path() / "model.safetensors.index.json") << index;
  }
  void shard(const std::string& name, const std::vector<std::string>& tensors) const {
    SafetensorsWriter writer(folder_.path() / name);
    for (const std::string& tensor : tensors) writer.add(tensor, DType::F32, {1}, std::string(4, '\0'));
    writer.finish(false);
  }
  Error error() const {
    try {
      map_weight_folder(folder_.path());
    } catch (const Error& caught) {
      return caught;
    }
    return {ErrorCode::Bug, {.what = "accepted"}};
  }
  TemporaryFolder folder_;
};

TEST_F(ShardIndex, ReadsWhatAgrees) {
  shard("a.safetensors", {"x", "y"});
  shard("b.safetensors", {"z"});
  write(R"({"metadata":{"total_size":12},"weight_map":{"x":"a.safetensors","y":"a.safetensors","z":"b.safetensors"}})");
  EXPECT_EQ(map_weight_folder(folder_.path()).size(), 3U);
}

TEST_F(ShardIndex, RefusesWhatDoesNot) {
  shard("a.safetensors", {"x", "y"});
  shard("b.safetensors", {"x"});
  const auto expect = [&](const std::string& map, ErrorCode code, const std::string& part) {
    write(R"({"metadata":{"total_size":8},"weight_map":)" + map + "}");
    const Error caught = error();
    EXPECT_EQ(caught.code(), code) << map;
    EXPECT_THAT(caught.line(), HasSubstr(part)) << map;
  };
  expect(R"({"x":"a.safetensors"})", ErrorCode::Malformed, "tensor y");
  expect(R"({"x":"a.safetensors","y":"a.safetensors","q":"a.safetensors"})", ErrorCode::Malformed, "tensor q");
  expect(R"({"x":"a.safetensors","y":"b.safetensors"})", ErrorCode::Malformed, "tensor y");
  expect(R"({"x":"c.safetensors"})", ErrorCode::FileSystem, "c.safetensors");
  expect(R"({"x":"../a.safetensors"})", ErrorCode::Refused, "/weight_map/x");
  expect(R"({"x":"/a.safetensors"})", ErrorCode::Refused, "/weight_map/x");
  expect(R"({"x":"a.bin"})", ErrorCode::Refused, "/weight_map/x");
  expect(R"({"x":3})", ErrorCode::Malformed, "/weight_map/x");
  expect(R"({})", ErrorCode::Malformed, "/weight_map");
  expect(R"([])", ErrorCode::Malformed, "/weight_map");
  expect(R"({"x":"b.safetensors"})", ErrorCode::Malformed, "/metadata/total_size");
  expect(R"({"x":""})", ErrorCode::Refused, "/weight_map/x");
  expect(R"({"x":"sub/a.safetensors"})", ErrorCode::Refused, "/weight_map/x");
  expect(R"({"x":"a.safetensors\u0000"})", ErrorCode::Refused, "/weight_map/x");
  expect(R"({"x":"a.safetensors","x":"b.safetensors"})", ErrorCode::Malformed, "twice");
  expect(R"({"x":null})", ErrorCode::Malformed, "/weight_map/x");
  std::filesystem::create_directory(folder_.path() / "d.safetensors");
  expect(R"({"x":"d.safetensors"})", ErrorCode::FileSystem, "d.safetensors");
  write("{}");
  EXPECT_EQ(error().code(), ErrorCode::Malformed);
  write(R"({"metadata":{"total_size":"8"},"weight_map":{"x":"b.safetensors"}})");
  EXPECT_EQ(error().fields().where, "/metadata/total_size");
  write(R"({"weight_map":{"x":"b.safetensors")");
  EXPECT_EQ(error().code(), ErrorCode::Malformed);
}

// The cache of Hugging Face's hub is made of links, so a shard may be one; its name still leads nowhere else.
TEST_F(ShardIndex, AShardMayBeALink) {
  const TemporaryFolder blobs;
  shard("a.safetensors", {"x"});
  std::filesystem::rename(folder_.path() / "a.safetensors", blobs.path() / "0123abcd");
  std::filesystem::create_symlink(blobs.path() / "0123abcd", folder_.path() / "a.safetensors");
  write(R"({"weight_map":{"x":"a.safetensors"}})");
  EXPECT_EQ(map_weight_folder(folder_.path()).size(), 1U);
  std::filesystem::remove(blobs.path() / "0123abcd");
  EXPECT_EQ(error().code(), ErrorCode::FileSystem);
}

TEST_F(ShardIndex, HasALimitOfShards) {
  const auto index = [](int shards) {
    std::string map;
    for (int i = 0; i < shards; ++i) {
      map += (i > 0 ? ",\"t" : "\"t") + std::to_string(i) + "\":\"" + std::to_string(i) + ".safetensors\"";
    }
    return "{\"weight_map\":{" + map + "}}";
  };
  write(index(10'000));
  EXPECT_EQ(error().code(), ErrorCode::FileSystem);  // none of them is there
  write(index(10'001));
  EXPECT_EQ(error().code(), ErrorCode::Refused);
  EXPECT_THAT(error().line(), HasSubstr("too many shards"));
}

TEST_F(ShardIndex, AFolderWithoutWeightsSaysSo) {
  EXPECT_EQ(error().code(), ErrorCode::FileSystem);
  EXPECT_THAT(error().line(), HasSubstr("no weights in the folder"));
}

}  // namespace
}  // namespace magma
