// PK-6 and PK-7 of the catalogue: an archive that can be read two ways is not read.
#include "magma/data/zip_archive.h"

#include <gtest/gtest.h>

#include "magma/core/error.h"
#include "magma/data/torch_value.h"
#include "tests/data/torch_bytes.h"

namespace magma {
namespace {

int code_of(const std::string& bytes, std::string* line = nullptr) {
  const WrittenFile file("a.pth", bytes);
  try {
    read_torch_file(file.path());
    return 0;
  } catch (const Error& error) {
    if (line != nullptr) *line = error.line();
    EXPECT_EQ(error.fields().file, file.path().string()) << error.line();
    return error.exit_code();
  }
}

std::string golden() { return read_file(Path(MAGMA_SOURCE_DIR) / "tests/data/golden/trace.pth", 4096); }

// Of the golden archive: local headers, central directory and the three records behind it.
constexpr size_t kPickle = 0, kStorage0 = 880, kStorage1 = 1024, kDirectory = 1234, kEnd64 = 1473, kLocator = 1529,
                 kEnd = 1549;
constexpr size_t kCentral0 = kDirectory + 46 + 15, kCentral1 = kCentral0 + 46 + 13;  // of storages 0 and 1

std::string with(std::string bytes, const std::vector<std::pair<size_t, std::string>>& changes) {
  for (const auto& [at, content] : changes) bytes.replace(at, content.size(), content);
  return bytes;
}

TEST(ZipArchive, GoldenArchiveIsLaidOutAsAssumed) {
  const std::string bytes = golden();
  ASSERT_EQ(bytes.size(), 1571U);
  for (const size_t local : {kPickle, kStorage0, kStorage1}) EXPECT_EQ(bytes.substr(local, 4), "PK\x03\x04");
  for (const size_t central : {kDirectory, kCentral0, kCentral1}) EXPECT_EQ(bytes.substr(central, 4), "PK\x01\x02");
  EXPECT_EQ(code_of(bytes), 0);
}

TEST(ZipArchive, WhatIsAmbiguousIsMalformed) {
  const std::string bytes = golden(), tail = bytes.substr(kDirectory);
  const std::string one = bytes_of<uint32_t>(1), ones = bytes_of<uint32_t>(0xFFFFFFFF);
  const std::vector<std::pair<const char*, std::string>> cases = {
      {"prefix", "PK" + bytes},
      {"other prefix", "\x80\x02" + bytes},
      {"behind", bytes + "x"},
      {"comment", with(bytes, {{kEnd + 20, bytes_of<uint16_t>(4)}}) + "abcd"},
      {"end in a comment", with(bytes, {{kEnd + 20, bytes_of<uint16_t>(22)}}) + bytes.substr(kEnd)},
      {"two directories", bytes + tail},
      {"directory moved", bytes.substr(0, kDirectory) + "gap!" + tail},
      {"local name", with(bytes, {{kStorage0 + 30, "golden/data/9"}})},
      {"central name", with(bytes, {{kCentral0 + 46, "golden/data/9"}})},
      {"duplicate", with(bytes, {{kStorage1 + 30, "golden/data/0"}, {kCentral1 + 46, "golden/data/0"}})},
      {"size", with(bytes, {{kCentral0 + 24, bytes_of<uint32_t>(49)}})},
      {"both sizes", with(bytes, {{kCentral0 + 20, bytes_of<uint32_t>(49) + bytes_of<uint32_t>(49)}})},
      {"smaller", with(bytes, {{kCentral0 + 20, bytes_of<uint32_t>(40) + bytes_of<uint32_t>(40)}})},
      {"gigabytes", with(bytes, {{kCentral0 + 20, bytes_of<uint32_t>(0x83000000) + bytes_of<uint32_t>(0x83000000)}})},
      {"no 64-bit size", with(bytes, {{kCentral0 + 20, ones + ones}})},
      {"crc", with(bytes, {{kCentral0 + 16, one}})},
      {"flags of one header", with(bytes, {{kCentral0 + 8, bytes_of<uint16_t>(0x0800)}})},
      {"time of one header", with(bytes, {{kCentral0 + 12, bytes_of<uint16_t>(1)}})},
      {"overlap", with(bytes, {{kCentral1 + 42, bytes_of<uint32_t>(kStorage0)}})},
      {"outside", with(bytes, {{kCentral1 + 42, bytes_of<uint32_t>(0x7FFFFFFF)}})},
      {"count of 64", with(bytes, {{kEnd64 + 24, bytes_of<uint64_t>(5) + bytes_of<uint64_t>(5)}})},
      {"place of 64", with(bytes, {{kLocator + 8, bytes_of<uint64_t>(kEnd64 - 1)}})},
      {"size of 64", with(bytes, {{kEnd64 + 40, bytes_of<uint64_t>(0xFFFFFFFFFFFFFFFF)}})},
      {"offset of 64", with(bytes, {{kEnd64 + 48, bytes_of<uint64_t>(0xFFFFFFFFFFFFFFFF)}, {kEnd + 16, ones}})},
      {"huge count", with(bytes, {{kEnd64 + 24, bytes_of(~uint64_t{0}) + bytes_of(~uint64_t{0})}, {kEnd + 8, ones}})},
      {"disks", with(bytes, {{kEnd + 4, bytes_of<uint16_t>(1)}})},
      {"padding", with(bytes, {{kPickle + 30 + 15 + 5, "x"}})},
      {"bytes between entries", with(bytes, {{kStorage0 - 16, "abcd"}})},
      {"empty", ""},
      {"signature alone", "PK\x03\x04"},
      {"no entries", zip_of({})},
      {"two objects", zip_of({{"a/data.pkl", pickle("N")}, {"b/data.pkl", pickle("N")}, {"a/version", "3\n"}})},
      {"two folders", zip_of({{"a/data.pkl", pickle("N")}, {"a/version", "3\n"}, {"b/data/0", "x"}})},
      {"no version", zip_of({{"a/data.pkl", pickle("N")}})},
      {"version", zip_of({{"a/data.pkl", pickle("N")}, {"a/version", "11\n"}})},
      {"byte order", zip_of({{"a/data.pkl", pickle("N")}, {"a/version", "3\n"}, {"a/byteorder", "middle"}})},
      {"behind the pickle", archive_of(pickle("N") + "x")},
      {"no storage", archive_of(pickle(tensor("FloatStorage", 1, small(0) + "))")))},
      {"safetensors", bytes_of<uint64_t>(2) + "{}"},
      {"text", "[1, 2]"}};
  for (const auto& [name, content] : cases) EXPECT_EQ(code_of(content), 3) << name;
}

TEST(ZipArchive, WhatPolicyForbidsIsRefused) {
  const std::string bytes = golden();
  const auto renamed = [&](const std::string& name) {
    return with(bytes, {{kStorage0 + 30, name}, {kCentral0 + 46, name}});
  };
  for (const char* name : {"golden/../dat", "../lden/data0", "/olden/data/0", "golden//data0", "golden/./dat0",
                           "golden/data/ ", "C:lden/data/0", "golden\\data\\0"}) {
    std::string line;
    const int code = code_of(renamed(name), &line);
    EXPECT_TRUE(code == 4 || (code == 3 && std::string(name) == "golden/data/ ")) << name << line;
  }
  const auto flagged = [&](uint16_t flags) {
    return with(bytes, {{kStorage0 + 6, bytes_of(flags)}, {kCentral0 + 8, bytes_of(flags)}});
  };
  EXPECT_EQ(code_of(flagged(0x0809)), 4);
  for (const uint16_t method : {uint16_t{8}, uint16_t{14}, uint16_t{93}}) {
    EXPECT_EQ(code_of(with(bytes, {{kStorage0 + 8, bytes_of(method)}, {kCentral0 + 10, bytes_of(method)}})), 4);
  }
  Entries many;
  for (int i = 0; i < 70'000; ++i) many.emplace_back("a/data/" + std::to_string(i), "");
  std::string crowd = zip_of(many);  // its count does not fit 16 bits
  EXPECT_EQ(code_of(crowd), 3);
  const size_t end = crowd.size() - 22;
  uint32_t size = 0, offset = 0;
  std::copy_n(crowd.data() + end + 12, 4, reinterpret_cast<char*>(&size));
  std::copy_n(crowd.data() + end + 16, 4, reinterpret_cast<char*>(&offset));
  const std::string end64 = "PK\x06\x06" + bytes_of<uint64_t>(44) + bytes_of<uint16_t>(45) + bytes_of<uint16_t>(45) +
                            std::string(8, '\0') + bytes_of<uint64_t>(70'000) + bytes_of<uint64_t>(70'000) +
                            bytes_of<uint64_t>(size) + bytes_of<uint64_t>(offset) + "PK\x06\x07" +
                            std::string(4, '\0') + bytes_of<uint64_t>(end) + bytes_of<uint32_t>(1);
  crowd = with(crowd.substr(0, end) + end64 + crowd.substr(end),
               {{end + end64.size() + 8, bytes_of<uint32_t>(0xFFFFFFFF)}});
  EXPECT_EQ(code_of(crowd), 4);
}

TEST(ZipArchive, EveryCutAndEveryChangedByteIsNoticed) {
  const std::string bytes = golden();
  for (size_t length = 0; length < bytes.size(); length += 3) EXPECT_EQ(code_of(bytes.substr(0, length)), 3) << length;
  for (size_t at = 0; at < bytes.size(); ++at) {
    std::string changed = bytes;
    changed[at] = static_cast<char>(~changed[at]);
    EXPECT_EQ(code_of(changed), 3) << at;
  }
}

}  // namespace
}  // namespace magma
