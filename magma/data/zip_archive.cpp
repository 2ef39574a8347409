#include "magma/data/zip_archive.h"

#include <algorithm>
#include <cstring>
#include <unordered_set>

#include <fmt/format.h>
#include <zlib.h>

#include "magma/core/error.h"
#include "magma/core/limits.h"
#include "magma/core/utf8.h"

namespace magma {
namespace {

constexpr uint32_t kLocal = 0x04034B50, kCentral = 0x02014B50, kDescriptor = 0x08074B50;
constexpr uint32_t kEnd = 0x06054B50, kEnd64 = 0x06064B50, kLocator64 = 0x07064B50;
constexpr int64_t kLocalBytes = 30, kCentralBytes = 46, kEndBytes = 22, kEnd64Bytes = 56, kLocator64Bytes = 20;
constexpr uint32_t kSaturated = 0xFFFFFFFF;
constexpr uint16_t kSaturatedCount = 0xFFFF;
constexpr uint16_t kHasDescriptor = 0x0008, kNamesAreUtf8 = 0x0800, kEncrypted = 0x2041;
constexpr uint16_t kZip64Field = 0x0001, kPaddingField = 0x4246;

struct Directory {
  int64_t begin = 0, end = 0, entries = 0;
};

// What a header says, central or local.
struct Header {
  uint16_t needed = 0, flags = 0, method = 0, time = 0, date = 0;
  uint32_t crc = 0;
  uint64_t compressed = 0, size = 0, offset = 0;
  std::string_view name{}, extra{};
};

bool safe_name(std::string_view name) {
  if (name.empty() || name.front() == '/' || find_invalid_utf8(name) != std::string_view::npos) return false;
  if (name.find_first_of(std::string_view("\\:\0", 3)) != std::string_view::npos) return false;
  while (true) {
    const size_t slash = std::min(name.find('/'), name.size());
    const std::string_view part = name.substr(0, slash);
    if (part.empty() || part == "." || part == "..") return false;
    if (slash == name.size()) return true;
    name.remove_prefix(slash + 1);
  }
}

class ZipParser {
 public:
  ZipParser(std::string_view bytes, std::string file) : bytes_(bytes), file_(std::move(file)) {}

  std::vector<ZipEntry> parse() {
    const Directory directory = find_directory();
    std::vector<Header> headers = read_central(directory);
    std::sort(headers.begin(), headers.end(), [](const Header& a, const Header& b) { return a.offset < b.offset; });
    std::vector<ZipEntry> entries;
    entries.reserve(headers.size());
    int64_t filled = 0;
    for (size_t i = 0; i < headers.size(); ++i) {
      const uint64_t next = i + 1 < headers.size() ? headers[i + 1].offset : static_cast<uint64_t>(directory.begin);
      entries.push_back(locate(headers[i], filled, next));
      filled = static_cast<int64_t>(next);
    }
    if (filled != directory.begin) fail("byte 0", "bytes before the central directory belong to no entry");
    return entries;
  }

 private:
  [[noreturn]] void fail(std::string where, std::string what, std::string expected = "", std::string got = "",
                         ErrorCode code = ErrorCode::Malformed) const {
    throw Error(code, {.file = file_,
                       .where = std::move(where),
                       .what = std::move(what),
                       .expected = std::move(expected),
                       .got = std::move(got)});
  }
  static std::string entry_where(const Header& header) { return "entry " + std::string(header.name); }
  static std::string byte_where(int64_t offset) { return fmt::format("byte {}", offset); }

  template <typename T>
  T load(int64_t offset) const {
    if (offset < 0 || offset > static_cast<int64_t>(bytes_.size() - sizeof(T))) {
      fail(byte_where(static_cast<int64_t>(bytes_.size())), "file ends too early");
    }
    T value;
    std::memcpy(&value, bytes_.data() + offset, sizeof value);
    return value;
  }
  bool signature_at(int64_t offset, uint32_t signature) const {
    return offset >= 0 && offset + 4 <= static_cast<int64_t>(bytes_.size()) && load<uint32_t>(offset) == signature;
  }
  // `count` bytes that must end by `end`.
  std::string_view piece(int64_t offset, int64_t count, int64_t end) const {
    if (offset + count > end) fail(byte_where(offset), "header reaches beyond its place");
    return bytes_.substr(static_cast<size_t>(offset), static_cast<size_t>(count));
  }

