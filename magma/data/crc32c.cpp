#include "magma/data/crc32c.h"

#include <array>
#include <bit>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace magma {
namespace {

constexpr uint32_t kPolynomial = 0x82F63B78U;  // reflected
constexpr size_t kWord = 8;

// Table k: a byte with k zero bytes behind it; eight of them take eight bytes a step.
constexpr std::array<std::array<uint32_t, 256>, kWord> make_tables() {
  std::array<std::array<uint32_t, 256>, kWord> tables{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t sum = byte;
    for (int bit = 0; bit < 8; ++bit) sum = (sum >> 1U) ^ ((sum & 1U) != 0 ? kPolynomial : 0U);
    tables[0][byte] = sum;
  }
  for (size_t k = 1; k < kWord; ++k) {
    for (size_t byte = 0; byte < 256; ++byte) {
      const uint32_t sum = tables[k - 1][byte];
      tables[k][byte] = (sum >> 8U) ^ tables[0][sum & 0xFFU];
    }
  }
  return tables;
}
constexpr std::array<std::array<uint32_t, 256>, kWord> kTables = make_tables();

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) uint32_t by_instruction(std::string_view bytes, uint32_t before) {
  uint64_t sum = ~before;
  const char* at = bytes.data();
  size_t left = bytes.size();
  for (; left >= kWord; left -= kWord, at += kWord) {
    uint64_t word = 0;
    std::memcpy(&word, at, kWord);
    sum = _mm_crc32_u64(sum, word);
  }
  auto narrow = static_cast<uint32_t>(sum);
  for (; left > 0; --left, ++at) narrow = _mm_crc32_u8(narrow, static_cast<unsigned char>(*at));
  return ~narrow;
}
#endif

}  // namespace

uint32_t crc32c_by_table(std::string_view bytes, uint32_t before) {
  static_assert(std::endian::native == std::endian::little);
  uint32_t sum = ~before;
  const char* at = bytes.data();
  size_t left = bytes.size();
  for (; left >= kWord; left -= kWord, at += kWord) {
    uint64_t word = 0;
    std::memcpy(&word, at, kWord);
    word ^= sum;
    sum = 0;
    for (size_t k = 0; k < kWord; ++k) sum ^= kTables[kWord - 1 - k][(word >> (8 * k)) & 0xFFU];
  }
  for (; left > 0; --left, ++at) sum = (sum >> 8U) ^ kTables[0][(sum ^ static_cast<unsigned char>(*at)) & 0xFFU];
  return ~sum;
}

uint32_t crc32c(std::string_view bytes, uint32_t before) {
#if defined(__x86_64__)
  static const bool has_instruction = __builtin_cpu_supports("sse4.2") != 0;
  if (has_instruction) return by_instruction(bytes, before);
#endif
  return crc32c_by_table(bytes, before);
}

}  // namespace magma
