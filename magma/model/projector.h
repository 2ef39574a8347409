// Projector: vision features -> tokens of the language model; a separator closes every row of pixels.
// Source: model.md 3.
#pragma once

#include "magma/model/model_config.h"
#include "magma/nn/linear.h"

namespace magma {

struct CropGrid {
  int64_t rows = 1, cols = 1;
};

// [rows * cols, h, w, C] -> [rows * h, cols * w, C]
Tensor stitched(const Tensor& features, CropGrid grid);
// [rows * cols, 3, b, b] -> [1, 3, rows * b, cols * b]
Tensor stitched_picture(const Tensor& crops, CropGrid grid);

class Projector {
 public:
  void take_weights(WeightLoader& loader, const VisionConfig& config, int64_t hidden_size);
  void prepare();
  // features [H, W, C] -> tokens [H * (W + 1), D]
  Tensor tokens(const Tensor& features, Team& team) const;

 private:
  std::vector<Linear> layers_;  // GELU between them
  Tensor row_separator_;        // [1, 1, D]; "row_seperator" in the file
};

}  // namespace magma
