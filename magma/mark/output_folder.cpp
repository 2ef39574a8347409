#include "magma/mark/output_folder.h"

#include <cerrno>
#include <system_error>

#include <fcntl.h>
#include <fmt/core.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include "magma/core/error.h"
#include "magma/core/hash.h"
#include "magma/core/json.h"
#include "magma/core/limits.h"
#include "magma/core/random.h"

namespace magma {
namespace {

namespace fs = std::filesystem;

constexpr const char* kManifest = "manifest.json";
constexpr const char* kLock = ".lock";
constexpr const char* kOwnHash = "xxh64";
constexpr const char* kOurs[] = {"shards", "samples", "images", "videos", "report.json", "report.html", kManifest};

bool is_passing(const std::string& name) {  // leftovers of a killed process, or a live one's
  return name == kLock || name.starts_with(".staging-") || (name.starts_with('.') && name.ends_with(".tmp"));
}

struct flock byte_lock(short type, int64_t begin, int64_t length) {
  struct flock range {};
  range.l_type = type;
  range.l_whence = SEEK_SET;
  range.l_start = begin;
  range.l_len = length;  // 0: to the end of all
  return range;
}

Error differs(const Path& folder, const std::string& field, const Json& expected, const Json& got) {
  return {ErrorCode::Usage,
          {.file = folder.string(),
           .where = "manifest.json " + field,
           .what = "the folder holds a run that was started differently",
           .expected = dump_json(expected),
           .got = dump_json(got),
           .hint = "use another folder, or --overwrite to replace that run"}};
}

// The first field, by name, in which two manifests differ; the settings one by one.
void require_equal(const Path& folder, const Json& wanted, const Json& found, const std::string& prefix = "") {
  if (wanted == found) return;
  if (!wanted.is_object() || !found.is_object()) throw differs(folder, prefix, wanted, found);
  for (const auto& [key, value] : wanted.items()) {
    require_equal(folder, value, found.contains(key) ? found[key] : Json(), prefix.empty() ? key : prefix + "." + key);
  }
  throw differs(folder, prefix.empty() ? "has other fields" : prefix, wanted.size(), found.size());
}

}  // namespace

std::string shard_name(int64_t shard) { return fmt::format("{:05}", shard); }
std::string records_file(int64_t shard) { return "shards/" + shard_name(shard) + ".jsonl"; }
std::string tensors_file(int64_t shard) { return "shards/" + shard_name(shard) + ".safetensors"; }
std::string samples_file(int64_t shard) { return "samples/" + shard_name(shard) + ".jsonl"; }
std::string done_file(int64_t shard) { return "shards/" + shard_name(shard) + ".done"; }

std::string manifest_text(const nlohmann::json& manifest) { return manifest.dump(2) + "\n"; }

nlohmann::json read_manifest(const Path& folder) { return read_json(folder / kManifest); }

std::string done_text(nlohmann::json facts) {
  facts.erase(kOwnHash);
  facts[kOwnHash] = hex64(hash64(dump_json(facts)));
  return dump_json(facts) + "\n";
}

nlohmann::json parse_done(const std::string& text, const std::string& file) {
  Json done = parse_json(text, file);
  if (!done.is_object() || done_text(done) != text) {
    throw Error(ErrorCode::Malformed, {.file = file, .what = "content has changed"});
  }
  return done;
}

nlohmann::json finished_shard(const Path& folder, int64_t shard) {
  const Path path = folder / done_file(shard);
  std::error_code absent;
  if (!fs::exists(path, absent)) return nullptr;
  Json done;
  try {
    done = parse_done(read_file(path, limits().json_bytes), path.string());
  } catch (const Error& error) {
    if (error.code() != ErrorCode::Malformed) throw;
    return nullptr;  // damaged: the shard is made again
  }
  const JsonObject files = JsonObject(done, path.string()).object("files");
  for (const auto& [name, facts] : files.raw().items()) {
    const auto size = fs::file_size(folder / name, absent);
    if (absent || static_cast<int64_t>(size) != files.object(name).integer("bytes")) return nullptr;
  }
  return done;
}

OutputFolder::OutputFolder(Options options) : options_(std::move(options)) {
  check();
  staging_ = std::make_unique<StagingFolder>(options_.path);
  lock();
  try {
    check();  // again: somebody may have begun between the first look and the lock
    remove_stale_staging(options_.path);
  } catch (const Error&) {
    unlock();
    throw;
  }
}

OutputFolder::~OutputFolder() { unlock(); }

void OutputFolder::check() {
  std::error_code error;
  if (!fs::exists(options_.path, error)) return;
  if (!fs::is_directory(options_.path, error)) {
    throw Error(ErrorCode::Usage, {.file = options_.path.string(), .what = "the output folder is a file"});
  }
  if (fs::exists(options_.path / kManifest, error)) {
    if (!options_.overwrite) return require_equal(options_.path, *options_.manifest, read_manifest(options_.path));
    overwriting_ = true;
    return;
  }
  fs::directory_iterator entries(options_.path, error);
  if (error) throw system_error("open", options_.path.string(), error.value());
  for (const auto& entry : entries) {
    const std::string name = entry.path().filename().string();
    if (is_passing(name)) continue;
    throw Error(ErrorCode::Usage, {.file = options_.path.string(),
                                   .what = "the output folder holds other things and no manifest.json",
                                   .got = name,
                                   .hint = "use an empty or a new folder"});
  }
}

// One byte of the lock file per shard; the kernel releases them when the process ends, however it ends.
void OutputFolder::lock() {
  const Path path = options_.path / kLock;
  struct stat opened {
  }, named{};
  do {  // a process that ends may have removed the file between our opening it and looking at it
    if (lock_ >= 0) close(lock_);
    lock_ = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (lock_ < 0) throw system_error("create", path.string(), errno);
    fstat(lock_, &opened);
  } while (stat(path.c_str(), &named) != 0 || opened.st_ino != named.st_ino);
  for (const int64_t shard : options_.shards) {
    struct flock range = byte_lock(F_WRLCK, shard, 1);
    if (fcntl(lock_, F_SETLK, &range) == 0) continue;
    const int error_number = errno;
    const bool held = error_number == EACCES || error_number == EAGAIN;
    range = byte_lock(F_WRLCK, shard, 1);
    const bool known = held && fcntl(lock_, F_GETLK, &range) == 0 && range.l_type != F_UNLCK;
    close(std::exchange(lock_, -1));
    if (!held) throw system_error("lock", path.string(), error_number);
    throw Error(ErrorCode::Usage, {.file = options_.path.string(),
                                   .where = "shard " + shard_name(shard),
                                   .what = "another process is working on this folder",
                                   .got = known ? fmt::format("process {}", range.l_pid) : "",
                                   .hint = "wait for it, or give each process its own --shard I/N"});
  }
}

void OutputFolder::unlock() {
  if (lock_ < 0) return;
  struct flock all = byte_lock(F_WRLCK, 0, 0);
  if (fcntl(lock_, F_SETLK, &all) == 0) unlink((options_.path / kLock).c_str());  // nobody else is at work
  close(std::exchange(lock_, -1));
}

void OutputFolder::begin_publishing() {
  if (std::exchange(publishing_, true)) return;
  if (overwriting_) {  // the manifest last: until then the folder is known as ours
    const Path old = staging_->path() / "old";
    if (mkdir(old.c_str(), 0777) != 0) throw system_error("mkdir", options_.path.string(), errno);
    for (const char* name : kOurs) {
      const Path aside = old / name;
      if (rename((options_.path / name).c_str(), aside.c_str()) != 0 && errno != ENOENT) {
        throw system_error("rename", (options_.path / name).string(), errno);
      }
    }
  }
  std::error_code absent;
  if (!fs::exists(options_.path / kManifest, absent)) {
    publish_file(options_.path, kManifest, manifest_text(*options_.manifest));
  }
  staging_->keep_parents();
}

bool OutputFolder::is_finished(int64_t shard) const {
  return !overwriting_ && !finished_shard(options_.path, shard).is_null();
}

}  // namespace magma
