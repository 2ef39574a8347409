#include "magma/model/projector.h"

#include <algorithm>

#include <fmt/core.h>

#include "magma/core/check.h"
#include "magma/nn/elementwise.h"

namespace magma {
namespace {

constexpr const char* kPrefix = "multi_modal_projector.";

}  // namespace

Tensor stitched(const Tensor& features, CropGrid grid) {
  MAGMA_CHECK(features.dim(0) == grid.rows * grid.cols, "{} crops do not fill {} x {}", features.dim(0), grid.rows,
              grid.cols);
  const int64_t h = features.dim(1), line = features.dim(2) * features.dim(3);
  Tensor result = Tensor::uninitialised({grid.rows * h, grid.cols * features.dim(2), features.dim(3)});
  for (int64_t i = 0; i < features.dim(0) * h; ++i) {
    const int64_t crop = i / h, row = crop / grid.cols * h + i % h, column = crop % grid.cols;
    std::copy_n(features.floats() + i * line, line, result.mutable_floats() + (row * grid.cols + column) * line);
  }
  return result;
}

Tensor stitched_picture(const Tensor& crops, CropGrid grid) {
  MAGMA_CHECK(crops.dim(0) == grid.rows * grid.cols, "{} crops do not fill {} x {}", crops.dim(0), grid.rows,
              grid.cols);
  const int64_t C = crops.dim(1), b = crops.dim(2), width = grid.cols * b, height = grid.rows * b;
  Tensor result = Tensor::uninitialised({1, C, height, width});
  for (int64_t i = 0; i < crops.dim(0) * C * b; ++i) {
    const int64_t crop = i / (C * b), c = i / b % C, y = crop / grid.cols * b + i % b, x = crop % grid.cols * b;
    std::copy_n(crops.floats() + i * b, b, result.mutable_floats() + (c * height + y) * width + x);
  }
  return result;
}

void Projector::take_weights(WeightLoader& loader, const VisionConfig& config, int64_t hidden_size) {
  const std::string prefix = kPrefix;
  for (int64_t i = 0; i < config.projector_layers; ++i) {
    const int64_t inputs = i == 0 ? config.mm_hidden_size : hidden_size;
    layers_.push_back(take_linear(loader, fmt::format("{}proj.{}", prefix, 2 * i), {hidden_size, inputs}, true));
  }
  row_separator_ = loader.take(prefix + "row_seperator", {1, 1, hidden_size});
  if (!config.use_im_start_end) return;
  loader.take(prefix + "img_start_seperator", {1, hidden_size});
  loader.take(prefix + "img_end_seperator", {1, hidden_size});
}

void Projector::prepare() { row_separator_ = row_separator_.as_f32(); }

Tensor Projector::tokens(const Tensor& features, Team& team) const {
  const int64_t H = features.dim(0), W = features.dim(1), D = row_separator_.dim(2);
  Tensor x = features;
  for (size_t i = 0; i < layers_.size(); ++i) {
    if (i > 0) gelu(x.mutable_floats(), x.count(), team);
    x = layers_[i].forward(x, team);
  }
  Tensor result = Tensor::uninitialised({H * (W + 1), D});
  float* to = result.mutable_floats();
  for (int64_t y = 0; y < H; ++y) {
    to = std::copy_n(x.floats() + y * W * D, W * D, to);
    to = std::copy_n(row_separator_.floats(), D, to);
  }
  return result;
}

}  // namespace magma
