// ByteStream: the bytes of a file from front to back, unpacked when the file is GZIP or ZLIB.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "magma/core/file.h"

namespace magma {

class ByteStream {
 public:
  virtual ~ByteStream() = default;
  // Fills `bytes`; the count is less only at the end. Malformed for damaged packed data, Refused for data that unpacks
  // to more than `limits()` allow, naming the ratio.
  virtual size_t read(std::span<char> bytes) = 0;
  virtual int64_t pass_over(int64_t bytes) = 0;  // returns how many there were
  virtual int64_t left() const = 0;              // < 0: not known
};

std::unique_ptr<ByteStream> open_plain(const Path& path);
std::unique_ptr<ByteStream> open_packed(const Path& path);  // GZIP, of any number of members, or ZLIB

bool looks_packed(std::string_view first_bytes);  // GZIP or ZLIB

// The whole of a ZLIB string. Refused when it unpacks to more than `most` bytes.
std::string unpack_zlib(std::string_view packed, int64_t most);
std::string pack_zlib(std::string_view bytes);

}  // namespace magma
