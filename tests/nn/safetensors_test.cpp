#include "magma/nn/safetensors.h"

#include <algorithm>
#include <cstring>
#include <fstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "magma/core/clock.h"
#include "magma/core/error.h"
#include "magma/core/hash.h"
#include "magma/core/json.h"
#include "tests/support/sanitizers.h"
#include "tests/support/temporary_folder.h"

namespace magma {
namespace {

// data_formats.md 9.2: `a` = f32 [1, -2], `b` = u8 [1, 2, 3].
const std::string kGoldenHeader =
    R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"U8","shape":[3],"data_offsets":[8,11]}})"
    "     ";
const std::string kGoldenData("\x00\x00\x80\x3f\x00\x00\x00\xc0\x01\x02\x03", 11);

std::string with_length(const std::string& header, const std::string& data, uint64_t length) {
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &length, 8);
  return bytes + header + data;
}
std::string assembled(const std::string& header, const std::string& data) {
  return with_length(header, data, header.size());
}

template <typename T>
std::string bytes_of(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

class SafetensorsTest : public testing::Test {
 protected:
  Path file(const std::string& bytes) const {
    const Path path = folder_.path() / "t.safetensors";
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
  }
  Error error_of(const std::string& bytes) const {
    try {
      const SafetensorsFile opened(file(bytes));
    } catch (const Error& error) {
      return error;
    }
    return {ErrorCode::Bug, {.what = "accepted"}};
  }
  Error error_of_header(const std::string& header, size_t data = 0) const {
    return error_of(assembled(header, std::string(data, 'd')));
  }
  TemporaryFolder folder_;
};

TEST_F(SafetensorsTest, ReadsTheGoldenFile) {
  const std::string bytes = assembled(kGoldenHeader, kGoldenData);
  ASSERT_EQ(bytes.size(), 131U);
  const SafetensorsFile opened(file(bytes));
  EXPECT_EQ(opened.read_as<float>("a"), (std::vector<float>{1, -2}));
  EXPECT_EQ(opened.read_as<uint8_t>("b"), (std::vector<uint8_t>{1, 2, 3}));
  EXPECT_THROW(opened.read_as<float>("b"), Error);
  EXPECT_THROW(opened.read("c"), Error);
}

TEST_F(SafetensorsTest, WritesTheGoldenFile) {
  const Path path = folder_.path() / "w.safetensors";
  SafetensorsWriter writer(path);
  writer.add("a", DType::F32, {2}, kGoldenData.substr(0, 8));
  writer.add("b", DType::U8, {3}, kGoldenData.substr(8));
  const uint64_t hash = writer.finish();
  EXPECT_EQ(read_file(path, 1000), assembled(kGoldenHeader, kGoldenData));
  EXPECT_EQ(hash, hash_file(path));
}

TEST_F(SafetensorsTest, ReadsWhatTheReferencePackageWrites) {
  const SafetensorsFile opened(Path(MAGMA_SOURCE_DIR) / "tests/nn/python.safetensors");
  EXPECT_EQ(opened.tensors().size(), 7U);
  EXPECT_EQ(opened.metadata().at("made"), "by Python");
  EXPECT_EQ(opened.metadata().at("\xc3\xa9"), "\xc3\xbc");
  EXPECT_EQ(opened.read_as<float>("f32"), (std::vector<float>{1.5, -2.25, 3.0, 0.0, 1e-3F, 7e8F}));
  EXPECT_EQ(opened.entry("f32").shape, (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(opened.read_as<double>("f64"), (std::vector<double>{0.1}));
  EXPECT_EQ(opened.read_as<int16_t>("i16"), (std::vector<int16_t>{-32768, 32767, 5}));
  EXPECT_EQ(opened.read_as<int64_t>("i64"), (std::vector<int64_t>{-9}));
  EXPECT_TRUE(opened.entry("i64").shape.empty());
  EXPECT_EQ(opened.read_as<uint8_t>("bool"), (std::vector<uint8_t>{1, 0}));
  EXPECT_EQ(opened.entry("empty").shape, (std::vector<int64_t>{0, 4}));
}

TEST_F(SafetensorsTest, RowsOfSeveralTensorsMayInterleave) {
  const Path path = folder_.path() / "w.safetensors";
  SafetensorsWriter writer(path);
  writer.set_metadata("k", "v");
  writer.open("x", DType::I16, {2});
  writer.open("y", DType::F64, {});
  writer.open("none", DType::U8, {7});
  std::vector<int16_t> x;
  std::vector<double> y;
  for (int i = 0; i < 40'000; ++i) {
    const std::vector<int16_t> row = {static_cast<int16_t>(i), static_cast<int16_t>(-i)};
    x.insert(x.end(), row.begin(), row.end());
    y.push_back(i * 0.5);
    writer.append("x", bytes_of(row));
    writer.append("y", bytes_of(std::vector<double>{y.back()}));
  }
  writer.finish();
  const SafetensorsFile opened(path);
  EXPECT_EQ(opened.read_as<int16_t>("x"), x);
  EXPECT_EQ(opened.read_as<double>("y"), y);
  EXPECT_EQ(opened.entry("x").shape, (std::vector<int64_t>{40'000, 2}));
  EXPECT_EQ(opened.entry("none").shape, (std::vector<int64_t>{0, 7}));
  EXPECT_EQ(opened.metadata().at("k"), "v");
}

TEST_F(SafetensorsTest, UnfinishedWriterLeavesNothing) {
  {
    SafetensorsWriter writer(folder_.path() / "w.safetensors");
    writer.add("a", DType::U8, {3}, "abc");
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path()));
}

TEST_F(SafetensorsTest, WriterHoldsCallersToTheirShapes) {
  SafetensorsWriter writer(folder_.path() / "w.safetensors");
  EXPECT_THROW(writer.add("a", DType::F32, {2}, "abc"), Error);
  writer.open("b", DType::F32, {2});
  EXPECT_THROW(writer.append("b", "1234567"), Error);
  EXPECT_THROW(writer.open("b", DType::U8, {}), Error);
  EXPECT_THROW(writer.append("c", ""), Error);
}

TEST_F(SafetensorsTest, LyingLengthsAreMalformed) {  // ST-1
  const std::string golden = assembled(kGoldenHeader, kGoldenData);
  for (size_t size = 0; size < golden.size(); ++size) {
    EXPECT_EQ(error_of(golden.substr(0, size)).code(), ErrorCode::Malformed) << size;
  }
  EXPECT_EQ(error_of(golden + "x").code(), ErrorCode::Malformed);
  for (const uint64_t length : {0UL, 1UL, 2UL, 111UL, 113UL, 122UL, 123UL, 124UL, 100'000'000UL, 100'000'001UL,
                                (1UL << 31) + 1, 1UL << 32, 1UL << 53, 1UL << 63, (1UL << 63) - 1, ~7UL, ~0UL}) {
    EXPECT_EQ(error_of(with_length(kGoldenHeader, kGoldenData, length)).code(), ErrorCode::Malformed) << length;
  }
  for (uint64_t length = golden.size() - 9; length <= golden.size() + 9; ++length) {
    const Error error = error_of(with_length(kGoldenHeader, kGoldenData, length));
    EXPECT_EQ(error.code(), ErrorCode::Malformed) << length;
    if (length <= golden.size() - 8) continue;
    EXPECT_EQ(error.fields().where, "byte 0") << length;
    EXPECT_EQ(error.fields().got, std::to_string(length));
    EXPECT_EQ(error.fields().expected, "at most 123");
  }
  EXPECT_EQ(error_of(assembled("{}", "")).code(), ErrorCode::Bug);  // no tensors is legal
  EXPECT_EQ(error_of(assembled("{}      ", "")).code(), ErrorCode::Bug);
}

TEST_F(SafetensorsTest, HeaderMustBeAnObjectOfKnownShape) {  // ST-2, ST-3
  const std::string tensor = R"({"dtype":"U8","shape":[1],"data_offsets":[0,1]})";
  for (const std::string& header :
       {std::string("\xEF\xBB\xBF{}"),
        std::string(" []"),
        std::string("null"),
        std::string("\"{}\""),
        std::string("7"),
        std::string(5, '\0'),
        std::string("[]"),
        std::string("{"),
        std::string("{}x"),
        std::string("{\"a\":1}"),
        "{\"a\":" + tensor + ",\"a\":" + tensor + "}",
        std::string(R"({"__metadata__":{"a":1}})"),
        std::string(R"({"__metadata__":{"a":"1","a":"2"}})"),
        std::string(R"({"__metadata__":{},"__metadata__":{}})"),
        std::string(R"({"a":{"dtype":"U8","shape":[1]}})"),
        std::string(R"({"a":{"dtype":1,"shape":[1],"data_offsets":[0,1]}})"),
        std::string(R"({"a":{"dtype":"U8","shape":1,"data_offsets":[0,1]}})"),
        std::string(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"x":1}})"),
        std::string(R"({"a":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}})"),
        std::string(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0]}})"),
        "{\"a\xff\":" + tensor + "}",
        std::string("{\"a\":[[[[[[[[[[]]]]]]]]]]}")}) {
    EXPECT_EQ(error_of_header(header, 1).code(), ErrorCode::Malformed) << header;
  }
}

