// StoredFormat: a kind of file or folder, shown as it is stored. Plug-ins of magma/data/formats, named after their
// file.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "magma/core/error.h"
#include "magma/core/file.h"
#include "magma/core/registry.h"

namespace magma {

struct ShowRange {
  std::string split{};         // RLDS; empty: all, in the order of dataset_info.json
  int64_t from = 0;            // records, tensors or items left out
  int64_t count = -1;          // negative: all
  int64_t most_elements = 64;  // of a value that are spelled out; negative: all
};

// Told while a check runs; each may throw to stop it.
struct CheckEvents {
  std::function<void(const Error&)> bad;
  std::function<void()> record = [] {};                  // one more is done, good or bad
  std::function<void(int64_t)> expect = [](int64_t) {};  // so many records there should be, where that is known before
};

class StoredFormat {
 public:
  static constexpr const char* kKind = "format";

  virtual ~StoredFormat() = default;
  // By what the source is called, or, of a folder, by what it holds: so a damaged file is still known for what it is.
  virtual bool recognises(const Path& source) const = 0;
  // One line of JSON without its end per record, in file order; `line` returns false to stop.
  virtual void show(const Path& source, const ShowRange& range,
                    const std::function<bool(const std::string&)>& line) const = 0;
  // Reads everything and checks all there is to check; pictures are decoded. Errors that leave the records behind them
  // readable go to `bad`; others are thrown. Returns the records, bad ones included.
  virtual int64_t check(const Path& source, const CheckEvents& events) const = 0;
};

using StoredFormats = Registry<StoredFormat>;

struct FoundFormat {
  std::string name;
  std::unique_ptr<StoredFormat> format;
};

// FileSystem when `source` is missing or unreadable, Usage when no format recognises it.
FoundFormat find_stored_format(const Path& source);

}  // namespace magma
