#include "magma/data/tfrecord.h"

#include <gtest/gtest.h>

#include "magma/data/crc32c.h"

namespace magma {
namespace {

TEST(Crc32c, GoldenVectors) {
  EXPECT_EQ(crc32c("123456789"), 0xE3069283U);
  EXPECT_EQ(mask_crc32c(crc32c("123456789")), 0xC78AB0E5U);
}

}  // namespace
}  // namespace magma
