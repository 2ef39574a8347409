#include "magma/core/json.h"

#include <cmath>
#include <fstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "magma/core/error.h"
#include "tests/support/temporary_folder.h"

namespace magma {
namespace {

Error error_of(std::string_view text) {
  try {
    parse_json(text, "t.json");
  } catch (const Error& error) {
    return error;
  }
  return {ErrorCode::Bug, {.what = "accepted"}};
}

TEST(Json, ReadsEveryKindOfValue) {
  const Json value = parse_json(R"( {"a": [1, -2, 3.5, true, false, null, "x\u00e9\n"], "b": {}} )", "t");
  EXPECT_EQ(value["a"][0], 1);
  EXPECT_EQ(value["a"][1], -2);
  EXPECT_EQ(value["a"][2], 3.5);
  EXPECT_EQ(value["a"][6], "x\xc3\xa9\n");
  EXPECT_TRUE(value["b"].is_object());
  EXPECT_EQ(parse_json("7", "t"), 7);
}

TEST(Json, IntegersAreExactOrRefused) {
  EXPECT_EQ(parse_json("9007199254740993", "t").get<int64_t>(), 9007199254740993);
  EXPECT_EQ(parse_json("-9223372036854775808", "t").get<int64_t>(), INT64_MIN);
  EXPECT_EQ(parse_json("18446744073709551615", "t").get<uint64_t>(), UINT64_MAX);
  EXPECT_EQ(error_of("18446744073709551616").fields().what, "integer does not fit 64 bits");
  EXPECT_EQ(error_of("-9223372036854775809").fields().what, "integer does not fit 64 bits");
  EXPECT_EQ(error_of("[1e400]").fields().what, "number too large");
}

TEST(Json, RefusesWhatIsNotJson) {
  for (const char* text :
       {"",        " ",           "{",    "[1,]",    "[1 2]",        "{\"a\" 1}", "{a:1}",      "'x'",   "01",
        "+1",      ".5",          "1.",   "NaN",     "Infinity",     "-Infinity", "nul",        "[1] x", "\"\n\"",
        "\"\\x\"", "\"\\ud800\"", "0x10", "// c\n1", "\"unfinished", "]",         "{\"a\":1,}", "tRUE"}) {
    EXPECT_EQ(error_of(text).code(), ErrorCode::Malformed) << text;
  }
}

TEST(Json, RefusesDuplicateKeysAtEveryLevel) {
  EXPECT_EQ(error_of(R"({"a":1,"a":2})").fields().got, "a");
  EXPECT_EQ(error_of(R"([{"b":{"c":1,"d":2,"c":3}}])").fields().got, "c");
  EXPECT_EQ(error_of(R"({"a":1,"\u0061":2})").fields().what, "key appears twice in one object");
  EXPECT_NO_THROW(parse_json(R"([{"a":1},{"a":1}])", "t"));
}

TEST(Json, RefusesByteOrderMarkAndInvalidUtf8) {
  EXPECT_EQ(error_of("\xef\xbb\xbf{}").fields().what, "starts with a byte order mark");
  const Error error = error_of("[\"ok\",\n \"\xff\"]");
  EXPECT_EQ(error.fields().what, "not valid UTF-8");
  EXPECT_EQ(error.fields().where, "2:3 (byte 9)");
}

TEST(Json, PointsAtTheFault) {
  EXPECT_EQ(error_of("{\"a\": 1,\n  oops}").fields().where, "2:3 (byte 11)");
  EXPECT_EQ(error_of("[1, 2").fields().what, "JSON ends too early");
}

TEST(Json, DepthEndsAt64WhateverTheLength) {
  EXPECT_NO_THROW(parse_json(std::string(64, '[') + std::string(64, ']'), "t"));
  EXPECT_EQ(error_of(std::string(65, '[') + std::string(65, ']')).code(), ErrorCode::Refused);
  EXPECT_EQ(error_of(std::string(1'000'000, '[')).code(), ErrorCode::Refused);
  std::string objects;
  for (int i = 0; i < 100'000; ++i) objects += "{\"a\":";
  EXPECT_EQ(error_of(objects).code(), ErrorCode::Refused);
}

TEST(Json, WritesSortedKeysAndFixedFloats) {
  const Json value = {{"z", 1}, {"a", 0.1}, {"m", {1.0, -0.0, 1e30, 123456789.123}}, {"t", "\"\\\x01\xc3\xa9\xff"}};
  EXPECT_EQ(dump_json(value),
            "{\"a\":0.1,\"m\":[1.0,0.0,1e+30,123456789.0],\"t\":\"\\\"\\\\\\u0001\xc3\xa9\xef\xbf\xbd\",\"z\":1}");
  EXPECT_EQ(dump_json(1.0 / 3, 4), "0.3333");
  EXPECT_EQ(dump_json(Json(static_cast<double>(0.1F))), "0.100000001");
  EXPECT_THROW(dump_json(std::nan("")), Error);
}

TEST(Json, WhatIsWrittenReadsBackTheSame) {
  const Json value =
      parse_json(R"({"f":[0.5,2.0,1e-7],"i":[0,-1,18446744073709551615],"s":["","\u0000\u001f"],"n":null})", "t");
  EXPECT_EQ(parse_json(dump_json(value), "t"), value);
  EXPECT_TRUE(parse_json(dump_json(Json(2.0)), "t").is_number_float());
}

TEST(JsonObject, TypedLookUpsNameThePointer) {
  const Json value = parse_json(R"({"a":{"b/c":"x","n":1.5,"big":18446744073709551615,"none":null}})", "t");
  const JsonObject inner = JsonObject(value, "f.json").object("a");
  EXPECT_EQ(inner.string("b/c"), "x");
  EXPECT_EQ(inner.optional_string("none"), std::nullopt);
  EXPECT_EQ(inner.optional_integer("absent"), std::nullopt);
  for (const char* key : {"n", "big", "absent", "b/c"}) EXPECT_THROW(inner.integer(key), Error) << key;
  try {
    (void)inner.number("b/c");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.line(), "error[malformed] f.json: /a/b~1c: wrong type (expected a number, got a string)");
  }
}

TEST(JsonObject, UnknownKeySuggestsTheNearest) {
  const Json value = {{"vidoe", 1}};
  try {
    JsonObject(value, "f").refuse_unknown({"id", "video"});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.fields().hint, "did you mean video");
  }
}

class JsonLinesTest : public testing::Test {
 protected:
  Path file(const std::string& bytes) {
    const Path path = folder_.path() / "lines.jsonl";
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
  }
  TemporaryFolder folder_;
};

TEST_F(JsonLinesTest, SkipsBlankLinesTakesCrLfAndAMissingLastNewline) {
  JsonLines lines(file("1\r\n\n  \n{\"a\":2}\n3"));
  EXPECT_EQ(*lines.next(), 1);
  EXPECT_EQ((*lines.next())["a"], 2);
  EXPECT_EQ(lines.line_number(), 4);
  EXPECT_EQ(*lines.next(), 3);
  EXPECT_EQ(lines.next(), std::nullopt);
}

TEST_F(JsonLinesTest, ErrorsNameFileLineAndByte) {
  JsonLines lines(file("{\"a\":1}\n{\"a\":}\n"));
  lines.next();
  try {
    lines.next();
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.fields().where, "2:6 (byte 13)");
    EXPECT_TRUE(error.fields().file.ends_with("lines.jsonl"));
  }
}

TEST_F(JsonLinesTest, RefusesByteOrderMarkNulAndHalfALine) {
  EXPECT_THROW(JsonLines(file("\xef\xbb\xbf{}\n")).next(), Error);
  EXPECT_THROW(JsonLines(file(std::string("\0{}\n", 4))).next(), Error);
  EXPECT_THROW(JsonLines(file("{\"a\":")).next(), Error);
}

TEST_F(JsonLinesTest, LineOf16MiBIsReadAndOneByteMoreIsRefused) {
  const size_t most = size_t{16} << 20U;
  EXPECT_EQ(JsonLines(file('"' + std::string(most - 2, 'x') + '"')).next()->get<std::string>().size(), most - 2);
  try {
    JsonLines(file('"' + std::string(most - 1, 'x') + '"')).next();
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::Refused);
  }
}

TEST_F(JsonLinesTest, MissingFileAndFolderAreFileSystemErrors) {
  EXPECT_THROW(JsonLines(folder_.path() / "none"), Error);
  EXPECT_THROW(JsonLines(folder_.path()), Error);
}

}  // namespace
}  // namespace magma
