#include "magma/nn/gguf.h"

#include <cmath>
#include <fstream>

#include <gtest/gtest.h>

#include "magma/core/clock.h"
#include "magma/core/random.h"
#include "magma/nn/safetensors.h"
#include "tests/nn/gguf_bytes.h"
#include "tests/support/sanitizers.h"
#include "tests/support/temporary_folder.h"

namespace magma {
namespace {

const Path kFiles = Path(MAGMA_SOURCE_DIR) / "tests/nn/gguf";

GgufHeader parsed(const std::string& bytes) {
  const ReadAt source = [&](int64_t offset, std::span<char> part) {
    const auto begin = static_cast<size_t>(offset);
    return begin >= bytes.size() ? size_t{0} : bytes.copy(part.data(), part.size(), begin);
  };
  return parse_gguf_header(source, static_cast<int64_t>(bytes.size()), "t.gguf");
}

// Bug stands for "accepted".
Error error_of(const std::string& bytes) {
  try {
    parsed(bytes);
  } catch (const Error& error) {
    return error;
  }
  return {ErrorCode::Bug, {.what = "accepted"}};
}

// Two tensors of 8 values: 32 bytes and 16.
GgufBytes golden() {
  GgufBytes file;
  file.values = {gguf_value("general.architecture", 8, gguf_text("llama")), gguf_value("n", 4, packed<uint32_t>(7))};
  file.tensors = {gguf_tensor("a", {4, 2}, 0, 0), gguf_tensor("b", {8}, 1, 32)};
  file.data = 48;
  return file;
}

TEST(Gguf, ReadsWhatTheReferencePackageWrites) {
  const GgufFile file(kFiles / "values.gguf");
  const GgufMetadata& metadata = file.metadata();
  EXPECT_EQ(file.header().version, 3U);
  EXPECT_TRUE(file.tensors().empty());
  EXPECT_EQ(metadata.integer("u8"), 255);
  EXPECT_EQ(metadata.integer("i8"), -128);
  EXPECT_EQ(metadata.integer("u16"), 65535);
  EXPECT_EQ(metadata.integer("i16"), -32768);
  EXPECT_EQ(metadata.integer("u32"), 4294967295);
  EXPECT_EQ(metadata.integer("i32"), -2147483648);
  EXPECT_EQ(metadata.integer("i64"), INT64_MIN);
  EXPECT_EQ(metadata.number("f32"), 0.15625);
  EXPECT_EQ(metadata.number("f64"), 0.1);
  EXPECT_EQ(metadata.number("u64"), 18446744073709551616.0);
  EXPECT_EQ(metadata.optional_boolean("yes"), true);
  EXPECT_EQ(metadata.optional_boolean("no"), false);
  EXPECT_EQ(metadata.optional_boolean("absent"), std::nullopt);
  EXPECT_EQ(metadata.text("text"), "\xc3\xa9\n");
  EXPECT_EQ(metadata.integers("numbers"), (std::vector<int64_t>{1, -2, 3}));
  EXPECT_EQ(metadata.texts("texts"), (std::vector<std::string>{"", "a", "bc"}));
  const GgufValue& nested = metadata.values().at("nested");
  ASSERT_EQ(nested.count, 3);
  ASSERT_EQ(nested.arrays.at(2).count, 3);
  EXPECT_EQ(nested.arrays.at(2).integer(1), 5);
}

TEST(Gguf, LookUpsNameTheKeyAndBothTypes) {
  const GgufFile file(kFiles / "values.gguf");
  const auto fails = [&](auto look_up, ErrorCode code) {
    try {
      look_up(file.metadata());
      ADD_FAILURE() << "accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), code);
      EXPECT_TRUE(error.fields().where.starts_with("metadata "));
    }
  };
  fails([](const GgufMetadata& m) { m.integer("u64"); }, ErrorCode::Malformed);
  fails([](const GgufMetadata& m) { m.integer("absent"); }, ErrorCode::Malformed);
  fails([](const GgufMetadata& m) { m.integer("f32"); }, ErrorCode::Malformed);
  fails([](const GgufMetadata& m) { m.integer("numbers"); }, ErrorCode::Malformed);
  fails([](const GgufMetadata& m) { m.number("text"); }, ErrorCode::Malformed);
  fails([](const GgufMetadata& m) { m.text("u8"); }, ErrorCode::Malformed);
  fails([](const GgufMetadata& m) { m.texts("numbers"); }, ErrorCode::Malformed);
  fails([](const GgufMetadata& m) { m.integers("texts"); }, ErrorCode::Malformed);
  fails([](const GgufMetadata& m) { m.optional_boolean("u8"); }, ErrorCode::Malformed);
}

TEST(Gguf, GoldenHeadHasReversedShapesAndPlaces) {
  const std::string bytes = golden().bytes();
  for (const std::string& same : {bytes, bytes + std::string(16, '\0')}) {  // with padding behind the last or without
    const GgufHeader header = parsed(same);
    EXPECT_EQ(header.tensors.at("a").shape, (std::vector<int64_t>{2, 4}));
    EXPECT_EQ(header.tensors.at("a").begin % 32, 0);
    EXPECT_EQ(header.tensors.at("b").begin, header.tensors.at("a").end);
    EXPECT_EQ(header.tensors.at("b").end, static_cast<int64_t>(bytes.size()));
    EXPECT_EQ(header.metadata.integer("n"), 7);
  }
  GgufBytes second = golden();
  second.version = 2;
  EXPECT_EQ(parsed(second.bytes()).version, 2U);
}

TEST(Gguf, TruncatedAtAnyByteIsMalformed) {
  const std::string bytes = golden().bytes();
  for (size_t size = 0; size < bytes.size(); ++size) {
    const Error error = error_of(bytes.substr(0, size));
    EXPECT_EQ(error.code(), ErrorCode::Malformed) << size;
    EXPECT_FALSE(error.fields().where.empty()) << size;
  }
  const std::string values = read_file(kFiles / "values.gguf", 1 << 20);
  for (size_t size = 0; size + 32 < values.size(); ++size) {
    EXPECT_EQ(error_of(values.substr(0, size)).code(), ErrorCode::Malformed) << size;
  }
}

TEST(Gguf, MagicAndVersionAreThoseOfTheFormat) {
  const auto with = [](const std::string& magic, uint32_t version) {
    GgufBytes file = golden();
    file.magic = magic;
    file.version = version;
    return error_of(file.bytes());
  };
  for (const char* magic : {"gguf", "GGML", "GGJT", "FUGG", "PK\x03\x04", "GGUE"}) {
    EXPECT_EQ(with(magic, 3).code(), ErrorCode::Malformed) << magic;
  }
  for (const uint32_t version : {1U, 0x02000000U, 0x03000000U}) {
    EXPECT_EQ(with("GGUF", version).code(), ErrorCode::Refused) << version;
  }
  for (const uint32_t version : {0U, 4U, 0xFFFFFFFFU, 0x01000000U}) {
    EXPECT_EQ(with("GGUF", version).code(), ErrorCode::Malformed) << version;
  }
}

TEST(Gguf, LyingCountsAreMalformed) {
  for (const uint64_t count : {3UL, 10UL, 1UL << 31, (1UL << 31) + 1, 1UL << 32, 1UL << 53, (1UL << 63) - 1, 1UL << 63,
                               ~7UL, ~0UL, ~0UL / 24 + 1, ~0UL / 13 + 1}) {
    EXPECT_EQ(error_of(golden().with_counts(count, 2)).code(), ErrorCode::Malformed) << count;
    EXPECT_EQ(error_of(golden().with_counts(2, count)).code(), ErrorCode::Malformed) << count;
  }
  EXPECT_EQ(error_of(golden().with_counts(1, 2)).code(), ErrorCode::Malformed);  // the second one's bytes are left
  EXPECT_EQ(error_of(golden().with_counts(0, 0)).code(), ErrorCode::Malformed);
}

TEST(Gguf, LyingLengthsAreMalformed) {
  for (const uint64_t length : {100UL, 1UL << 31, 1UL << 32, 1UL << 53, (1UL << 63) - 1, 1UL << 63, ~7UL, ~0UL}) {
    GgufBytes file;
    file.values = {packed(length) + "k" + packed<uint32_t>(4) + packed<uint32_t>(1)};
    EXPECT_EQ(error_of(file.bytes()).code(), ErrorCode::Malformed) << length;
    file.values = {gguf_value("k", 8, packed(length) + "text")};
    EXPECT_EQ(error_of(file.bytes()).code(), ErrorCode::Malformed) << length;
    for (uint32_t type = 0; type <= 12; ++type) {
      file.values = {gguf_value("k", 9, packed(type) + packed(length) + std::string(16, '\0'))};
      EXPECT_EQ(error_of(file.bytes()).code(), ErrorCode::Malformed) << type << " " << length;
    }
    file.values = {};
    file.tensors = {packed(length) + "a" + std::string(64, '\0')};
    EXPECT_EQ(error_of(file.bytes()).code(), ErrorCode::Malformed) << length;
  }
}

TEST(Gguf, MetadataHasKnownTypesAndDistinctPlainKeys) {
  const auto with = [](std::vector<std::string> values) {
    GgufBytes file;
    file.values = std::move(values);
    return error_of(file.bytes()).code();
  };
  const std::string one = packed<uint32_t>(1);
  EXPECT_EQ(with({gguf_value("k", 4, one), gguf_value("l", 4, one)}), ErrorCode::Bug);
  EXPECT_EQ(with({gguf_value("k", 4, one), gguf_value("k", 4, one)}), ErrorCode::Malformed);
  for (const uint32_t type : {13U, 255U, 1U << 31, ~0U}) {
    EXPECT_EQ(with({gguf_value("k", type, std::string(64, '\0'))}), ErrorCode::Malformed) << type;
    EXPECT_EQ(with({gguf_value("k", 9, packed(type) + std::string(64, '\0'))}), ErrorCode::Malformed) << type;
  }
  for (const std::string& key : {std::string(), std::string("a\0b", 3), std::string("a\n"), std::string("\xff"),
                                 std::string("\xc0\x80"), std::string("\x7f")}) {
    EXPECT_EQ(with({gguf_value(key, 4, one)}), ErrorCode::Malformed) << key;
  }
  EXPECT_EQ(with({gguf_value(std::string(65'535, 'k'), 4, one)}), ErrorCode::Bug);
  EXPECT_EQ(with({gguf_value(std::string(65'536, 'k'), 4, one)}), ErrorCode::Refused);
  EXPECT_EQ(with({gguf_value("k", 7, "\x02")}), ErrorCode::Malformed);
  EXPECT_EQ(with({gguf_value("k", 9, packed<uint32_t>(7) + packed<uint64_t>(2) + "\x01\x03")}), ErrorCode::Malformed);
}

TEST(Gguf, NestedArraysHaveLimits) {
  const auto nested = [](int depth) {
    std::string bytes;
    for (int i = 1; i < depth; ++i) bytes += packed<uint32_t>(9) + packed<uint64_t>(1);
    GgufBytes file;
    file.values = {gguf_value("k", 9, bytes + packed<uint32_t>(0) + packed<uint64_t>(1) + "x")};
    return error_of(file.bytes()).code();
  };
  EXPECT_EQ(nested(4), ErrorCode::Bug);
  EXPECT_EQ(nested(5), ErrorCode::Refused);
  EXPECT_EQ(nested(100'000), ErrorCode::Refused);
  std::string wide = packed<uint32_t>(9) + packed<uint64_t>(70'000);
  for (int i = 0; i < 70'000; ++i) wide += packed<uint32_t>(0) + packed<uint64_t>(0);
  GgufBytes file;
  file.values = {gguf_value("k", 9, wide)};
  EXPECT_EQ(error_of(file.bytes()).code(), ErrorCode::Refused);
}

TEST(Gguf, AlignmentIsAPowerOfTwo) {
  const auto with = [](uint32_t alignment) {
    GgufBytes file = golden();
    file.alignment = alignment == 0 ? 1 : alignment;
    file.values.push_back(gguf_value("general.alignment", 4, packed(alignment)));
    return error_of(file.bytes()).code();
  };
  for (const uint32_t alignment : {8U, 16U, 32U}) EXPECT_EQ(with(alignment), ErrorCode::Bug) << alignment;
  for (const uint32_t alignment : {0U, 1U, 4U, 12U, 24U, 33U, 131'072U}) {
    EXPECT_EQ(with(alignment), ErrorCode::Malformed) << alignment;
  }
  EXPECT_EQ(with(64), ErrorCode::Malformed);  // the second tensor starts at 32
  GgufBytes file = golden();
  file.values.push_back(gguf_value("general.alignment", 8, gguf_text("32")));
  EXPECT_EQ(error_of(file.bytes()).code(), ErrorCode::Malformed);
}

TEST(Gguf, TensorsHaveKnownTypes) {
  const auto with = [](uint32_t type) {
    GgufBytes file;
    file.tensors = {gguf_tensor("a", {256}, type, 0)};
    file.data = 1;
    return error_of(file.bytes()).code();
  };
  for (const uint32_t type : {42U, 99U, 1U << 31, ~0U}) EXPECT_EQ(with(type), ErrorCode::Malformed) << type;
  for (const uint32_t type : {4U, 5U, 31U, 36U, 38U}) EXPECT_EQ(with(type), ErrorCode::Refused) << type;
  EXPECT_EQ(with(2), ErrorCode::Malformed);  // data end too early
}

TEST(Gguf, ShapesAreWholeBlocksWithoutOverflow) {
  const auto with = [](const std::vector<uint64_t>& sides, uint32_t type) {
    GgufBytes file;
    file.tensors = {gguf_tensor("a", sides, type, 0)};
    file.data = 32;
    return error_of(file.bytes()).code();
  };
  for (const uint64_t row : {1UL, 31UL, 33UL}) EXPECT_EQ(with({row, 32}, 8), ErrorCode::Malformed) << row;
  EXPECT_EQ(with({32}, 12), ErrorCode::Malformed);  // Q4_K has blocks of 256
  for (const std::vector<uint64_t>& sides : std::vector<std::vector<uint64_t>>{{1UL << 63},
                                                                               {~0UL},
                                                                               {(1UL << 63) - 1},
                                                                               {1UL << 62, 4},
                                                                               {1UL << 32, 1UL << 32},
                                                                               {4294967297UL, 4294967295UL, 9},
                                                                               {1UL << 31, 1UL << 31, 1UL << 2},
                                                                               {2, 1UL << 62, 1UL << 62, 0},
                                                                               {0, 1UL << 62, 1UL << 62},
                                                                               {0, 1UL << 32, 1UL << 32, 3},
                                                                               {1UL << 32, 0, 1UL << 32},
                                                                               {1, 1, 1, 1, 1},
                                                                               std::vector<uint64_t>(1000, 1)}) {
    EXPECT_EQ(with(sides, 0), ErrorCode::Malformed) << sides.size() << " " << sides[0];
  }
  EXPECT_EQ(with({4, 2}, 0), ErrorCode::Bug);
  GgufBytes empty;
  empty.tensors = {gguf_tensor("a", {0}, 0, 0), gguf_tensor("b", {0, 5}, 8, 0)};  // no values are legal
  EXPECT_EQ(error_of(empty.bytes()).code(), ErrorCode::Bug);
  GgufBytes scalar;
  scalar.tensors = {gguf_tensor("a", {}, 0, 0)};
  scalar.data = 4;
  EXPECT_EQ(error_of(scalar.bytes()).code(), ErrorCode::Bug);
}

TEST(Gguf, OffsetsTileTheData) {
  const auto with = [](uint64_t a, uint64_t b, size_t data) {
    GgufBytes file;
    file.tensors = {gguf_tensor("a", {16}, 0, a), gguf_tensor("b", {10}, 0, b)};  // 64 and 40 bytes
    file.data = data;
    return error_of(file.bytes());
  };
  EXPECT_EQ(with(0, 64, 104).code(), ErrorCode::Bug);
  EXPECT_EQ(with(0, 64, 128).code(), ErrorCode::Bug);
  EXPECT_EQ(with(64, 0, 128).code(), ErrorCode::Bug);  // unsorted is legal, 40 is padded to 64
  EXPECT_EQ(with(0, 32, 128).fields().got, "a");       // overlap names both
  EXPECT_EQ(with(0, 32, 128).fields().where, "tensor b");
  EXPECT_EQ(with(0, 0, 64).code(), ErrorCode::Malformed);
  EXPECT_EQ(with(0, 96, 136).code(), ErrorCode::Malformed);   // hole in the middle
  EXPECT_EQ(with(32, 96, 136).code(), ErrorCode::Malformed);  // hole at the start
  EXPECT_EQ(with(0, 64, 129).code(), ErrorCode::Malformed);   // bytes at the end
  EXPECT_EQ(with(0, 64, 103).code(), ErrorCode::Malformed);   // beyond the file
  for (const uint64_t offset : {1UL, 8UL, 33UL, 65UL, 1UL << 32, 1UL << 53, (1UL << 63) - 32, 1UL << 63, ~31UL, ~0UL}) {
    EXPECT_EQ(with(0, offset, 128).code(), ErrorCode::Malformed) << offset;
  }
}

TEST(Gguf, TensorNamesAreDistinctAndPlain) {
  const auto with = [](const std::string& first, const std::string& second) {
    GgufBytes file;
    file.tensors = {gguf_tensor(first, {8}, 0, 0), gguf_tensor(second, {8}, 0, 32)};
    file.data = 64;
    return error_of(file.bytes());
  };
  EXPECT_EQ(with("a", std::string(64, 'b')).code(), ErrorCode::Bug);
  EXPECT_EQ(with("a", std::string(65, 'b')).code(), ErrorCode::Refused);
  EXPECT_EQ(with("a", "a").code(), ErrorCode::Malformed);
  EXPECT_EQ(with("a", "").code(), ErrorCode::Malformed);
  EXPECT_EQ(with("a", "\xff").code(), ErrorCode::Malformed);
  const Error control = with("a", std::string("\x1b[31m\0", 6));
  EXPECT_EQ(control.code(), ErrorCode::Malformed);
  EXPECT_EQ(control.line().find('\x1b'), std::string::npos);
}

TEST(Gguf, EveryBitFlipOfTheHeadIsRefusedOrInBounds) {
  const std::string bytes = golden().bytes();
  int accepted = 0, refused = 0;
  for (size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    std::string flipped = bytes;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    try {
      for (const auto& [name, tensor] : parsed(flipped).tensors) {
        EXPECT_LE(0, tensor.begin) << bit;
        EXPECT_LE(tensor.begin, tensor.end) << bit;
        EXPECT_LE(tensor.end, static_cast<int64_t>(bytes.size())) << bit;
      }
      ++accepted;
    } catch (const Error& error) {
      EXPECT_TRUE(error.code() == ErrorCode::Malformed || error.code() == ErrorCode::Refused) << bit;
      ++refused;
    }
  }
  EXPECT_GT(accepted, 0);
  EXPECT_GT(refused, 0);
}

TEST(Gguf, FileThatShrinksWhileOpenIsAnError) {
  const TemporaryFolder folder;
  const Path path = folder.path() / "t.gguf";
  const std::string bytes = golden().bytes();
  std::ofstream(path, std::ios::binary) << bytes;
  const GgufFile file(path);
  std::vector<float> values(8);
  file.read_rows("b", 0, std::span(values));
  std::filesystem::resize_file(path, bytes.size() - 1);
  EXPECT_THROW(file.read_rows("b", 0, std::span(values)), Error);
  EXPECT_THROW(file.read_rows("c", 0, std::span(values)), Error);
}

TEST(Gguf, TypesThatCannotBeDequantisedAreRefusedByName) {
  const TemporaryFolder folder;
  GgufBytes made;
  made.tensors = {gguf_tensor("a", {256}, 10, 0)};
  made.data = 84;
  std::ofstream(folder.path() / "t.gguf", std::ios::binary) << made.bytes();
  const GgufFile file(folder.path() / "t.gguf");
  std::vector<float> values(256);
  try {
    file.read_rows("a", 0, std::span(values));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::Refused);
    EXPECT_EQ(error.fields().got, "Q2_K");
  }
}

TEST(SlowGguf, ManyTensorsAndValuesStayWithinMemory) {
  MAGMA_NOT_UNDER_THREAD_SANITIZER("its memory is not the code's");
  const int64_t before = peak_resident_bytes();
  GgufBytes file;
  for (int i = 0; i < 60'000; ++i) file.values.push_back(gguf_value("k" + std::to_string(i), 4, packed(i)));
  for (int i = 0; i < 100'000; ++i) file.tensors.push_back(gguf_tensor("t" + std::to_string(i), {0}, 0, 0));
  const std::string bytes = file.bytes();
  EXPECT_EQ(parsed(bytes).tensors.size(), 100'000U);
  EXPECT_LT(peak_resident_bytes() - before, int64_t{128} << 20);
}

}  // namespace
}  // namespace magma
