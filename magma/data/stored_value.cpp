#include "magma/data/stored_value.h"

#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "magma/core/error.h"
#include "magma/core/hash.h"
#include "magma/core/limits.h"
#include "magma/core/utf8.h"
#include "magma/image/codec.h"
#include "magma/image/image_header.h"

namespace magma {
namespace {

struct ElementFacts {
  std::string_view name;
  int64_t bytes;
};
constexpr std::array<ElementFacts, 19> kElements = {{{"bool", 1},
                                                     {"int8", 1},
                                                     {"int16", 2},
                                                     {"int32", 4},
                                                     {"int64", 8},
                                                     {"uint8", 1},
                                                     {"uint16", 2},
                                                     {"uint32", 4},
                                                     {"uint64", 8},
                                                     {"float8_e4m3fn", 1},
                                                     {"float8_e5m2", 1},
                                                     {"float16", 2},
                                                     {"bfloat16", 2},
                                                     {"float32", 4},
                                                     {"float64", 8},
                                                     {"complex64", 8},
                                                     {"complex128", 16},
                                                     {"string", 0},
                                                     {"image", 0}}};

template <typename T>
T load(const char* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

// A sign, `exponent_bits` and `mantissa_bits`; with `infinite` the largest exponent is Inf and NaN, as IEEE has it,
// else only all ones are NaN.
double small_float(uint32_t bits, int exponent_bits, int mantissa_bits, bool infinite) {
  const auto mantissa = static_cast<int>(bits & ((1U << mantissa_bits) - 1U));
  const int exponent = static_cast<int>(bits >> mantissa_bits) & ((1 << exponent_bits) - 1);
  const bool negative = (bits >> (exponent_bits + mantissa_bits)) != 0;
  const int bias = (1 << (exponent_bits - 1)) - 1;
  const bool top = exponent == (1 << exponent_bits) - 1;
  double value = std::ldexp(exponent == 0 ? mantissa : mantissa + (1 << mantissa_bits),
                            std::max(exponent, 1) - bias - mantissa_bits);
  if (top && infinite) value = mantissa == 0 ? HUGE_VAL : std::nan("");
  if (top && !infinite && mantissa == (1 << mantissa_bits) - 1) value = std::nan("");
  return negative ? -value : value;
}

template <typename Float>
void append_float(std::string& out, Float value) {
  if (std::isnan(value)) {
    out += "\"NaN\"";
  } else if (std::isinf(value)) {
    out += value > 0 ? "\"Infinity\"" : "\"-Infinity\"";
  } else {
    std::array<char, 32> text{};
    const auto [end, failed] = std::to_chars(text.data(), text.data() + text.size(), value);
    const std::string_view written(text.data(), static_cast<size_t>(end - text.data()));
    out += written;
    if (written.find_first_of(".e") == std::string_view::npos) out += ".0";
  }
}

template <typename Float>
void append_complex(std::string& out, const char* at) {
  out += '[';
  append_float(out, load<Float>(at));
  out += ',';
  append_float(out, load<Float>(at + sizeof(Float)));
  out += ']';
}

void append_element(std::string& out, Element element, const char* at) {
  const auto integer = [&](auto value) { fmt::format_to(std::back_inserter(out), "{}", value); };
  switch (element) {
    case Element::Bool:
      out += *at != 0 ? "true" : "false";
      break;
    case Element::I8:
      integer(static_cast<int>(load<int8_t>(at)));
      break;
    case Element::I16:
      integer(load<int16_t>(at));
      break;
    case Element::I32:
      integer(load<int32_t>(at));
      break;
    case Element::I64:
      integer(load<int64_t>(at));
      break;
    case Element::U8:
      integer(static_cast<unsigned>(load<uint8_t>(at)));
      break;
    case Element::U16:
      integer(load<uint16_t>(at));
      break;
    case Element::U32:
      integer(load<uint32_t>(at));
      break;
    case Element::U64:
      integer(load<uint64_t>(at));
      break;
    case Element::F8E4M3:
      append_float(out, static_cast<float>(small_float(load<uint8_t>(at), 4, 3, false)));
      break;
    case Element::F8E5M2:
      append_float(out, static_cast<float>(small_float(load<uint8_t>(at), 5, 2, true)));
      break;
    case Element::F16:
      append_float(out, static_cast<float>(small_float(load<uint16_t>(at), 5, 10, true)));
      break;
    case Element::BF16:
      append_float(out, std::bit_cast<float>(uint32_t{load<uint16_t>(at)} << 16U));
      break;
    case Element::F32:
      append_float(out, load<float>(at));
      break;
    case Element::F64:
      append_float(out, load<double>(at));
      break;
    case Element::C64:
      append_complex<float>(out, at);
      break;
    case Element::C128:
      append_complex<double>(out, at);
      break;
    case Element::String:
    case Element::Image:
      break;
  }
}

// Dimension `depth` of the nested lists; returns the bytes of what it wrote.
const char* append_nested(std::string& out, const StoredValue& value, size_t depth, const char* at) {
  if (depth == value.shape.size()) {
    append_element(out, value.element, at);
    return at + element_bytes(value.element);
  }
  out += '[';
  for (int64_t i = 0; i < value.shape[depth]; ++i) {
    if (i > 0) out += ',';
    at = append_nested(out, value, depth + 1, at);
  }
  out += ']';
  return at;
}

void append_image(std::string& out, std::string_view bytes) {
  const std::optional<ImageHeader> header = read_image_header(bytes);
  if (!header && !bytes.empty()) {
    throw Error(ErrorCode::Malformed, {.what = "not an encoded picture", .expected = "JPEG, PNG, GIF or BMP"});
  }
  const ImageHeader known = header.value_or(ImageHeader{"", {0, 0}});
  fmt::format_to(std::back_inserter(out), R"({{"format":"{}","bytes":{},"sha256":"{}","width":{},"height":{}}})",
                 known.format, bytes.size(), sha256_hex(bytes), known.size.w, known.size.h);
}

template <typename Values, typename Append>
void append_list(std::string& out, const Values& values, const Append& append) {
  out += '[';
  for (size_t i = 0; i < values.size(); ++i) {
    if (i > 0) out += ',';
    append(values[i]);
  }
  out += ']';
}

void append_integers(std::string& out, const std::vector<int64_t>& values) {
  append_list(out, values, [&](int64_t value) { out += std::to_string(value); });
}

}  // namespace

std::string_view element_name(Element element) { return kElements[static_cast<size_t>(element)].name; }
int64_t element_bytes(Element element) { return kElements[static_cast<size_t>(element)].bytes; }

int64_t StoredValue::count() const {
  int64_t product = 1;
  for (const int64_t size : shape) product = checked_multiply(product, size, "shape");
  return product;
}

void append_json(std::string& out, const StoredValue& value, int64_t most_elements) {
  fmt::format_to(std::back_inserter(out), R"({{"dtype":"{}","shape":)", element_name(value.element));
  append_integers(out, value.shape);
  if (!value.row_lengths.empty()) {
    out += R"(,"row_lengths":)";
    append_list(out, value.row_lengths, [&](const std::vector<int64_t>& level) { append_integers(out, level); });
  }
  if (value.element == Element::String || value.element == Element::Image) {
    out += R"(,"data":)";
    append_list(out, value.strings, [&](const std::string& text) {
      value.element == Element::String ? append_json_text(out, text) : append_image(out, text);
    });
  } else {
    fmt::format_to(std::back_inserter(out), R"(,"sha256":"{}")", sha256_hex(value.bytes));
    if (most_elements < 0 || value.count() <= most_elements) {
      out += R"(,"data":)";
      append_nested(out, value, 0, value.bytes.data());
    }
  }
  out += '}';
}

void append_json_text(std::string& out, std::string_view text) {
  if (find_invalid_utf8(text) != std::string_view::npos) {
    out += R"({"base64":")" + base64(text) + "\"}";
  } else {
    out += nlohmann::json(text).dump();
  }
}

void append_json_number(std::string& out, double value) { append_float(out, value); }

}  // namespace magma
