// The walks of require_whole_container(). Sources: ISO/IEC 14496-12, the RIFF and OpenDML AVI texts, RFC 8794 and 9559
// (EBML, Matroska), the GIF89a, Ogg (RFC 3533), FLV, ASF and MPEG-2 systems texts.
#include <algorithm>
#include <array>
#include <bit>
#include <cctype>
#include <cstdlib>
#include <map>
#include <sstream>
#include <string>

#include "magma/core/error.h"
#include "magma/core/limits.h"
#include "magma/image/video_container.h"

namespace magma {
namespace {

[[noreturn]] void malformed(const ByteWindow& bytes, int64_t offset, std::string what, std::string got = "") {
  throw Error(ErrorCode::Malformed, {.file = bytes.name(),
                                     .where = "byte " + std::to_string(offset),
                                     .what = std::move(what),
                                     .got = std::move(got)});
}

// offset + size, refusing sizes that no file can have.
int64_t end_of(const ByteWindow& bytes, int64_t offset, uint64_t size) {
  if (size > uint64_t{1} << 60) malformed(bytes, offset, "the file is truncated", "a size of " + std::to_string(size));
  return offset + static_cast<int64_t>(size);
}

// --- ISO base media (MP4, MOV) ---

constexpr int kBoxDepth = 10;  // moov/trak/mdia/minf/stbl and a little more

struct IsoSeen {
  bool movie = false, data = false;
};

bool holds_boxes(std::string_view type) {
  constexpr std::array<std::string_view, 9> kContainers = {"moov", "trak", "mdia", "minf", "stbl",
                                                           "edts", "mvex", "moof", "traf"};
  return std::find(kContainers.begin(), kContainers.end(), type) != kContainers.end();
}

bool is_printable(std::string_view type) {
  return std::all_of(type.begin(), type.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte == 0xA9 || std::isprint(byte) != 0;
  });
}

struct Box {
  std::string type;
  int64_t begin = 0, payload = 0, end = 0;
};

Box read_box(ByteWindow& bytes, int64_t at, int64_t parent_end) {
  Box box{.type = bytes.text(at + 4, 4), .begin = at, .payload = at + 8, .end = 0};
  uint64_t size = bytes.big_endian(at, 4);
  if (size == 1) {
    size = bytes.big_endian(at + 8, 8);
    box.payload = at + 16;
  }
  if (size == 0) size = static_cast<uint64_t>(parent_end - at);  // to the end
  if (size < static_cast<uint64_t>(box.payload - at)) {
    malformed(bytes, at, "box '" + escape_text(box.type) + "' is smaller than its header", std::to_string(size));
  }
  box.end = end_of(bytes, at, size);
  return box;
}

void walk_inner_boxes(ByteWindow& bytes, const Box& parent, int depth) {
  if (depth > kBoxDepth) malformed(bytes, parent.begin, "boxes are nested too deeply");
  for (int64_t at = parent.payload; at + 8 <= parent.end;) {
    const Box box = read_box(bytes, at, parent.end);
    if (box.end > parent.end) malformed(bytes, at, "box '" + escape_text(box.type) + "' is larger than its parent");
    if (holds_boxes(box.type)) walk_inner_boxes(bytes, box, depth + 1);
    at = box.end;
  }
}

void check_iso(ByteWindow& bytes) {
  IsoSeen seen;
  for (int64_t at = 0; at < bytes.size();) {
    const bool complete = seen.movie && seen.data;
    const bool is_padding = at + 8 > bytes.size() ? bytes.byte(at) == 0 : !is_printable(bytes.text(at + 4, 4));
    if (complete && is_padding) return;
    bytes.require(at + 8);
    const Box box = read_box(bytes, at, bytes.size());
    bytes.require(box.end);
    if (holds_boxes(box.type)) walk_inner_boxes(bytes, box, 0);
    seen.movie = seen.movie || box.type == "moov";
    seen.data = seen.data || box.type == "mdat";
    at = box.end;
  }
  if (!seen.movie) malformed(bytes, bytes.size(), "the file is truncated: its index (box 'moov') is missing");
  if (!seen.data) malformed(bytes, bytes.size(), "the file is truncated: its pictures (box 'mdat') are missing");
}

// --- AVI ---

bool is_open_ended(uint64_t size) { return size == 0 || size == 0xFFFFFFFF; }  // written without going back

void walk_open_list(ByteWindow& bytes, int64_t at) {
  while (at < bytes.size()) {
    bytes.require(at + 8);
    const std::string type = bytes.text(at, 4);
    const uint64_t size = bytes.little_endian(at + 4, 4);
    const bool is_list = type == "LIST" || type == "RIFF";
    if (is_list && is_open_ended(size)) {
      at += 12;
      continue;
    }
    bytes.require(end_of(bytes, at + 8, size));
    at = end_of(bytes, at + 8, size + (size & 1));
  }
}

void check_avi(ByteWindow& bytes) {
  for (int64_t at = 0; at + 4 <= bytes.size() && bytes.text(at, 4) == "RIFF";) {
    bytes.require(at + 12);
    const uint64_t size = bytes.little_endian(at + 4, 4);
    if (is_open_ended(size)) return walk_open_list(bytes, at + 12);
    bytes.require(end_of(bytes, at + 8, size));
    at = end_of(bytes, at + 8, size + (size & 1));
  }
}

// --- Matroska, WebM ---

constexpr uint64_t kUnknownSize = ~uint64_t{0};

// A variable-length number; `at` moves behind it. `keep_marker` for element ids.
uint64_t read_ebml_number(ByteWindow& bytes, int64_t& at, bool keep_marker) {
  const uint8_t first = bytes.byte(at);
  int length = 1;
  while (length <= 8 && (first & (0x80 >> (length - 1))) == 0) ++length;
  if (length > (keep_marker ? 4 : 8)) malformed(bytes, at, "not a Matroska element");
  const uint64_t value = bytes.big_endian(at, length);
  at += length;
  if (keep_marker) return value;
  const uint64_t mask = (uint64_t{1} << (7 * length)) - 1;
  return (value & mask) == mask ? kUnknownSize : value & mask;
}

void check_matroska(ByteWindow& bytes) {
  constexpr uint64_t kSegment = 0x18538067, kCluster = 0x1F43B675;
  bool has_segment = false;
  for (int64_t at = 0; at < bytes.size();) {
    const int64_t begin = at;
    const uint64_t id = read_ebml_number(bytes, at, true);
    const uint64_t size = read_ebml_number(bytes, at, false);
    has_segment = has_segment || id == kSegment;
    if (size == kUnknownSize) {  // live: walk what is inside instead
      if (id != kSegment && id != kCluster) malformed(bytes, begin, "an element of unknown size");
      continue;
    }
    at = end_of(bytes, at, size);
    bytes.require(at);
    if (id == kSegment) return;
  }
  if (!has_segment) malformed(bytes, bytes.size(), "the file is truncated: it has no segment");
}

// --- GIF ---

int64_t skip_sub_blocks(ByteWindow& bytes, int64_t at) {
  while (const uint8_t size = bytes.byte(at)) at += 1 + size;
  return at + 1;
}

int64_t colour_table_bytes(uint8_t flags) { return (flags & 0x80) != 0 ? int64_t{3} << ((flags & 7) + 1) : 0; }

void check_gif(ByteWindow& bytes) {
  int64_t at = 13 + colour_table_bytes(bytes.byte(10));
  while (true) {
    const uint8_t kind = bytes.byte(at);
    if (kind == 0x3B) return;  // trailer
    if (kind == 0x21) {        // extension
      at = skip_sub_blocks(bytes, at + 2);
    } else if (kind == 0x2C) {  // image
      at = skip_sub_blocks(bytes, at + 11 + colour_table_bytes(bytes.byte(at + 9)));
    } else if (kind == 0) {  // stray terminator, which some writers leave
      ++at;
    } else {
      malformed(bytes, at, "not a GIF block");
    }
  }
}

// --- Packets ---

void check_mpeg_ts(ByteWindow& bytes) {
  const bool has_time_codes = bytes.byte(0) != 0x47;  // M2TS: four bytes before each packet
  const bool has_parity = !has_time_codes && bytes.size() > 204 && bytes.byte(188) != 0x47 && bytes.byte(204) == 0x47;
  const int64_t packet = has_time_codes ? 192 : has_parity ? 204 : 188;
  bytes.require((bytes.size() + packet - 1) / packet * packet);
}

void check_mpeg_ps(ByteWindow& bytes) {
  for (int64_t at = 0; at + 4 <= bytes.size();) {
    if (bytes.big_endian(at, 3) != 1) return;  // lost: the decoder judges the damage
    const uint8_t code = bytes.byte(at + 3);
    if (code == 0xB9) return;  // end of program
    if (code == 0xBA) {
      const bool is_mpeg2 = (bytes.byte(at + 4) >> 6) == 1;
      at += is_mpeg2 ? 14 + (bytes.byte(at + 13) & 7) : 12;
    } else {
      at = end_of(bytes, at + 6, bytes.big_endian(at + 4, 2));
    }
    bytes.require(at);
  }
}

// Some writers state the file's size in the first tag, as a number named "filesize".
void check_flv_size(ByteWindow& bytes, int64_t tag, int64_t tag_end) {
  const std::string script = bytes.text(tag, std::min<int64_t>(tag_end - tag, 2048));
  const size_t found = script.find(std::string("filesize\0", 9));
  if (found == script.npos) return;
  const uint64_t bits = bytes.big_endian(tag + static_cast<int64_t>(found) + 9, 8);
  const auto size = std::bit_cast<double>(bits);
  if (size >= 0 && size < 1e18) bytes.require(static_cast<int64_t>(size));
}

void check_flv(ByteWindow& bytes) {
  int64_t at = static_cast<int64_t>(bytes.big_endian(5, 4)) + 4;
  for (bool is_first = true; at < bytes.size(); is_first = false) {
    const int64_t end = at + 11 + static_cast<int64_t>(bytes.big_endian(at + 1, 3)) + 4;
    bytes.require(end);
    if (is_first) check_flv_size(bytes, at, end);
    at = end;
  }
}

void check_ogg(ByteWindow& bytes) {
  constexpr uint8_t kLastPage = 4;
  std::map<uint64_t, bool> ended;  // by stream
  for (int64_t at = 0; at + 4 <= bytes.size() && bytes.text(at, 4) == "OggS";) {
    const bool is_last = (bytes.byte(at + 5) & kLastPage) != 0;
    ended[bytes.little_endian(at + 14, 4)] = is_last;
    const int segments = bytes.byte(at + 26);
    int64_t end = at + 27 + segments;
    for (int i = 0; i < segments; ++i) end += bytes.byte(at + 27 + i);
    bytes.require(end);
    at = end;
  }
  const bool whole = std::all_of(ended.begin(), ended.end(), [](const auto& stream) { return stream.second; });
  if (!whole) malformed(bytes, bytes.size(), "the file is truncated: the last page of a stream is missing");
}

// "YUV4MPEG2 W640 H360 F30:1 C420jpeg": bytes of one frame without its own header line.
int64_t yuv4mpeg_frame_bytes(ByteWindow& bytes, const std::string& header) {
  int64_t w = 0, h = 0;
  std::string colours = "420";
  std::istringstream words(header);
  for (std::string word; words >> word;) {
    if (word[0] == 'W') w = std::atoll(word.c_str() + 1);
    if (word[0] == 'H') h = std::atoll(word.c_str() + 1);
    if (word[0] == 'C') colours = word.substr(1);
  }
  w = bounded(w, 1, 1 << 20, "frame width");
  h = bounded(h, 1, 1 << 20, "frame height");
  const bool is_deep = colours.starts_with("mono")
                           ? colours.size() > 4
                           : colours.find('p', 3) != colours.npos && colours.find("jpeg") == colours.npos &&
                                 colours.find("paldv") == colours.npos;
  const int64_t half_w = (w + 1) / 2, half_h = (h + 1) / 2;
  int64_t samples = w * h;
  if (colours.starts_with("420"))
    samples += 2 * half_w * half_h;
  else if (colours.starts_with("411"))
    samples += 2 * ((w + 3) / 4) * h;
  else if (colours.starts_with("422"))
    samples += 2 * half_w * h;
  else if (colours == "444alpha")
    samples *= 4;
  else if (colours.starts_with("444"))
    samples *= 3;
  else if (!colours.starts_with("mono"))
    malformed(bytes, 0, "unknown colour space", colours);
  return is_deep ? 2 * samples : samples;
}

std::string read_line(ByteWindow& bytes, int64_t at) {
  constexpr int64_t kLongest = 256;
  std::string line;
  while (bytes.byte(at) != '\n') {
    line += static_cast<char>(bytes.byte(at++));
    if (line.size() > kLongest) malformed(bytes, at, "the header line is too long");
  }
  return line;
}

void check_yuv4mpeg(ByteWindow& bytes) {
  const std::string header = read_line(bytes, 0);
  const int64_t frame_bytes = yuv4mpeg_frame_bytes(bytes, header);
  for (int64_t at = static_cast<int64_t>(header.size()) + 1; at < bytes.size();) {
    at += static_cast<int64_t>(read_line(bytes, at).size()) + 1 + frame_bytes;
    bytes.require(at);
  }
}

void check_asf(ByteWindow& bytes) {
  for (int64_t at = 0; at < bytes.size();) {
    bytes.require(at + 24);
    const uint64_t size = bytes.little_endian(at + 16, 8);
    if (size < 24) malformed(bytes, at, "an object is smaller than its header", std::to_string(size));
    at = end_of(bytes, at, size);
    bytes.require(at);
  }
}

}  // namespace

void require_whole_container(const InputFile& file, VideoContainer container) {
  ByteWindow bytes(file);
  switch (container) {
    case VideoContainer::None:
      return;
    case VideoContainer::Iso:
      return check_iso(bytes);
    case VideoContainer::Avi:
      return check_avi(bytes);
    case VideoContainer::Matroska:
      return check_matroska(bytes);
    case VideoContainer::Gif:
      return check_gif(bytes);
    case VideoContainer::MpegTs:
      return check_mpeg_ts(bytes);
    case VideoContainer::MpegPs:
      return check_mpeg_ps(bytes);
    case VideoContainer::Flv:
      return check_flv(bytes);
    case VideoContainer::Ogg:
      return check_ogg(bytes);
    case VideoContainer::Yuv4Mpeg:
      return check_yuv4mpeg(bytes);
    case VideoContainer::Asf:
      return check_asf(bytes);
  }
}

}  // namespace magma
