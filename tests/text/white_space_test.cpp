#include "magma/text/white_space.h"

#include <gtest/gtest.h>

namespace magma {
namespace {

// As len(text.split()) and text.strip() of Python.
TEST(WhiteSpace, IsPythons) {
  EXPECT_EQ(count_words(""), 0);
  EXPECT_EQ(count_words(" \t\n"), 0);
  EXPECT_EQ(count_words("<image>\nWhat is  it?"), 4);
  EXPECT_EQ(count_words("a\u00a0b\u2003c\u200bd\x1c"
                        "e\u3000"),
            4);
  EXPECT_EQ(count_words("a\xff b\xc3"), 2);
  EXPECT_EQ(stripped("\u2028 \x1f a b\u0085\n"), "a b");
  EXPECT_EQ(stripped(" \n"), "");
}

}  // namespace
}  // namespace magma
