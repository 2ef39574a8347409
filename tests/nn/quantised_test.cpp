// Quantised matrices: from GGUF blocks, from floating point, and through files.
#include <cmath>
#include <cstring>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "magma/core/error.h"
#include "magma/core/random.h"
#include "magma/nn/gguf.h"
#include "magma/nn/gguf_panels.h"
#include "magma/nn/quantise_weights.h"
#include "magma/nn/quantised_file.h"
#include "magma/nn/weight_files.h"
#include "tests/support/temporary_folder.h"

namespace magma {
namespace {

using testing::HasSubstr;

constexpr QuantisedFormat kInt8{QuantisedKind::Int8, 32}, kInt4{QuantisedKind::Int4, 32},
    kInt4Offset{QuantisedKind::Int4Offset, 32};

// tests/nn/gguf/blocks.safetensors comes from the Python package `gguf`.
TEST(GgufPanels, HoldTheValuesOfTheReferencePackage) {
  const Path folder = Path(MAGMA_SOURCE_DIR) / "tests/nn/gguf";
  const GgufFile file(folder / "blocks.gguf");
  const SafetensorsFile expected(folder / "blocks.safetensors");
  int quantised = 0;
  for (const auto& [name, entry] : file.tensors()) {
    const auto format = panel_format(entry.type);
    if (!format) continue;
    ++quantised;
    std::string blocks(
        static_cast<size_t>(entry.count() / gguf_type_facts(entry.type).values * gguf_type_facts(entry.type).bytes),
        '\0');
    file.read_blocks(name, 0, blocks);
    std::vector<const char*> rows;
    for (size_t r = 0; r < 4; ++r) rows.push_back(blocks.data() + r * blocks.size() / 4);
    Tensor panels = Tensor::quantised({4, 1024}, *format);
    write_gguf_panel(entry.type, rows, panels.quantised_matrix(), 0, static_cast<uint8_t*>(panels.mutable_data()));
    const Tensor values = panels.as_f32();
    const std::vector<float> truth = expected.read_as<float>(name);
    for (int64_t i = 0; i < values.count(); ++i) {
      const float wanted = truth[static_cast<size_t>(i)];
      // Only Q6_K's products need more bits than f32 has.
      const float tolerance = entry.type == GgufTensorType::Q6_K ? 8e-6F * std::abs(wanted) + 1e-7F : 0.0F;
      ASSERT_NEAR(values.floats()[i], wanted, tolerance) << name << " " << i;
    }
  }
  EXPECT_EQ(quantised, 5);
}

Tensor normal_matrix(int64_t N, int64_t K, uint64_t seed) {
  Rng rng(seed);
  Tensor matrix = Tensor::uninitialised({N, K});
  for (int64_t i = 0; i < N * K; ++i) matrix.mutable_floats()[i] = static_cast<float>(rng.normal());
  return matrix;
}

double squared_error(const Tensor& a, const Tensor& b, int64_t first_column = 0, int64_t last_column = INT64_MAX) {
  double sum = 0;
  for (int64_t i = 0; i < a.count(); ++i) {
    const int64_t k = i % a.dim(1);
    if (k >= first_column && k < last_column) sum += std::pow(a.floats()[i] - b.floats()[i], 2);
  }
  return sum;
}

// The plain rule: the largest value of a group decides its scale.
double plain_error(const Tensor& matrix, float codes) {
  double sum = 0;
  for (int64_t first = 0; first < matrix.count(); first += 32) {
    float largest = 0;
    for (int64_t k = 0; k < 32; ++k) largest = std::max(largest, std::abs(matrix.floats()[first + k]));
    for (int64_t k = 0; k < 32; ++k) {
      const float x = matrix.floats()[first + k], scale = largest / codes;
      sum += std::pow(std::round(x / scale) * scale - x, 2);
    }
  }
  return sum;
}

TEST(QuantiseMatrix, ErrsLessThanThePlainRule) {
  Team team(2);
  const Tensor matrix = normal_matrix(70, 320, 1);
  EXPECT_LT(squared_error(matrix, quantise_matrix(matrix, kInt8, {}, team).as_f32()), 0.95 * plain_error(matrix, 127));
  const double four = squared_error(matrix, quantise_matrix(matrix, kInt4, {}, team).as_f32());
  EXPECT_LT(four, 0.8 * plain_error(matrix, 7));
  EXPECT_LT(squared_error(matrix, quantise_matrix(matrix, kInt4Offset, {}, team).as_f32()), four);
}

TEST(QuantiseMatrix, ValuesThatAreOnAGridStayAsTheyAre) {
  Team team(1);
  Rng rng(2);
  Tensor matrix = Tensor::uninitialised({5, 64});
  for (int64_t i = 0; i < matrix.count(); ++i) {
    const int64_t k = i % 32;
    const auto code = k < 16 ? static_cast<float>(k) : std::floor(static_cast<float>(rng.uniform() * 16));
    matrix.mutable_floats()[i] = 0.03125F * code - 0.125F;
  }
  EXPECT_EQ(squared_error(matrix, quantise_matrix(matrix, kInt4Offset, {}, team).as_f32()), 0);
}

TEST(QuantiseMatrix, InputsThatMatterAreKeptBetter) {
  Team team(1);
  const Tensor matrix = normal_matrix(64, 96, 3);
  std::vector<float> importance(96, 0.01F);
  for (size_t k = 0; k < importance.size(); k += 8) importance[k] = 10;
  const Tensor plain = quantise_matrix(matrix, kInt4, {}, team).as_f32();
  const Tensor weighted = quantise_matrix(matrix, kInt4, importance, team).as_f32();
  double plain_cost = 0, weighted_cost = 0;
  for (int64_t i = 0; i < matrix.count(); ++i) {
    const double weight = importance[static_cast<size_t>(i % 96)];
    plain_cost += weight * std::pow(plain.floats()[i] - matrix.floats()[i], 2);
    weighted_cost += weight * std::pow(weighted.floats()[i] - matrix.floats()[i], 2);
  }
  EXPECT_LT(weighted_cost, 0.7 * plain_cost);
}

TEST(QuantiseMatrix, ThreadsChangeNothingAndFormatsOfWeightsAreRead) {
  Team one(1), three(3);
  const Tensor matrix = normal_matrix(200, 100, 4);
  const Tensor a = quantise_matrix(matrix, kInt4, {}, one), b = quantise_matrix(matrix, kInt4, {}, three);
  EXPECT_EQ(0, std::memcmp(a.data(), b.data(), static_cast<size_t>(a.bytes())));
  Tensor halves = Tensor::uninitialised({1, 32}, DType::BF16);
  for (int64_t k = 0; k < 32; ++k) static_cast<uint16_t*>(halves.mutable_data())[k] = to_bf16(static_cast<float>(k));
  const Tensor back = quantise_matrix(halves, kInt8, {}, one).as_f32();
  for (int64_t k = 0; k < 32; ++k) EXPECT_NEAR(back.floats()[k], static_cast<float>(k), 0.13);
}

TEST(QuantiseMatrix, WeightsThatAreNoNumbersAreNamed) {
  Team team(2);
  Tensor matrix = normal_matrix(70, 40, 5);
  matrix.mutable_floats()[66 * 40 + 7] = NAN;
  matrix.mutable_floats()[69 * 40] = INFINITY;
  try {
    quantise_matrix(matrix, kInt8, {}, team);
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::Malformed);
    EXPECT_THAT(error.line(), HasSubstr("row 66, column 7"));
  }
}

class QuantisedFile : public testing::Test {
 protected:
  void write(const std::string& metadata, int64_t extra_bytes = 0) const {
    const QuantisedMatrix layout{70, 40, kInt4};
    SafetensorsWriter writer(path_);
    const std::string bytes(static_cast<size_t>(layout.bytes() + 2 * extra_bytes), '\1');
    writer.add("w", DType::U8, {layout.panel_count(), layout.panel_bytes() + extra_bytes}, bytes);
    writer.set_metadata(kQuantisedKey, metadata);
    writer.finish();
  }
  std::string line() const {
    try {
      map_safetensors(path_);
    } catch (const Error& error) {
      return error.line();
    }
    return "accepted";
  }

