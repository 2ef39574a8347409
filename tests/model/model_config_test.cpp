#include "magma/model/model_config.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace magma {
namespace {

Json published() {
  return read_json(Path(MAGMA_SOURCE_DIR) / "tests/fixtures/model/checkpoints/tiny-gqa-ropescaled/config.json");
}

Error error_of(const Json& root) {
  try {
    parse_model_config(root, "config.json");
  } catch (const Error& caught) {
    return caught;
  }
  return {ErrorCode::Bug, {.what = "accepted"}};
}

TEST(ModelConfig, ReadsEveryField) {
  const MagmaConfig config = parse_model_config(published(), "config.json");
  EXPECT_EQ(config.text.hidden_size, 96);
  EXPECT_EQ(config.text.num_key_value_heads, 2);
  EXPECT_EQ(config.text.head_dim, 12);
  EXPECT_EQ(config.text.rope.scaling.type, "llama3");
  EXPECT_EQ(config.text.rope.scaling.original_max_position_embeddings, 256);
  EXPECT_TRUE(config.text.tie_word_embeddings);
  ASSERT_TRUE(config.vision.has_value());
  EXPECT_EQ(config.vision->projector_layers, 3);
  EXPECT_EQ(config.vision->dims[3], 56);
  EXPECT_FLOAT_EQ(config.vision->epsilon, 1e-5F);
  EXPECT_EQ(config.image_token_index, 1088);
  EXPECT_TRUE(config.wrap_images);
}

TEST(ModelConfig, TheTowersSizeFollowsFromItsName) {
  Json root = published();
  Json& vision = root["vision_config"];
  for (const char* key : {"depths", "dims", "mm_hidden_size"}) vision.erase(key);
  EXPECT_EQ(parse_model_config(root, "").vision->dims[3], 3072);
  vision["vision_backbone"] = "convnextlarge";
  const MagmaConfig large = parse_model_config(root, "");
  EXPECT_EQ(large.vision->depths, (std::array<int64_t, 4>{3, 3, 27, 3}));
  EXPECT_FLOAT_EQ(large.vision->epsilon, 1e-6F);
}

TEST(ModelConfig, TheTextConfigWinsOverTheTopLevel) {
  Json root = published();
  root["hidden_size"] = 7;
  root["rms_norm_eps"] = 0.05;
  root["text_config"].erase("rms_norm_eps");
  const MagmaConfig config = parse_model_config(root, "");
  EXPECT_EQ(config.text.hidden_size, 96);
  EXPECT_EQ(config.text.rms_norm_eps, 0.05);
}

TEST(ModelConfig, ReadsRotaryFieldsAsTransformers5WritesThem) {
  Json root = published();
  Json& text = root["text_config"];
  Json parameters = text["rope_scaling"];
  parameters["rope_theta"] = 7000.0;
  for (Json* part : {&root, &text}) {
    part->erase("rope_scaling");
    part->erase("rope_theta");
  }
  text["rope_parameters"] = parameters;
  const MagmaConfig config = parse_model_config(root, "");
  EXPECT_EQ(config.text.rope.theta, 7000);
  EXPECT_EQ(config.text.rope.scaling.type, "llama3");
  text["rope_parameters"]["rope_theta"] = 0.5;
  EXPECT_EQ(error_of(root).fields().where, "/text_config/rope_parameters/rope_theta");
}

TEST(ModelConfig, EveryNumberHasItsRange) {
  struct Field {
    const char* pointer;
    Json least, most;
  };
  const std::vector<Field> fields = {{"/text_config/hidden_size", 1, 1 << 20},
                                     {"/text_config/intermediate_size", 1, 1 << 20},
                                     {"/text_config/num_hidden_layers", 1, 1000},
                                     {"/text_config/num_attention_heads", 1, 4096},
                                     {"/text_config/num_key_value_heads", 1, 4096},
                                     {"/text_config/max_position_embeddings", 1, 1 << 24},
                                     {"/text_config/vocab_size", 1, int64_t{1} << 31},
                                     {"/text_config/rope_theta", 1.0, 1e12},
                                     {"/text_config/rms_norm_eps", 1e-12, 0.1},
                                     {"/text_config/rope_scaling/factor", 1.0, 1e6},
                                     {"/image_token_index", 0, int64_t{1} << 31},
                                     {"/img_size", 32, 8192},
                                     {"/text_config/head_dim", 2, 4096},
                                     {"/text_config/sliding_window", 1, 1 << 24},
                                     {"/text_config/initializer_range", 0.0, 10.0},
                                     {"/vision_config/mm_hidden_size", 1, 1 << 20},
                                     {"/text_config/rope_scaling/low_freq_factor", 1e-6, 1e6},
                                     {"/text_config/rope_scaling/high_freq_factor", 1e-6, 1e6},
                                     {"/text_config/rope_scaling/attention_factor", 1e-6, 1e6},
                                     {"/text_config/rope_scaling/original_max_position_embeddings", 1, 1 << 24}};
  for (const Field& field : fields) {
    SCOPED_TRACE(field.pointer);
    const Json::json_pointer at(field.pointer);
    const bool whole = field.least.is_number_integer();
    const double below = field.least.get<double>() > 0 ? field.least.get<double>() / 2 : -1e-9;
    const std::vector<Json> wrong = {whole ? Json(field.least.get<int64_t>() - 1) : Json(below),
                                     whole ? Json(field.most.get<int64_t>() + 1) : Json(field.most.get<double>() * 2),
                                     Json("NaN"),
                                     Json::array(),
                                     Json::object(),
                                     Json(-1),
                                     Json(true),
                                     Json(1e308),
                                     Json(uint64_t{1} << 63U),
                                     Json(~uint64_t{0})};
    for (const Json& value : wrong) {
      Json root = published();
      root[at] = value;
      const Error caught = error_of(root);
      EXPECT_EQ(caught.code(), ErrorCode::Malformed) << value;
      EXPECT_EQ(caught.fields().where, field.pointer) << value;
      EXPECT_EQ(caught.fields().file, "config.json");
    }
  }
}

TEST(ModelConfig, TheTowersSizesHaveRanges) {
  for (const Json& value : {Json(0), Json(-1), Json(1 << 21), Json(1.5), Json("NaN"), Json(nullptr), Json(1e308)}) {
    for (const char* pointer : {"/vision_config/depths", "/vision_config/dims"}) {
      Json root = published();
      root[Json::json_pointer(pointer)][2] = value;
      const Error caught = error_of(root);
      EXPECT_EQ(caught.code(), ErrorCode::Malformed) << pointer << value;
      EXPECT_EQ(caught.fields().where, pointer) << value;
    }
  }
  Json root = published();
  root["vision_config"]["dims"].push_back(8);
  EXPECT_EQ(error_of(root).fields().where, "/vision_config/dims");
}

TEST(ModelConfig, CodeOfThePublisherIsNeverAskedFor) {
  Json root = published();
  root["auto_map"] = {{"AutoModelForCausalLM", "../../evil--module.Class"}};
  root["trust_remote_code"] = true;
  root["custom_pipelines"] = {{"x", {{"impl", "evil.py"}}}};
  const MagmaConfig with = parse_model_config(root, ""), without = parse_model_config(published(), "");
  EXPECT_EQ(with.text.hidden_size, without.text.hidden_size);
  EXPECT_EQ(with.image_token_index, without.image_token_index);
}

TEST(ModelConfig, RefusesWhatWeDoNotHave) {
  const std::vector<std::pair<const char*, Json>> unknown = {{"/vision_config/vision_backbone", "resnet50"},
                                                             {"/vision_config/mm_projector_type", "linear"},
                                                             {"/vision_config/img_anyres_strategy", "anyres_max"},
                                                             {"/text_config/hidden_act", "gelu"},
                                                             {"/text_config/model_type", "gemma"},
                                                             {"/model_type", "llava"},
                                                             {"/text_config/rope_scaling/rope_type", "su"}};
  for (const auto& [pointer, value] : unknown) {
    Json root = published();
    root[Json::json_pointer(pointer)] = value;
    const Error caught = error_of(root);
    EXPECT_EQ(caught.code(), ErrorCode::Refused) << pointer;
    EXPECT_EQ(caught.fields().where, pointer);
  }
}

TEST(ModelConfig, HeadsMustDivide) {
  Json root = published();
  root["text_config"]["num_attention_heads"] = 7;
  EXPECT_EQ(error_of(root).code(), ErrorCode::Malformed);
  root = published();
  root["text_config"]["num_key_value_heads"] = 3;
  EXPECT_EQ(error_of(root).fields().where, "/text_config/num_key_value_heads");
}

TEST(ModelConfig, ReadsStopIdsOneOrSeveral) {
  EXPECT_EQ(parse_generation_config(Json::parse(R"({"eos_token_id":5})"), "").eos_token_ids, std::vector<int64_t>{5});
  const auto two = parse_generation_config(Json::parse(R"({"eos_token_id":[5,6],"pad_token_id":9})"), "");
  EXPECT_EQ(two.eos_token_ids, (std::vector<int64_t>{5, 6}));
  EXPECT_EQ(two.pad_token_id, 9);
  for (const char* key : {"eos_token_id", "bos_token_id", "pad_token_id"}) {
    for (const char* value :
         {"-1", "\"5\"", "1.5", "true", "{}", "2147483649", "18446744073709551615", "1e300", "[1.5]"}) {
      const std::string text = "{\"" + std::string(key) + "\":" + value + "}";
      try {
        parse_generation_config(Json::parse(text), "generation_config.json");
        ADD_FAILURE() << text;
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::Malformed) << text;
        EXPECT_EQ(error.fields().where, "/" + std::string(key)) << text;
        EXPECT_EQ(error.fields().file, "generation_config.json") << text;
      }
    }
  }
}

}  // namespace
}  // namespace magma
