#include <cerrno>
#include <system_error>

#include <dirent.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "magma/core/error.h"
#include "magma/core/file.h"

namespace magma {
namespace {

constexpr std::string_view kPrefix = ".staging-";
constexpr const char* kLockName = ".lock";

// The folders of `path` that did not exist, made now; deepest last.
std::vector<Path> make_folders(const Path& path) {
  std::vector<Path> missing;
  std::error_code unknown;  // where one may not look: mkdir() will say so
  for (Path folder = path; !folder.empty() && !std::filesystem::exists(folder, unknown);
       folder = folder.parent_path()) {
    if (folder.has_filename()) missing.insert(missing.begin(), folder);
  }
  std::vector<Path> made;
  for (const Path& folder : missing) {
    if (mkdir(folder.c_str(), 0777) == 0) {
      made.push_back(folder);
    } else if (errno != EEXIST) {
      const int error_number = errno;
      for (auto undone = made.rbegin(); undone != made.rend(); ++undone) rmdir(undone->c_str());
      throw system_error("mkdir", folder.string(), error_number);
    }
  }
  return made;
}

void remove_tree(const Path& path) {
  std::error_code ignored;  // a destructor has nobody to tell; what is left behind is found as stale by the next run
  std::filesystem::remove_all(path, ignored);
}

// Descriptor of the folder's lock, held; -1 when another process holds it or the folder has gone.
int try_lock(const Path& folder) {
  const int descriptor = open((folder / kLockName).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0) return -1;
  if (flock(descriptor, LOCK_EX | LOCK_NB) == 0) return descriptor;
  close(descriptor);
  return -1;
}

void sync_tree(const Path& path) {
  if (std::filesystem::is_directory(path)) {
    for (const auto& entry : std::filesystem::directory_iterator(path)) sync_tree(entry.path());
    return sync_folder(path);
  }
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) throw system_error("open", path.filename().string(), errno);
  const int error_number = fsync(descriptor) == 0 ? 0 : errno;
  close(descriptor);
  if (error_number != 0 && error_number != EINVAL) throw system_error("fsync", path.filename().string(), error_number);
}

}  // namespace

StagingFolder::StagingFolder(const Path& parent) : parent_(parent.empty() ? Path(".") : parent) {
  made_ = make_folders(parent_);
  std::string name = (parent_ / (std::string(kPrefix) + "XXXXXX")).string();
  if (mkdtemp(name.data()) != nullptr) {
    path_ = name;
    lock_ = try_lock(path_);
    if (lock_ >= 0) return;
    remove_tree(path_);
  }
  const int error_number = errno;
  for (auto folder = made_.rbegin(); folder != made_.rend(); ++folder) rmdir(folder->c_str());
  throw system_error("create a folder", parent.string(), error_number);
}

StagingFolder::~StagingFolder() {
  remove_tree(path_);
  close(lock_);
  for (auto folder = made_.rbegin(); folder != made_.rend(); ++folder) rmdir(folder->c_str());  // fails unless empty
}

void StagingFolder::publish(const Path& staged_name, const Path& final_name) {
  const Path staged = path_ / staged_name;
  const Path target = parent_ / final_name;
  sync_tree(staged);
  make_folders(target.parent_path());
  std::error_code absent;
  const bool folders = std::filesystem::is_directory(target, absent) ||
                       (std::filesystem::exists(target, absent) && std::filesystem::is_directory(staged));
  if (folders) {  // rename() replaces files only; the old folder disappears with this one
    const Path aside = path_ / fmt::format(".replaced-{}", replaced_++);
    if (rename(target.c_str(), aside.c_str()) != 0) throw system_error("rename", target.string(), errno);
  }
  if (rename(staged.c_str(), target.c_str()) != 0) throw system_error("rename", target.string(), errno);
  sync_folder(target.parent_path());
}

void publish_file(const Path& folder, const std::string& name, std::string_view bytes) {
  StagingFolder staging(folder);
  write_file_atomically(staging.path() / name, bytes, false);  // publish() syncs it
  staging.publish(name, name);
}

bool is_staged(const Path& parent, const Path& file) { return file.string().starts_with((parent / kPrefix).string()); }

void remove_stale_staging(const Path& parent) {
  std::error_code absent;
  std::filesystem::directory_iterator entries(parent, absent);
  if (absent) return;
  std::vector<Path> found;
  for (const auto& entry : entries) {
    if (entry.path().filename().string().starts_with(kPrefix) && entry.is_directory()) found.push_back(entry.path());
  }
  for (const Path& folder : found) {
    const int lock = try_lock(folder);
    if (lock < 0) continue;
    remove_tree(folder);
    close(lock);
  }
}

}  // namespace magma
