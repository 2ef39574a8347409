#include "magma/mark/frame_spill.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace magma {
namespace {

std::array<GreyImage*, 3> images_of(Planes& planes) { return {&planes.luma, &planes.u, &planes.v}; }
std::array<const GreyImage*, 3> images_of(const Planes& planes) { return {&planes.luma, &planes.u, &planes.v}; }

int64_t bytes_of(const Planes& planes) {
  int64_t bytes = 0;
  for (const GreyImage* image : images_of(planes)) bytes += static_cast<int64_t>(image->pixels.size());
  return bytes;
}

bool write_pixels(int file, const Planes& planes, int64_t offset) {
  for (const GreyImage* image : images_of(planes)) {
    const size_t bytes = image->pixels.size();
    if (pwrite(file, image->pixels.data(), bytes, offset) != static_cast<ssize_t>(bytes)) return false;
    offset += static_cast<int64_t>(bytes);
  }
  return true;
}

bool read_pixels(int file, Planes& planes, int64_t offset) {
  for (GreyImage* image : images_of(planes)) {
    const size_t bytes = static_cast<size_t>(image->size.w) * static_cast<size_t>(image->size.h);
    image->pixels.resize(bytes);
    if (pread(file, image->pixels.data(), bytes, offset) != static_cast<ssize_t>(bytes)) return false;
    offset += static_cast<int64_t>(bytes);
  }
  return true;
}

VideoFrame without_pixels(const VideoFrame& frame) {
  VideoFrame copy = {frame.index, frame.pts, frame.seconds, frame.source, {}};
  for (size_t i = 0; i < 3; ++i) images_of(copy.planes)[i]->size = images_of(frame.planes)[i]->size;
  copy.planes.bt709 = frame.planes.bt709;
  return copy;
}

int64_t free_share_of(const Path& folder) {
  std::error_code unknown;
  const auto space = std::filesystem::space(folder, unknown);
  return unknown ? 0 : static_cast<int64_t>(space.available / 4);
}

}  // namespace

FrameSpill::FrameSpill(Path folder, int64_t bytes) : folder_(std::move(folder)), bytes_(bytes) {}

FrameSpill::~FrameSpill() { close(); }

bool FrameSpill::open(int64_t frame_bytes) {
  if (folder_.empty() || bytes_ <= 0) return false;
  const int64_t count = std::min(bytes_, free_share_of(folder_)) / frame_bytes;
  if (count > 0) file_ = ::open(folder_.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (file_ < 0) {
    bytes_ = 0;
    return false;
  }
  slot_bytes_ = frame_bytes;
  slots_.resize(static_cast<size_t>(count));
  return true;
}

void FrameSpill::close() {
  if (file_ >= 0) ::close(std::exchange(file_, -1));
  slots_.clear();
}

void FrameSpill::offer(const VideoFrame& frame) {
  const int64_t bytes = bytes_of(frame.planes);
  if (file_ < 0 && !open(bytes)) return;
  const size_t at = static_cast<size_t>(frame.index) % slots_.size();
  Slot& slot = slots_[at];
  const bool is_wanted = slot.is_used && slot.frame.index >= first_wanted_;
  if (is_wanted || bytes > slot_bytes_) return;
  if (!write_pixels(file_, frame.planes, static_cast<int64_t>(at) * slot_bytes_)) {
    bytes_ = 0;  // the disk is full: the results need it more
    return close();
  }
  slot = {without_pixels(frame), true};
}

bool FrameSpill::take(int64_t index, VideoFrame& frame) {
  if (file_ < 0) return false;
  const size_t at = static_cast<size_t>(index) % slots_.size();
  const Slot& slot = slots_[at];
  if (!slot.is_used || slot.frame.index != index) return false;
  Planes planes = std::move(frame.planes);
  frame = slot.frame;
  for (size_t i = 0; i < 3; ++i) images_of(frame.planes)[i]->pixels.swap(images_of(planes)[i]->pixels);
  return read_pixels(file_, frame.planes, static_cast<int64_t>(at) * slot_bytes_);
}

}  // namespace magma
