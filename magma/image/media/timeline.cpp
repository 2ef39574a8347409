#include "magma/image/media/timeline.h"

#include <algorithm>
#include <functional>
#include <utility>

namespace magma {
namespace {

constexpr int64_t kLargestPts = int64_t{1} << 60;  // sums with offsets stay in range

// One packet is one shown frame.
bool packets_are_frames(const VideoInput& input, const AVStream& stream) {
  if (input.container != VideoContainer::Iso && input.container != VideoContainer::Matroska) return false;
  switch (stream.codecpar->codec_id) {
    case AV_CODEC_ID_H264:
    case AV_CODEC_ID_HEVC:
      return stream.codecpar->field_order == AV_FIELD_PROGRESSIVE || stream.codecpar->field_order == AV_FIELD_UNKNOWN;
    case AV_CODEC_ID_VP9:
    case AV_CODEC_ID_AV1:
    case AV_CODEC_ID_MJPEG:
    case AV_CODEC_ID_FFV1:
    case AV_CODEC_ID_PRORES:
      return true;
    default:
      return false;
  }
}

// Stamps of all packets until none below the first at or after `pts` can follow. Empty where one has no stamp.
std::vector<int64_t> packet_stamps(Demuxer& demuxer, int64_t pts) {
  const FfmpegPointer<AVPacket> packet = owned(av_packet_alloc());
  std::vector<int64_t> stamps;
  int64_t target = INT64_MAX;
  while (demuxer.read(*packet)) {
    if (packet->pts == AV_NOPTS_VALUE || packet->dts == AV_NOPTS_VALUE) return {};
    if (packet->dts > target) break;
    if ((packet->flags & AV_PKT_FLAG_DISCARD) != 0) continue;  // cut off by an edit list
    stamps.push_back(packet->pts);
    if (packet->pts >= pts) target = std::min(target, packet->pts);
  }
  std::sort(stamps.begin(), stamps.end());
  if (target != INT64_MAX) stamps.erase(std::upper_bound(stamps.begin(), stamps.end(), target), stamps.end());
  return stamps;
}

}  // namespace

void Timeline::append(std::optional<int64_t> pts) {
  const bool usable = pts && *pts > -kLargestPts && *pts < kLargestPts;
  if (!usable) sound_ = false;
  if (pts_.empty()) {
    pts_.push_back(usable ? *pts : 0);
    return;
  }
  const int64_t last = pts_.back();
  int64_t stamp = usable ? *pts + offset_ : last + step_;
  if (stamp <= last) {
    sound_ = false;
    const bool clock_jumped = last - stamp >= jump_;  // as where recordings are joined; else jitter
    const int64_t repaired = last + (clock_jumped ? step_ : 1);
    if (clock_jumped) offset_ += repaired - stamp;
    stamp = repaired;
  }
  pts_.push_back(stamp);
}

int64_t Timeline::first_at_or_after(int64_t pts) const {
  return std::lower_bound(pts_.begin(), pts_.end(), pts) - pts_.begin();
}

bool Timeline::extend_from_packets(const VideoInput& input, int64_t pts) {
  if (!sound_) return false;
  Demuxer demuxer(input);
  if (!packets_are_frames(input, demuxer.stream())) return false;
  std::vector<int64_t> stamps = packet_stamps(demuxer, pts);
  const bool increasing = std::adjacent_find(stamps.begin(), stamps.end(), std::greater_equal<>()) == stamps.end();
  const bool agrees = stamps.size() >= pts_.size() && std::equal(pts_.begin(), pts_.end(), stamps.begin());
  if (!increasing || !agrees) return false;
  pts_ = std::move(stamps);
  return true;
}

}  // namespace magma
