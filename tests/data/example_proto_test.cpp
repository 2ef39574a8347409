#include "magma/data/example_proto.h"

#include <bit>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "magma/core/error.h"

namespace magma {
namespace {

using std::string_literals::operator""s;
using testing::ElementsAre;

// {"a": int64[1, -1], "f": float[0.5], "s": bytes["x", "yz"]}; data_formats.md 1.2.
const std::string kGolden =
    "\x0A\x35\x0A\x14\x0A\x01\x61\x12\x0F\x1A\x0D\x0A\x0B\x01\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01"
    "\x0A\x0D\x0A\x01\x66\x12\x08\x12\x06\x0A\x04\x00\x00\x00\x3F"
    "\x0A\x0E\x0A\x01\x73\x12\x09\x0A\x07\x0A\x01\x78\x0A\x02\x79\x7A"s;

std::string field(int number, const std::string& bytes) {
  EXPECT_LT(bytes.size(), 128U);
  return std::string(1, static_cast<char>(number << 3 | 2)) + static_cast<char>(bytes.size()) + bytes;
}
std::string entry(const std::string& name, const std::string& feature) {
  return field(1, field(1, name) + field(2, feature));
}
std::string example(const std::string& feature) { return field(1, entry("a", feature)); }

TEST(Example, GoldenExampleIsReadAndWritten) {
  const Example read = parse_example(kGolden);
  ASSERT_EQ(read.features.size(), 3U);
  EXPECT_THAT(feature_ints(*read.find("a")), ElementsAre(1, -1));
  EXPECT_EQ(feature_float_bytes(*read.find("f")), "\0\0\0\x3F"s);
  EXPECT_THAT(feature_bytes(*read.find("s")), ElementsAre("x", "yz"));
  EXPECT_EQ(read.find("b"), nullptr);
  ExampleWriter writer;
  writer.add_bytes("s", {"x", "yz"});
  writer.add_ints("a", {1, -1});
  writer.add_floats("f", "\0\0\0\x3F"s);
  EXPECT_EQ(writer.take(), kGolden);
}

TEST(Example, UnpackedNumbersAndUnknownFieldsAreRead) {
  const std::string ints = field(3, "\x08\x05"s + field(1, "\x06\x07") + "\x10\x63"s + "\x08\x08");
  EXPECT_THAT(feature_ints(*parse_example(example(ints)).find("a")), ElementsAre(5, 6, 7, 8));
  const std::string floats = field(2, "\x0D\0\0\0\x3F"s + field(1, "\0\0\x80\x3F"s) + "\x19\1\2\3\4\5\6\7\x08");
  EXPECT_EQ(feature_float_bytes(*parse_example(example(floats)).find("a")), "\0\0\0\x3F\0\0\x80\x3F"s);
  EXPECT_EQ(parse_example(example("")).find("a")->kind, ExampleFeature::Kind::None);
  EXPECT_EQ(parse_example(example(field(9, "later"))).find("a")->kind, ExampleFeature::Kind::None);
  EXPECT_TRUE(parse_example("").features.empty());
  EXPECT_EQ(parse_example(field(1, field(1, ""))).features.front().first, "");
}

TEST(Example, SequenceExamplesAreToldFromExamples) {
  const std::string bytes = field(1, entry("c", field(3, field(1, "\x01")))) +
                            field(2, entry("l", field(1, field(3, field(1, "\x02"))) + field(1, "")));
  EXPECT_TRUE(has_feature_lists(bytes));
  EXPECT_FALSE(has_feature_lists(kGolden));
  const SequenceExample read = parse_sequence_example(bytes);
  EXPECT_THAT(feature_ints(*read.context.find("c")), ElementsAre(1));
  ASSERT_EQ(read.lists.size(), 1U);
  ASSERT_EQ(read.lists[0].second.size(), 2U);
  EXPECT_THAT(feature_ints(read.lists[0].second[0]), ElementsAre(2));
}

TEST(Example, DamageIsRefused) {
  const std::vector<std::string> damaged = {
      "\x0B\x0C",                                                     // a group
      std::string(10'000, '\x0B'),                                    // groups without an end
      "\x0E\x01",                                                     // wire type 6
      "\x02\x01z",                                                    // field 0
      "\x08\x01",                                                     // features that are a number
      "\x0A\x05z",                                                    // longer than what is there
      "\x0A\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01",                 // a length of 2^64 - 1
      "\x10\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x02",                 // 65 bits
      "\x10\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01",             // 11 bytes
      "\x10\x80",                                                     // cut
      kGolden + kGolden,                                              // features given twice
      field(1, entry("a", "") + entry("a", "")),                      // a name given twice
      field(1, field(1, field(1, "a") + field(1, "b"))),              // a map entry of two names
      field(1, entry("\xFF", "")),                                    // a name that is not UTF-8
      example(field(1, field(1, "x")) + field(3, field(1, "\x01"))),  // two kinds of values
      example(field(2, field(1, "abc"))),                             // three bytes of floats
      example(field(2, "\x08\x01")),                                  // floats as varints
      example(field(3, "\x0D\x01\x01\x01\x01")),                      // integers as fixed numbers
      example(field(3, field(1, "\x80"))),                            // a packed integer that is cut
      example(field(1, "\x08\x01")),                                  // bytes as varints
  };
  for (size_t i = 0; i < damaged.size(); ++i) {
    try {
      parse_example(damaged[i]);
      ADD_FAILURE() << i;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::Malformed) << i;
      EXPECT_FALSE(error.fields().where.empty()) << i;
    }
  }
  for (size_t size = 1; size < kGolden.size(); ++size) {
    EXPECT_THROW(parse_example(std::string_view(kGolden).substr(0, size)), Error) << size;
  }
}

}  // namespace
}  // namespace magma
