#include "magma/data/tfrecord.h"

#include <cstring>
#include <fstream>
#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "magma/core/limits.h"
#include "magma/core/random.h"
#include "magma/data/crc32c.h"
#include "tests/support/temporary_folder.h"

namespace magma {
namespace {

using testing::HasSubstr;
using std::string_literals::operator""s;

std::string head_of(uint64_t length) {
  std::string head(reinterpret_cast<const char*>(&length), sizeof length);
  const uint32_t sum = mask_crc32c(crc32c(head));
  return head.append(reinterpret_cast<const char*>(&sum), sizeof sum);
}

struct Outcome {
  std::vector<std::string> records{};
  std::optional<Error> error{};
  bool lost = false;
};

class TfRecord : public testing::Test {
 protected:
  Path write(const std::string& bytes) const {
    const Path path = folder_.path() / "some.tfrecord";
    std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    return path;
  }
  Outcome read(const std::string& bytes) const {
    Outcome outcome;
    TfRecordReader reader(write(bytes));
    try {
      while (reader.next()) outcome.records.emplace_back(reader.data().view());
    } catch (const Error& error) {
      outcome.error = error;
    }
    outcome.lost = reader.lost();
    return outcome;
  }
  TemporaryFolder folder_;
};

const std::vector<std::string> kPayloads = {"hello", "", std::string(100, 'x'), "last one"};

std::string framed(const std::vector<std::string>& payloads) {
  std::string bytes;
  for (const std::string& payload : payloads) bytes += frame_tfrecord(payload);
  return bytes;
}

TEST(Crc32c, GoldenVectors) {
  EXPECT_EQ(crc32c("123456789"), 0xE3069283U);
  EXPECT_EQ(crc32c_by_table("123456789"), 0xE3069283U);
  EXPECT_EQ(mask_crc32c(crc32c("123456789")), 0xC78AB0E5U);
}

TEST(Crc32c, InstructionAndTableAgreeAndCanBeContinued) {
  Rng rng(1);
  std::string bytes;
  for (int i = 0; i < 300; ++i) bytes += static_cast<char>(rng.integer(0, 255));
  for (size_t size = 0; size <= bytes.size(); ++size) {
    const std::string_view part(bytes.data(), size);
    EXPECT_EQ(crc32c(part), crc32c_by_table(part)) << size;
    EXPECT_EQ(crc32c(part.substr(size / 3), crc32c(part.substr(0, size / 3))), crc32c(part)) << size;
  }
}

TEST(TfRecordFraming, GoldenVectors) {
  EXPECT_EQ(frame_tfrecord("hello"), "\x05\0\0\0\0\0\0\0\xEA\xB2\x04\x3Ehello\xBB\x1F\x1C\x19"s);
  EXPECT_EQ(frame_tfrecord(""), "\0\0\0\0\0\0\0\0\x29\x03\x98\x07\xD8\xEA\x82\xA2"s);
}

TEST_F(TfRecord, ReadsPlainAndPackedFilesByTheirFirstBytes) {
  const std::string bytes = framed(kPayloads);
  EXPECT_EQ(read(bytes).records, kPayloads);
  EXPECT_EQ(read(pack_zlib(bytes)).records, kPayloads);
  EXPECT_EQ(read(bytes + bytes).records.size(), 8U) << "joined files are one file";
  EXPECT_TRUE(read("").records.empty());
  EXPECT_TRUE(read(pack_zlib("")).records.empty());
  EXPECT_FALSE(read(pack_zlib("")).error);
  const std::string like_gzip = framed({std::string(0x8B1F, 'a')});  // its length begins as a GZIP file does
  EXPECT_EQ(read(like_gzip).records.size(), 1U);
}

TEST_F(TfRecord, SkipsAndFindsRecordsAgain) {
  const Path path = write(framed(kPayloads));
  TfRecordReader reader(path);
  for (size_t i = 0; i < kPayloads.size(); ++i) {
    ASSERT_TRUE(reader.skip());
    EXPECT_EQ(reader.bytes(), static_cast<int64_t>(kPayloads[i].size()));
    EXPECT_EQ(read_tfrecord_at(path, reader.record(), reader.offset()).view(), kPayloads[i]);
  }
  EXPECT_FALSE(reader.skip());
}

TEST_F(TfRecord, CutAnywhereTheRecordsBeforeAreDelivered) {
  for (const bool packed : {false, true}) {
    const std::string whole = packed ? pack_zlib(framed(kPayloads)) : framed(kPayloads);
    for (size_t size = 1; size < whole.size(); ++size) {
      const Outcome outcome = read(whole.substr(0, size));
      const size_t count = outcome.records.size();
      ASSERT_LE(count, kPayloads.size());
      EXPECT_TRUE(std::equal(outcome.records.begin(), outcome.records.end(), kPayloads.begin()));
      const std::vector<std::string> before(kPayloads.begin(), kPayloads.begin() + static_cast<std::ptrdiff_t>(count));
      const bool boundary = !packed && framed(before).size() == size;
      ASSERT_EQ(outcome.error.has_value(), !boundary) << size;
      if (boundary) continue;
      EXPECT_EQ(outcome.error->code(), ErrorCode::Malformed);
      EXPECT_TRUE(outcome.lost);
      EXPECT_EQ(outcome.error->fields().where,
                "record " + std::to_string(count) + ", offset " + std::to_string(framed(before).size()));
    }
  }
}

TEST_F(TfRecord, EveryChangedByteIsFoundAndSaidToBeLengthOrData) {
  const std::string whole = framed(kPayloads);
  for (size_t at = 0; at < whole.size() * 9; ++at) {
    std::string bytes = whole;
    const size_t byte = at / 9, bit = at % 9;
    bytes[byte] = static_cast<char>(bytes[byte] ^ (bit == 8 ? 0xFF : 1 << bit));
    const Outcome outcome = read(bytes);
    ASSERT_TRUE(outcome.error) << at;
    EXPECT_EQ(outcome.error->code(), ErrorCode::Malformed);
    size_t begin = 0, record = 0;
    while (byte >= begin + kPayloads[record].size() + kTfRecordFraming) {
      begin += kPayloads[record++].size() + kTfRecordFraming;
    }
    const bool length = byte < begin + 12;
    EXPECT_EQ(outcome.error->fields().what, length ? "CRC of the length is wrong" : "CRC of the data is wrong");
    EXPECT_EQ(outcome.lost, length);
    EXPECT_THAT(outcome.error->fields().where, HasSubstr("record " + std::to_string(record)));
  }
}

TEST_F(TfRecord, GoesOnBehindARecordWhoseDataIsDamaged) {
  std::string bytes = framed(kPayloads);
  bytes[13] ^= 1;
  TfRecordReader reader(write(bytes));
  EXPECT_THROW(reader.next(), Error);
  for (size_t i = 1; i < kPayloads.size(); ++i) {
    ASSERT_TRUE(reader.next());
    EXPECT_EQ(reader.data().view(), kPayloads[i]);
  }
  EXPECT_FALSE(reader.next());
}

TEST_F(TfRecord, ForgedLengthsAreRefusedBeforeAnythingIsAllocated) {
  const auto cap = static_cast<uint64_t>(limits().tfrecord_bytes);
  const uint64_t remaining = 10;
  for (const bool packed : {false, true}) {
    for (const uint64_t length :
         {uint64_t{0}, remaining - 4, remaining, remaining + 1, cap, cap + 1, uint64_t{1} << 31U, uint64_t{1} << 32U,
          uint64_t{1} << 63U, ~uint64_t{0}, ~uint64_t{3}}) {
      const std::string bytes = head_of(length) + std::string(remaining, 'z');
      const Outcome outcome = read(packed ? pack_zlib(bytes) : bytes);
      ASSERT_TRUE(outcome.error) << length;
      EXPECT_EQ(outcome.error->code(), length > cap ? ErrorCode::Refused : ErrorCode::Malformed) << length;
    }
  }
}

TEST_F(TfRecord, BombsAreRefusedWithTheirRatio) {
  const std::string zeros = framed({std::string(size_t{8} << 20, '\0')});
  const std::string bomb = pack_zlib(zeros);
  ASSERT_GT(zeros.size() / bomb.size(), 900U);
  const Outcome outcome = read(bomb);
  ASSERT_TRUE(outcome.error);
  EXPECT_EQ(outcome.error->code(), ErrorCode::Refused);
  EXPECT_THAT(outcome.error->fields().got, HasSubstr(":1"));
  EXPECT_EQ(read(pack_zlib(framed({std::string(500'000, '\0')}))).records.size(), 1U) << "small files harm nobody";
  EXPECT_EQ(read(pack_zlib(bomb)).error->code(), ErrorCode::Malformed) << "what is packed twice is no TFRecord file";
}

TEST_F(TfRecord, OtherFilesAndRestsAreRefused) {
  for (const std::string& bytes :
       {std::string("\x89PNG\r\n\x1A\n and so on"), "{\"a\": 1, \"b\": 2}"s, framed(kPayloads) + "rest",
        framed(kPayloads) + std::string(20, 'g'), pack_zlib(framed(kPayloads)) + "rest"}) {
    const Outcome outcome = read(bytes);
    ASSERT_TRUE(outcome.error);
    EXPECT_EQ(outcome.error->code(), ErrorCode::Malformed);
  }
}

}  // namespace
}  // namespace magma
