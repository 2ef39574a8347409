// PNG and JPEG in memory, and base64.
#pragma once

#include <string>
#include <string_view>

#include "magma/image/image.h"

namespace magma {

std::string encode_jpeg(const Image& image, int quality = 90);
std::string encode_png(const Image& image);
// PNG or JPEG by content; palette, grey, alpha, 16 bit -> RGB (alpha dropped). `file` names it in errors.
// Malformed when damaged or truncated, Refused above `max_pixels`.
Image decode_image(std::string_view bytes, const std::string& file, int64_t max_pixels = 100'000'000);
std::string base64(std::string_view bytes);

}  // namespace magma
