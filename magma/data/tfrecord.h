// TFRecord files: length, its CRC, data, its CRC; plain, or the whole file GZIP or ZLIB. Source: data_formats.md 1.1.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "magma/core/error.h"
#include "magma/core/file.h"
#include "magma/data/byte_stream.h"

namespace magma {

constexpr int64_t kTfRecordFraming = 16;  // bytes around the data of a record

// The data of a record; copies share it.
struct RecordBytes {
  std::shared_ptr<const char[]> data{};
  size_t size = 0;
  std::string_view view() const { return {data.get(), size}; }
};

// Records one after another. Errors say which record, where it begins in the unpacked stream, and whether its length
// or its data is wrong: Malformed for damage, Refused for a limit.
class TfRecordReader {
 public:
  // Packed files are known by their first bytes; `plain`: those are not looked at.
  explicit TfRecordReader(const Path& path, bool plain = false);

  bool next();  // reads the next record; false at the end
  bool skip();  // its length alone; the data is neither read nor checked
  // Of the record that next() or skip() came to last, also when it threw.
  int64_t record() const { return record_; }
  int64_t offset() const { return offset_; }  // of its first framing byte
  int64_t bytes() const { return bytes_; }    // of its data
  const RecordBytes& data() const { return data_; }
  // Whether what lies behind the last error can no longer be found; a wrong CRC of data alone does not lose the place.
  bool lost() const { return lost_; }

 private:
  bool read_length();
  void read_data();
  void pass_data();
  void fail(ErrorCode code, ErrorFields fields) const;
  void refuse_cut_data(int64_t got) const;

  Path path_;
  std::unique_ptr<ByteStream> stream_;
  int64_t record_ = -1, offset_ = 0, bytes_ = 0, next_offset_ = 0;
  RecordBytes data_;
  bool lost_ = false;
};

// The record whose framing begins at `offset` of a plain file; `record` is its number, for errors.
RecordBytes read_tfrecord_at(const Path& path, int64_t record, int64_t offset);

// One framed record, as it is written.
std::string frame_tfrecord(std::string_view data);

// The error with its file, and the record before its place.
Error in_record(const Error& error, const Path& file, int64_t record);

}  // namespace magma
