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

// Whole file, at most max_bytes (else Refused); FileSystem errors name the path as given.
std::string read_file(const Path& path, int64_t max_bytes);

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
  uint64_t hash() const;  // xxh64 of what write() appended so far
  void commit();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

void write_file_atomically(const Path& path, std::string_view bytes);

// A private folder inside `parent` (made if absent) for outputs in the making; name starts with ".staging-".
// Everything in it disappears with it, and so do parents that this object had to make and that are still empty.
// Registered so that remove_all_staging() can clear it from the signal path of main().
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
};

void sync_folder(const Path& folder);

}  // namespace magma
