// Files of tensors: a line for each, in the order of their bytes.
#include "magma/nn/safetensors.h"

#include <algorithm>

#include "magma/data/sample.h"
#include "magma/data/stored_format.h"
#include "magma/data/stored_value.h"

namespace magma {
namespace {

Element element_of(DType dtype) {
  switch (dtype) {
    case DType::Bool:
      return Element::Bool;
    case DType::U8:
      return Element::U8;
    case DType::I8:
      return Element::I8;
    case DType::F8E4M3:
      return Element::F8E4M3;
    case DType::F8E5M2:
      return Element::F8E5M2;
    case DType::I16:
      return Element::I16;
    case DType::U16:
      return Element::U16;
    case DType::F16:
      return Element::F16;
    case DType::BF16:
      return Element::BF16;
    case DType::I32:
      return Element::I32;
    case DType::U32:
      return Element::U32;
    case DType::F32:
      return Element::F32;
    case DType::I64:
      return Element::I64;
    case DType::U64:
      return Element::U64;
    case DType::F64:
      return Element::F64;
    case DType::C64:
      return Element::C64;
  }
  return Element::U8;
}

std::vector<std::string> names_in_file_order(const SafetensorsFile& file) {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : file.tensors()) names.push_back(name);
  const auto place = [&](const std::string& name) {
    const TensorEntry& tensor = file.entry(name);
    return std::pair(tensor.begin, tensor.end);
  };
  std::stable_sort(names.begin(), names.end(),
                   [&](const std::string& a, const std::string& b) { return place(a) < place(b); });
  return names;
}

class Safetensors final : public StoredFormat {
 public:
  static constexpr const char* kSummary = "tensors (.safetensors)";

  bool recognises(const Path& source) const override { return source.extension() == ".safetensors"; }

  void show(const Path& source, const ShowRange& range,
            const std::function<bool(const std::string&)>& line) const override {
    const SafetensorsFile file(source);
    const std::vector<std::string> names = names_in_file_order(file);
    const auto tensors = static_cast<int64_t>(names.size());
    for (int64_t i = range.from, shown = 0; i < tensors && (range.count < 0 || shown < range.count); ++i, ++shown) {
      const std::string& name = names[static_cast<size_t>(i)];
      const StoredValue value = read_tensor(file, source, name);
      std::string out = R"({"origin":)";
      append_json(out, Origin{.file = source.filename().string(), .tensor = name});
      out += R"(,"value":)";
      append_json(out, value, range.most_elements);
      out += '}';
      if (!line(out)) return;
    }
  }

  int64_t check(const Path& source, const CheckEvents& events) const override {
    const SafetensorsFile file(source);
    events.expect(static_cast<int64_t>(file.tensors().size()));
    for (const std::string& name : names_in_file_order(file)) {
      try {
        read_tensor(file, source, name);
      } catch (const Error& error) {
        events.bad(error);
      }
      events.record();
    }
    return static_cast<int64_t>(file.tensors().size());
  }

 private:
  static StoredValue read_tensor(const SafetensorsFile& file, const Path& source, const std::string& name) {
    const TensorEntry& tensor = file.entry(name);
    StoredValue value;
    value.element = element_of(tensor.dtype);
    value.shape = tensor.shape;
    value.bytes = file.read(name);
    const bool logical =
        value.element != Element::Bool ||
        std::all_of(value.bytes.begin(), value.bytes.end(), [](char byte) { return byte == 0 || byte == 1; });
    if (logical) return value;
    throw Error(ErrorCode::Malformed,
                {.file = source.string(), .where = "tensor " + name, .what = "truth value is neither 0 nor 1"});
  }
};

MAGMA_REGISTER(StoredFormats, Safetensors);

}  // namespace
}  // namespace magma