  Directory find_directory() const {
    const int64_t end = static_cast<int64_t>(bytes_.size()) - kEndBytes;
    if (!signature_at(end, kEnd)) {
      fail(byte_where(std::max<int64_t>(end, 0)), "a ZIP file does not end with its central directory's end");
    }
    const bool one_disk = load<uint16_t>(end + 4) == 0 && load<uint16_t>(end + 6) == 0 &&
                          load<uint16_t>(end + 8) == load<uint16_t>(end + 10);
    if (!one_disk || load<uint16_t>(end + 20) != 0) fail(byte_where(end), "central directory's end is damaged");
    uint64_t count = load<uint16_t>(end + 10), size = load<uint32_t>(end + 12), offset = load<uint32_t>(end + 16);
    int64_t after = end;
    if (signature_at(end - kLocator64Bytes, kLocator64)) {
      after = end - kLocator64Bytes - kEnd64Bytes;
      read_end64(after, count, size, offset);
    } else if (count == kSaturatedCount || size == kSaturated || offset == kSaturated) {
      fail(byte_where(end), "large archive without its 64-bit directory end");
    }
    const auto limit = static_cast<uint64_t>(after);
    if (size > limit || offset != limit - size) {
      fail(byte_where(end), "central directory is not where the file ends", std::to_string(limit),
           fmt::format("{} + {}", offset, size));
    }
    if (count > size / kCentralBytes) fail(byte_where(end), "central directory is too short for its entries");
    bounded(static_cast<int64_t>(count), 0, limits().zip_entries, "entries of a ZIP file");
    return {static_cast<int64_t>(offset), after, static_cast<int64_t>(count)};
  }

  void read_end64(int64_t at, uint64_t& count, uint64_t& size, uint64_t& offset) const {
    const int64_t locator = at + kEnd64Bytes;
    const bool located = load<uint32_t>(locator + 4) == 0 && load<uint32_t>(locator + 16) == 1 && at >= 0 &&
                         load<uint64_t>(locator + 8) == static_cast<uint64_t>(at) && signature_at(at, kEnd64);
    if (!located) fail(byte_where(locator), "64-bit directory end is not where it is said to be");
    const bool usual = load<uint64_t>(at + 4) == kEnd64Bytes - 12 && known_version(load<uint16_t>(at + 12)) &&
                       load<uint16_t>(at + 14) <= 63 && load<uint32_t>(at + 16) == 0 && load<uint32_t>(at + 20) == 0 &&
                       load<uint64_t>(at + 24) == load<uint64_t>(at + 32);
    const uint64_t count64 = load<uint64_t>(at + 32), size64 = load<uint64_t>(at + 40),
                   offset64 = load<uint64_t>(at + 48);
    const bool agree = (count == count64 || count == kSaturatedCount) && (size == size64 || size == kSaturated) &&
                       (offset == offset64 || offset == kSaturated);
    if (!usual || !agree) fail(byte_where(at), "the two ends of the central directory disagree");
    count = count64;
    size = size64;
    offset = offset64;
  }

  // System and version of "made by", or 0.
  static bool known_version(uint16_t made_by) { return (made_by & 0xFFU) <= 63 && (made_by >> 8U) <= 19; }

  std::vector<Header> read_central(const Directory& directory) const {
    std::vector<Header> headers;
    std::unordered_set<std::string_view> names;
    int64_t at = directory.begin;
    for (int64_t i = 0; i < directory.entries; ++i) {
      headers.push_back(central_header(at, directory.end));
      const Header& header = headers.back();
      at += kCentralBytes + static_cast<int64_t>(header.name.size() + header.extra.size());
      if (header.offset >= static_cast<uint64_t>(directory.begin)) {
        fail(entry_where(header), "entry lies behind all entries");
      }
      if (!names.insert(header.name).second) fail(entry_where(header), "entry appears twice");
    }
    if (at != directory.end) fail(byte_where(at), "central directory is longer than its entries");
    return headers;
  }

