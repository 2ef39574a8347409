#include "magma/mark/shard_files.h"

#include <algorithm>
#include <map>
#include <system_error>

#include <nlohmann/json.hpp>

#include "magma/core/error.h"
#include "magma/core/hash.h"
#include "magma/core/json.h"

namespace magma {
namespace {

namespace fs = std::filesystem;

constexpr const char* kRecords = "records.jsonl";
constexpr const char* kSamples = "samples.jsonl";
constexpr const char* kTensors = "tensors.safetensors";

void make_folder(const Path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw system_error("mkdir", folder.filename().string(), error.value());
}

std::vector<Path> sorted_entries(const Path& folder) {
  std::vector<Path> entries;
  std::error_code absent;
  for (const auto& entry : fs::directory_iterator(folder, absent)) entries.push_back(entry.path());
  std::sort(entries.begin(), entries.end());
  return entries;
}

void move_entry(const Path& from, const Path& to) {
  std::error_code error;
  fs::rename(from, to, error);
  if (error) throw system_error("rename", from.filename().string(), error.value());
}

void append_file(AtomicFile& out, const Path& path) {
  const FileReader file(path);
  std::string buffer(size_t{1} << 20U, '\0');
  int64_t offset = 0;
  while (const size_t got = file.read_at(offset, buffer)) {
    out.write(std::string_view(buffer).substr(0, got));
    offset += static_cast<int64_t>(got);
  }
}

void join_lines(const std::vector<Path>& items, const char* name, const Path& target) {
  AtomicFile out(target);
  for (const Path& item : items) append_file(out, item / name);
  out.commit(false);
}

void join_tensors(const std::vector<Path>& items, const Path& target) {
  SafetensorsWriter out(target);
  for (const Path& item : items) {
    const SafetensorsFile file(item / kTensors);
    std::map<int64_t, std::string> by_offset;  // the order in which they were written
    for (const auto& [name, tensor] : file.tensors()) {
      if (tensor.begin != tensor.end) by_offset.emplace(tensor.begin, name);
    }
    for (const auto& [offset, name] : by_offset) {
      const TensorEntry& tensor = file.entry(name);
      out.add(name, tensor.dtype, tensor.shape, file.read(name));
    }
    for (const auto& [name, tensor] : file.tensors()) {
      if (tensor.begin == tensor.end) out.add(name, tensor.dtype, tensor.shape, "");
    }
  }
  out.finish(false);
}

// Publishes one file or folder and notes the size and hash of every file in it.
class Publisher {
 public:
  explicit Publisher(StagingFolder& staging) : staging_(staging) {}

  void publish(const Path& staged, const std::string& name) {
    note(staged, name);
    staging_.publish(staged.lexically_relative(staging_.path()), name);
  }
  const Json& files() const { return files_; }

 private:
  void note(const Path& path, const std::string& name) {
    if (fs::is_directory(path)) {
      for (const Path& entry : sorted_entries(path)) note(entry, name + "/" + entry.filename().string());
      return;
    }
    files_[name] = {{"bytes", static_cast<int64_t>(fs::file_size(path))}, {"xxh64", hex64(hash_file(path))}};
  }

  StagingFolder& staging_;
  Json files_ = Json::object();
};

}  // namespace

ItemSpool::ItemSpool(Path folder, int64_t shard)
    : folder_(std::move(folder)), videos_(folder_ / "videos"), shard_(shard) {
  open();
}

ItemSpool::~ItemSpool() = default;

void ItemSpool::open() {
  make_folder(folder_ / "images");
  make_folder(videos_);
  records_ = std::make_unique<AtomicFile>(folder_ / kRecords);
  samples_ = std::make_unique<AtomicFile>(folder_ / kSamples);
  tensors_ = std::make_unique<SafetensorsWriter>(folder_ / kTensors);
}

void ItemSpool::record(const nlohmann::json& record) {
  records_->write(dump_json(record) + "\n");
  const std::string status = record.value("status", "");
  ++(status == "failed" ? counts_.failed : status == "dropped" ? counts_.dropped : counts_.clips);
}

void ItemSpool::sample(const nlohmann::json& sample) {
  samples_->write(dump_json(sample) + "\n");
  ++counts_.samples;
}

std::string ItemSpool::image_name(const std::string& file) const { return "images/" + shard_name(shard_) + "/" + file; }

void ItemSpool::image(const std::string& file, std::string_view bytes) {
  write_file_atomically(folder_ / "images" / file, bytes, false);  // made durable when it is published
}

void ItemSpool::finish() {
  records_->commit(false);
  samples_->commit(false);
  tensors_->finish(false);
}

void ItemSpool::clear() {
  records_.reset();
  samples_.reset();
  tensors_.reset();
  counts_ = {};
  std::error_code error;
  fs::remove_all(folder_, error);
  if (error) throw system_error("remove", folder_.filename().string(), error.value());
  open();
}

void publish_shard(StagingFolder& staging, const Path& staged, int64_t shard, const FinishedItems& items) {
  const Path images = staged / "images";
  make_folder(images);
  join_lines(items.folders, kRecords, staged / kRecords);
  join_lines(items.folders, kSamples, staged / kSamples);
  join_tensors(items.folders, staged / kTensors);
  for (const Path& item : items.folders) {
    for (const Path& image : sorted_entries(item / "images")) move_entry(image, images / image.filename());
  }
  if (items.joined) items.joined();
  Publisher publisher(staging);
  for (const Path& item : items.folders) {
    for (const Path& video : sorted_entries(item / "videos")) {
      publisher.publish(video, "videos/" + video.filename().string());
    }
  }
  if (!sorted_entries(images).empty()) publisher.publish(images, "images/" + shard_name(shard));
  publisher.publish(staged / kSamples, samples_file(shard));
  publisher.publish(staged / kTensors, tensors_file(shard));
  publisher.publish(staged / kRecords, records_file(shard));
  const Json done = {{"items", static_cast<int64_t>(items.folders.size())},
                     {"clips", items.counts.clips},
                     {"samples", items.counts.samples},
                     {"failed", items.counts.failed},
                     {"dropped", items.counts.dropped},
                     {"manifest", items.manifest_hash},
                     {"files", publisher.files()}};
  write_file_atomically(staged / "done", done_text(done), false);
  staging.publish((staged / "done").lexically_relative(staging.path()), done_file(shard));
  std::error_code ignored;
  fs::remove_all(staged, ignored);  // only room: what stays goes with the staging folder
}

}  // namespace magma