TEST_F(SafetensorsTest, WhiteSpaceAroundTheHeaderIsLegal) {  // ST-2
  for (const char* header : {" {}", "\n{}", "\t\r\n {}", "{} \n"}) {
    EXPECT_EQ(error_of_header(header).code(), ErrorCode::Bug) << header;
  }
  for (const char* header : {" ", "   x", "\n[]", "\v{}", "\f{}", "\xC2\xA0{}"}) {
    EXPECT_EQ(error_of_header(header).code(), ErrorCode::Malformed) << header;
  }
  EXPECT_EQ(error_of_header("  x").fields().where, "byte 10");
}

TEST_F(SafetensorsTest, UnknownTypesAreMalformedAndUnsupportedOnesRefused) {  // ST-4
  const auto header = [](const std::string& dtype) {
    return R"({"a":{"dtype":")" + dtype + R"(","shape":[1],"data_offsets":[0,1]}})";
  };
  for (const char* dtype : {"", "u8", "F7", "FLOAT", "U8 "}) {
    EXPECT_EQ(error_of_header(header(dtype), 1).code(), ErrorCode::Malformed) << dtype;
  }
  for (const char* dtype : {"F8_E8M0", "F4", "F6_E2M3", "F8_E4M3FNUZ"}) {
    EXPECT_EQ(error_of_header(header(dtype), 1).code(), ErrorCode::Refused) << dtype;
  }
}

