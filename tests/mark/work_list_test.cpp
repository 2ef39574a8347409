#include "magma/mark/work_list.h"

#include <fstream>
#include <set>

#include <gtest/gtest.h>

#include "magma/core/error.h"
#include "tests/support/temporary_folder.h"

namespace magma {
namespace {

class WorkListTest : public testing::Test {
 protected:
  WorkList read(const std::string& text) {
    std::ofstream(folder_.path() / "list.jsonl", std::ios::binary) << text;
    return read_work_list(folder_.path() / "list.jsonl");
  }
  Error error_of(const std::string& text) {
    try {
      read(text);
    } catch (const Error& error) {
      return error;
    }
    return {ErrorCode::Bug, {.what = "accepted"}};
  }
  TemporaryFolder folder_;
};

TEST_F(WorkListTest, ReadsLinesRelativeToTheListsFolder) {
  const WorkList list = read(R"({"id":"a","video":"x/a.mp4","text":"open","start":1.5,"end":2}

{"id":"b","video":"/abs/b.mp4","text":null}
)");
  ASSERT_EQ(list.items.size(), 2U);
  EXPECT_EQ(list.items[0].video, folder_.path() / "x/a.mp4");
  EXPECT_EQ(list.items[0].video_name, "x/a.mp4");
  EXPECT_EQ(list.items[0].end_s, 2.0);
  EXPECT_EQ(list.items[1].video, Path("/abs/b.mp4"));
  EXPECT_EQ(list.items[1].text, std::nullopt);
}

TEST_F(WorkListTest, EveryFaultNamesItsLine) {
  const std::string good = R"({"id":"a","video":"v"})"
                           "\n";
  for (const char* bad :
       {R"({"id":"a","video":"w"})", R"({"id":"","video":"v"})", R"({"id":".b","video":"v"})",
        R"({"id":"b/c","video":"v"})", R"({"id":"b c","video":"v"})", R"({"id":"b"})", R"({"video":"v"})",
        R"({"id":1,"video":"v"})", R"({"id":"b","video":""})", R"({"id":"b","video":"v","vidoe":1})",
        R"({"id":"b","video":"v","start":-1})", R"({"id":"b","video":"v","start":2,"end":2})",
        R"({"id":"b","video":"v","end":0})", R"({"id":"b","video":"v","start":"1"})", R"(["b"])",
        R"({"id":"b","video":"v")", R"({"id":"b","video":"v\u0000"})"}) {
    const Error error = error_of(good + bad + "\n");
    EXPECT_EQ(error.code(), ErrorCode::Malformed) << bad;
    EXPECT_TRUE(error.fields().where.starts_with("line 2") || error.fields().where.starts_with("2:")) << error.line();
  }
  EXPECT_EQ(error_of("\n \n").code(), ErrorCode::Malformed);
  EXPECT_EQ(error_of(R"({"id":")" + std::string(129, 'x') + R"(","video":"v"})").code(), ErrorCode::Malformed);
}

TEST_F(WorkListTest, HashIsOfTheMeaning) {
  const uint64_t hash = read(R"({"id":"a","video":"v"})").hash;
  EXPECT_EQ(read("\r\n{ \"video\" : \"v\", \"id\":\"\\u0061\", \"text\":null}\r\n").hash, hash);
  EXPECT_NE(read(R"({"id":"a","video":"w"})").hash, hash);
  EXPECT_NE(read(R"({"id":"a","video":"v","text":""})").hash, hash);
}

TEST_F(WorkListTest, ShardsDependOnIdsOnlyAndKeepListOrder) {
  std::string text, reversed;
  for (int i = 0; i < 200; ++i) {
    const std::string line = "{\"id\":\"clip" + std::to_string(i) + "\",\"video\":\"v\"}\n";
    text += line;
    reversed = line + reversed;
  }
  const WorkList list = read(text);
  const WorkList other = read(reversed);
  EXPECT_EQ(default_shards(200), 13);
  EXPECT_EQ(default_shards(1'000'000), 4096);
  const auto members = shard_members(list, 13);
  const auto others = shard_members(other, 13);
  for (size_t s = 0; s < members.size(); ++s) {
    std::set<std::string> here, there;
    for (const int64_t i : members[s]) here.insert(list.items[static_cast<size_t>(i)].id);
    for (const int64_t i : others[s]) there.insert(other.items[static_cast<size_t>(i)].id);
    EXPECT_EQ(here, there);
    EXPECT_TRUE(std::is_sorted(members[s].begin(), members[s].end()));
    EXPECT_GT(here.size(), 4U);
  }
}

TEST(SingleItem, IdIsMadeFromTheStem) {
  EXPECT_EQ(single_item("a/My clip (1).mp4", {}, {}, {}).items[0].id, "My_clip__1_");
  EXPECT_EQ(single_item("a/...mp4", {}, {}, {}).items[0].id, "video");
  EXPECT_NE(single_item("a.mp4", {}, {}, {}, "x").hash, single_item("a.mp4", {}, {}, {}, "y").hash);
}

}  // namespace
}  // namespace magma