  TemporaryFolder folder_;
  Path path_ = folder_.path() / "model.safetensors";
};

TEST_F(QuantisedFile, ComesBackAsItWasWritten) {
  write(quantised_metadata({{"w", {kInt4, 70, 40}}}));
  const Tensor tensor = map_safetensors(path_).at("w");
  ASSERT_TRUE(tensor.is_quantised());
  EXPECT_EQ(tensor.shape(), (Shape{70, 40}));
  EXPECT_EQ(tensor.quantised_matrix().format, kInt4);
  EXPECT_EQ(tensor.slice(64, 70).quantised_matrix().panels, tensor.quantised_matrix().panel(1));
}

TEST_F(QuantisedFile, FaultsAreNamed) {
  const auto described = [](const char* fields, int version = 1) {
    return R"({"version":)" + std::to_string(version) + R"(,"tensors":{"w":{)" + fields + "}}}";
  };
  const char* good = R"("format":"int4","group":32,"rows":70,"columns":40)";
  write(described(good));
  EXPECT_EQ(line(), "accepted");
  write(described(good, 2));
  EXPECT_THAT(line(), HasSubstr("another version"));
  write(described(good), 4);
  EXPECT_THAT(line(), HasSubstr("differs from its description"));
  write(described(R"("format":"int3","group":32,"rows":70,"columns":40)"));
  EXPECT_THAT(line(), HasSubstr("unknown format"));
  write(described(R"("format":"int4","group":33,"rows":70,"columns":40)"));
  EXPECT_THAT(line(), HasSubstr("unknown format"));
  write(described(R"("format":"int4","group":32,"rows":-70,"columns":40)"));
  EXPECT_THAT(line(), HasSubstr("sides of a matrix"));
  write(described(R"("format":"int4","group":32,"rows":70,"columns":9223372036854775807)"));
  EXPECT_THAT(line(), HasSubstr("sides of a matrix"));
  write(described(R"("format":"int4","group":32,"rows":700,"columns":40)"));
  EXPECT_THAT(line(), HasSubstr("differs from its description"));
  write(R"({"version":1,"tensors":{"v":{)" + std::string(good) + "}}}");
  EXPECT_THAT(line(), HasSubstr("is not in the file"));
  for (const char* broken : {"", "[]", "{", R"({"version":1})", R"({"version":1,"tensors":[]})", R"({"tensors":{}})"}) {
    write(broken);
    EXPECT_THAT(line(), HasSubstr("malformed")) << broken;
  }
}

}  // namespace
}  // namespace magma
