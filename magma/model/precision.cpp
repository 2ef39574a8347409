#include "magma/model/precision.h"

#include "magma/core/error.h"
#include "magma/model/weight_names.h"

namespace magma {
namespace {

Tensor as_bf16(const Tensor& tensor) {
  if (tensor.is_quantised()) return as_bf16(tensor.as_f32());
  Tensor result = Tensor::uninitialised(tensor.shape(), DType::BF16);
  const NumberFormat format = number_format(tensor.dtype());
  auto* to = static_cast<uint16_t*>(result.mutable_data());
  for (int64_t i = 0; i < tensor.count(); ++i) to[i] = to_bf16(value_at(tensor.data(), format, i));
  return result;
}

bool is_number(DType dtype) { return dtype == DType::F32 || dtype == DType::BF16 || dtype == DType::F16; }

}  // namespace

Precision parse_precision(std::string_view name) {
  if (name == "stored") return Precision::Stored;
  if (name == "f32") return Precision::F32;
  if (name == "bf16") return Precision::BF16;
  throw Error(ErrorCode::Usage, {.where = "--precision",
                                 .what = "unknown precision",
                                 .expected = "stored, f32 or bf16",
                                 .got = std::string(name)});
}

void convert_matrices(WeightMap& weights, Precision precision) {
  if (precision == Precision::Stored) return;
  const DType wanted = precision == Precision::F32 ? DType::F32 : DType::BF16;
  for (auto& [name, tensor] : weights) {
    if (tensor.rank() < 2 || tensor.dtype() == wanted) continue;
    if (!is_number(tensor.dtype()) && !tensor.is_quantised()) continue;
    const Tensor before = tensor;
    tensor = wanted == DType::F32 ? before.as_f32() : as_bf16(before);
    release_pages(before);
  }
}

std::map<std::string, int64_t> folder_weight_bytes(const Path& folder, Precision precision) {
  std::map<std::string, int64_t> bytes;
  for (const auto& [name, tensor] : with_canonical_names(map_weight_folder(folder), folder.string())) {
    if (is_unused_name(name)) continue;
    const bool stored = precision == Precision::Stored || tensor.rank() < 2;
    bytes[name] = stored ? tensor.bytes() : tensor.count() * (precision == Precision::F32 ? 4 : 2);
  }
  return bytes;
}

}  // namespace magma
