// Damaged and hostile data as a user meets it: one line that names file and place, and the number of the contract.
#include <functional>

#include "magma/data/crc32c.h"
#include "magma/data/tfrecord.h"
#include "tests/apps/data_case.h"
#include "tests/data/torch_bytes.h"

namespace magma {
namespace {

using std::string_literals::operator""s;

struct Row {
  std::string name;
  std::string bytes;
  int status;
  std::string part;  // of the line
};

const std::string kObject = pickle(small(1));

std::string replaced_once(std::string text, const std::string& from, const std::string& to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

std::string nested(const std::string& open, const std::string& close, int depth) {
  std::string text;
  for (int i = 0; i < depth; ++i) text += open;
  text += "1";
  for (int i = 0; i < depth; ++i) text += close;
  return text;
}

std::string head_of(uint64_t length) {
  const std::string head = bytes_of(length);
  return head + bytes_of(mask_crc32c(crc32c(head)));
}

class DataMalformed : public DataCase {
 protected:
  void expect_found(const Row& row, const std::string& source, const CheckedSource& checked) const {
    EXPECT_EQ(checked.status, row.status) << row.name << ": " << checked.err;
    EXPECT_EQ(checked.all["ok"], false) << row.name;
    const size_t warnings = checked.err.starts_with("warning") ? checked.err.find("error[") : 0;
    expect_one_line(checked.err.substr(warnings), row.part, row.name + ": ");
    ASSERT_GE(checked.source["errors"].size(), 1U) << row.name;
    const Json& error = checked.source["errors"][0];
    EXPECT_NE(error["file"].get<std::string>().find(Path(source).filename().string()), std::string::npos) << row.name;
    EXPECT_FALSE(error["what"].get<std::string>().empty()) << row.name;
  }
  void file_fails(const std::string& file, const Row& row) const {
    write(file, row.bytes);
    const CheckedSource first = check(file);
    expect_found(row, file, first);
    EXPECT_EQ(check(file).err, first.err) << row.name;
  }
  void episode_fails(const std::string& id, const std::function<void(StoredEpisode&)>& change, int status,
                     const std::string& part) const {
    StoredEpisode bad = stored_episode(1);
    change(bad);
    write_episodes("dobbe", {stored_episode(0), bad, stored_episode(2)});
    const CheckedSource checked = check("dobbe/1.0.0");
    expect_found({id, "", status, part}, "dobbe-train.tfrecord-00000-of-00001", checked);
    EXPECT_EQ(checked.source["records"], 3) << id;
    EXPECT_EQ(checked.source["skipped"], 1) << id;
    EXPECT_EQ(checked.source["samples"], 2 * kStoredSteps) << id;
    EXPECT_NE(checked.err.find("record 1"), std::string::npos) << id << checked.err;
  }
};

TEST_F(DataMalformed, EpisodesNameRecordFeatureAndStep) {
  const std::string action = "steps/action", text = "steps/language_instruction", last = "steps/is_last";
  const std::string camera = "steps/observation/wrist_image";
  const auto set = [&](float value, size_t at) { return [=](StoredEpisode& e) { e.floats[action][at] = value; }; };
  episode_fails("NaN", set(std::numeric_limits<float>::quiet_NaN(), 8), 3, "feature steps/action, step 1");
  episode_fails("Inf", set(-std::numeric_limits<float>::infinity(), 20), 3, "feature steps/action, step 2");
  episode_fails("gripper", set(7, 13), 3, "feature steps/action, step 1: gripper out of range");
  episode_fails(
      "width", [&](auto& e) { e.floats[action].pop_back(); }, 3, "feature steps/action");
  episode_fails(
      "step less", [&](auto& e) { e.floats[action].resize(14); }, 3, "feature steps/action");
  episode_fails(
      "missing", [&](auto& e) { e.floats.erase(action); }, 3, "feature steps/action");
  episode_fails(
      "missing text", [&](auto& e) { e.bytes.erase(text); }, 3, "feature steps/language_instruction");
  episode_fails(
      "extra",
      [](auto& e) {
        e.ints["steps/extra"] = {1, 2, 3};
      },
      3, "feature steps/extra");
  episode_fails(
      "kind", [&](auto& e) { e.floats.erase(action), e.ints[action] = std::vector<int64_t>(21, 1); }, 3,
      "feature steps/action");
  episode_fails(
      "not a flag",
      [&](auto& e) {
        e.ints[last] = {0, 0, 2};
      },
      3, "feature steps/is_last");
  episode_fails(
      "no end",
      [&](auto& e) {
        e.ints[last] = {0, 0, 0};
      },
      3, "feature steps/is_last, step 2");
  episode_fails(
      "two ends",
      [&](auto& e) {
        e.ints[last] = {0, 1, 1};
      },
      3, "feature steps/is_last, step 1");
  episode_fails(
      "flag too many", [&](auto& e) { e.ints[last].push_back(1); }, 3, "feature steps/is_last");
  episode_fails(
      "cut picture", [&](auto& e) { e.bytes[camera][1].resize(40); }, 3,
      "feature steps/observation/wrist_image, step 1");
  episode_fails(
      "no picture", [&](auto& e) { e.bytes[camera][2] = "<svg></svg>"; }, 3,
      "feature steps/observation/wrist_image, step 2");
  episode_fails(
      "bad text", [&](auto& e) { e.bytes[text][0] = "\xff"; }, 3, "feature steps/language_instruction, step 0");
  episode_fails(
      "no steps", [](auto& e) { e = {}; }, 3, "episode has no steps");
}

TEST_F(DataMalformed, ShardsNameRecordAndOffset) {
  std::string good;
  for (int i = 0; i < 3; ++i) good += frame_tfrecord(stored_episode(i).example());
  const size_t second = frame_tfrecord(stored_episode(0).example()).size();
  const auto shard_fails = [&](const std::string& name, const std::string& shard, int status, const std::string& part,
                               int64_t records) {
    write_shard("dobbe", shard, 3);
    const CheckedSource checked = check("dobbe/1.0.0");
    expect_found({name, "", status, part}, "dobbe-train.tfrecord-00000-of-00001", checked);
    EXPECT_EQ(checked.source["records"], records) << name;
  };
  std::string changed = good;
  changed[second + 40] = static_cast<char>(changed[second + 40] ^ 0xFF);
  shard_fails("TR-2 data", changed, 3, "record 1, offset " + std::to_string(second), 3);
  changed = good;
  changed[second + 2] = static_cast<char>(changed[second + 2] ^ 1);
  shard_fails("TR-2 length", changed, 3, "record 1, offset " + std::to_string(second), 0);
  shard_fails("TR-1 cut", good.substr(0, good.size() - 1), 3, "record 2", 0);
  shard_fails("TR-1 cut head", good.substr(0, second + 7), 3, "record 1", 0);
  shard_fails("TR-3", good.substr(0, second) + head_of(uint64_t{1} << 63) + "x", 4, "record 1", 0);
  shard_fails("TR-4 garbage", good + "garbage behind it", 3, "record 3", 0);
  shard_fails("TR-4 joined", good + good, 3, "dataset_info.json", 0);
  shard_fails("TR-4 empty", "", 3, "dataset_info.json", 0);
}

TEST_F(DataMalformed, RecordFiles) {
  const std::string good = frame_tfrecord(stored_episode().example());
  const std::string varint = "\x0A\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F"s;
  for (const Row& row :
       std::vector<Row>{{"TR-3 beyond", head_of(1000) + "short", 3, "record 0, offset 0"},
                        {"TR-3 wraps", head_of(UINT64_MAX - 3) + "short", 4, "record 0, offset 0"},
                        {"TR-4 other kind", "{\"a\": 1}, and so on, and so on", 3, "record 0, offset 0"},
                        {"TR-4 gzip cut", "\x1F\x8B\x08\0\0\0"s, 3, "some.tfrecord"},
                        {"TR-5 varint", frame_tfrecord(varint), 3, "record 0"},
                        {"TR-5 wire type", frame_tfrecord("\x0D\x01\x02\x03\x04"s), 3, "record 0"},
                        {"TR-5 group", frame_tfrecord("\x0B\x0C"s), 3, "record 0"}}) {
    file_fails("some.tfrecord", row);
  }
}

TEST_F(DataMalformed, TorchFiles) {
  const std::string good = read_file(Path(MAGMA_SOURCE_DIR) / "tests/data/fixtures/traces/robot.pth", 1 << 20);
  std::string changed = good;
  changed[good.size() / 2] = static_cast<char>(changed[good.size() / 2] ^ 0x10);
  const std::string system = archive_of(pickle(global("os", "system") + "(" + text("true") + "tR"));
  const std::string close = archive_of(pickle(global("torch._utils", "_rebuild_tensor_v9") + "(tR"));
  std::string doubling = ")q\0"s;
  for (int i = 0; i < 40; ++i) doubling += "h\0\x86q\0"s;
  const Entries twice = {{"a/data.pkl", kObject}, {"a/data.pkl", kObject}, {"a/version", "3\n"}};
  for (const Row& row : std::vector<Row>{
           {"PK-1", system, 4, "module os, name system"},
           {"PK-1 stacked", archive_of(pickle(text("posix") + text("system") + "\x93")), 4, "posix"},
           {"PK-2", close, 4, "_rebuild_tensor_v9"},
           {"PK-3 opcode", archive_of(pickle("\x82\x01")), 4, "byte 2"},
           {"PK-3 stack", archive_of(pickle("s")), 3, "byte 2"},
           {"PK-3 no stop", archive_of("\x80\x02K\x01"), 3, "data.pkl"},
           {"PK-3 behind stop", archive_of(kObject + "x"), 3, "data.pkl"},
           {"PK-4 list", archive_of(pickle("]" + text("k") + small(1) + "s")), 3, "data.pkl"},
           {"PK-4 size", archive_of(pickle(tensor("FloatStorage", 4, "K\x00K\x04\x85K\x01\x85"s)), {{"0", "12"}}), 3,
            "0"},
           {"PK-5 text", archive_of("\x80\x02X\xFF\xFF\xFF\x7F"s), 4, "byte 2"},
           {"PK-5 doubling", archive_of(pickle(doubling)), 4, "data.pkl"},
           {"PK-6 twice", zip_of(twice), 3, "a/data.pkl"},
           {"PK-6 path", zip_of({{"../data.pkl", kObject}}), 4, ".."},
           {"PK-6 crc", replaced_once(archive_of(kObject), "3\n", "4\n"), 3, "a/version"},
           {"PK-7 changed", changed, 3, "some.pth"},
           {"PK-7 cut", good.substr(0, good.size() - 30), 3, "some.pth"},
           {"PK-7 head", good.substr(0, 100), 3, "some.pth"},
           {"PK-6 other content", "\x89PNG\r\n\x1A\n and so on"s, 3, "some.pth"}}) {
    file_fails("some.pth", row);
  }
}

TEST_F(DataMalformed, JsonFiles) {
  for (const Row& row : std::vector<Row>{{"JS-1 comma", "[{\"a\": 1},]", 3, "1:11"},
                                         {"JS-1 comment", "[1, /* */ 2]", 3, "1:5"},
                                         {"JS-1 cut", "[{\"a\": 1}", 3, "some.json"},
                                         {"JS-1 behind", "[1] x", 3, "1:5"},
                                         {"JS-2 depth", "[" + nested("[", "]", 64) + "]", 4, "some.json"},
                                         {"JS-2 deep", "[" + nested("[", "]", 100000) + "]", 4, "some.json"},
                                         {"JS-2 twice", "[{\"a\": 1, \"b\": {\"c\": 1, \"c\": 2}}]", 3, "1:"},
                                         {"JS-2 integer", "[18446744073709551616]", 3, "1:"},
                                         {"JS-2 1e400", "[1e400]", 3, "1:"},
                                         {"JS-2 01", "[01]", 3, "1:"},
                                         {"JS-2 NaN", "[NaN]", 3, "1:2"},
                                         {"JS-3 bad UTF-8", "[\"a\xC3(\"]", 3, "1:"},
                                         {"JS-3 BOM", "\xEF\xBB\xBF[1]", 3, "some.json"},
                                         {"not a list", "{\"a\": 1}", 3, "some.json"},
                                         {"empty", "", 3, "some.json"}}) {
    file_fails("some.json", row);
  }
  for (const Row& row : std::vector<Row>{{"JS-3 half a line", "{\"a\": 1}\n{\"b\": ", 3, "2:"},
                                         {"JS-3 NUL", "{\"a\": 1}\n\0{\"b\": 2}\n"s, 3, "2:1"},
                                         {"JS-3 last line", "{\"a\": 1}\r\n\n{\"b\": \"\xFF\"}", 3, "3:"},
                                         {"JS-3 two on a line", "{\"a\": 1} {\"b\": 2}\n", 3, "1:10"}}) {
    file_fails("some.jsonl", row);
  }
}

TEST_F(DataMalformed, ItemsOfConversations) {
  const std::string good = R"({"image": "grey.png", "conversations": [{"from": "human", "value": "<image>\nWhat?"},
    {"from": "gpt", "value": "Grey."}]})";
  write_llava("set", {"grey.png"});
  for (const Row& row :
       std::vector<Row>{{"no turns", "{\"image\": \"grey.png\"}", 3, "/conversations"},
                        {"type", replaced_once(good, "\"Grey.\"", "7"), 3, "/conversations/1/value"},
                        {"placeholder", replaced_once(good, "<image>", "<image><image>"), 3, "not as many pictures"},
                        {"picture", replaced_once(good, "grey.png", "gray.png"), 5, "gray.png"},
                        {"policy", replaced_once(good, "grey.png", "../llava.json"), 4, "../llava.json"},
                        {"no text", replaced_once(good, "\"grey.png\"", "[3]"), 3, "/image"}}) {
    write("set/llava.json", "[" + good + "," + row.bytes + "]");
    const CheckedSource checked = check("set/llava.yaml");
    EXPECT_EQ(checked.status, row.status) << row.name << checked.err;
    expect_one_line(checked.err, row.part, row.name);
    EXPECT_EQ(checked.source["samples"], 1) << row.name;
    EXPECT_EQ(checked.source["skipped"], 1) << row.name;
  }
}

