#include "magma/model/splice.h"

#include <algorithm>

#include <fmt/core.h>

#include "magma/core/check.h"
#include "magma/core/error.h"

namespace magma {
namespace {

Error usage(std::string where, std::string what, std::string expected = "", std::string got = "") {
  return {ErrorCode::Usage,
          {.where = std::move(where), .what = std::move(what), .expected = std::move(expected), .got = std::move(got)}};
}

}  // namespace

UnpaddedBatch without_padding(const std::vector<Ids>& ids, const std::vector<std::vector<int64_t>>& mask,
                              int64_t image_token, Padding preferred) {
  MAGMA_CHECK(ids.size() == mask.size(), "{} rows, {} masks", ids.size(), mask.size());
  UnpaddedBatch batch{.rows = {}, .side = preferred};
  bool left = false, right = false;
  for (size_t r = 0; r < ids.size(); ++r) {
    MAGMA_CHECK(ids[r].size() == mask[r].size(), "{} ids, {} mask values", ids[r].size(), mask[r].size());
    Ids kept;
    for (size_t t = 0; t < ids[r].size(); ++t) {
      if (mask[r][t] != 0) kept.push_back(ids[r][t]);
      if (mask[r][t] != 0 || ids[r][t] != image_token) continue;
      throw usage(fmt::format("row {}, place {}", r, t), "an image stands in a masked place");
    }
    const auto first = std::find(mask[r].begin(), mask[r].end(), 1);
    const auto last = std::find(mask[r].rbegin(), mask[r].rend(), 1).base();
    if (kept.empty() || last - first != static_cast<std::ptrdiff_t>(kept.size())) {
      throw usage(fmt::format("row {}", r), "the mask is not one run of ones");
    }
    left = left || first != mask[r].begin();
    right = right || last != mask[r].end();
    batch.rows.push_back(std::move(kept));
  }
  if (left && right) throw usage("attention mask", "rows are padded on both sides");
  if (left) batch.side = Padding::Left;
  if (right) batch.side = Padding::Right;
  return batch;
}

std::vector<std::vector<Place>> merged_places(const std::vector<Ids>& rows, const std::vector<int64_t>& image_rows,
                                              int64_t image_token) {
  std::vector<std::vector<Place>> result;
  int64_t image = 0;
  const auto images = static_cast<int64_t>(image_rows.size());
  for (const Ids& ids : rows) {
    std::vector<Place> places;
    for (const int64_t id : ids) {
      if (image_token < 0 || id != image_token) {
        places.push_back({.id = id});
        continue;
      }
      const int64_t count = image < images ? image_rows[static_cast<size_t>(image)] : 0;
      for (int64_t i = 0; i < count; ++i) places.push_back({.image = image, .image_row = i});
      ++image;
    }
    result.push_back(std::move(places));
  }
  if (image == images) return result;
  throw usage("images", "their number differs from that of the image tokens", fmt::format("{} images", image),
              std::to_string(images));
}

Layout layout_of(const std::vector<std::vector<Place>>& rows, Padding padding) {
  Layout layout;
  layout.padding = padding;
  for (const auto& places : rows) {
    layout.lengths.push_back(static_cast<int64_t>(places.size()));
    layout.length = std::max(layout.length, layout.lengths.back());
  }
  return layout;
}

Tensor Layout::attention_mask() const {
  std::vector<int64_t> values(lengths.size() * static_cast<size_t>(length), 0);
  for (size_t r = 0; r < lengths.size(); ++r) {
    const auto begin = values.begin() + static_cast<int64_t>(r) * length + offset(r);
    std::fill(begin, begin + lengths[r], 1);
  }
  return Tensor::of({static_cast<int64_t>(lengths.size()), length}, values);
}

Tensor Layout::position_ids() const {
  std::vector<int64_t> values(lengths.size() * static_cast<size_t>(length), 1);
  for (size_t r = 0; r < lengths.size(); ++r) {
    const int64_t begin = static_cast<int64_t>(r) * length + offset(r);
    for (int64_t t = 0; t < lengths[r]; ++t) values[static_cast<size_t>(begin + t)] = t;
  }
  return Tensor::of({static_cast<int64_t>(lengths.size()), length}, values);
}

Tensor Layout::padded(const Tensor& rows) const {
  const int64_t D = rows.dim(-1);
  Tensor result = Tensor::zeros({static_cast<int64_t>(lengths.size()), length, D});
  const float* from = rows.floats();
  for (size_t r = 0; r < lengths.size(); ++r) {
    std::copy_n(from, lengths[r] * D, result.mutable_floats() + (static_cast<int64_t>(r) * length + offset(r)) * D);
    from += lengths[r] * D;
  }
  return result;
}

}  // namespace magma
