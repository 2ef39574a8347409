// Pickles and archives made by hand, byte by byte.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <zlib.h>

#include "magma/core/file.h"
#include "tests/support/temporary_folder.h"

namespace magma {

template <typename T>
std::string bytes_of(T value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

inline std::string pickle(const std::string& body) { return "\x80\x02" + body + "."; }
inline std::string text(std::string_view value) {
  return "X" + bytes_of(static_cast<uint32_t>(value.size())) + std::string(value);
}
inline std::string global(const std::string& module, const std::string& name) {
  return "c" + module + "\n" + name + "\n";
}
inline std::string small(int value) { return "K" + std::string(1, static_cast<char>(value)); }

// Opcodes that push a tensor of storage "0" with `numel` values of `type`; the tuples are given as opcodes.
inline std::string tensor(const std::string& type, int numel, const std::string& places) {
  return global("torch._utils", "_rebuild_tensor_v2") + "((" + text("storage") + global("torch", type) + text("0") +
         text("cpu") + small(numel) + "tQ" + places + "\x89" + global("collections", "OrderedDict") + ")RtR";
}

using Entries = std::vector<std::pair<std::string, std::string>>;

// As Python's zipfile writes stored entries.
inline std::string zip_of(const Entries& entries) {
  std::string body, directory;
  for (const auto& [name, content] : entries) {
    const auto size = static_cast<uint32_t>(content.size());
    const auto crc = static_cast<uint32_t>(crc32(0, reinterpret_cast<const Bytef*>(content.data()), size));
    const std::string fields = bytes_of<uint16_t>(20) + std::string(8, '\0') + bytes_of(crc) + bytes_of(size) +
                               bytes_of(size) + bytes_of(static_cast<uint16_t>(name.size()));
    directory += "PK\x01\x02" + bytes_of<uint16_t>(0x0314) + fields + std::string(12, '\0') +
                 bytes_of(static_cast<uint32_t>(body.size())) + name;
    body += "PK\x03\x04" + fields + std::string(2, '\0') + name + content;
  }
  const auto count = static_cast<uint16_t>(entries.size());
  const std::string end = "PK\x05\x06" + std::string(4, '\0') + bytes_of(count) + bytes_of(count) +
                          bytes_of(static_cast<uint32_t>(directory.size())) +
                          bytes_of(static_cast<uint32_t>(body.size())) + std::string(2, '\0');
  return body + directory + end;
}

inline std::string archive_of(const std::string& object, const Entries& storages = {}) {
  Entries entries = {{"a/data.pkl", object}, {"a/version", "3\n"}};
  for (const auto& [key, content] : storages) entries.emplace_back("a/data/" + key, content);
  return zip_of(entries);
}

// A file in a folder of its own.
class WrittenFile {
 public:
  WrittenFile(const std::string& name, std::string_view bytes) : path_(folder_.path() / name) {
    write_file_atomically(path_, bytes, false);
  }
  const Path& path() const { return path_; }

 private:
  TemporaryFolder folder_;
  Path path_;
};

}  // namespace magma