TEST_F(DataMalformed, Configurations) {
  write_llava("set", {"grey.png"});
  const std::string good = text_of("set/llava.yaml");
  std::string bomb = "a: &a [x, x]\n";
  for (char name = 'b'; name < 'j'; ++name)
    bomb += std::string(1, name) + ": &" + name + " [*" + static_cast<char>(name - 1) + ", *" +
            static_cast<char>(name - 1) + "]\n";
  for (const Row& row : std::vector<Row>{{"bomb", bomb, 4, "set/bad.yaml: 1:4"},
                                         {"alias", "DATA_PATH: [*a]\n", 2, "set/bad.yaml: 1:"},
                                         {"anchor", "DATA_PATH: &a [x]\n", 4, "set/bad.yaml: 1:"},
                                         {"tag", "DATA_PATH: !!python/name:os.system x\n", 4, "set/bad.yaml: 1:"},
                                         {"merge", good + "<<: {a: 1}\n", 2, "set/bad.yaml: 4:"},
                                         {"twice", good + "DATA_PATH: [x]\n", 2, "set/bad.yaml: 4:1"},
                                         {"deep", "data: " + nested("{a: ", "}", 70) + "\n", 4, "64"},
                                         {"yes", replaced_once(good, "tags", "images: yes, tags"), 2, "true or false"},
                                         {"octal", replaced_once(good, "tags", "future: 010, tags"), 2, "an integer"},
                                         {"time", replaced_once(good, "tags", "future: 1:20, tags"), 2, "an integer"},
                                         {"unknown", good + "DATA_PATHS: [x]\n", 2, "did you mean DATA_PATH"},
                                         {"nested", replaced_once(good, "tags", "tag: x, tags"), 2, "data.tag"},
                                         {"type", "DATA_PATH: {a: b}\n", 2, "set/bad.yaml: 1:"},
                                         {"two documents", good + "---\n" + good, 2, "more than one document"},
                                         {"not YAML", "DATA_PATH: [\n", 2, "set/bad.yaml: "},
                                         {"bytes", "DATA_PATH: [\"\xFF\"]\n", 2, "byte 13"},
                                         {"nothing", "", 2, "DATA_PATH"},
                                         {"lengths", replaced_once(good, "[./pictures]", "[., .]"), 2, "IMAGE_FOLDER"},
                                         {"family", replaced_once(good, "[llava]", "[lava]"), 2, "nearest is llava"}}) {
    write("set/bad.yaml", row.bytes);
    const CheckedSource checked = check("set/bad.yaml");
    expect_found(row, "bad.yaml", checked);
  }
}

