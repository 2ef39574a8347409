#include "magma/nn/conv.h"

#include "magma/core/check.h"
#include "magma/kernel/depthwise.h"

namespace magma {

Tensor patches_of_planes(const Tensor& pictures, int64_t side, Team& team) {
  const int64_t N = pictures.dim(0), C = pictures.dim(1), H = pictures.dim(2), W = pictures.dim(3);
  const int64_t h = H / side, w = W / side, width = C * side * side;
  Tensor patches = Tensor::uninitialised({N, h, w, width});
  const float* from = pictures.floats();
  float* to = patches.mutable_floats();
  team.run(N * h, [&](int64_t line) {
    const int64_t n = line / h, y = line % h;
    for (int64_t i = 0; i < w * width; ++i) {
      const int64_t x = i / width, c = i % width / (side * side), dy = i % (side * side) / side, dx = i % side;
      to[line * w * width + i] = from[((n * C + c) * H + y * side + dy) * W + x * side + dx];
    }
  });
  return patches;
}

Tensor patches_of_pixels(const Tensor& x, int64_t side, Team& team) {
  const int64_t N = x.dim(0), H = x.dim(1), W = x.dim(2), C = x.dim(3);
  const int64_t h = H / side, w = W / side, area = side * side;
  Tensor patches = Tensor::uninitialised({N, h, w, C * area});
  const float* from = x.floats();
  float* to = patches.mutable_floats();
  team.run(N * h, [&](int64_t line) {
    const int64_t n = line / h, y = line % h;
    for (int64_t i = 0; i < w * area; ++i) {
      const int64_t column = i / area, dy = i % area / side, dx = i % side;
      const float* pixel = from + ((n * H + y * side + dy) * W + column * side + dx) * C;
      float* patch = to + (line * w + column) * C * area + i % area;
      for (int64_t c = 0; c < C; ++c) patch[c * area] = pixel[c];
    }
  });
  return patches;
}

Tensor depthwise_weights(const Tensor& weight) {
  const Tensor values = weight.as_f32();
  const int64_t C = values.dim(0), taps = values.dim(2) * values.dim(3);
  Tensor result = Tensor::uninitialised({values.dim(2), values.dim(3), C});
  for (int64_t i = 0; i < taps * C; ++i) result.mutable_floats()[i] = values.floats()[i % C * taps + i / C];
  return result;
}

void depthwise_7x7(const Tensor& x, const Tensor& weights, const Tensor& bias, Tensor& y, Team& team) {
  MAGMA_CHECK(weights.dim(2) == x.dim(3), "{} channels for weights of {}", x.dim(3), weights.dim(2));
  MAGMA_CHECK(y.shape() == x.shape(), "{} into {}", shape_text(x.shape()), shape_text(y.shape()));
  depthwise({.pictures = x.dim(0),
             .H = x.dim(1),
             .W = x.dim(2),
             .C = x.dim(3),
             .x = x.floats(),
             .weight = weights.floats(),
             .bias = bias.floats(),
             .y = y.mutable_floats()},
            team);
}

Tensor planes_of_pixels(const Tensor& x) {
  const int64_t N = x.dim(0), area = x.dim(1) * x.dim(2), C = x.dim(3);
  Tensor planes = Tensor::uninitialised({N, C, x.dim(1), x.dim(2)});
  for (int64_t i = 0; i < N * area * C; ++i) {
    const int64_t n = i / (area * C), pixel = i / C % area, c = i % C;
    planes.mutable_floats()[(n * C + c) * area + pixel] = x.floats()[i];
  }
  return planes;
}

}  // namespace magma
