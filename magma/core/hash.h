// Content hashes in hexadecimal.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "magma/core/file.h"

namespace magma {

std::string sha1_hex(std::string_view bytes);
std::string sha256_hex(std::string_view bytes);
std::string sha1_of_first_mebibyte(const Path& path);
std::string hex64(uint64_t value);     // 16 digits
uint64_t hash_file(const Path& path);  // xxh64 of the whole file, streamed

}  // namespace magma
