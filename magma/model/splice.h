// Splice: image tokens where <image> stands, rows of a batch brought to one length. Source: model.md 5.
#pragma once

#include <cstdint>
#include <numeric>
#include <vector>

#include "magma/nn/tensor.h"

namespace magma {

enum class Padding { Left, Right };

using Ids = std::vector<int64_t>;

// Rows of one length with a 0/1 mask -> rows without padding. Padding on both sides in one batch, or inside a row, is
// Error(Usage), and so is an image in a masked place; `side` says where the batch was padded, `preferred` when nowhere.
struct UnpaddedBatch {
  std::vector<Ids> rows;
  Padding side = Padding::Left;
};
UnpaddedBatch without_padding(const std::vector<Ids>& ids, const std::vector<std::vector<int64_t>>& mask,
                              int64_t image_token, Padding preferred = Padding::Left);

// What stands at one place of a merged row: a token of the text or a row of an image's tokens.
struct Place {
  int64_t id = -1;         // >= 0: text
  int64_t image = -1;      // of the whole batch
  int64_t image_row = -1;  // of its tokens
};

// Images are used up in reading order over the whole batch. Error(Usage) with both numbers when their count differs
// from that of the places.
std::vector<std::vector<Place>> merged_places(const std::vector<Ids>& rows, const std::vector<int64_t>& image_rows,
                                              int64_t image_token);

// Where the places of each row stand in the padded batch.
struct Layout {
  int64_t length = 0;
  std::vector<int64_t> lengths;  // of the rows
  Padding padding = Padding::Left;

  int64_t places() const { return std::accumulate(lengths.begin(), lengths.end(), int64_t{0}); }
  int64_t offset(size_t row) const { return padding == Padding::Left ? length - lengths[row] : 0; }
  Tensor attention_mask() const;  // [B, L] I64
  Tensor position_ids() const;    // [B, L] I64; 1 where padded
  // [sum of lengths, D] -> [B, L, D], zeros where padded
  Tensor padded(const Tensor& rows) const;
};
Layout layout_of(const std::vector<std::vector<Place>>& rows, Padding padding);

}  // namespace magma
