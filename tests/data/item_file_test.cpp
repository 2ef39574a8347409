#include "magma/data/item_file.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "magma/core/error.h"
#include "magma/core/random.h"
#include "magma/data/stored_format.h"
#include "tests/data/torch_bytes.h"

namespace magma {
namespace {

// The items, or the error.
struct Read {
  std::vector<Json> items{};
  int code = 0;
  std::string line{}, where{};
};

Read read_items(const std::string& bytes, const std::string& name = "a.json") {
  const WrittenFile file(name, bytes);
  Read read;
  try {
    const auto items = open_item_file(file.path());
    for (int64_t i = 0; i < items->size(); ++i) read.items.push_back(items->item(i));
  } catch (const Error& error) {
    EXPECT_EQ(error.fields().file, file.path().string());
    read.code = error.exit_code();
    read.line = error.line();
    read.where = error.fields().where;
  }
  return read;
}

std::string random_json(Rng& rng, int depth) {
  static const std::vector<std::string> kLeaves = {
      "1",     "-0.5e3", "null", "true", "\"\"",     R"("a,]}\"")", R"("\\")", "\"[{\"", "\"\xC3\xA9\"",
      " [ ] ", "{}",     "01",   "tru",  "\"\xFF\"", "\"a\nb\"",    "1 2"};
  const auto pick = rng.integer(0, depth == 0 ? 0 : 2);
  // Broken leaves are rare, so that many texts are whole.
  if (pick == 0) return kLeaves[static_cast<size_t>(rng.integer(0, rng.integer(0, 19) == 0 ? 15 : 10))];
  std::string text = pick == 1 ? "[" : "{";
  for (int64_t i = rng.integer(0, 3), n = 0; n < i; ++n) {
    if (n > 0) text += rng.integer(0, 40) == 0 ? ";" : " ,\n";
    if (pick == 2) text += "\"k" + std::to_string(rng.integer(0, 60) == 0 ? 0 : n) + "\":";
    text += random_json(rng, depth - 1);
  }
  return text + (rng.integer(0, 60) == 0 ? "" : pick == 1 ? "]" : "}");
}

// Items one by one are the whole file at once, or both are refused.
TEST(ItemFile, AgreesWithParsingTheWholeFile) {
  Rng rng(1, "item_file", "json");
  int whole = 0, refused = 0;
  for (int i = 0; i < 4000; ++i) {
    std::string text = "[";
    for (int64_t n = rng.integer(0, 4); n > 0; --n) text += random_json(rng, 4) + (n > 1 ? "," : "");
    text += rng.integer(0, 30) == 0 ? "" : "]";
    const Read read = read_items(text);
    try {
      const Json expected = parse_json(text, "a.json");
      ++whole;
      ASSERT_EQ(read.code, 0) << text << read.line;
      ASSERT_EQ(Json(read.items), read.items.empty() ? Json::array() : expected) << text;
    } catch (const Error& error) {
      ++refused;
      ASSERT_EQ(read.code, error.exit_code()) << text;
    }
  }
  EXPECT_GT(whole, 1000);
  EXPECT_GT(refused, 500);
}

TEST(ItemFile, ErrorsNameLineColumnAndByteOfTheFile) {
  EXPECT_EQ(read_items("[1,\n  {\"a\": tru },\n 2]").where, "2:12 (byte 15)");
  EXPECT_EQ(read_items("[1, 2, {\"a\":1, \"a\":2}]").where, "1:18 (byte 17)");
  EXPECT_EQ(read_items("{\"a\":1}").where, "1:1 (byte 0)");
  EXPECT_EQ(read_items("[1,\n2").where, "2:2 (byte 5)");
  EXPECT_EQ(read_items("[1]\n\n x").where, "3:2 (byte 6)");
  EXPECT_EQ(read_items("{\"a\":1}\n\n{\"a\":}", "a.jsonl").where, "3:6 (byte 14)");
  const WrittenFile file("a.json", "[\"x\", oops, 3]");
  const auto items = open_item_file(file.path());
  EXPECT_EQ(items->item(2), 3);
  EXPECT_EQ(items->text(1), "oops");
  EXPECT_EQ(items->where(1), "item 1");
  int bad = 0;
  EXPECT_EQ(find_stored_format(file.path()).format->check(file.path(), {.bad = [&](const Error&) { ++bad; }}), 3);
  EXPECT_EQ(bad, 1);
}

