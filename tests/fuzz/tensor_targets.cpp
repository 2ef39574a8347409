#include <cmath>
#include <vector>

#include "magma/core/geometry.h"
#include "magma/core/limits.h"
#include "magma/nn/safetensors.h"
#include "magma/nn/weight_files.h"
#include "magma/track/track_file.h"
#include "tests/fuzz/fuzz_target.h"

namespace magma {
namespace {

void demand_equal(const SafetensorsFile& a, const SafetensorsFile& b) {
  demand(a.metadata() == b.metadata(), "metadata reads back the same");
  demand(a.tensors().size() == b.tensors().size(), "as many tensors read back");
  for (const auto& [name, tensor] : a.tensors()) {
    const TensorEntry& other = b.entry(name);
    demand(tensor.dtype == other.dtype && tensor.shape == other.shape, "types and shapes read back the same");
    demand(a.read(name) == b.read(name), "bytes read back the same");
  }
}

// Quantised matrices as the network would read them: any codes are legal, no read leaves the tensor.
void read_quantised(const Path& path) {
  const auto weights = unless_refused([&] { return map_safetensors(path); });
  if (!weights) return;
  for (const auto& [name, tensor] : *weights) {
    if (!tensor.is_quantised()) continue;
    const QuantisedMatrix matrix = tensor.quantised_matrix();
    std::vector<float> row(static_cast<size_t>(matrix.K));
    dequantise_output(matrix, 0, row.data());
    dequantise_output(matrix, matrix.N - 1, row.data());
  }
}

}  // namespace

void fuzz_safetensors(std::string_view bytes) {
  const Path path = fuzz_file("safetensors", "input.safetensors", bytes);
  const auto file = unless_refused([&] { return SafetensorsFile(path); });
  if (!file) return;
  read_quantised(path);
  const Path again = fuzz_folder("safetensors") / "again.safetensors";
  SafetensorsWriter writer(again);
  for (const auto& [key, value] : file->metadata()) writer.set_metadata(key, value);
  size_t data_bytes = 0;
  for (const auto& [name, tensor] : file->tensors()) {
    const std::string data = file->read(name);
    data_bytes += data.size();
    demand(tensor.begin >= 0 && tensor.begin <= tensor.end, "a tensor is a range");
    demand(static_cast<int64_t>(data.size()) == tensor.end - tensor.begin, "a tensor lies in the file");
    demand(static_cast<int64_t>(data.size()) == tensor.count() * dtype_bytes(tensor.dtype), "a shape is its bytes");
    writer.add(name, tensor.dtype, tensor.shape, data);
  }
  demand(data_bytes < bytes.size(), "tensors do not overlap");
  writer.finish(false);
  demand_equal(*file, SafetensorsFile(again));
}

void fuzz_track_file(std::string_view bytes) {
  const Path path = fuzz_file("track_file", "input.safetensors", bytes);
  const auto tracks = unless_refused([&] { return read_tracks(path, {64, 48}); });
  if (!tracks) return;
  const auto values = static_cast<size_t>(tracks->F * tracks->N);
  demand(tracks->F >= 1 && tracks->N >= 1, "there are points");
  demand(tracks->xy.size() == values && tracks->visible.size() == values && tracks->confidence.size() == values,
         "every point of every frame has everything");
  for (const Point& p : tracks->xy) demand(std::isfinite(p.x) && std::isfinite(p.y), "coordinates are finite");
  for (const uint8_t visible : tracks->visible) demand(visible <= 1, "visible is 0 or 1");
  for (const float confidence : tracks->confidence) demand(confidence >= 0 && confidence <= 1, "confidence is a share");
  const int64_t longest = limits().frame_side_max_px;
  demand(tracks->frame.w >= 1 && tracks->frame.h >= 1 && tracks->frame.w <= longest && tracks->frame.h <= longest,
         "the frame has a size");
}

}  // namespace magma
