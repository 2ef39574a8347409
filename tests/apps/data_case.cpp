#include "tests/apps/data_case.h"

#include "magma/data/example_proto.h"
#include "magma/data/tfrecord.h"
#include "magma/image/codec.h"

namespace magma {
namespace {

constexpr const char* kFeatures = R"({"pythonClassName": "tfds.FeaturesDict", "featuresDict": {"features": {"steps":
{"pythonClassName": "tfds.Dataset", "sequence": {"length": "-1", "feature":
{"pythonClassName": "tfds.FeaturesDict", "featuresDict": {"features": {
"action": {"pythonClassName": "tfds.Tensor",
  "tensor": {"shape": {"dimensions": ["7"]}, "dtype": "float32", "encoding": "none"}},
"is_first": {"pythonClassName": "tfds.Scalar", "tensor": {"shape": {}, "dtype": "bool", "encoding": "none"}},
"is_last": {"pythonClassName": "tfds.Scalar", "tensor": {"shape": {}, "dtype": "bool", "encoding": "none"}},
"language_instruction": {"pythonClassName": "tfds.Text", "text": {}},
"observation": {"pythonClassName": "tfds.FeaturesDict", "featuresDict": {"features": {
  "wrist_image": {"pythonClassName": "tfds.Image",
    "image": {"shape": {"dimensions": ["4", "6", "3"]}, "dtype": "uint8", "encodingFormat": "png"}}}}}}}}}}}}})";

std::string picture(int grey) {
  Image image({6, 4});
  std::fill(image.pixels.begin(), image.pixels.end(), static_cast<uint8_t>(grey));
  return encode_png(image);
}

}  // namespace

std::string StoredEpisode::example() const {
  ExampleWriter writer;
  for (const auto& [key, values] : bytes) writer.add_bytes(key, {values.begin(), values.end()});
  for (const auto& [key, values] : floats) {
    writer.add_floats(key, {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)});
  }
  for (const auto& [key, values] : ints) writer.add_ints(key, values);
  return writer.take();
}

StoredEpisode stored_episode(int number) {
  StoredEpisode episode;
  for (int step = 0; step < kStoredSteps; ++step) {
    for (int axis = 0; axis < 6; ++axis)
      episode.floats["steps/action"].push_back(0.01F * static_cast<float>(number + axis) * static_cast<float>(step));
    episode.floats["steps/action"].push_back(step == 1 ? 0 : 1);
    episode.ints["steps/is_first"].push_back(step == 0 ? 1 : 0);
    episode.ints["steps/is_last"].push_back(step == kStoredSteps - 1 ? 1 : 0);
    episode.bytes["steps/language_instruction"].push_back("push block " + std::to_string(number));
    episode.bytes["steps/observation/wrist_image"].push_back(picture(20 * step + number));
  }
  return episode;
}

std::string DataCase::tokenizer() {
  return (Path(MAGMA_SOURCE_DIR) / "tests/fixtures/model/checkpoints/tiny-names").string();
}

Json DataCase::json_of(std::vector<std::string> words) const {
  words.emplace_back("--json");
  const ProgramRun done = run(words);
  EXPECT_EQ(done.status, 0) << words[1] << ": " << done.err;
  return parse_json(done.out, "stdout");
}

Json DataCase::make_set(const std::string& name, const std::string& folder, int count) const {
  return json_of({"data", "make", name, "-o", folder, "--count", std::to_string(count)});
}

void DataCase::make_mixed_set() const {
  make_set("robot", "set/robot", 3);
  make_set("questions", "set/questions", 7);
  write("set/mixed.yaml",
        "DATA_PATH: [./robot, ./questions/llava.json]\n"
        "IMAGE_FOLDER: [siglip-224px+mx-bridge-orig, ./questions]\n"
        "data: {tags: [openx, llava]}\n");
}

std::vector<std::string> DataCase::batch_words(const std::string& config, const std::vector<std::string>& more) const {
  std::vector<std::string> words = {"data",         "batch", config,  "--tokenizer",        tokenizer(),
                                    "--batch-size", "3",     "--set", "data.image_size=16", "--json"};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

Json DataCase::batch(const std::string& config, const std::vector<std::string>& more) const {
  const ProgramRun done = run(batch_words(config, more));
  EXPECT_EQ(done.status, 0) << done.err;
  return parse_json(done.out, "stdout");
}

CheckedSource DataCase::check(const std::string& source, const std::vector<std::string>& more) const {
  std::vector<std::string> words = {"data", "check", source, "--json"};
  words.insert(words.end(), more.begin(), more.end());
  const ProgramRun done = run(words);
  CheckedSource checked{.status = done.status, .err = done.err, .all = parse_json(done.out, "stdout"), .source = {}};
  checked.source = checked.all.at("sources").at(0);
  return checked;
}

void DataCase::write_episodes(const std::string& folder, const std::vector<StoredEpisode>& episodes) const {
  std::string shard;
  for (const StoredEpisode& episode : episodes) shard += frame_tfrecord(episode.example());
  write_shard(folder, shard, episodes.size());
}

void DataCase::write_shard(const std::string& folder, const std::string& shard, size_t records) const {
  const std::string version = folder + "/1.0.0";
  std::filesystem::create_directories(path(version));
  write(version + "/features.json", kFeatures);
  write(
      version + "/dataset_info.json",
      R"({"name": "dobbe", "version": "1.0.0", "fileFormat": "tfrecord", "splits": [{"name": "train", "shardLengths": [")" +
          std::to_string(records) + R"("], "numBytes": "1"}]})");
  write(version + "/dobbe-train.tfrecord-00000-of-00001", shard);
}

void DataCase::write_llava(const std::string& folder, const std::vector<std::string>& pictures) const {
  std::filesystem::create_directories(path(folder));
  Json items = Json::array();
  for (const std::string& name : pictures) {
    items.push_back(
        {{"image", name},
         {"conversations",
          {{{"from", "human"}, {"value", "<image>\nWhat is it?"}}, {{"from", "gpt"}, {"value", "Grey."}}}}});
  }
  write(folder + "/llava.json", items.dump());
  write(folder + "/llava.yaml", "DATA_PATH: [./llava.json]\nIMAGE_FOLDER: [./pictures]\ndata: {tags: [llava]}\n");
  std::filesystem::create_directories(path(folder + "/pictures"));
  write(folder + "/pictures/grey.png", picture(100));
}

}  // namespace magma
