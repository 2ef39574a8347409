#include "magma/nn/tensor.h"

#include <cstdlib>
#include <cstring>
#include <new>
#include <numeric>
#include <utility>

#include <fmt/core.h>
#include <fmt/ranges.h>
#if defined(__linux__)
#include <sys/mman.h>
#endif

#include "magma/core/check.h"
#include "magma/core/limits.h"

namespace magma {
namespace {

constexpr size_t kAlignment = 64;  // of a cache line and of the widest vectors
constexpr size_t kHugePage = size_t{2} << 20U;

int64_t count_of(const Shape& shape) {
  int64_t product = 1;
  for (const int64_t side : shape) {
    MAGMA_CHECK(side >= 0, "side of {}", side);
    product = checked_multiply(product, side, "tensor shape");
  }
  return product;
}

}  // namespace

std::string shape_text(const Shape& shape) { return fmt::format("[{}]", fmt::join(shape, ", ")); }

Tensor Tensor::uninitialised(Shape shape, DType dtype) {
  const auto bytes = static_cast<size_t>(checked_multiply(count_of(shape), dtype_bytes(dtype), "tensor"));
  const size_t alignment = bytes < kHugePage ? kAlignment : kHugePage;
  void* memory = std::aligned_alloc(alignment, (bytes / alignment + 1) * alignment);
  if (memory == nullptr) throw std::bad_alloc();
#if defined(__linux__)
  // A wish: streaming through ordinary pages loses a fifth of the bandwidth to looking up addresses.
  if (alignment == kHugePage) madvise(memory, bytes / kHugePage * kHugePage, MADV_HUGEPAGE);
#endif
  Tensor result = borrowed(memory, std::move(shape), dtype, std::shared_ptr<void>(memory, std::free));
  result.owned_ = true;
  return result;
}

Tensor Tensor::zeros(Shape shape, DType dtype) {
  Tensor result = uninitialised(std::move(shape), dtype);
  std::memset(const_cast<void*>(result.data_), 0, static_cast<size_t>(result.bytes()));
  return result;
}

Tensor Tensor::of(Shape shape, const std::vector<float>& values) {
  Tensor result = uninitialised(std::move(shape));
  MAGMA_CHECK(result.count() == static_cast<int64_t>(values.size()), "{} values for {}", values.size(),
              shape_text(result.shape_));
  std::copy(values.begin(), values.end(), result.mutable_floats());
  return result;
}

Tensor Tensor::of(Shape shape, const std::vector<int64_t>& values) {
  Tensor result = uninitialised(std::move(shape), DType::I64);
  MAGMA_CHECK(result.count() == static_cast<int64_t>(values.size()), "{} values for {}", values.size(),
              shape_text(result.shape_));
  std::copy(values.begin(), values.end(), static_cast<int64_t*>(const_cast<void*>(result.data_)));
  return result;
}

Tensor Tensor::borrowed(const void* data, Shape shape, DType dtype, std::shared_ptr<const void> keeper) {
  Tensor result;
  result.dtype_ = dtype;
  result.shape_ = std::move(shape);
  result.data_ = data;
  result.keeper_ = std::move(keeper);
  return result;
}

Tensor Tensor::quantised(Shape shape, QuantisedFormat format) {
  Tensor result = borrowed_quantised(nullptr, std::move(shape), format, nullptr);
  const Tensor memory = zeros({result.bytes()}, DType::U8);
  result.data_ = memory.data_;
  result.keeper_ = memory.keeper_;
  result.owned_ = true;
  return result;
}

Tensor Tensor::borrowed_quantised(const void* panels, Shape shape, QuantisedFormat format,
                                  std::shared_ptr<const void> keeper) {
  MAGMA_CHECK(shape.size() == 2 && is_known(format), "{} in {}", shape_text(shape), format_name(format));
  Tensor result = borrowed(panels, std::move(shape), DType::U8, std::move(keeper));
  result.quantised_ = format;
  return result;
}

QuantisedMatrix Tensor::quantised_matrix() const {
  MAGMA_CHECK(quantised_.has_value(), "{} {} taken for a quantised matrix", dtype_name(dtype_), shape_text(shape_));
  return {shape_[0], shape_[1], *quantised_, static_cast<const uint8_t*>(data_)};
}

int64_t Tensor::dim(int64_t axis) const {
  const int64_t at = axis < 0 ? axis + rank() : axis;
  MAGMA_CHECK(at >= 0 && at < rank(), "axis {} of {}", axis, shape_text(shape_));
  return shape_[static_cast<size_t>(at)];
}

int64_t Tensor::count() const { return count_of(shape_); }

const float* Tensor::floats() const {
  MAGMA_CHECK(dtype_ == DType::F32, "values of {} read as F32", dtype_name(dtype_));
  return static_cast<const float*>(data_);
}

float* Tensor::mutable_floats() {
  floats();
  return static_cast<float*>(mutable_data());
}

void* Tensor::mutable_data() {
  MAGMA_CHECK(owned_, "a borrowed tensor is not written to");
  return const_cast<void*>(data_);
}

Tensor Tensor::reshaped(Shape shape) const {
  MAGMA_CHECK(count_of(shape) == count() && !quantised_, "{} seen as {}", shape_text(shape_), shape_text(shape));
  Tensor result = *this;
  result.shape_ = std::move(shape);
  return result;
}

Tensor Tensor::slice(int64_t begin, int64_t end) const {
  MAGMA_CHECK(rank() > 0 && begin >= 0 && begin <= end && end <= dim(0), "{} to {} of {}", begin, end,
              shape_text(shape_));
  Tensor result = *this;
  result.shape_[0] = end - begin;
  if (quantised_) {
    const bool whole = begin % kQuantisedPanel == 0 && (end % kQuantisedPanel == 0 || end == dim(0));
    MAGMA_CHECK(whole, "rows {} to {} cut through panels", begin, end);
    if (defined()) result.data_ = quantised_matrix().panel(begin / kQuantisedPanel);
    return result;
  }
  if (defined()) result.data_ = static_cast<const char*>(data_) + begin * (bytes() / dim(0));
  return result;
}

Tensor Tensor::as_f32() const {
  if (dtype_ == DType::F32 || !defined()) return *this;
  Tensor result = uninitialised(shape_);
  if (quantised_) {
    const QuantisedMatrix matrix = quantised_matrix();
    for (int64_t n = 0; n < matrix.N; ++n) dequantise_output(matrix, n, result.mutable_floats() + n * matrix.K);
    return result;
  }
  const NumberFormat format = number_format(dtype_);
  float* to = result.mutable_floats();
  for (int64_t i = 0; i < count(); ++i) to[i] = value_at(data_, format, i);
  return result;
}

NumberFormat number_format(DType dtype) {
  MAGMA_CHECK(dtype == DType::F32 || dtype == DType::BF16 || dtype == DType::F16, "{} as a number format",
              dtype_name(dtype));
  if (dtype == DType::F32) return NumberFormat::F32;
  return dtype == DType::BF16 ? NumberFormat::BF16 : NumberFormat::F16;
}

}  // namespace magma
