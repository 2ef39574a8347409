#include "magma/data/tfrecord.h"

#include <algorithm>
#include <array>
#include <cstring>

#include <fmt/format.h>

#include "magma/core/limits.h"
#include "magma/data/crc32c.h"

namespace magma {
namespace {

constexpr size_t kLengthBytes = 8, kSumBytes = 4, kHeadBytes = kLengthBytes + kSumBytes;
using Head = std::array<char, kHeadBytes>;

template <typename T>
T load(const char* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

std::string place(int64_t record, int64_t offset) { return fmt::format("record {}, offset {}", record, offset); }

struct Sums {
  uint32_t stored = 0, computed = 0;
  bool agree() const { return stored == computed; }
};
Sums sums_of(std::string_view bytes, const char* stored) {
  return {load<uint32_t>(stored), mask_crc32c(crc32c(bytes))};
}
ErrorFields wrong_sum(const char* what, const Sums& sums) {
  return {.what = what, .expected = fmt::format("{:08x}", sums.computed), .got = fmt::format("{:08x}", sums.stored)};
}

Sums head_sums(const Head& head) { return sums_of({head.data(), kLengthBytes}, head.data() + kLengthBytes); }

// What is wrong with the head of a record; empty `what`: nothing.
struct HeadFault {
  ErrorCode code = ErrorCode::Malformed;
  ErrorFields fields{};
};
HeadFault head_fault(const Head& head, size_t got) {
  if (got < kHeadBytes) {
    return {ErrorCode::Malformed,
            {.what = "file is cut in the length of a record", .expected = "12 bytes", .got = std::to_string(got)}};
  }
  if (const Sums sums = head_sums(head); !sums.agree()) {
    ErrorFields fields = wrong_sum("CRC of the length is wrong", sums);
    fields.hint = "damaged, or not a TFRecord file";
    return {ErrorCode::Malformed, fields};
  }
  const auto length = load<uint64_t>(head.data());
  const auto most = static_cast<uint64_t>(limits().tfrecord_bytes);
  if (length <= most) return {};
  return {ErrorCode::Refused,
          {.what = "length of a record is too large",
           .expected = fmt::format("at most {} bytes", most),
           .got = std::to_string(length)}};
}

ErrorFields cut_data(int64_t expected, int64_t got) {
  return {.what = "file is cut in the data of a record",
          .expected = fmt::format("{} bytes", expected),
          .got = std::to_string(std::max<int64_t>(got, 0))};
}

// A length with its right CRC is no accident, so a plain file is known by it even where it looks packed.
bool is_packed(const Path& path) {
  Head head{};
  const size_t got = FileReader(path).read_at(0, head);
  if (got == kHeadBytes && head_sums(head).agree()) return false;
  return looks_packed({head.data(), got});
}

}  // namespace

TfRecordReader::TfRecordReader(const Path& path, bool plain)
    : path_(path), stream_(!plain && is_packed(path) ? open_packed(path) : open_plain(path)) {}

void TfRecordReader::fail(ErrorCode code, ErrorFields fields) const {
  fields.file = path_.string();
  fields.where = place(record_, offset_);
  throw Error(code, std::move(fields));
}

void TfRecordReader::refuse_cut_data(int64_t got) const { fail(ErrorCode::Malformed, cut_data(bytes_, got)); }

bool TfRecordReader::read_length() {
  if (lost_) return false;
  ++record_;
  offset_ = next_offset_;
  bytes_ = 0;
  data_ = {};
  lost_ = true;  // until the place of the next record is known
  Head head{};
  size_t got = 0;
  try {
    got = stream_->read(head);
  } catch (const Error& error) {
    fail(error.code(), error.fields());
  }
  if (got == 0) return false;
  HeadFault fault = head_fault(head, got);
  if (!fault.fields.what.empty()) fail(fault.code, std::move(fault.fields));
  bytes_ = load<int64_t>(head.data());
  if (stream_->left() >= 0 && bytes_ + static_cast<int64_t>(kSumBytes) > stream_->left()) {
    refuse_cut_data(stream_->left() - static_cast<int64_t>(kSumBytes));
  }
  next_offset_ = offset_ + bytes_ + kTfRecordFraming;
  return true;
}

void TfRecordReader::read_data() {
  constexpr size_t kTrusted = size_t{1} << 20;  // of a length that the file's size does not prove
  const auto wanted = static_cast<size_t>(bytes_) + kSumBytes;
  size_t room = stream_->left() >= 0 ? wanted : std::min(wanted, kTrusted);
  std::shared_ptr<char[]> data = std::make_shared_for_overwrite<char[]>(room);
  size_t filled = 0;
  for (;;) {
    filled += stream_->read({data.get() + filled, room - filled});
    if (filled == wanted) break;
    if (filled < room) refuse_cut_data(static_cast<int64_t>(filled) - static_cast<int64_t>(kSumBytes));
    room = std::min(wanted, room * 2);
    std::shared_ptr<char[]> larger = std::make_shared_for_overwrite<char[]>(room);
    std::memcpy(larger.get(), data.get(), filled);
    data = std::move(larger);
  }
  lost_ = false;
  const std::string_view payload(data.get(), static_cast<size_t>(bytes_));
  const Sums sums = sums_of(payload, data.get() + bytes_);
  if (!sums.agree()) fail(ErrorCode::Malformed, wrong_sum("CRC of the data is wrong", sums));
  data_ = {std::move(data), payload.size()};
}

void TfRecordReader::pass_data() {
  const int64_t wanted = bytes_ + static_cast<int64_t>(kSumBytes);
  const int64_t passed = stream_->pass_over(wanted);
  if (passed < wanted) refuse_cut_data(passed - static_cast<int64_t>(kSumBytes));
  lost_ = false;
}

bool TfRecordReader::next() {
  if (!read_length()) return false;
  try {
    read_data();
  } catch (const Error& error) {
    if (!error.fields().file.empty()) throw;
    fail(error.code(), error.fields());
  }
  return true;
}

bool TfRecordReader::skip() {
  if (!read_length()) return false;
  try {
    pass_data();
  } catch (const Error& error) {
    if (!error.fields().file.empty()) throw;
    fail(error.code(), error.fields());
  }
  return true;
}

RecordBytes read_tfrecord_at(const Path& path, int64_t record, int64_t offset) {
  const FileReader file(path);
  const auto fail = [&](ErrorCode code, ErrorFields fields) {
    fields.file = path.string();
    fields.where = place(record, offset);
    throw Error(code, std::move(fields));
  };
  Head head{};
  HeadFault fault = head_fault(head, file.read_at(offset, head));
  if (!fault.fields.what.empty()) fail(fault.code, std::move(fault.fields));
  const auto bytes = load<int64_t>(head.data());
  const int64_t there = file.size() - offset - kTfRecordFraming;
  if (bytes > there) fail(ErrorCode::Malformed, cut_data(bytes, there));
  const auto size = static_cast<size_t>(bytes);
  std::shared_ptr<char[]> data = std::make_shared_for_overwrite<char[]>(size + kSumBytes);
  const size_t got = file.read_at(offset + static_cast<int64_t>(kHeadBytes), {data.get(), size + kSumBytes});
  if (got < size + kSumBytes) fail(ErrorCode::Malformed, cut_data(bytes, static_cast<int64_t>(got)));
  const Sums sums = sums_of({data.get(), size}, data.get() + size);
  if (!sums.agree()) fail(ErrorCode::Malformed, wrong_sum("CRC of the data is wrong", sums));
  return {std::move(data), size};
}

std::string frame_tfrecord(std::string_view data) {
  std::string framed(kHeadBytes, '\0');
  const uint64_t length = data.size();
  std::memcpy(framed.data(), &length, kLengthBytes);
  const uint32_t length_sum = mask_crc32c(crc32c({framed.data(), kLengthBytes}));
  std::memcpy(framed.data() + kLengthBytes, &length_sum, kSumBytes);
  framed += data;
  const uint32_t data_sum = mask_crc32c(crc32c(data));
  framed.append(reinterpret_cast<const char*>(&data_sum), kSumBytes);
  return framed;
}

Error in_record(const Error& error, const Path& file, int64_t record) {
  ErrorFields fields = error.fields();
  fields.file = file.string();
  fields.where = fmt::format("record {}{}{}", record, fields.where.empty() ? "" : ", ", fields.where);
  return {error.code(), std::move(fields)};
}

}  // namespace magma
