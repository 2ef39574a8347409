// safetensors: a validated reader and a writer that streams. Layout and rules: data_formats.md 9.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "magma/core/file.h"

namespace magma {

enum class DType { Bool, U8, I8, I16, U16, F16, BF16, I32, U32, F32, I64, U64, F64, C64, F8E4M3, F8E5M2 };
int64_t dtype_bytes(DType dtype);
std::string_view dtype_name(DType dtype);  // "F32"

struct TensorEntry {
  DType dtype = DType::F32;
  std::vector<int64_t> shape;
  int64_t begin = 0, end = 0;  // bytes after the header
  int64_t count() const;       // product of shape
};

// Validates everything before the first read: bounds, holes, overlaps, duplicate keys, checked products.
class SafetensorsFile {
 public:
  explicit SafetensorsFile(const Path& path);
  ~SafetensorsFile();
  SafetensorsFile(SafetensorsFile&&) noexcept;
  const std::map<std::string, TensorEntry>& tensors() const;
  const std::map<std::string, std::string>& metadata() const;
  const TensorEntry& entry(const std::string& name) const;  // Error(Malformed) when absent
  std::string read(const std::string& name) const;          // raw little-endian bytes
  // As T; the stored type must be the matching one (F32 <-> float, U8 or Bool <-> uint8_t, I16 <-> int16_t, F64, I64).
  template <typename T>
  std::vector<T> read_as(const std::string& name) const;
  // The data after the header, mapped; entries' begin and end count from here. Outlives this object.
  std::shared_ptr<const char> map_data() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Tensors in the order given; memory is that of one append. Written to an AtomicFile-like staged file by the caller.
class SafetensorsWriter {
 public:
  // Spools beside `path`; nothing is left behind unless finish() ran.
  explicit SafetensorsWriter(const Path& path);
  ~SafetensorsWriter();
  SafetensorsWriter(const SafetensorsWriter&) = delete;
  SafetensorsWriter& operator=(const SafetensorsWriter&) = delete;

  void set_metadata(const std::string& key, const std::string& value);
  void add(const std::string& name, DType dtype, std::vector<int64_t> shape, std::string_view bytes);
  // A tensor that grows along its first dimension: any number of append() on open names, shape fixed by finish().
  void open(const std::string& name, DType dtype, std::vector<int64_t> row_shape);
  void append(const std::string& name, std::string_view rows);
  void close(const std::string& name);  // no more rows will come: its buffer is given back
  // Writes header and data; returns xxh64 of the file. Not durable: without waiting for the disk.
  uint64_t finish(bool durable = true);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace magma
