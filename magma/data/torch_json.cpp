#include "magma/data/torch_value.h"
#include "magma/data/wtf8.h"
#include "magma/image/codec.h"

namespace magma {
namespace {

void append_wrapped(std::string& out, std::string_view name, const auto& append) {
  out += "{\"";
  out += name;
  out += "\":";
  append();
  out += '}';
}

void append_items(std::string& out, const TorchValue& value, int64_t most_elements) {
  const char* separator = "[";
  for (const TorchValue& item : value.items) {
    out += separator;
    append_json(out, item, most_elements);
    separator = ",";
  }
  if (value.items.empty()) out += '[';
  out += ']';
}

bool has_plain_keys(const TorchValue& dict) {
  for (const auto& [key, content] : dict.entries) {
    if (key.kind != TorchValue::Kind::String || key.text.starts_with('$')) return false;
  }
  return true;
}

void append_dict(std::string& out, const TorchValue& dict, int64_t most_elements) {
  const bool plain = has_plain_keys(dict);
  out += plain ? "{" : R"({"$dict":[)";
  const char* separator = "";
  for (const auto& [key, content] : dict.entries) {
    out += separator;
    separator = ",";
    if (!plain) out += '[';
    append_json(out, key, most_elements);
    out += plain ? ':' : ',';
    append_json(out, content, most_elements);
    if (!plain) out += ']';
  }
  out += plain ? "}" : "]}";
}

}  // namespace

void append_json(std::string& out, const TorchValue& value, int64_t most_elements) {
  const auto items = [&] { append_items(out, value, most_elements); };
  const auto numbers = [&] { append_json(out, *value.value, most_elements); };
  switch (value.kind) {
    case TorchValue::Kind::None:
      out += "null";
      break;
    case TorchValue::Kind::Bool:
      out += value.boolean ? "true" : "false";
      break;
    case TorchValue::Kind::Int:
      out += value.text;
      break;
    case TorchValue::Kind::Float:
      append_json_number(out, value.real);
      break;
    case TorchValue::Kind::Complex:
      append_wrapped(out, "$complex", [&] {
        out += '[';
        append_json_number(out, value.real);
        out += ',';
        append_json_number(out, value.imaginary);
        out += ']';
      });
      break;
    case TorchValue::Kind::String:
      append_wtf8_json(out, value.text);
      break;
    case TorchValue::Kind::Bytes:
      append_wrapped(out, "$bytes", [&] { out += '"' + base64(value.text) + '"'; });
      break;
    case TorchValue::Kind::List:
      items();
      break;
    case TorchValue::Kind::Tuple:
      append_wrapped(out, "$tuple", items);
      break;
    case TorchValue::Kind::Set:
      append_wrapped(out, "$set", items);
      break;
    case TorchValue::Kind::Dict:
      append_dict(out, value, most_elements);
      break;
    case TorchValue::Kind::Tensor:
      append_wrapped(out, "$tensor", numbers);
      break;
    case TorchValue::Kind::Array:
      append_wrapped(out, "$ndarray", numbers);
      break;
    case TorchValue::Kind::Scalar:
      append_wrapped(out, "$scalar", numbers);
      break;
  }
}

}  // namespace magma
