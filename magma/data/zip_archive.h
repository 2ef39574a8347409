// ZipArchive: the entries of a ZIP file that are stored as they are. Read by the central directory alone; whatever two
// readers could read differently is refused. Source: data_formats.md 8.1.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "magma/core/file.h"

namespace magma {

struct ZipEntry {
  std::string name;
  int64_t header = 0;  // of the local header
  int64_t begin = 0;   // of the bytes
  int64_t size = 0;
  uint32_t crc = 0;
};

class ZipArchive {
 public:
  // Error(Malformed) naming entry or byte, Error(Refused) for compression, encryption and limits.
  explicit ZipArchive(const Path& path);
  const std::vector<ZipEntry>& entries() const { return entries_; }  // in the order of their bytes
  const ZipEntry* find(std::string_view name) const;                 // nullptr when absent
  // Valid as long as this archive; Error(Malformed) when the CRC-32 is another.
  std::string_view read(const ZipEntry& entry) const;
  int64_t bytes() const { return bytes_; }  // of the file

 private:
  std::string file_;
  std::shared_ptr<const char> text_;
  int64_t bytes_ = 0;
  std::vector<ZipEntry> entries_;
};

}  // namespace magma
