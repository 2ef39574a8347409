// Tensor: a type, a shape and contiguous row-major memory that is owned, or borrowed from something that is kept alive.
// Copies share the memory.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "magma/kernel/number_format.h"
#include "magma/kernel/quantised_matrix.h"
#include "magma/nn/safetensors.h"

namespace magma {

using Shape = std::vector<int64_t>;
std::string shape_text(const Shape& shape);  // "[2, 3]"

class Tensor {
 public:
  Tensor() = default;
  static Tensor uninitialised(Shape shape, DType dtype = DType::F32);
  static Tensor zeros(Shape shape, DType dtype = DType::F32);
  static Tensor of(Shape shape, const std::vector<float>& values);
  static Tensor of(Shape shape, const std::vector<int64_t>& values);  // I64
  // `keeper` lives as long as the tensor: a mapped file, another tensor's memory.
  static Tensor borrowed(const void* data, Shape shape, DType dtype, std::shared_ptr<const void> keeper);
  // A matrix [N, K] in panels (kernel/quantised_matrix.h); its memory is U8. Owned and zero, or borrowed.
  static Tensor quantised(Shape shape, QuantisedFormat format);
  static Tensor borrowed_quantised(const void* panels, Shape shape, QuantisedFormat format,
                                   std::shared_ptr<const void> keeper);

  bool defined() const { return data_ != nullptr; }
  bool owned() const { return owned_; }
  bool shared() const { return keeper_.use_count() > 1; }  // others have the same memory
  DType dtype() const { return dtype_; }
  const Shape& shape() const { return shape_; }
  int64_t rank() const { return static_cast<int64_t>(shape_.size()); }
  int64_t dim(int64_t axis) const;  // negative: from the end
  int64_t count() const;
  int64_t rows() const { return count() == 0 ? 0 : count() / dim(-1); }
  int64_t bytes() const { return quantised_ ? quantised_matrix().bytes() : count() * dtype_bytes(dtype_); }
  bool is_quantised() const { return quantised_.has_value(); }
  QuantisedMatrix quantised_matrix() const;  // quantised ones only
  const void* data() const { return data_; }
  const float* floats() const;  // F32 only
  float* mutable_floats();      // F32 and owned only
  void* mutable_data();         // owned only
  Tensor reshaped(Shape shape) const;
  Tensor slice(int64_t begin, int64_t end) const;  // of the first axis, in the same memory; quantised: whole panels
  Tensor as_f32() const;                           // itself when it is F32; quantised ones too

 private:
  DType dtype_ = DType::F32;
  Shape shape_;
  std::optional<QuantisedFormat> quantised_;
  const void* data_ = nullptr;
  bool owned_ = false;
  std::shared_ptr<const void> keeper_;
};

NumberFormat number_format(DType dtype);  // of F32, BF16, F16

}  // namespace magma
