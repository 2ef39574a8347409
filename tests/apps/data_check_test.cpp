// magma data check: what it counts, what it lists, and by which number it ends.
#include "magma/image/codec.h"
#include "tests/apps/data_case.h"

namespace magma {
namespace {

namespace fs = std::filesystem;

class DataCheck : public DataCase {};

TEST_F(DataCheck, CountsRecordsAndSamplesOfEverySource) {
  write_episodes("dobbe", {stored_episode(0), stored_episode(1)});
  write_llava("set", {"grey.png", "grey.png", "grey.png"});
  fs::copy(path("set/llava.json"), path("set/pictures/llava.json"));  // alone, pictures lie beside it
  const Json all = json_of({"data", "check", "dobbe/1.0.0", "set/llava.yaml", "set/pictures/llava.json"});
  EXPECT_EQ(all["ok"], true);
  ASSERT_EQ(all["sources"].size(), 3U);
  const std::vector<std::array<Json, 4>> expected = {{"dobbe/1.0.0", "rlds", 2, 2 * kStoredSteps},
                                                     {"set/llava.yaml", "config", 3, 3},
                                                     {"set/pictures/llava.json", "json", 3, 3}};
  for (size_t i = 0; i < expected.size(); ++i) {
    const Json& source = all["sources"][i];
    EXPECT_EQ(source["source"], expected[i][0]);
    EXPECT_EQ(source["kind"], expected[i][1]);
    EXPECT_EQ(source["records"], expected[i][2]) << source;
    EXPECT_EQ(source["samples"], expected[i][3]) << source;
    EXPECT_EQ(source.size(), 6U) << source;
  }
}

TEST_F(DataCheck, WhatTensorFlowWroteIsGoodAndHasNoSamplesWithoutALayout) {
  // A copy: what is found out about a data set is kept beside it.
  std::filesystem::copy(Path(MAGMA_SOURCE_DIR) / "tests/fixtures/rlds", path("rlds"),
                        std::filesystem::copy_options::recursive);
  const Path folder = path("rlds/1.0.0");
  const CheckedSource checked = check(folder.string());
  EXPECT_EQ(checked.status, 0) << checked.err;
  EXPECT_EQ(checked.source["kind"], "rlds");
  EXPECT_EQ(checked.source["records"], 2);
  EXPECT_EQ(checked.source["samples"], 0);
  EXPECT_EQ(checked.source["errors"], Json::array());
  EXPECT_NE(checked.err.find("no layout"), std::string::npos) << checked.err;
  const CheckedSource named = check(folder.string(), {"--dataset", "no_such_set"});
  EXPECT_EQ(named.status, 2);
  const CheckedSource other = check(folder.string(), {"--dataset", "dobbe"});
  EXPECT_EQ(other.status, 3) << "its actions are no seven numbers";
  for (const char* name : {"examples.tfrecord", "examplesgzip.tfrecord", "exampleszlib.tfrecord"}) {
    const CheckedSource records = check((folder.parent_path() / name).string());
    EXPECT_EQ(records.status, 0) << records.err;
    EXPECT_EQ(records.source["records"], 6);
    EXPECT_EQ(records.source["samples"], 0);
  }
}

TEST_F(DataCheck, BadRecordsAreToleratedUpToTheNumberGiven) {
  std::vector<StoredEpisode> episodes;
  for (int i = 0; i < 10; ++i) episodes.push_back(stored_episode(i));
  for (const size_t bad : {2U, 5U, 9U})
    episodes[bad].floats["steps/action"][8] = std::numeric_limits<float>::infinity();
  write_episodes("dobbe", episodes);
  for (int tolerated = 0; tolerated <= 4; ++tolerated) {
    const CheckedSource checked = check("dobbe/1.0.0", {"--skip-up-to", std::to_string(tolerated)});
    EXPECT_EQ(checked.status, tolerated < 3 ? 3 : 0) << tolerated;
    EXPECT_EQ(checked.all["ok"], tolerated >= 3);
    EXPECT_EQ(checked.source["records"], 10);
    EXPECT_EQ(checked.source["skipped"], 3);
    EXPECT_EQ(checked.source["samples"], 7 * kStoredSteps);
    ASSERT_EQ(checked.source["errors"].size(), 3U);
    EXPECT_EQ(checked.source["errors"][0]["where"], "record 2, feature steps/action, step 1");
    EXPECT_EQ(checked.source["errors"][2]["where"], "record 9, feature steps/action, step 1");
    if (tolerated < 3) {
      expect_one_line(checked.err, "record 2, feature steps/action, step 1", "check");
    } else {
      EXPECT_EQ(checked.err.find("error["), std::string::npos) << checked.err;
    }
  }
}

TEST_F(DataCheck, TheFirstFaultGivesTheExitCode) {
  write_llava("set", {"../out.png", "missing.png", "grey.png"});
  const CheckedSource checked = check("set/llava.yaml");
  EXPECT_EQ(checked.status, 4);
  ASSERT_EQ(checked.source["errors"].size(), 2U);
  EXPECT_EQ(checked.source["errors"][0]["code"], "refused");
  EXPECT_EQ(checked.source["errors"][1]["code"], "file-system");
  EXPECT_EQ(checked.source["samples"], 1);
  EXPECT_EQ(check("nowhere").status, 5);
  EXPECT_EQ(check("nowhere.yaml").status, 5);
}

TEST_F(DataCheck, PicturesOutsideTheFolderAreRefused) {
  write_llava("set", {"grey.png"});
  fs::copy(path("set/pictures/grey.png"), path("set/outside.png"));
  fs::create_directories(path("elsewhere"));
  fs::copy(path("set/outside.png"), path("elsewhere/a.png"));
  fs::create_symlink(path("set/outside.png"), path("set/pictures/link.png"));
  fs::create_symlink("grey.png", path("set/pictures/inside.png"));
  fs::create_directory_symlink(path("elsewhere"), path("set/pictures/folder"));
  for (const std::string name :
       {"../outside.png", "a/../../outside.png", "folder/../../outside.png", "//outside.png"}) {
    write_llava("set", {name, "grey.png"});
    const CheckedSource checked = check("set/llava.yaml");
    EXPECT_EQ(checked.status, 4) << name << checked.err;
    ASSERT_EQ(checked.source["errors"].size(), 1U) << name;
    EXPECT_EQ(checked.source["errors"][0]["code"], "refused") << name;
    EXPECT_EQ(checked.source["samples"], 1) << name;
  }
  // Links are their owner's: folders of pictures lie on several disks. What ".." means is decided by the name.
  for (const std::string name :
       {"grey.png", "inside.png", "./grey.png", "a/../grey.png", "folder/../grey.png", "link.png", "folder/a.png"}) {
    write_llava("set", {name});
    EXPECT_EQ(check("set/llava.yaml").status, 0) << name;
  }
  // The folder itself may be reached by a link.
  fs::rename(path("set/pictures"), path("moved"));
  fs::create_directory_symlink(path("moved"), path("set/pictures"));
  write_llava("set", {"grey.png", "inside.png"});
  EXPECT_EQ(check("set/llava.yaml").status, 0);
}

TEST_F(DataCheck, PicturesHaveTheSizeThatFeaturesSay) {
  StoredEpisode episode = stored_episode();
  episode.bytes["steps/observation/wrist_image"][2] = encode_png(Image({4, 6}));
  write_episodes("dobbe", {stored_episode(), episode});
  const CheckedSource checked = check("dobbe/1.0.0");
  EXPECT_EQ(checked.status, 3);
  ASSERT_EQ(checked.source["errors"].size(), 1U);
  const Json error = checked.source["errors"][0];
  EXPECT_EQ(error["where"], "record 1, feature steps/observation/wrist_image, step 2");
  EXPECT_EQ(error["what"],
            "picture has another size than features.json says (expected 4 high, 6 wide, got 6 high, 4 wide)");
}

TEST_F(DataCheck, GrippersThatNoTokenCanSayAreNamedOnceAnEpisode) {
  for (const float gripper : {1.5F, -1.01F}) {
    StoredEpisode episode = stored_episode();
    for (const size_t place : {13U, 20U}) episode.floats["steps/action"][place] = gripper;
    write_episodes("dobbe", {stored_episode(), episode});
    const CheckedSource checked = check("dobbe/1.0.0");
    EXPECT_EQ(checked.status, 3);
    ASSERT_EQ(checked.source["errors"].size(), 1U);
    EXPECT_EQ(checked.source["errors"][0]["where"], "record 1, feature steps/action, step 1");
    EXPECT_NE(checked.source["errors"][0]["what"].dump().find("gripper out of range"), std::string::npos);
  }
  StoredEpisode commands = stored_episode();
  for (const size_t place : {6U, 13U, 20U}) commands.floats["steps/action"][place] = place == 6 ? 1 : -1;
  write_episodes("dobbe", {commands});
  EXPECT_EQ(check("dobbe/1.0.0").status, 0) << "some sets command from -1 to 1";
  commands.floats["steps/action"][6] = 40;
  write_episodes("dobbe", {commands});
  EXPECT_EQ(check("dobbe/1.0.0", {"--dataset", "utaustin_mutex", "--set", "data.images=false"}).status, 0)
      << "this layout cuts it itself";
}

TEST_F(DataCheck, StatisticsOfWhatIsMissing) {
  fails(5, {"data", "stats", "nowhere/1.0.0"}, "nowhere/1.0.0");
  write("file.json", "[]");
  fails(2, {"data", "stats", "file.json"}, "file.json: not a data set");
  fs::create_directory(path("folder"));
  fails(2, {"data", "stats", "folder"}, "features.json");
}

}  // namespace
}  // namespace magma