TEST_F(SafetensorsTest, ShapesAreNonNegativeIntegersWithoutOverflow) {  // ST-5
  for (const char* shape : {"-1", "1.0", "1e0", "18446744073709551616", "9223372036854775808", "2",
                            "4294967296,4294967296", "4294967297,4294967295,9", "null", "\"1\"", "0",
                            "1152921504606846977,16,1", "4611686018427387904,4,0", "[1]", "true", "1e3", "0.5", "-0"}) {
    const std::string header = std::string(R"({"a":{"dtype":"U8","shape":[)") + shape + R"(],"data_offsets":[0,1]}})";
    EXPECT_EQ(error_of_header(header, 1).code(), ErrorCode::Malformed) << shape;
  }
}

TEST_F(SafetensorsTest, ManySidesAndNoneAreLegal) {  // ST-5
  const auto header = [](const std::string& shape, int bytes) {
    return R"({"a":{"dtype":"U8","shape":[)" + shape + R"(],"data_offsets":[0,)" + std::to_string(bytes) + "]}}";
  };
  std::string ones = "1";
  for (int i = 1; i < 1000; ++i) ones += ",1";
  EXPECT_EQ(error_of_header(header(ones, 1), 1).code(), ErrorCode::Bug);
  EXPECT_EQ(error_of_header(header("", 1), 1).code(), ErrorCode::Bug);
  for (const char* empty : {"0", "0,4", "4,0", "0,0", "0,4611686018427387904,4"}) {
    EXPECT_EQ(error_of_header(header(empty, 0), 0).code(), ErrorCode::Bug) << empty;
    EXPECT_EQ(error_of_header(header(empty, 1), 1).code(), ErrorCode::Malformed) << empty;
  }
}