TEST_F(DataMalformed, FeaturesAndInfoOfADataSet) {
  write_episodes("dobbe", {stored_episode()});
  const std::string version = "dobbe/1.0.0/", features = text_of(version + "features.json"),
                    info = text_of(version + "dataset_info.json");
  const auto set_fails = [&](const std::string& file, const Row& row) {
    write(version + file, row.bytes);
    const CheckedSource checked = check("dobbe/1.0.0");
    expect_found(row, file, checked);
    EXPECT_EQ(checked.source["samples"], 0) << row.name;
    write(version + "features.json", features);
    write(version + "dataset_info.json", info);
  };
  set_fails("features.json", {"cut", features.substr(0, 300), 3, "features.json: "});
  set_fails("features.json", {"negative", replaced_once(features, "[\"7\"]", "[\"-7\"]"), 3, "/featuresDict"});
  set_fails("features.json",
            {"overflow", replaced_once(features, "[\"7\"]", "[\"9223372036854775807\", \"9\"]"), 4, "/featuresDict"});
  set_fails("features.json", {"text", replaced_once(features, "[\"7\"]", "[\"seven\"]"), 3, "/featuresDict"});
  set_fails("features.json", {"no steps", replaced_once(features, "\"steps\"", "\"stages\""), 3, "feature \"steps\""});
  set_fails("features.json", {"deep", nested("{\"a\":", "}", 70), 4, "features.json: "});
  set_fails("dataset_info.json", {"cut", info.substr(0, 50), 3, "dataset_info.json: "});
  set_fails("dataset_info.json", {"length", replaced_once(info, "[\"1\"]", "[\"-1\"]"), 3, "/splits/0/shardLengths"});
  set_fails("dataset_info.json", {"format", replaced_once(info, "\"tfrecord\"", "\"riegeli\""), 4, "/fileFormat"});
  write(version + "dataset_info.json", replaced_once(info, "[\"1\"]", "[\"1\", \"1\"]"));
  EXPECT_EQ(check("dobbe/1.0.0").status, 5) << "a shard is missing";
}

}  // namespace
}  // namespace magma
