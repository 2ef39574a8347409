// Files: bounded reading, and outputs that are whole or absent.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace magma {

using Path = std::filesystem::path;

// Whole file, at most max_bytes (else Refused). Errors name the path as given, here and below.
std::string read_file(const Path& path, int64_t max_bytes);

// A regular file open for reading at any place, by several threads at once.
class FileReader {
 public:
  explicit FileReader(const Path& path);  // a folder, pipe or device: Error(FileSystem)
  FileReader(const FileReader&) = delete;
  FileReader& operator=(const FileReader&) = delete;
  ~FileReader();
  int64_t size() const { return size_; }  // when it was opened
  // Fills `bytes` from `offset`; the count is less only at the end of the file.
  size_t read_at(int64_t offset, std::span<char> bytes) const;
  // The whole file, read-only, as long as the pointer lives; pages are read when they are touched.
  std::shared_ptr<const char> map() const;

 private:
  Path path_;
  int descriptor_ = -1;
  int64_t size_ = 0;
};

// Exists, is a regular file and can be opened; else the Error a reader would have given.
void require_readable_file(const Path& path);

// Written beside its final name, synced and renamed by commit(); removed when destroyed uncommitted.
class AtomicFile {
 public:
  explicit AtomicFile(Path final_path);
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile();

  void write(std::string_view bytes);  // short writes, ENOSPC, EIO -> Error(FileSystem)
  void write_at(int64_t offset, std::string_view bytes);
  int64_t size() const;
  uint64_t hash() const;             // xxh64 of what write() appended so far
  void commit(bool durable = true);  // not durable: renamed without waiting for the disk

 private:
  struct State;
  std::unique_ptr<State> state_;
};

void write_file_atomically(const Path& path, std::string_view bytes, bool durable = true);

// A private folder inside `parent` (made if absent) for outputs in the making; name starts with ".staging-".
// Everything in it disappears with it, and so do parents that this object had to make and that are still empty.
// It is locked while its process lives, so that remove_stale_staging() can tell leftovers of killed processes.
class StagingFolder {
 public:
  explicit StagingFolder(const Path& parent);
  StagingFolder(const StagingFolder&) = delete;
  StagingFolder& operator=(const StagingFolder&) = delete;
  ~StagingFolder();
  const Path& path() const { return path_; }
  // fsync the staged file or folder, rename it to parent/name (replacing a file or folder of that name).
  void publish(const Path& staged_name, const Path& final_name);
  void keep_parents() { made_.clear(); }  // something was published for good

 private:
  Path parent_;
  Path path_;
  std::vector<Path> made_;  // parents made by us, deepest last
  int lock_ = -1;
  int replaced_ = 0;
};

void remove_stale_staging(const Path& parent);

// folder/name, whole or absent, and no temporary beside it even after a kill once remove_stale_staging() ran.
void publish_file(const Path& folder, const std::string& name, std::string_view bytes);
bool is_staged(const Path& parent, const Path& file);  // whether `file` names a place in a staging folder of `parent`

void sync_folder(const Path& folder);

}  // namespace magma