TEST(ItemFile, StrictnessIsThatOfOneFile) {
  const auto nested = [](int depth) { return std::string(depth, '[') + "1" + std::string(depth, ']'); };
  EXPECT_EQ(read_items(nested(64)).code, 0);
  EXPECT_EQ(read_items(nested(65)).code, 4);
  EXPECT_EQ(read_items(nested(100'000)).code, 4);
  EXPECT_EQ(read_items("[9223372036854775808, -9223372036854775808, 18446744073709551615]").items[0].get<uint64_t>(),
            uint64_t{1} << 63U);
  for (const char* text : {"",
                           " ",
                           "[",
                           "]",
                           "[,]",
                           "[1,]",
                           "[,1]",
                           "[1 2]",
                           "[1,,2]",
                           "[1]]",
                           "[[1]",
                           "[{]",
                           "[}]",
                           "[1]x",
                           "1",
                           "\"[1]\"",
                           "\xEF\xBB\xBF[1]",
                           "[\xEF\xBB\xBF"
                           "1]",
                           "[18446744073709551616]",
                           "[1e400]",
                           "[NaN]",
                           "[\"a]",
                           "[\"a\\\"]",
                           "[\"\xED\xA0\x80\"]",
                           "[\"\t\"]",
                           "[1]\v",
                           "// x\n[1]",
                           "['a']",
                           "[.5]"}) {
    EXPECT_EQ(read_items(text).code, 3) << text;
  }
  EXPECT_EQ(read_items(std::string("[1]\0", 4)).code, 3);
}

TEST(ItemFile, LinesFollowTheRulesOfJsonLines) {
  const Read mixed = read_items("{\"a\":1}\r\n\n \t\n[2]\n\"s\"", "a.jsonl");
  EXPECT_EQ(Json(mixed.items), Json::parse(R"([{"a":1},[2],"s"])"));
  const WrittenFile file("a.jsonl", "\n1\n\n2\n");
  const auto items = open_item_file(file.path());
  EXPECT_EQ(items->size(), 2);
  EXPECT_EQ(items->where(1), "line 4");
  EXPECT_EQ(read_items("", "a.jsonl").items.size(), 0U);
  const std::string longest = "\"" + std::string((size_t{16} << 20U) - 2, 'a') + "\"";
  EXPECT_EQ(read_items(longest + "\n1", "a.jsonl").items.size(), 2U);
  EXPECT_EQ(read_items("1\n" + longest + " \n", "a.jsonl").code, 4);
  for (const char* text :
       {"\xEF\xBB\xBF{}\n", "{}\n\xEF\xBB\xBF{}", "{\"a\":", "{} {}\n", "\xFF\n", "1\n\"\xC3\n", "[1,\n2]"}) {
    EXPECT_EQ(read_items(text, "a.jsonl").code, 3) << text;
  }
}

TEST(ItemFile, NamesOfFiles) {
  EXPECT_EQ(annotation_files("d/a+b+c"), (std::vector<Path>{"d/a.json", "d/b.json", "d/c.json"}));
  EXPECT_EQ(annotation_files("d+e/a"), (std::vector<Path>{"d+e/a.json"}));
  EXPECT_EQ(annotation_files("d/a+b.jsonl"), (std::vector<Path>{"d/a+b.jsonl"}));
  EXPECT_EQ(read_items("[]", "a.txt").code, 2);
}

}  // namespace
}  // namespace magma
