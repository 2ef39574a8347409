#include "magma/image/image_header.h"

#include <cstdint>
#include <limits>

namespace magma {
namespace {

uint64_t byte_at(std::string_view bytes, size_t i) { return static_cast<unsigned char>(bytes[i]); }
uint64_t big_endian(std::string_view bytes, size_t at, size_t count) {
  uint64_t value = 0;
  for (size_t i = 0; i < count; ++i) value = value << 8U | byte_at(bytes, at + i);
  return value;
}
uint64_t little_endian(std::string_view bytes, size_t at, size_t count) {
  uint64_t value = 0;
  for (size_t i = count; i > 0; --i) value = value << 8U | byte_at(bytes, at + i - 1);
  return value;
}

std::optional<ImageHeader> header(std::string_view format, uint64_t w, uint64_t h) {
  constexpr uint64_t kMost = std::numeric_limits<int>::max();
  if (w == 0 || h == 0 || w > kMost || h > kMost) return std::nullopt;
  return ImageHeader{format, {static_cast<int>(w), static_cast<int>(h)}};
}

// SOF0 to SOF15 but DHT (C4), JPG (C8) and DAC (CC).
bool starts_frame(uint64_t marker) {
  return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
}

std::optional<ImageHeader> jpeg_header(std::string_view bytes) {
  constexpr size_t kFrameHeader = 9;
  size_t at = 2;
  while (at + 4 <= bytes.size()) {
    if (byte_at(bytes, at) != 0xFF) return std::nullopt;
    const uint64_t marker = byte_at(bytes, at + 1);
    if (marker == 0xFF) {  // fill byte
      ++at;
    } else if (marker == 0x01 || (marker >= 0xD0 && marker <= 0xD7)) {  // without a length
      at += 2;
    } else if (starts_frame(marker)) {
      if (at + kFrameHeader > bytes.size()) return std::nullopt;
      return header("jpeg", big_endian(bytes, at + 7, 2), big_endian(bytes, at + 5, 2));
    } else {
      at += 2 + big_endian(bytes, at + 2, 2);
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<ImageHeader> read_image_header(std::string_view bytes) {
  constexpr size_t kPngHeader = 24, kGifHeader = 10, kBmpHeader = 26;
  if (bytes.starts_with("\xFF\xD8\xFF")) return jpeg_header(bytes);
  if (bytes.starts_with("\x89PNG\r\n\x1A\n") && bytes.size() >= kPngHeader) {
    return header("png", big_endian(bytes, 16, 4), big_endian(bytes, 20, 4));
  }
  if ((bytes.starts_with("GIF87a") || bytes.starts_with("GIF89a")) && bytes.size() >= kGifHeader) {
    return header("gif", little_endian(bytes, 6, 2), little_endian(bytes, 8, 2));
  }
  if (bytes.starts_with("BM") && bytes.size() >= kBmpHeader) {
    const auto w = static_cast<int32_t>(little_endian(bytes, 18, 4));
    const auto h = static_cast<int32_t>(little_endian(bytes, 22, 4));  // negative: top row first
    if (w <= 0 || h == std::numeric_limits<int32_t>::min()) return std::nullopt;
    return header("bmp", static_cast<uint64_t>(w), static_cast<uint64_t>(h < 0 ? -h : h));
  }
  return std::nullopt;
}

}  // namespace magma
