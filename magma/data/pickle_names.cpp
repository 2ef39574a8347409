#include "magma/data/pickle_names.h"

#include <algorithm>
#include <array>

namespace magma {
namespace {

using enum PickleMeaning;

constexpr std::array kNames = {
    PickleName{"collections", "OrderedDict", OrderedDict},
    PickleName{"torch._utils", "_rebuild_tensor", RebuildTensor},
    PickleName{"torch._utils", "_rebuild_tensor_v2", RebuildTensorV2},
    PickleName{"torch._utils", "_rebuild_tensor_v3", RebuildTensorV3},
    PickleName{"torch._utils", "_rebuild_parameter", RebuildParameter},
    PickleName{"torch", "FloatStorage", Storage, Element::F32},
    PickleName{"torch", "DoubleStorage", Storage, Element::F64},
    PickleName{"torch", "HalfStorage", Storage, Element::F16},
    PickleName{"torch", "BFloat16Storage", Storage, Element::BF16},
    PickleName{"torch", "LongStorage", Storage, Element::I64},
    PickleName{"torch", "IntStorage", Storage, Element::I32},
    PickleName{"torch", "ShortStorage", Storage, Element::I16},
    PickleName{"torch", "CharStorage", Storage, Element::I8},
    PickleName{"torch", "ByteStorage", Storage, Element::U8},
    PickleName{"torch", "BoolStorage", Storage, Element::Bool},
    PickleName{"torch", "ComplexFloatStorage", Storage, Element::C64},
    PickleName{"torch", "ComplexDoubleStorage", Storage, Element::C128},
    PickleName{"torch.storage", "UntypedStorage", UntypedStorage},
    PickleName{"torch", "Size", Size},
    PickleName{"torch", "device", Device},
    PickleName{"torch", "float32", DType, Element::F32},
    PickleName{"torch", "float64", DType, Element::F64},
    PickleName{"torch", "float16", DType, Element::F16},
    PickleName{"torch", "bfloat16", DType, Element::BF16},
    PickleName{"torch", "int64", DType, Element::I64},
    PickleName{"torch", "int32", DType, Element::I32},
    PickleName{"torch", "int16", DType, Element::I16},
    PickleName{"torch", "int8", DType, Element::I8},
    PickleName{"torch", "uint8", DType, Element::U8},
    PickleName{"torch", "uint16", DType, Element::U16},
    PickleName{"torch", "uint32", DType, Element::U32},
    PickleName{"torch", "uint64", DType, Element::U64},
    PickleName{"torch", "bool", DType, Element::Bool},
    PickleName{"torch", "complex64", DType, Element::C64},
    PickleName{"torch", "complex128", DType, Element::C128},
    PickleName{"torch", "float8_e4m3fn", DType, Element::F8E4M3},
    PickleName{"torch", "float8_e5m2", DType, Element::F8E5M2},
    PickleName{"_codecs", "encode", Encode},
    PickleName{"__builtin__", "bytes", Bytes},
    PickleName{"__builtin__", "bytearray", ByteArray},
    PickleName{"__builtin__", "set", Set},
    PickleName{"__builtin__", "complex", Complex},
    PickleName{"builtins", "bytes", Bytes},
    PickleName{"builtins", "bytearray", ByteArray},
    PickleName{"builtins", "set", Set},
    PickleName{"builtins", "complex", Complex},
    PickleName{"numpy.core.multiarray", "_reconstruct", Reconstruct},
    PickleName{"numpy._core.multiarray", "_reconstruct", Reconstruct},
    PickleName{"numpy.core.multiarray", "scalar", Scalar},
    PickleName{"numpy._core.multiarray", "scalar", Scalar},
    PickleName{"numpy", "ndarray", NdArray},
    PickleName{"numpy", "dtype", NumpyDType},
};

}  // namespace

std::span<const PickleName> pickle_names() { return kNames; }
const PickleName& pickle_name(int64_t number) { return kNames[static_cast<size_t>(number)]; }

std::optional<int64_t> find_pickle_name(std::string_view module, std::string_view name) {
  const auto found = std::find_if(kNames.begin(), kNames.end(), [&](const PickleName& allowed) {
    return allowed.module == module && allowed.name == name;
  });
  if (found == kNames.end()) return std::nullopt;
  return found - kNames.begin();
}

}  // namespace magma
