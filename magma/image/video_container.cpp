#include "magma/image/video_container.h"

#include <algorithm>
#include <array>
#include <string>

#include "magma/core/error.h"

namespace magma {
namespace {

constexpr int64_t kHeadBytes = 1024;

std::string head_of(const InputFile& file) {
  std::string head(static_cast<size_t>(std::min(file.size(), kHeadBytes)), '\0');
  head.resize(file.read(0, head));
  return head;
}

bool is_iso(std::string_view head) {
  if (head.size() < 8) return false;
  constexpr std::array<std::string_view, 7> kFirstBoxes = {"ftyp", "moov", "mdat", "wide", "free", "skip", "pnot"};
  return std::find(kFirstBoxes.begin(), kFirstBoxes.end(), head.substr(4, 4)) != kFirstBoxes.end();
}

// Sync bytes one packet apart; `first` is the offset of the first.
bool has_sync_bytes(std::string_view head, size_t first, size_t packet_bytes) {
  if (head.size() <= first) return false;
  for (size_t i = first; i < head.size(); i += packet_bytes) {
    if (head[i] != 0x47) return false;
  }
  return head.size() > packet_bytes;
}

bool is_mpeg_ts(std::string_view head) {
  return has_sync_bytes(head, 0, 188) || has_sync_bytes(head, 4, 192) || has_sync_bytes(head, 0, 204);
}

}  // namespace

std::string_view video_container_name(VideoContainer container) {
  switch (container) {
    case VideoContainer::None:
      return "none";
    case VideoContainer::Iso:
      return "mp4";
    case VideoContainer::Avi:
      return "avi";
    case VideoContainer::Matroska:
      return "matroska";
    case VideoContainer::Gif:
      return "gif";
    case VideoContainer::MpegTs:
      return "mpegts";
    case VideoContainer::MpegPs:
      return "mpeg";
    case VideoContainer::Flv:
      return "flv";
    case VideoContainer::Ogg:
      return "ogg";
    case VideoContainer::Yuv4Mpeg:
      return "yuv4mpeg";
    case VideoContainer::Asf:
      return "asf";
  }
  return "none";
}

VideoContainer detect_video_container(const InputFile& file) {
  const std::string head = head_of(file);
  const std::string_view view = head;
  if (view.starts_with("RIFF") && view.substr(0, 12).ends_with("AVI ")) return VideoContainer::Avi;
  if (view.starts_with("\x1A\x45\xDF\xA3")) return VideoContainer::Matroska;
  if (view.starts_with("GIF87a") || view.starts_with("GIF89a")) return VideoContainer::Gif;
  if (view.starts_with(std::string_view("\0\0\1\xBA", 4))) return VideoContainer::MpegPs;
  if (view.starts_with("FLV\x01")) return VideoContainer::Flv;
  if (view.starts_with("OggS")) return VideoContainer::Ogg;
  if (view.starts_with("YUV4MPEG2 ")) return VideoContainer::Yuv4Mpeg;
  if (view.starts_with("\x30\x26\xB2\x75\x8E\x66\xCF\x11")) return VideoContainer::Asf;
  if (is_iso(view)) return VideoContainer::Iso;
  if (is_mpeg_ts(view)) return VideoContainer::MpegTs;
  return VideoContainer::None;
}

void refuse_references(const InputFile& file) {
  const std::string head = head_of(file);
  std::string_view text = head;
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
  constexpr std::array<std::string_view, 14> kOpenings = {"#EXTM3U", "ffconcat",   "file '",      "file \"", "v=0\r\n",
                                                          "v=0\n",   "[playlist]", "<MPD",        "<asx",    "<ASX",
                                                          "<smil",   "<SMIL",      "[Reference]", "RTSPtext"};
  const bool opens_with_one = std::any_of(kOpenings.begin(), kOpenings.end(),
                                          [&](std::string_view opening) { return text.starts_with(opening); });
  const bool is_manifest =
      text.starts_with("<?xml") && (text.find("<MPD") != text.npos || text.find("<smil") != text.npos ||
                                    text.find("<SmoothStreamingMedia") != text.npos);
  if (!opens_with_one && !is_manifest) return;
  throw Error(ErrorCode::Refused, {.file = file.name(),
                                   .what = "a list or description of other media is not opened",
                                   .expected = "a video file",
                                   .got = "text that names other files or addresses",
                                   .hint = "give the video itself"});
}

}  // namespace magma