  Header central_header(int64_t at, int64_t end) const {
    if (at + kCentralBytes > end || !signature_at(at, kCentral)) fail(byte_where(at), "not a central directory entry");
    Header header = fields(at + 6);
    header.offset = load<uint32_t>(at + 42);
    const int64_t name_bytes = load<uint16_t>(at + 28), extra_bytes = load<uint16_t>(at + 30);
    header.name = piece(at + kCentralBytes, name_bytes, end);
    header.extra = piece(at + kCentralBytes + name_bytes, extra_bytes, end);
    const uint16_t made_by = load<uint16_t>(at + 4);
    const bool plain = load<uint16_t>(at + 32) == 0 && load<uint16_t>(at + 34) == 0 && known_version(made_by) &&
                       (made_by != 0 || (load<uint16_t>(at + 36) == 0 && load<uint32_t>(at + 38) == 0));
    if (!plain) fail(entry_where(header), "central directory entry is damaged");
    widen(header, true);
    return header;
  }

  // From "version needed" to the two sizes, the same in both kinds of header.
  Header fields(int64_t at) const {
    return {.needed = load<uint16_t>(at),
            .flags = load<uint16_t>(at + 2),
            .method = load<uint16_t>(at + 4),
            .time = load<uint16_t>(at + 6),
            .date = load<uint16_t>(at + 8),
            .crc = load<uint32_t>(at + 10),
            .compressed = load<uint32_t>(at + 14),
            .size = load<uint32_t>(at + 18)};
  }

  // After both headers agree: what one of them says may be damage.
  void require_allowed(const Header& header) const {
    if (!safe_name(header.name)) {
      fail(entry_where(header), "name of an entry is not allowed", "a relative path without ..", "",
           ErrorCode::Refused);
    }
    if ((header.flags & kEncrypted) != 0) fail(entry_where(header), "entry is encrypted", "", "", ErrorCode::Refused);
    if (header.method != 0) {
      fail(entry_where(header), "entry is compressed", "method 0", std::to_string(header.method), ErrorCode::Refused);
    }
    if (header.compressed != header.size) fail(entry_where(header), "stored entry has two sizes");
    if ((header.flags & ~(kHasDescriptor | kNamesAreUtf8)) != 0 || header.needed > 63) {
      fail(entry_where(header), "flags of an entry are not known", "", fmt::format("{:#06x}", header.flags));
    }
  }

  // Sizes that do not fit 32 bits stand in an extra field; the only other field is torch's padding.
  void widen(Header& header, bool central) const {
    std::string_view extra = header.extra;
    bool wide = false;
    while (!extra.empty()) {
      if (extra.size() < 4) fail(entry_where(header), "extra field is cut");
      uint16_t id = 0, length = 0;
      std::memcpy(&id, extra.data(), 2);
      std::memcpy(&length, extra.data() + 2, 2);
      if (extra.size() - 4 < length) fail(entry_where(header), "extra field is cut");
      const std::string_view content = extra.substr(4, length);
      extra.remove_prefix(size_t{4} + length);
      if (id == kZip64Field && !wide) {
        wide = true;
        read_wide(header, content, central);
      } else if (id != kPaddingField || content.find_first_not_of('Z') != std::string_view::npos) {
        fail(entry_where(header), "extra field is not known", "", fmt::format("{:#06x}", id));
      }
    }
    const bool saturated = header.size == kSaturated || header.compressed == kSaturated;
    if (!wide && (saturated || header.offset == kSaturated)) fail(entry_where(header), "64-bit sizes are missing");
  }

  void read_wide(Header& header, std::string_view content, bool central) const {
    const auto take = [&](uint64_t& value) {
      if (value != kSaturated) return;
      if (content.size() < sizeof value) fail(entry_where(header), "64-bit sizes are cut");
      std::memcpy(&value, content.data(), sizeof value);
      content.remove_prefix(sizeof value);
    };
    take(header.size);
    take(header.compressed);
    take(header.offset);
    // A local header with a descriptor says nothing, also not in its 64-bit field.
    if (central && !content.empty()) fail(entry_where(header), "64-bit sizes contradict the others");
  }

