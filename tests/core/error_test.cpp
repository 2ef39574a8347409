#include "magma/core/error.h"

#include <cerrno>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "magma/core/check.h"
#include "magma/core/limits.h"
#include "magma/core/utf8.h"

namespace magma {
namespace {

TEST(Error, LineHasEveryPartInOrder) {
  const Error error(ErrorCode::Malformed, {.file = "a.json",
                                           .where = "3:7",
                                           .what = "wrong type",
                                           .expected = "a string",
                                           .got = "null",
                                           .hint = "quote it"});
  EXPECT_EQ(error.line(), "error[malformed] a.json: 3:7: wrong type (expected a string, got null) - quote it");
  EXPECT_EQ(error.exit_code(), 3);
}

TEST(Error, EmptyPartsLeaveNoTrace) {
  EXPECT_EQ(Error(ErrorCode::Usage, {.what = "no video given"}).line(), "error[usage] no video given");
  EXPECT_EQ(Error(ErrorCode::Bug, {.what = "bad", .got = "1"}).line(), "error[bug] bad (got 1)");
}

TEST(Error, LineIsOneLineOfAtMost512BytesWithItsNewline) {
  const std::string hostile = "\n\r\x1b[2J\xff\xe2\x80\xae" + std::string(5000, '\n');
  const Error error(
      ErrorCode::Refused,
      {.file = hostile, .where = hostile, .what = hostile, .expected = hostile, .got = hostile, .hint = hostile});
  EXPECT_LE(error.line().size(), 511U);
  EXPECT_EQ(error.line().find('\n'), std::string::npos);
  EXPECT_EQ(error.line().find('\x1b'), std::string::npos);
  EXPECT_EQ(error.line().find("\xe2\x80\xae"), std::string::npos);  // would turn the rest of the line around
}

TEST(Error, LongFileNameKeepsBothEnds) {
  const std::string line =
      Error(ErrorCode::FileSystem, {.file = "first" + std::string(900, 'x') + "last.mp4", .what = "gone"}).line();
  EXPECT_NE(line.find(" first"), std::string::npos);
  EXPECT_NE(line.find("last.mp4: gone"), std::string::npos);
  EXPECT_LE(line.size(), 240U);
}

TEST(Error, CutNeverSplitsACharacterOrAnEscape) {
  std::string accents;
  for (int i = 0; i < 100; ++i) accents += "\xc3\xa9";
  for (size_t most = 10; most < 30; ++most) {
    const std::string cut = escape_text(accents, most);
    EXPECT_LE(cut.size(), most);
    EXPECT_EQ(find_invalid_utf8(cut), std::string::npos);
    EXPECT_TRUE(escape_text(std::string(50, '\x01'), most).ends_with("01..."));
  }
}

TEST(Error, EscapesControlsAndInvalidBytesOnly) {
  EXPECT_EQ(escape_text("a\tb\nc\x7f"), "a\\tb\\nc\\x7f");
  EXPECT_EQ(escape_text("na\xc3\xafve \xe6\x97\xa5"), "na\xc3\xafve \xe6\x97\xa5");
  EXPECT_EQ(escape_text("\xc0\xaf"), "\\xc0\\xaf");
}

TEST(Error, MachineFormHoldsTheFields) {
  const Error error(ErrorCode::Peer, {.file = "f\xff", .what = "rank failed"});
  const auto json = nlohmann::json::parse(error.to_json());
  EXPECT_EQ(json["error"]["code"], "peer");
  EXPECT_EQ(json["error"]["exit"], 7);
  EXPECT_EQ(json["error"]["file"], "f\\xff");
}

TEST(Error, CallerFillsOnlyWhatIsEmpty) {
  const Error error(ErrorCode::Usage, {.where = "x", .what = "bad"});
  EXPECT_EQ(error.with_file("f").with_where("y").line(), "error[usage] f: x: bad");
}

TEST(Error, SystemErrorsAreSentencesOfOurs) {
  EXPECT_EQ(system_error("open", "v.mp4", ENOENT).line(), "error[file-system] v.mp4: open: no such file or folder");
  EXPECT_EQ(system_error("open", "v.mp4", EMFILE).code(), ErrorCode::Resource);
}

TEST(Check, FailureIsABugThatNamesThePlaceInTheTree) {
  try {
    MAGMA_CHECK(1 + 1 == 3, "sum {}", 2);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::Bug);
    EXPECT_EQ(error.fields().got, "sum 2");
    EXPECT_FALSE(error.fields().where.starts_with("/"));
  }
}

TEST(Limits, ArithmeticRefusesOverflow) {
  EXPECT_EQ(checked_multiply(3, 4, "x"), 12);
  EXPECT_EQ(checked_add(INT64_MAX - 1, 1, "x"), INT64_MAX);
  EXPECT_THROW(checked_add(INT64_MAX, 1, "x"), Error);
  EXPECT_THROW(checked_multiply(int64_t{1} << 32, int64_t{1} << 31, "x"), Error);
  EXPECT_EQ(bounded(5, 5, 5, "x"), 5);
  EXPECT_THROW(bounded(6, 0, 5, "x"), Error);
}

}  // namespace
}  // namespace magma
