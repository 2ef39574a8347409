// CRC-32C (Castagnoli) and the mask that TFRecord files store it under. Source: data_formats.md 1.1.
#pragma once

#include <cstdint>
#include <string_view>

namespace magma {

// By the processor's own instruction where it has one. `before`: the sum of what comes before these bytes.
uint32_t crc32c(std::string_view bytes, uint32_t before = 0);
uint32_t crc32c_by_table(std::string_view bytes, uint32_t before = 0);  // the same, on any processor

constexpr uint32_t mask_crc32c(uint32_t sum) { return ((sum >> 15U) | (sum << 17U)) + 0xA282EAD8U; }

}  // namespace magma