  ZipEntry locate(const Header& central, int64_t filled, uint64_t next) const {
    if (central.offset != static_cast<uint64_t>(filled)) {
      fail(entry_where(central), "bytes before the entry belong to none", std::to_string(filled),
           std::to_string(central.offset));
    }
    const auto end = static_cast<int64_t>(next);  // next >= filled: headers are sorted, and checked against the file
    if (!signature_at(filled, kLocal) || filled + kLocalBytes > end) {
      fail(entry_where(central), "not where the central directory says");
    }
    Header local = fields(filled + 4);
    const int64_t name_bytes = load<uint16_t>(filled + 26), extra_bytes = load<uint16_t>(filled + 28);
    local.name = piece(filled + kLocalBytes, name_bytes, end);
    local.extra = piece(filled + kLocalBytes + name_bytes, extra_bytes, end);
    if (local.name != central.name) {
      fail(entry_where(central), "the two headers give different names", "", std::string(local.name));
    }
    widen(local, false);
    const bool same = local.flags == central.flags && local.method == central.method && local.time == central.time &&
                      local.date == central.date && local.needed == central.needed;
    const bool later = (central.flags & kHasDescriptor) != 0;
    const bool unsaid = later && local.crc == 0 && local.size == 0 && local.compressed == 0;
    const bool said = local.crc == central.crc && local.size == central.size && local.compressed == central.compressed;
    if (!same || (!unsaid && !said)) fail(entry_where(central), "the two headers disagree");
    require_allowed(central);
    const int64_t begin = filled + kLocalBytes + name_bytes + extra_bytes;
    if (central.size > static_cast<uint64_t>(end - begin)) {
      fail(entry_where(central), "entry reaches into the next", fmt::format("at most {} bytes", end - begin),
           std::to_string(central.size));
    }
    const auto size = static_cast<int64_t>(central.size);
    require_descriptor(central, begin + size, end);
    return {std::string(central.name), filled, begin, size, central.crc};
  }

  void require_descriptor(const Header& central, int64_t at, int64_t end) const {
    if ((central.flags & kHasDescriptor) == 0) {
      if (at != end) fail(entry_where(central), "bytes behind the entry belong to none");
      return;
    }
    const bool narrow = end - at == 16, wide = end - at == 24;
    if ((!narrow && !wide) || load<uint32_t>(at) != kDescriptor) {
      fail(entry_where(central), "no description behind the entry's bytes");
    }
    const uint64_t first = narrow ? load<uint32_t>(at + 8) : load<uint64_t>(at + 8);
    const uint64_t second = narrow ? load<uint32_t>(at + 12) : load<uint64_t>(at + 16);
    if (load<uint32_t>(at + 4) != central.crc || first != central.size || second != central.size) {
      fail(entry_where(central), "description behind the entry's bytes disagrees");
    }
  }

  std::string_view bytes_;
  std::string file_;
};

}  // namespace

ZipArchive::ZipArchive(const Path& path) : file_(path.string()) {
  const FileReader file(path);
  text_ = file.map();
  bytes_ = file.size();
  try {
    entries_ = ZipParser({text_.get(), static_cast<size_t>(bytes_)}, file_).parse();
  } catch (const Error& error) {
    throw error.with_file(file_);
  }
}

const ZipEntry* ZipArchive::find(std::string_view name) const {
  const auto found =
      std::find_if(entries_.begin(), entries_.end(), [&](const auto& entry) { return entry.name == name; });
  return found == entries_.end() ? nullptr : &*found;
}

std::string_view ZipArchive::read(const ZipEntry& entry) const {
  const std::string_view bytes(text_.get() + entry.begin, static_cast<size_t>(entry.size));
  const auto* data = reinterpret_cast<const Bytef*>(bytes.data());
  if (crc32_z(0, data, bytes.size()) != entry.crc) {
    throw Error(ErrorCode::Malformed, {.file = file_,
                                       .where = fmt::format("entry {}, byte {}", entry.name, entry.begin),
                                       .what = "CRC-32 of an entry is another"});
  }
  return bytes;
}

}  // namespace magma
