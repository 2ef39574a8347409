#include "magma/data/byte_stream.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include <fmt/format.h>
#include <zlib.h>

#include "magma/core/error.h"
#include "magma/core/limits.h"

namespace magma {
namespace {

constexpr size_t kBufferBytes = size_t{128} << 10;
constexpr int kAnyWrapper = MAX_WBITS + 32;  // zlib tells GZIP from ZLIB itself

// A window of the file, so that small reads cost no system call.
class FileWindow {
 public:
  explicit FileWindow(const Path& path) : file_(path) {}

  int64_t left() const { return std::max<int64_t>(file_.size() - at_, 0); }
  // What lies at the place of reading, at least a byte of it; empty at the end.
  std::string_view peek() {
    if (at_ >= begin_ + static_cast<int64_t>(filled_)) {
      buffer_.resize(kBufferBytes);
      begin_ = at_;
      filled_ = file_.read_at(at_, buffer_);
    }
    const auto from = static_cast<size_t>(at_ - begin_);
    return {buffer_.data() + from, filled_ - from};
  }
  void advance(int64_t bytes) { at_ += bytes; }
  size_t read(std::span<char> bytes) {
    size_t done = 0;
    while (done < bytes.size()) {
      const size_t wanted = bytes.size() - done;
      if (at_ >= begin_ + static_cast<int64_t>(filled_) && wanted >= kBufferBytes) {
        const size_t got = file_.read_at(at_, bytes.subspan(done));
        advance(static_cast<int64_t>(got));
        return done + got;
      }
      const std::string_view here = peek();
      if (here.empty()) break;
      const size_t taken = std::min(here.size(), wanted);
      std::memcpy(bytes.data() + done, here.data(), taken);
      advance(static_cast<int64_t>(taken));
      done += taken;
    }
    return done;
  }

 private:
  FileReader file_;
  std::vector<char> buffer_;
  int64_t begin_ = 0, at_ = 0;
  size_t filled_ = 0;
};

class PlainStream final : public ByteStream {
 public:
  explicit PlainStream(const Path& path) : file_(path) {}
  size_t read(std::span<char> bytes) override { return file_.read(bytes); }
  int64_t pass_over(int64_t bytes) override {
    const int64_t passed = std::min(bytes, file_.left());
    file_.advance(passed);
    return passed;
  }
  int64_t left() const override { return file_.left(); }

 private:
  FileWindow file_;
};

struct Inflater {
  z_stream stream{};
  explicit Inflater(int window_bits) {
    if (inflateInit2(&stream, window_bits) != Z_OK) {
      throw Error(ErrorCode::Resource, {.what = "out of memory for unpacking"});
    }
  }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
  ~Inflater() { inflateEnd(&stream); }
};

Error damaged() { return {ErrorCode::Malformed, {.what = "packed data is damaged"}}; }
Error cut() { return {ErrorCode::Malformed, {.what = "packed data is cut"}}; }

void refuse_bomb(int64_t packed, int64_t unpacked) {
  const Limits& most = limits();
  const int64_t ratio = unpacked / std::max<int64_t>(packed, 1);
  if (unpacked > most.unpacked_free_bytes && ratio >= most.unpacked_ratio) {
    throw Error(ErrorCode::Refused, {.what = "unpacks to far more than it is",
                                     .expected = fmt::format("less than {}:1", most.unpacked_ratio),
                                     .got = fmt::format("{}:1", ratio)});
  }
  if (unpacked > most.unpacked_bytes) {
    throw Error(ErrorCode::Refused, {.what = "unpacks to too much",
                                     .expected = fmt::format("at most {} bytes", most.unpacked_bytes),
                                     .got = fmt::format("more, {}:1 so far", ratio)});
  }
}

class PackedStream final : public ByteStream {
 public:
  explicit PackedStream(const Path& path) : file_(path), inflater_(kAnyWrapper) {}

  size_t read(std::span<char> bytes) override {
    size_t done = 0;
    while (done < bytes.size() && !ended_) done += step(bytes.subspan(done));
    return done;
  }
  int64_t pass_over(int64_t bytes) override {
    std::vector<char> nowhere(kBufferBytes);
    int64_t passed = 0;
    while (passed < bytes) {
      const auto wanted = static_cast<size_t>(std::min<int64_t>(bytes - passed, kBufferBytes));
      const size_t got = read(std::span(nowhere).first(wanted));
      if (got == 0) break;
      passed += static_cast<int64_t>(got);
    }
    return passed;
  }
  int64_t left() const override { return -1; }

