#include "magma/image/bicubic.h"

#include <gtest/gtest.h>

#include "magma/core/hash.h"

namespace magma {
namespace {

// Hashes of what Pillow 11.3 makes of the same picture: Image.resize(size, BICUBIC). From 13.0 on Pillow does the
// columns first where that is less work, which the last row would show; the reference is older.
TEST(Bicubic, IsPillowsToTheBit) {
  Image image({37, 23});
  for (int y = 0; y < 23; ++y) {
    for (int x = 0; x < 37; ++x) {
      for (int c = 0; c < 3; ++c) {
        image.row(y)[3 * x + c] = static_cast<uint8_t>((x * 53 + y * 101 + c * 67 + x * y * 7) % 256);
      }
    }
  }
  struct Row {
    Size size;
    const char* hash;
  };
  for (const auto& [size, hash] : {Row{{64, 64}, "3f2adbc8bfec6960fc90ccef8689c18c6965e2c1afca0969996dcac867ede6c0"},
                                   Row{{20, 11}, "ebe781c81a4d998531155bf0edb22ad489cbef060b0ca869e9c90a74be0ef8af"},
                                   Row{{37, 46}, "5f3cd67185eab7dd9bfb7346f40853d292371d785e33498f204532087c2143c5"},
                                   Row{{5, 23}, "569f1154c27ae4822b156082bfebe9b6793ea9333ee4f65009f5abe8bb989371"},
                                   Row{{1, 1}, "79a3837141c281bf2f9d2928dd77af7b60bd7dc72be94947eaaa50d11eddec88"},
                                   Row{{100, 7}, "83f20824f87d39cde5a5d4424850fc515f7668addc7b61f9ff0da5a9d6d0badb"}}) {
    const Image resized = resize_bicubic(image, size);
    EXPECT_EQ(sha256_hex({reinterpret_cast<const char*>(resized.pixels.data()), resized.pixels.size()}), hash)
        << size.w << " x " << size.h;
  }
}

}  // namespace
}  // namespace magma
