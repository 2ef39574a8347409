// Limits: every number that comes from outside passes bounded() and checked arithmetic before it sizes anything.
#pragma once

#include <cstdint>
#include <string_view>

namespace magma {

struct Limits {
  int64_t json_depth = 64;
  int64_t json_values = 16'000'000;  // of one document
  int64_t json_bytes = int64_t{64} << 20;
  int64_t json_line_bytes = int64_t{16} << 20;
  int64_t config_bytes = int64_t{1} << 20;
  int64_t frame_side_min_px = 16;
  int64_t frame_side_max_px = 8192;
  int64_t video_streams = 64;
  int64_t image_bytes = int64_t{256} << 20;  // of one PNG or JPEG file
  int64_t safetensors_header_bytes = 100'000'000;
  int64_t safetensors_header_values = 4'000'000;
  int64_t safetensors_tensors = 200'000;
  int64_t gguf_header_bytes = int64_t{256} << 20;
  int64_t gguf_metadata = 65'536;
  int64_t gguf_text_bytes = int64_t{16} << 20;  // of one string
  int64_t gguf_array_values = 16'000'000;
  int64_t gguf_array_depth = 4;
  int64_t gguf_nested_arrays = 65'536;  // of one file
  int64_t gguf_tensors = 200'000;
  int64_t safetensors_shards = 10'000;
  int64_t points = 4096;                                // query points of one clip
  int64_t damaged_percent = 5;                          // damaged frames above which a video is malformed
  int64_t tfrecord_bytes = (int64_t{1} << 31) - 1;      // of one record; protobuf's own limit
  int64_t unpacked_ratio = 200;                         // of a compressed file
  int64_t unpacked_free_bytes = int64_t{1} << 20;       // up to which the ratio is not looked at
  int64_t unpacked_bytes = int64_t{64} << 30;           // of a compressed file
  int64_t stored_value_bytes = int64_t{4} << 30;        // of a feature of one episode
  int64_t stored_value_free_bytes = int64_t{64} << 20;  // up to which the ratio of its tensors is not looked at
  int64_t tfds_features = 10'000;                       // of one data set
  int64_t tfds_dimension = int64_t{1} << 31;
  int64_t zip_entries = 65'536;
  int64_t pickle_bytes = int64_t{1} << 30;
  int64_t pickle_text_bytes = int64_t{256} << 20;  // of one string
  int64_t pickle_integer_bytes = 1024;
  int64_t pickle_name_bytes = 256;
  int64_t pickle_stack = 262'144;
  int64_t pickle_values = 16'000'000;
  int64_t pickle_depth = 256;
  int64_t tensor_sides = 64;
  int64_t trace_frames = 4096;  // of one trace file
};

const Limits& limits();

// `value` when min <= value <= max; else Error(code Refused) naming the field and the range.
int64_t bounded(int64_t value, int64_t min, int64_t max, std::string_view field);

// Error(Refused) on overflow, naming the field.
int64_t checked_add(int64_t a, int64_t b, std::string_view field);
int64_t checked_multiply(int64_t a, int64_t b, std::string_view field);

}  // namespace magma
