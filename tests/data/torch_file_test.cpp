#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "magma/core/error.h"
#include "magma/core/hash.h"
#include "magma/core/json.h"
#include "magma/data/item_file.h"
#include "magma/data/stored_format.h"
#include "magma/data/torch_value.h"
#include "tests/data/torch_bytes.h"

namespace magma {
namespace {

const Path kGolden = Path(MAGMA_SOURCE_DIR) / "tests/data/golden/trace.pth";

std::string tree_of(const std::string& body) {
  const WrittenFile file("a.pth", archive_of(pickle(body)));
  std::string out;
  append_json(out, read_torch_file(file.path()), -1);
  return out;
}

std::vector<Json> lines_of(const Path& path, const ShowRange& range = {}) {
  std::vector<Json> lines;
  find_stored_format(path).format->show(path, range, [&](const std::string& line) {
    lines.push_back(parse_json(line, "line"));
    return true;
  });
  return lines;
}

TEST(TorchFile, GoldenTraceIsRead) {
  ASSERT_EQ(sha256_hex(read_file(kGolden, 4096)), "0cdf2a79ebed474ba0ee722053a60e5deec1767e7981c2ef39d22eab9738b87d");
  const Json value = lines_of(kGolden).at(0)["value"];
  EXPECT_EQ(value["dataset_name"], Json::parse(R"({"$bytes":"YnJpZGdlX29yaWc="})"));
  EXPECT_EQ(value["traj_index"]["$scalar"]["data"], 5);
  EXPECT_EQ(value["traj_index"]["$scalar"]["dtype"], "int64");
  EXPECT_EQ(value["frame_index"]["$scalar"]["dtype"], "int32");
  EXPECT_EQ(value["lang"], "pick up");
  EXPECT_EQ(value["action"]["$ndarray"]["data"], Json::parse("[0.5,-0.5,0.25,-1.0,1.0,0.0,1.0]"));
  const Json& trace = value["trace_info"]["$tuple"];
  EXPECT_EQ(trace[0]["$tensor"]["data"],
            Json::parse("[[[[0.0,1.0],[2.0,3.0],[4.0,5.0]],[[6.0,7.0],[8.0,9.0],[10.0,11.0]]]]"));
  EXPECT_EQ(trace[1]["$tensor"]["data"], Json::parse("[[[true,true,true],[true,false,true]]]"));
  EXPECT_EQ(lines_of(kGolden, {.most_elements = 6}).at(0)["value"]["action"]["$ndarray"].count("data"), 0U);
}

TEST(TorchFile, PlainValuesKeepTheirKind) {
  EXPECT_EQ(tree_of("}(" + text("b") + "N" + text("a") + "\x88u"), R"({"b":null,"a":true})");
  EXPECT_EQ(tree_of("}(" + text("$b") + "Nu"), R"({"$dict":[["$b",null]]})");
  EXPECT_EQ(tree_of("}(" + small(1) + "N\x88\x89u"), R"({"$dict":[[1,false]]})");  // True is the key 1
  EXPECT_EQ(tree_of("]" + small(3) + "\x85" + "a)a"), R"([{"$tuple":[3]},{"$tuple":[]}])");
}

TEST(TorchFile, ListsAreItems) {
  const std::string half = tensor("HalfStorage", 2, small(0) + small(2) + "\x85" + small(1) + "\x85");
  const std::string single = tensor("HalfStorage", 2, small(1) + "))");
  const std::string body =
      "](}(" + text("a") + half + text("n") + single + text("t") + small(1) + "\x85u" + text("x") + "e";
  const WrittenFile file("list.pth", archive_of(pickle(body), {{"0", std::string("\x00\x3C\x00\xC0", 4)}}));
  const auto items = open_item_file(file.path());
  ASSERT_EQ(items->size(), 2);
  EXPECT_EQ(items->item(0), Json::parse(R"({"a":[1.0,-2.0],"n":[-2.0],"t":[1]})"));
  EXPECT_EQ(items->item(1), "x");
  EXPECT_EQ(items->where(1), "item 1");
  EXPECT_EQ(lines_of(file.path(), {.from = 1}).at(0).dump(), R"({"origin":{"file":"list.pth","item":1},"value":"x"})");
  EXPECT_THROW(open_item_file(kGolden), Error);
}

}  // namespace
}  // namespace magma
