#include "magma/text/lower_case.h"

#include <gtest/gtest.h>

#include "magma/core/hash.h"
#include "magma/core/utf8.h"

namespace magma {
namespace {

template <typename Make>
std::string digest(const Make& make) {
  std::string all;
  for (uint32_t code_point = 0; code_point < 0x110000; ++code_point) {
    if (code_point >= 0xD800 && code_point < 0xE000) continue;
    std::string character;
    append_utf8(character, code_point);
    all += make(character);
  }
  return sha256_hex(all);
}

// Digests: str.lower() of Python 3.11.
TEST(LowerCase, EveryCodePointAsPythonHasIt) {
  EXPECT_EQ(digest([](const std::string& c) { return lower_case(c); }),
            "958a7ea6410864d6bdee95e35373a838cd50f39ae4208f30d5fe14da0a0faff2");
}

TEST(LowerCase, EveryNeighbourOfASigmaAsPythonHasIt) {
  EXPECT_EQ(digest([](const std::string& c) {
              return lower_case("A" + c + "Σ\n") + lower_case(c + "Σ\n") + lower_case("AΣ" + c + "\n");
            }),
            "c7d10937ccf63a062a7f4158a1b114314eb8c88fa368a60a660261f1b348db96");
}

TEST(LowerCase, WholeTexts) {
  EXPECT_EQ(lower_case("Pick up the RED Block"), "pick up the red block");
  EXPECT_EQ(lower_case("ΌΔΟΣ ΣΑΣ!"), "όδος σας!");
  EXPECT_EQ(lower_case("İstanbul Ⅷ ẞ"), "i̇stanbul ⅷ ß");
  EXPECT_EQ(lower_case("A\xFF"
                       "B"),
            "a\xFF"
            "b");
  EXPECT_EQ(lower_case(""), "");
}

}  // namespace
}  // namespace magma
