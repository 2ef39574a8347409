// What an encoded picture says about itself, without decoding it.
#pragma once

#include <optional>
#include <string_view>

#include "magma/core/geometry.h"

namespace magma {

struct ImageHeader {
  std::string_view format;  // "jpeg", "png", "gif", "bmp"
  Size size;                // px, before any rotation that its metadata asks for
};

// By content; nullopt for anything else and for a header that is cut or says 0 px.
std::optional<ImageHeader> read_image_header(std::string_view bytes);

}  // namespace magma