 private:
  size_t step(std::span<char> bytes) {
    z_stream& stream = inflater_.stream;
    const std::string_view packed = file_.peek();
    if (packed.empty() && between_members_) {
      ended_ = true;
      return 0;
    }
    if (between_members_ && started_) begin_member(packed);
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
    stream.avail_in = static_cast<uInt>(packed.size());
    const size_t wanted = std::min(bytes.size(), kBufferBytes * 8);
    stream.next_out = reinterpret_cast<Bytef*>(bytes.data());
    stream.avail_out = static_cast<uInt>(wanted);
    between_members_ = false;
    started_ = true;
    const int state = inflate(&stream, Z_NO_FLUSH);
    const auto consumed = static_cast<int64_t>(packed.size() - stream.avail_in);
    const size_t made = wanted - stream.avail_out;
    file_.advance(consumed);
    packed_ += consumed;
    unpacked_ += static_cast<int64_t>(made);
    refuse_bomb(packed_, unpacked_);
    if (state == Z_STREAM_END) {
      between_members_ = true;
    } else if (state == Z_BUF_ERROR && packed.empty()) {
      throw cut();
    } else if (state != Z_OK) {
      throw state == Z_MEM_ERROR ? Error(ErrorCode::Resource, {.what = "out of memory for unpacking"}) : damaged();
    }
    return made;
  }
  void begin_member(std::string_view packed) {
    if (packed.front() != '\x1F') throw Error(ErrorCode::Malformed, {.what = "bytes after the end of packed data"});
    if (inflateReset(&inflater_.stream) != Z_OK) throw damaged();
  }

  FileWindow file_;
  Inflater inflater_;
  bool between_members_ = true, started_ = false, ended_ = false;
  int64_t packed_ = 0, unpacked_ = 0;
};

}  // namespace

std::unique_ptr<ByteStream> open_plain(const Path& path) { return std::make_unique<PlainStream>(path); }
std::unique_ptr<ByteStream> open_packed(const Path& path) { return std::make_unique<PackedStream>(path); }

bool looks_packed(std::string_view first_bytes) {
  if (first_bytes.starts_with("\x1F\x8B")) return true;
  if (first_bytes.size() < 2) return false;
  const auto method = static_cast<unsigned char>(first_bytes[0]);
  const auto flags = static_cast<unsigned char>(first_bytes[1]);
  constexpr unsigned kDeflate = 8, kLargestWindow = 7, kCheck = 31;  // RFC 1950
  return (method & 0xFU) == kDeflate && (method >> 4U) <= kLargestWindow && (method * 256U + flags) % kCheck == 0;
}

std::string unpack_zlib(std::string_view packed, int64_t most) {
  Inflater inflater(MAX_WBITS);
  z_stream& stream = inflater.stream;
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(bounded(static_cast<int64_t>(packed.size()), 0, limits().tfrecord_bytes, "zlib"));
  std::string bytes;
  for (int state = Z_OK; state != Z_STREAM_END;) {
    const size_t had = bytes.size();
    // One byte more than allowed shows that there is more.
    const auto room = static_cast<size_t>(std::max<int64_t>(most + 1 - static_cast<int64_t>(had), 0));
    bytes.resize(had + std::min(room, std::max(kBufferBytes / 8, had)));
    stream.next_out = reinterpret_cast<Bytef*>(bytes.data() + had);
    stream.avail_out = static_cast<uInt>(std::min<size_t>(bytes.size() - had, size_t{1} << 30));
    const size_t offered = stream.avail_out;
    state = inflate(&stream, Z_NO_FLUSH);
    bytes.resize(had + offered - stream.avail_out);
    if (static_cast<int64_t>(bytes.size()) > most) {
      throw Error(ErrorCode::Refused, {.what = "unpacks to too much",
                                       .expected = fmt::format("at most {} bytes", most),
                                       .got = fmt::format("more, from {}", packed.size())});
    }
    if (state == Z_BUF_ERROR && stream.avail_in == 0) throw cut();
    if (state != Z_OK && state != Z_STREAM_END) throw damaged();
  }
  if (stream.avail_in > 0) throw Error(ErrorCode::Malformed, {.what = "bytes after the end of packed data"});
  return bytes;
}

std::string pack_zlib(std::string_view bytes) {
  uLongf size = compressBound(static_cast<uLong>(bytes.size()));
  std::string packed(size, '\0');
  const int state = compress(reinterpret_cast<Bytef*>(packed.data()), &size,
                             reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uLong>(bytes.size()));
  if (state != Z_OK) throw Error(ErrorCode::Resource, {.what = "out of memory for packing"});
  packed.resize(size);
  return packed;
}

}  // namespace magma
