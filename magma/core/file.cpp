#include "magma/core/file.h"

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <utility>

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "magma/core/check.h"
#include "magma/core/error.h"
#include "magma/core/random.h"

namespace magma {
namespace {

constexpr size_t kLongestStem = 200;  // of a name of at most 255 bytes

void synchronise(int descriptor, const Path& named) {
  int result = 0;
  do {
    result = fsync(descriptor);
  } while (result != 0 && errno == EINTR);
  const bool unsupported = errno == EINVAL || errno == EROFS;  // special files and some network file systems
  if (result != 0 && !unsupported) throw system_error("fsync", named.string(), errno);
}

void write_all(int descriptor, std::string_view bytes, int64_t offset, const Path& named) {
  while (!bytes.empty()) {
    const ssize_t written = pwrite(descriptor, bytes.data(), bytes.size(), offset);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) throw system_error("write", named.string(), written == 0 ? ENOSPC : errno);
    bytes.remove_prefix(static_cast<size_t>(written));
    offset += written;
  }
}

// Distinct in this process by the counter, from others by the process id; open(O_EXCL) has the last word.
std::string distinct_suffix() {
  static std::atomic<uint64_t> counter{0};
  const auto now = std::chrono::steady_clock::now().time_since_epoch().count();
  const uint64_t mixed = hash64(fmt::format("{} {} {}", getpid(), counter++, now));
  return fmt::format("{:06x}", mixed & 0xFFFFFFU);
}

}  // namespace

FileReader::FileReader(const Path& path) : path_(path) {
  // Without O_NONBLOCK, opening a pipe waits for a writer.
  descriptor_ = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor_ < 0) throw system_error("open", path.string(), errno);
  struct stat status {};
  const int error_number = fstat(descriptor_, &status) == 0 ? 0 : errno;
  if (error_number == 0 && S_ISREG(status.st_mode)) {
    size_ = status.st_size;
    return;
  }
  close(descriptor_);
  if (error_number != 0) throw system_error("stat", path.string(), error_number);
  if (S_ISDIR(status.st_mode)) throw system_error("open", path.string(), EISDIR);
  throw Error(ErrorCode::FileSystem, {.file = path.string(), .what = "is not a regular file"});
}

FileReader::~FileReader() { close(descriptor_); }

size_t FileReader::read_at(int64_t offset, std::span<char> bytes) const {
  size_t filled = 0;
  while (filled < bytes.size()) {
    const ssize_t got =
        pread(descriptor_, bytes.data() + filled, bytes.size() - filled, offset + static_cast<int64_t>(filled));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw system_error("read", path_.string(), errno);
    if (got == 0) break;
    filled += static_cast<size_t>(got);
  }
  return filled;
}

std::shared_ptr<const char> FileReader::map() const {
  if (size_ == 0) return std::make_shared<const char>('\0');
  const auto bytes = static_cast<size_t>(size_);
  void* memory = mmap(nullptr, bytes, PROT_READ, MAP_PRIVATE, descriptor_, 0);
  if (memory == MAP_FAILED) throw system_error("mmap", path_.string(), errno);
  return {static_cast<const char*>(memory), [memory, bytes](const char*) { munmap(memory, bytes); }};
}

std::string read_file(const Path& path, int64_t max_bytes) {
  const FileReader file(path);
  const auto refuse_above = [&](int64_t size) {
    if (size <= max_bytes) return;
    throw Error(ErrorCode::Refused, {.file = path.string(),
                                     .what = "file too large",
                                     .expected = fmt::format("at most {} bytes", max_bytes),
                                     .got = fmt::format("{} bytes", size)});
  };
  refuse_above(file.size());
  std::string bytes(static_cast<size_t>(file.size()) + 1, '\0');  // one more shows whether it has grown since
  bytes.resize(file.read_at(0, bytes));
  // Files of /proc say that they are empty; others may grow while they are read.
  for (bool more = static_cast<int64_t>(bytes.size()) > file.size(); more;) {
    refuse_above(static_cast<int64_t>(bytes.size()));
    const size_t had = bytes.size();
    bytes.resize(had + 65536);
    bytes.resize(had + file.read_at(static_cast<int64_t>(had), std::span(bytes).subspan(had)));
    more = bytes.size() > had;
  }
  refuse_above(static_cast<int64_t>(bytes.size()));
  return bytes;
}

void require_readable_file(const Path& path) { const FileReader opened(path); }

struct AtomicFile::State {
  Path final_path;
  Path staged_path;
  int descriptor = -1;
  int64_t appended = 0;
  XXH64_state_t* hash = XXH64_createState();
};

AtomicFile::AtomicFile(Path final_path) : state_(std::make_unique<State>()) {
  MAGMA_CHECK(state_->hash != nullptr, "no memory for a hash state");
  XXH64_reset(state_->hash, 0);
  const std::string stem = final_path.filename().string().substr(0, kLongestStem);
  do {
    state_->staged_path = final_path.parent_path() / fmt::format(".{}.{}.tmp", stem, distinct_suffix());
    state_->descriptor = open(state_->staged_path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  } while (state_->descriptor < 0 && (errno == EEXIST || errno == EINTR));
  const int error_number = errno;
  if (state_->descriptor < 0) {
    XXH64_freeState(state_->hash);
    throw system_error("create", final_path.string(), error_number);
  }
  state_->final_path = std::move(final_path);
}

AtomicFile::~AtomicFile() {
  if (state_->descriptor >= 0) {
    close(state_->descriptor);
    unlink(state_->staged_path.c_str());
  }
  XXH64_freeState(state_->hash);
}

void AtomicFile::write(std::string_view bytes) {
  write_all(state_->descriptor, bytes, state_->appended, state_->final_path);
  XXH64_update(state_->hash, bytes.data(), bytes.size());
  state_->appended += static_cast<int64_t>(bytes.size());
}

void AtomicFile::write_at(int64_t offset, std::string_view bytes) {
  write_all(state_->descriptor, bytes, offset, state_->final_path);
}

int64_t AtomicFile::size() const { return state_->appended; }

uint64_t AtomicFile::hash() const { return XXH64_digest(state_->hash); }

void AtomicFile::commit(bool durable) {
  State& state = *state_;
  MAGMA_CHECK(state.descriptor >= 0, "file committed twice");
  if (durable) synchronise(state.descriptor, state.final_path);
  if (rename(state.staged_path.c_str(), state.final_path.c_str()) != 0) {
    throw system_error("rename", state.final_path.string(), errno);
  }
  close(std::exchange(state.descriptor, -1));
  if (durable) sync_folder(state.final_path.parent_path());
}

void write_file_atomically(const Path& path, std::string_view bytes, bool durable) {
  AtomicFile file(path);
  file.write(bytes);
  file.commit(durable);
}

void sync_folder(const Path& folder) {
  const Path named = folder.empty() ? Path(".") : folder;
  const int descriptor = open(named.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) throw system_error("open", named.string(), errno);
  try {
    synchronise(descriptor, named);
  } catch (const Error&) {
    close(descriptor);
    throw;
  }
  close(descriptor);
}

}  // namespace magma