TEST_F(SafetensorsTest, OffsetsTileTheDataExactly) {  // ST-6
  const auto two = [](const std::string& a, const std::string& b, int a_bytes, int b_bytes) {
    return R"({"a":{"dtype":"U8","shape":[)" + std::to_string(a_bytes) + R"(],"data_offsets":[)" + a +
           R"(]},"b":{"dtype":"U8","shape":[)" + std::to_string(b_bytes) + R"(],"data_offsets":[)" + b + "]}}";
  };
  EXPECT_EQ(error_of_header(two("2,4", "0,2", 2, 2), 4).code(), ErrorCode::Bug);  // unsorted is legal
  EXPECT_EQ(error_of_header(two("0,2", "1,3", 2, 2), 3).fields().got, "a");       // overlap names both
  EXPECT_EQ(error_of_header(two("0,2", "3,5", 2, 2), 5).code(), ErrorCode::Malformed);
  EXPECT_EQ(error_of_header(two("1,2", "2,4", 1, 2), 4).code(), ErrorCode::Malformed);
  EXPECT_EQ(error_of_header(two("0,2", "2,4", 2, 2), 5).code(), ErrorCode::Malformed);
  EXPECT_EQ(error_of_header(two("0,2", "2,4", 2, 2), 3).code(), ErrorCode::Malformed);
  EXPECT_EQ(error_of_header(two("0,2", "0,2", 2, 2), 2).code(), ErrorCode::Malformed);
  EXPECT_EQ(error_of_header(two("2,0", "0,2", 2, 2), 2).code(), ErrorCode::Malformed);
  EXPECT_EQ(error_of_header(two("0,2.0", "2,4", 2, 2), 4).code(), ErrorCode::Malformed);
  EXPECT_EQ(error_of_header(two("0,2", "2,18446744073709551615", 2, 2), 4).code(), ErrorCode::Malformed);
}

TEST_F(SafetensorsTest, AnyNameIsReadAndShownEscaped) {  // ST-7
  const std::string kept[] = {"",
                              std::string(65'536, 'n'),
                              "../../etc/passwd",
                              "/a",
                              "\xE2\x80\xAE"
                              "gnp",
                              "\xC3\xA9",
                              "e\xCC\x81",
                              "a\x7f"};  // the two accented ones are two names
  std::string header = "{";
  int64_t at = 0;
  for (const std::string& name : kept) {
    header += (at > 0 ? "," : "") + dump_json(name) + R"(:{"dtype":"U8","shape":[1],"data_offsets":[)" +
              std::to_string(at) + "," + std::to_string(at + 1) + "]}";
    ++at;
  }
  const SafetensorsFile opened(file(assembled(header + "}", "01234567")));
  for (const std::string& name : kept) EXPECT_EQ(opened.entry(name).shape, std::vector<int64_t>{1});
  for (const char* name : {"\\u0000", "\\u001b[31m", "\\n", "\xE2\x80\xAE", "../..", "\\u0085"}) {
    const Error error =
        error_of_header(std::string("{\"") + name + R"(":{"dtype":"U8","shape":[2],"data_offsets":[0,1]}})", 1);
    EXPECT_EQ(error.code(), ErrorCode::Malformed) << name;
    for (const char c : error.line()) EXPECT_GE(static_cast<unsigned char>(c), 0x20) << name;
    EXPECT_EQ(error.line().find("\xE2\x80\xAE"), std::string::npos);
    EXPECT_LE(error.line().size(), 512U);
  }
  const std::string huge(65'536, 'n');
  EXPECT_LE(error_of_header("{\"" + huge + R"(":{"dtype":"U8","shape":[2],"data_offsets":[0,1]}})", 1).line().size(),
            512U);
}

