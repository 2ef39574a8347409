#include "magma/nn/gguf_blocks.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include <gtest/gtest.h>

#include "magma/nn/gguf.h"
#include "magma/nn/safetensors.h"

namespace magma {
namespace {

const Path kFiles = Path(MAGMA_SOURCE_DIR) / "tests/nn/gguf";

template <typename T>
std::string bytes_of(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

TEST(GgufBlocks, EveryTypeHasTheBitsOfTheReferencePackage) {
  const GgufFile file(kFiles / "blocks.gguf");
  const SafetensorsFile expected(kFiles / "blocks.safetensors");
  ASSERT_EQ(file.tensors().size(), 8U);
  for (const auto& [name, tensor] : file.tensors()) {
    EXPECT_EQ(gguf_type_facts(tensor.type).name, name);
    EXPECT_EQ(tensor.shape, (std::vector<int64_t>{4, 1024}));
    std::vector<float> values(4096);
    file.read_rows(name, 0, std::span(values));
    EXPECT_EQ(bytes_of(values), expected.read(name)) << name;
    std::vector<uint16_t> rounded(4096);
    file.read_rows(name, 0, std::span(rounded));
    EXPECT_EQ(bytes_of(rounded), expected.read(name + "/bf16")) << name;
    std::vector<float> rows(2048);
    file.read_rows(name, 1, std::span(rows));
    EXPECT_EQ(bytes_of(rows), bytes_of(values).substr(4096, 8192)) << name;
  }
}

TEST(GgufBlocks, EveryHalfIsExact) {
  for (uint32_t bits = 0; bits < 65'536; ++bits) {
    const auto half = static_cast<uint16_t>(bits);
    float value = 0;
    dequantise(GgufTensorType::F16, {reinterpret_cast<const char*>(&half), 2}, std::span(&value, 1));
    const int exponent = static_cast<int>(bits >> 10 & 31), mantissa = static_cast<int>(bits & 1023);
    if (exponent == 31 && mantissa != 0) {
      EXPECT_TRUE(std::isnan(value)) << bits;
      continue;
    }
    double expected = exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25);
    if (exponent == 31) expected = std::numeric_limits<double>::infinity();
    if (bits >= 32'768) expected = -expected;
    EXPECT_EQ(static_cast<double>(value), expected) << bits;
    EXPECT_EQ(std::signbit(value), bits >= 32'768) << bits;
  }
}

TEST(GgufBlocks, RoundingToBf16KeepsNanAndTiesToEven) {
  const std::vector<std::pair<uint32_t, uint16_t>> cases = {
      {0x3F800000, 0x3F80}, {0x3F808000, 0x3F80}, {0x3F818000, 0x3F82}, {0x3F808001, 0x3F81}, {0x7F7FFFFF, 0x7F80},
      {0x7F800000, 0x7F80}, {0x7F800001, 0x7FC0}, {0xFFFFFFFF, 0xFFFF}, {0x80000000, 0x8000}, {0x00000001, 0x0000}};
  for (const auto& [bits, expected] : cases) {
    uint16_t rounded = 0;
    dequantise(GgufTensorType::F32, {reinterpret_cast<const char*>(&bits), 4}, std::span(&rounded, 1));
    EXPECT_EQ(rounded, expected) << bits;
  }
}

TEST(GgufBlocks, CallersAreHeldToWholeBlocks) {
  std::vector<float> values(31);
  EXPECT_ANY_THROW(dequantise(GgufTensorType::Q8_0, std::string(34, '\0'), std::span(values)));
  values.resize(32);
  EXPECT_ANY_THROW(dequantise(GgufTensorType::Q8_0, std::string(33, '\0'), std::span(values)));
  std::vector<uint16_t> rounded(32);
  EXPECT_ANY_THROW(dequantise(GgufTensorType::Q8_0, std::string(33, '\0'), std::span(rounded)));
}

}  // namespace
}  // namespace magma
