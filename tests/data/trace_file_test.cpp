#include "magma/data/trace_file.h"

#include <cstring>
#include <functional>
#include <limits>

#include <gmock/gmock.h>

#include "tests/data/made_up_data.h"

namespace magma {
namespace {

using testing::HasSubstr;
using Kind = TorchValue::Kind;

TorchValue text(const std::string& value, Kind kind = Kind::String) { return {.kind = kind, .text = value}; }

template <typename T>
TorchValue numbers(Element element, std::vector<int64_t> shape, const std::vector<T>& values) {
  StoredValue stored{.element = element, .shape = std::move(shape), .bytes = {}, .strings = {}, .row_lengths = {}};
  stored.bytes.assign(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
  return {.kind = Kind::Tensor, .value = std::make_shared<const StoredValue>(std::move(stored))};
}

TorchValue list(std::vector<TorchValue> items, Kind kind = Kind::List) {
  return {.kind = kind, .items = std::move(items)};
}

TorchValue dict(const std::vector<std::pair<std::string, TorchValue>>& entries) {
  TorchValue result{.kind = Kind::Dict};
  for (const auto& [key, value] : entries) result.entries.emplace_back(text(key), value);
  return result;
}

TorchValue places(std::vector<int64_t> shape, float value = 1) {
  int64_t count = 1;
  for (const int64_t side : shape) count *= side;
  return numbers(Element::F32, std::move(shape), std::vector<float>(static_cast<size_t>(count), value));
}

TorchValue seen(std::vector<int64_t> shape) {
  int64_t count = 1;
  for (const int64_t side : shape) count *= side;
  return numbers(Element::Bool, std::move(shape), std::vector<uint8_t>(static_cast<size_t>(count), 1));
}

Path fixture(const std::string& name) { return Path(MAGMA_SOURCE_DIR) / "tests/data/fixtures/traces" / name; }

TEST(TraceFile, ReadsWhatTorchWroteOfARobot) {
  const TraceFile trace = read_trace_file(fixture("robot.pth"));
  EXPECT_EQ(trace.dataset_name, "bridge_orig");
  EXPECT_EQ(trace.traj_index, 5);
  EXPECT_EQ(trace.frame_index, 7);
  EXPECT_EQ(trace.lang, "pick up");
  EXPECT_EQ(trace.action, (ActionNumbers{0.5, -0.5, 0.25, -1, 1, 0, 1}));
  EXPECT_EQ(trace.tracks.F, 16);
  EXPECT_EQ(trace.tracks.N, 64);
  EXPECT_EQ(trace.tracks.at(3, 20), (trace.tracks.at(0, 20) + Point{12, 0}));
  EXPECT_TRUE(trace.tracks.is_visible(15, 63));
}

TEST(TraceFile, ReadsWhatTorchWroteOfAClip) {
  const TraceFile trace = read_trace_file(fixture("clip.pth"));
  EXPECT_EQ(trace.image_size, (std::array<int64_t, 2>{160, 120}));
  EXPECT_EQ(trace.frame_interval, (std::array<int64_t, 2>{3, 19}));
  EXPECT_EQ(trace.tracks.N, 64);
  EXPECT_FALSE(trace.lang.has_value());
}

TEST(TraceFile, PlainNumbersAndTextsDoAsWell) {
  const TraceFile trace = parse_trace(
      dict({{"trace_info", list({places({3, 2, 2}), numbers<uint8_t>(Element::U8, {1, 3, 2}, {1, 1, 0, 1, 1, 1})})},
            {"traj_index", {.kind = Kind::Int, .text = "12"}},
            {"frame_index", list({{.kind = Kind::Int, .text = "3"}})},
            {"dataset_name", text("kuka", Kind::Bytes)},
            {"(height,width)", numbers<int64_t>(Element::I64, {2}, {240, 320})}}),
      "t.pth");
  EXPECT_EQ(trace.traj_index, 12);
  EXPECT_EQ(trace.frame_index, 3);
  EXPECT_EQ(trace.dataset_name, "kuka");
  EXPECT_EQ(trace.height_width, (std::array<int64_t, 2>{240, 320}));
  EXPECT_FALSE(trace.tracks.is_visible(1, 0));
  EXPECT_EQ(trace.tracks.confidence, (std::vector<float>{1, 1, 0, 1, 1, 1}));
}

TEST(TraceFile, WhatIsWrongIsNamedByItsKey) {
  struct Row {
    TorchValue value;
    const char* line;
  };
  const auto with = [](const char* key, TorchValue value) {
    return dict({{"pred_tracks", places({2, 3, 2})}, {"pred_visibility", seen({2, 3})}, {key, std::move(value)}});
  };
  const auto clip = [](TorchValue tracks, TorchValue visibility) {
    return dict({{"pred_tracks", std::move(tracks)}, {"pred_visibility", std::move(visibility)}});
  };
  const float infinite = std::numeric_limits<float>::infinity();
  const std::vector<Row> rows = {
      {list({}), "not a trace (expected a dict)"},
      {dict({}), "pred_tracks: missing"},
      {dict({{"pred_tracks", places({2, 3, 2})}}), "pred_visibility: missing"},
      {dict({{"trace_info", list({places({2, 3, 2})})}}), "trace_info: wrong type (expected a tuple"},
      {dict({{"trace_info", list({text("x"), seen({2, 3})})}}), "trace_info[0]: wrong type"},
      {clip(places({2, 3}), seen({2, 3})), "pred_tracks: wrong shape"},
      {clip(places({2, 2, 3, 2}), seen({2, 3})), "pred_tracks: wrong shape"},
      {clip(places({2, 3, 3}), seen({2, 3})), "pred_tracks: wrong shape"},
      {clip(places({0, 3, 2}), seen({0, 3})), "pred_tracks frames"},
      {clip(places({2, 0, 2}), seen({2, 0})), "pred_tracks points"},
      {clip(places({1, 5000, 2}), seen({1, 5000})), "pred_tracks points"},
      {clip(places({2, 3, 2}, infinite), seen({2, 3})), "pred_tracks: not a place in a picture"},
      {clip(places({2, 3, 2}, std::nanf("")), seen({2, 3})), "pred_tracks: not a place in a picture"},
      {clip(places({2, 3, 2}), seen({3, 2})), "pred_visibility: visibility does not go with the tracks"},
      {clip(places({2, 3, 2}), places({2, 3})), "pred_visibility: wrong type (expected booleans, got float32)"},
      {with("action", places({6})), "action: wrong type (expected 7 numbers)"},
      {with("action", places({7}, infinite)), "action: not an action"},
      {with("lang", {.kind = Kind::Int, .text = "7"}), "lang: wrong type (expected text)"},
      {with("lang", text("\xff", Kind::Bytes)), "lang: not UTF-8"},
      {with("traj_index", {.kind = Kind::Int, .text = "99999999999999999999"}), "traj_index: out of range"},
      {with("frame_index", {.kind = Kind::Float, .real = 1.5}), "frame_index: not a whole number"},
      {with("image_size", list({})), "image_size: wrong type (expected two numbers)"},
      {with("frame_interval", places({2}, -1)), "frame_interval: wrong type"}};
  for (const Row& row : rows) {
    EXPECT_THAT(error_line([&] { parse_trace(row.value, "t.pth"); }), HasSubstr(row.line));
  }
}

TEST(TraceFile, AFileThatIsNoTraceIsMalformedAndAMissingOneIsMissing) {
  EXPECT_THAT(error_line([] { read_trace_file(fixture("epic.pth")); }), HasSubstr("epic.pth: not a trace"));
  EXPECT_THAT(error_line([] { read_trace_file(fixture("nothing.pth")); }), testing::StartsWith("error[file-system]"));
}

}  // namespace
}  // namespace magma
