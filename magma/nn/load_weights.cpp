#include "magma/nn/load_weights.h"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include "magma/core/error.h"
#include "magma/core/log.h"

namespace magma {
namespace {

bool computable(DType dtype) { return dtype == DType::F32 || dtype == DType::BF16 || dtype == DType::F16; }

}  // namespace

Tensor WeightLoader::take(const std::string& name, const Shape& shape) { return take(name, shape, false); }

Tensor WeightLoader::take_matrix(const std::string& name, const Shape& shape) { return take(name, shape, true); }

Tensor WeightLoader::take(const std::string& name, const Shape& shape, bool may_be_quantised) {
  asked_.emplace_back(name, shape);
  const Tensor absent = Tensor::borrowed(nullptr, shape, DType::F32, nullptr);
  const auto found = weights_.find(name);
  if (found == weights_.end()) {
    fault("missing " + name);
    return absent;
  }
  const Tensor tensor = found->second;
  weights_.erase(found);
  if (tensor.shape() != shape) {
    fault(fmt::format("shape of {}: expected {}, got {}", name, shape_text(shape), shape_text(tensor.shape())));
    return absent;
  }
  if (tensor.is_quantised()) {
    if (may_be_quantised) return tensor;
    fault(fmt::format("type of {}: expected F32, BF16 or F16, got {}", name,
                      format_name(tensor.quantised_matrix().format)));
    return absent;
  }
  if (!computable(tensor.dtype())) {
    fault(fmt::format("type of {}: expected F32, BF16 or F16, got {}", name, dtype_name(tensor.dtype())));
    return absent;
  }
  return tensor;
}

void WeightLoader::ignore_if(bool (*unused)(const std::string& name)) {
  for (const auto& [name, tensor] : weights_) {
    if (unused(name)) ignored_.push_back(name);
  }
  for (const std::string& name : ignored_) weights_.erase(name);
}

void WeightLoader::finish() {
  for (const auto& [name, tensor] : weights_) fault("unexpected " + name);
  if (faults_.empty()) return;
  for (const std::string& text : faults_) log(LogLevel::Warning, "{}: {}", source_, text);
  throw Error(ErrorCode::Malformed, {.file = source_,
                                     .what = fmt::format("{} faults in the tensors", faults_.size()),
                                     .got = fmt::format("{}", fmt::join(faults_, "; ")),
                                     .hint = "the log lines above name every one"});
}

}  // namespace magma
