// torch_archive() against read_torch_file(), which is held to archives that torch itself wrote (torch_file_test).
#include "magma/data/torch_writer.h"

#include <cstring>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "magma/core/json.h"
#include "magma/data/zip_archive.h"
#include "tests/data/torch_bytes.h"

namespace magma {
namespace {

using Kind = TorchValue::Kind;

TorchValue text_value(const std::string& value, Kind kind = Kind::String) { return {.kind = kind, .text = value}; }

TorchValue tensor_value(Element element, std::vector<int64_t> shape, std::string bytes) {
  return {
      .kind = Kind::Tensor,
      .value = std::make_shared<StoredValue>(StoredValue{
          .element = element, .shape = std::move(shape), .bytes = std::move(bytes), .strings = {}, .row_lengths = {}})};
}

std::string numbers(size_t count) {
  std::string bytes;
  for (size_t i = 0; i < count; ++i) bytes += bytes_of(static_cast<float>(i) / 4 - 1);
  return bytes;
}

TorchValue everything() {
  TorchValue dict{.kind = Kind::Dict};
  const auto add = [&](const std::string& key, TorchValue value) {
    dict.entries.emplace_back(text_value(key), std::move(value));
  };
  add("none", {.kind = Kind::None});
  add("yes", {.kind = Kind::Bool, .boolean = true});
  add("no", {.kind = Kind::Bool, .boolean = false});
  for (const char* digits : {"0", "255", "256", "-1", "2147483647", "-2147483648", "2147483648", "9223372036854775807",
                             "-9223372036854775808"}) {
    add(digits, text_value(digits, Kind::Int));
  }
  add("real", {.kind = Kind::Float, .real = -0.1});
  add("text", text_value("pick up – ü 🙂"));
  add("bytes", text_value(std::string("b\x00\xff\x80", 4), Kind::Bytes));
  add("no bytes", text_value("", Kind::Bytes));
  add("list", {.kind = Kind::List, .items = {text_value("1", Kind::Int), {.kind = Kind::List}}});
  add("tuple", {.kind = Kind::Tuple, .items = {text_value("a"), {.kind = Kind::Tuple}, {.kind = Kind::Dict}}});
  add("tracks", tensor_value(Element::F32, {1, 2, 3, 2}, numbers(12)));
  add("seen", tensor_value(Element::Bool, {2, 3}, std::string("\1\0\1\1\0\1", 6)));
  add("one", tensor_value(Element::I64, {}, bytes_of<int64_t>(-5)));
  add("empty", tensor_value(Element::U8, {0, 4}, ""));
  return dict;
}

std::string tree(const TorchValue& value) {
  std::string json;
  append_json(json, value, -1);
  return json;
}

TEST(TorchWriter, WhatIsWrittenIsReadBack) {
  const WrittenFile file("made.pth", torch_archive(everything()));
  EXPECT_EQ(tree(read_torch_file(file.path())), tree(everything()));
  EXPECT_EQ(torch_archive(everything()), torch_archive(everything()));
}

TEST(TorchWriter, EveryKindOfNumberKeepsItsBytes) {
  const std::pair<Element, int> kinds[] = {{Element::Bool, 1}, {Element::I8, 1},   {Element::U8, 1},  {Element::I16, 2},
                                           {Element::F16, 2},  {Element::BF16, 2}, {Element::I32, 4}, {Element::F32, 4},
                                           {Element::I64, 8},  {Element::F64, 8}};
  for (const auto& [element, width] : kinds) {
    std::string bytes(static_cast<size_t>(3 * width), '\1');
    bytes[0] = '\0';
    const WrittenFile file("one.pth", torch_archive(tensor_value(element, {3}, bytes)));
    const TorchValue read = read_torch_file(file.path());
    ASSERT_EQ(read.kind, Kind::Tensor) << element_name(element);
    EXPECT_EQ(read.value->element, element);
    EXPECT_EQ(read.value->bytes, bytes) << element_name(element);
  }
}

TEST(TorchWriter, TensorsOfOneValueShareAStorageThatIsAligned) {
  TorchValue pair{.kind = Kind::List};
  pair.items.assign(2, tensor_value(Element::F32, {4}, numbers(4)));
  pair.items.push_back(tensor_value(Element::F32, {4}, numbers(4)));
  const std::string bytes = torch_archive(pair);
  const WrittenFile file("shared.pth", bytes);
  const ZipArchive archive(file.path());
  EXPECT_NE(archive.find("archive/data/1"), nullptr);
  EXPECT_EQ(archive.find("archive/data/2"), nullptr);
  EXPECT_EQ(bytes.find(numbers(4)) % 64, 0U);
  EXPECT_EQ(read_torch_file(file.path()).items[1].value->bytes, numbers(4));
}

}  // namespace
}  // namespace magma