TEST_F(SafetensorsTest, CutAnywhereIsMalformed) {  // ST-9
  const Path whole = folder_.path() / "whole.safetensors";
  SafetensorsWriter writer(whole);
  for (int i = 0; i < 80; ++i) writer.add("layer." + std::to_string(i), DType::F32, {4}, std::string(16, 'x'));
  writer.finish(false);
  const std::string bytes = read_file(whole, 1 << 20);
  const int64_t data = static_cast<int64_t>(bytes.size()) - 80 * 16;
  ASSERT_GT(data, 4200);
  std::vector<int64_t> cuts;
  for (int64_t cut = 0; cut < 4200; ++cut) cuts.push_back(cut);
  for (int64_t edge = data; edge <= static_cast<int64_t>(bytes.size()); edge += 16) {
    for (const int64_t cut : {edge - 1, edge, edge + 1}) {
      if (cut < static_cast<int64_t>(bytes.size())) cuts.push_back(cut);
    }
  }
  const Path path = file(bytes);
  std::sort(cuts.rbegin(), cuts.rend());
  for (const int64_t cut : cuts) {
    std::filesystem::resize_file(path, static_cast<uintmax_t>(cut));
    try {
      const SafetensorsFile opened(path);
      ADD_FAILURE() << "accepted at " << cut;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::Malformed) << cut;
    }
  }
}

TEST_F(SafetensorsTest, EveryTypeComesBackBitByBit) {  // ST-13
  const Path path = folder_.path() / "w.safetensors";
  std::map<std::string, std::string> written;
  SafetensorsWriter writer(path);
  for (int type = 0; type <= static_cast<int>(DType::F8E5M2); ++type) {
    const auto dtype = static_cast<DType>(type);
    for (const auto& [suffix, shape] : std::map<std::string, std::vector<int64_t>>{
             {"", {3, 5}}, {".scalar", {}}, {".empty", {0, 4}}, {".one", {1, 1, 1, 1, 1, 1}}}) {
      int64_t bytes = dtype_bytes(dtype);
      for (const int64_t side : shape) bytes *= side;
      std::string& values = written[std::string(dtype_name(dtype)) + suffix];
      for (int64_t i = 0; i < bytes; ++i) values += static_cast<char>(dtype == DType::Bool ? i % 2 : 37 * i + type);
      writer.add(std::string(dtype_name(dtype)) + suffix, dtype, shape, values);
    }
  }
  writer.finish(false);
  const SafetensorsFile opened(path);
  ASSERT_EQ(opened.tensors().size(), written.size());
  for (const auto& [name, values] : written) EXPECT_EQ(opened.read(name), values) << name;
}

TEST_F(SafetensorsTest, EveryBitFlipOfTheHeaderIsRefusedOrShows) {  // ST-10
  const std::string golden = assembled(kGoldenHeader, kGoldenData);
  const SafetensorsFile reference(file(golden));
  int accepted = 0;
  for (size_t bit = 0; bit < 8 * (8 + kGoldenHeader.size()); ++bit) {
    std::string bytes = golden;
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
    try {
      const SafetensorsFile flipped(file(bytes));
      ++accepted;
      const bool names = flipped.tensors().count("a") == 1 && flipped.tensors().count("b") == 1;
      const bool types = names && flipped.entry("a").dtype == DType::F32 && flipped.entry("b").dtype == DType::U8;
      const bool blank = bit / 8 >= 8 + kGoldenHeader.size() - 5;  // one white space for another
      EXPECT_TRUE(!types || blank) << bit;
    } catch (const Error& error) {
      EXPECT_TRUE(error.code() == ErrorCode::Malformed || error.code() == ErrorCode::Refused) << bit;
    }
  }
  EXPECT_GT(accepted, 0);
}

