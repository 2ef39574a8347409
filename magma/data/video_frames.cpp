#include "magma/data/video_frames.h"

#include <fmt/core.h>

#include "magma/core/error.h"
#include "magma/core/interrupt.h"
#include "magma/image/bicubic.h"

namespace magma {
namespace {

constexpr int64_t kWorthSeeking = 64;  // frames that are rather decoded than jumped over
constexpr int64_t kBefore = 8;         // stamps may be uneven: the jump ends this many frames early

// The frame, decoded on from where the reader stands or from a jump to shortly before it.
const DecodedFrame* advance_to(VideoReader& video, int64_t index) {
  const double fps = video.info().fps.value();
  if (index - video.index() > kWorthSeeking && fps > 0) {
    const int64_t reached = std::max<int64_t>(video.index(), 0);
    video.seek_seconds(static_cast<double>(index - kBefore) / fps);
    const DecodedFrame* frame = video.next();
    if (frame != nullptr && video.index() == index) return frame;
    if (frame == nullptr || video.index() > index) video.seek(reached);
  }
  const DecodedFrame* frame = video.next();
  while (frame != nullptr && video.index() < index) {
    throw_if_interrupted();
    frame = video.next();
  }
  return frame;
}

class FrameMaker {
 public:
  explicit FrameMaker(Size size) : size_(size) {}
  Image make(const DecodedFrame& frame) {
    scale_planes(frame, display_size(frame), planes_);
    planes_to_rgb(planes_, full_);
    return resize_bicubic(full_, size_);
  }

 private:
  Size size_;
  Planes planes_;
  Image full_;
};

}  // namespace

std::vector<Image> read_video_frames(VideoReader& video, const Path& path, const std::vector<int64_t>& indices,
                                     Size size) {
  std::vector<Image> images;
  FrameMaker maker(size);
  for (size_t i = 0; i < indices.size(); ++i) {
    if (i > 0 && indices[i] == indices[i - 1]) {
      images.push_back(images.back());
      continue;
    }
    const DecodedFrame* frame = advance_to(video, indices[i]);
    if (frame == nullptr) {
      throw Error(
          ErrorCode::Malformed,
          {.file = path.string(), .where = fmt::format("frame {}", indices[i]), .what = "beyond the end of the video"});
    }
    images.push_back(maker.make(*frame));
  }
  return images;
}

std::vector<Image> read_clip_frames(VideoReader& video, int64_t first, int64_t end, Size size) {
  std::vector<Image> images;
  FrameMaker maker(size);
  for (const DecodedFrame* frame = advance_to(video, first); frame != nullptr && video.index() <= end;
       frame = video.next()) {
    throw_if_interrupted();
    images.push_back(maker.make(*frame));
  }
  if (!images.empty()) images.pop_back();
  return images;
}

}  // namespace magma
