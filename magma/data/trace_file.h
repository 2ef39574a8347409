// TraceFile: tracks of points of one clip, as torch.save wrote them, with what else the file says of the clip.
// Source: data_formats.md 4.1.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "magma/action/robot_action.h"
#include "magma/core/file.h"
#include "magma/data/torch_value.h"
#include "magma/track/tracks.h"

namespace magma {

struct TraceFile {
  PointTracks tracks{};  // px of a frame that the file need not tell: frame is 0 x 0. At least one point and frame
  // Of robots:
  std::optional<std::string> dataset_name{}, lang{};
  std::optional<int64_t> traj_index{}, frame_index{};
  std::optional<ActionNumbers> action{};  // normalised
  // Of videos, where they replace what the annotation says:
  std::optional<std::array<int64_t, 2>> image_size{};      // w, h
  std::optional<std::array<int64_t, 2>> height_width{};    // in the order of the file, which may be the other
  std::optional<std::array<int64_t, 2>> frame_interval{};  // first, end
  std::optional<std::string> global_instructions{}, gpt_response{};
};

// Error(Malformed) naming the key that is missing or not what it should be, and what read_torch_file() throws.
TraceFile read_trace_file(const Path& path);
TraceFile parse_trace(const TorchValue& value, const std::string& file);

}  // namespace magma