TEST_F(SafetensorsTest, FileThatShrinksWhileOpenIsAnError) {  // ST-12
  const SafetensorsFile opened(file(assembled(kGoldenHeader, kGoldenData)));
  std::filesystem::resize_file(folder_.path() / "t.safetensors", 125);
  EXPECT_THROW(opened.read("b"), Error);
}

TEST_F(SafetensorsTest, FileThatIsReplacedOrGrowsWhileOpenStaysWhatItWas) {  // ST-12
  const std::string golden = assembled(kGoldenHeader, kGoldenData);
  const Path path = file(golden);
  const SafetensorsFile opened(path);
  const std::shared_ptr<const char> mapped = opened.map_data();
  std::ofstream(path, std::ios::binary | std::ios::app) << "more";
  EXPECT_EQ(opened.read_as<uint8_t>("b"), (std::vector<uint8_t>{1, 2, 3}));
  const Path other = folder_.path() / "other";
  std::ofstream(other, std::ios::binary) << std::string(golden.size(), '\0');
  std::filesystem::rename(other, path);
  EXPECT_EQ(opened.read_as<float>("a"), (std::vector<float>{1, -2}));
  EXPECT_EQ(std::string(mapped.get(), kGoldenData.size()), kGoldenData);
}

TEST(SlowSafetensors, HeadersOfAHundredMegabytesAreReadOrRefused) {  // ST-8
  MAGMA_NOT_UNDER_THREAD_SANITIZER("its time is not the code's");
  const TemporaryFolder folder;
  const auto error_of = [&](const std::string& header) {
    std::ofstream(folder.path() / "t", std::ios::binary) << assembled(header, "");
    try {
      const SafetensorsFile opened(folder.path() / "t");
    } catch (const Error& error) {
      return error.code();
    }
    return ErrorCode::Bug;
  };
  const Stopwatch watch;
  EXPECT_EQ(error_of("{" + std::string(99'999'998, ' ') + "}"), ErrorCode::Bug);
  EXPECT_EQ(error_of("{" + std::string(99'999'999, ' ') + "}"), ErrorCode::Malformed);
  const std::string name(99'999'900, 'n');
  EXPECT_EQ(error_of("{\"" + name + R"(":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}})"), ErrorCode::Bug);
  EXPECT_LT(watch.seconds(), 30);
}

TEST(SlowSafetensors, HundredThousandTensorsLoadAndAMillionIsRefused) {  // ST-8
  MAGMA_NOT_UNDER_THREAD_SANITIZER("its memory is not the code's");
  const TemporaryFolder folder;
  const auto make = [&](int count) {
    std::string header = "{";
    for (int i = 0; i < count; ++i) {
      header += (i > 0 ? ",\"t" : "\"t") + std::to_string(i) + R"(":{"dtype":"U8","shape":[0],"data_offsets":[0,0]})";
    }
    std::ofstream(folder.path() / "t", std::ios::binary) << assembled(header + "}", "");
    return folder.path() / "t";
  };
  const int64_t before = peak_resident_bytes();
  EXPECT_EQ(SafetensorsFile(make(100'000)).tensors().size(), 100'000U);
  EXPECT_LT(peak_resident_bytes() - before, int64_t{300} << 20);
  try {
    const SafetensorsFile opened(make(1'000'000));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::Refused);
  }
}

}  // namespace
}  // namespace magma
