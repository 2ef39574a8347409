#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "magma/core/error.h"
#include "magma/core/limits.h"
#include "magma/data/pickle_machine.h"
#include "magma/data/torch_tree.h"
#include "magma/data/torch_value.h"
#include "magma/data/zip_archive.h"

namespace magma {
namespace {

constexpr std::string_view kObject = "/data.pkl";
constexpr std::string_view kLegacyMagic = "119547037146038801333356";  // 0x1950A86A20F9469CFC6C
constexpr int64_t kLegacyProtocol = 1001;
constexpr int kNewestVersion = 10;

[[noreturn]] void malformed(const std::string& file, std::string where, std::string what, std::string expected = "",
                            std::string got = "") {
  throw Error(ErrorCode::Malformed, {.file = file,
                                     .where = std::move(where),
                                     .what = std::move(what),
                                     .expected = std::move(expected),
                                     .got = std::move(got)});
}

class ZippedTorch {
 public:
  explicit ZippedTorch(const Path& path) : file_(path.string()), archive_(path) {}

  TorchValue read() {
    find_root();
    const std::string version = small("/version");
    int number = 0;
    for (const char digit : version.substr(0, version.size() - (version.ends_with('\n') ? 1 : 0))) {
      number =
          digit >= '0' && digit <= '9' && number <= kNewestVersion ? 10 * number + digit - '0' : kNewestVersion + 1;
    }
    if (number < 1 || number > kNewestVersion)
      malformed(file_, entry("/version"), "version is not known", "3", version);
    const std::string order = archive_.find(root_ + "/byteorder") == nullptr ? "little" : small("/byteorder");
    if (order != "little" && order != "big") {
      malformed(file_, entry("/byteorder"), "byte order is not known", "little or big", order);
    }
    const ZipEntry& object = *archive_.find(root_ + std::string(kObject));
    const std::string_view pickle = archive_.read(object);
    bounded(object.size, 0, limits().pickle_bytes, object.name);
    PickleGraph graph(object.size);
    PickleMachine machine(pickle, 0, {.file = file_, .entry = object.name}, graph);
    const uint32_t root = machine.run();
    if (machine.position() != object.size) {
      malformed(file_, fmt::format("{} byte {}", object.name, machine.position()), "bytes behind the pickle");
    }
    TorchValue value = build_torch_tree(graph, root,
                                        {.file = file_,
                                         .entry = object.name,
                                         .file_bytes = archive_.bytes(),
                                         .big_endian = order == "big",
                                         .storage = [&](const PickleStorage& storage) { return bytes_of(storage); }});
    for (const ZipEntry& other : archive_.entries()) {
      if (!read_.contains(other.name) && other.name != object.name) archive_.read(other);
    }
    return value;
  }

 private:
  void find_root() {
    for (const ZipEntry& entry : archive_.entries()) {
      if (!entry.name.ends_with(kObject)) continue;
      if (!root_.empty()) malformed(file_, "entry " + entry.name, "archive holds two objects");
      root_ = entry.name.substr(0, entry.name.size() - kObject.size());
    }
    if (root_.empty()) malformed(file_, "", "archive holds no object of torch.save", "an entry ROOT/data.pkl");
    for (const ZipEntry& entry : archive_.entries()) {
      if (!entry.name.starts_with(root_ + "/"))
        malformed(file_, "entry " + entry.name, "entry lies in another folder", root_);
    }
  }

  std::string entry(const char* name) const { return "entry " + root_ + name; }

  std::string small(const char* name) {
    const ZipEntry* found = archive_.find(root_ + name);
    if (found == nullptr) malformed(file_, entry(name), "missing");
    constexpr int64_t kMost = 16;
    if (found->size > kMost) malformed(file_, entry(name), "too long", "", std::to_string(found->size));
    return std::string(archive_.read(*found));
  }

  std::string_view bytes_of(const PickleStorage& storage) {
    const std::string name = root_ + "/data/" + std::string(storage.key);
    const auto known = read_.find(name);
    if (known != read_.end()) return known->second;
    const ZipEntry* found = archive_.find(name);
    if (found == nullptr) malformed(file_, "entry " + name, "storage is missing");
    return read_[name] = archive_.read(*found);
  }

  std::string file_;
  ZipArchive archive_;
  std::string root_;
  std::map<std::string, std::string_view> read_;
};

// Five pickles and the storages behind them.
class LegacyTorch {
 public:
  LegacyTorch(std::string_view bytes, std::string file)
      : bytes_(bytes), file_(std::move(file)), graph_(static_cast<int64_t>(bytes.size())) {}

  TorchValue read() {
    const uint32_t magic = next();
    if (graph_[magic].kind != PickleKind::Int || graph_[magic].text != kLegacyMagic) not_torch();
    const PickleNode& protocol = graph_[next()];
    if (protocol.kind != PickleKind::Int || protocol.number != kLegacyProtocol) not_torch();
    require_little_endian(next());
    const uint32_t root = next(), keys = next();
    find_storages(keys);
    return build_torch_tree(graph_, root,
                            {.file = file_,
                             .file_bytes = static_cast<int64_t>(bytes_.size()),
                             .storage = [&](const PickleStorage& storage) { return bytes_of(storage); }});
  }

 private:
  [[noreturn]] void not_torch() const {
    malformed(file_, "byte 0", "not a file of torch.save", "a ZIP archive or torch's magic number");
  }

  uint32_t next() {
    PickleMachine machine(bytes_, at_, {.file = file_}, graph_);
    const uint32_t root = machine.run();
    at_ = machine.position();
    return root;
  }

  void require_little_endian(uint32_t facts) const {
    if (graph_[facts].kind != PickleKind::Dict) malformed(file_, "", "facts about the writer are no dictionary");
    const std::vector<uint32_t>& entries = graph_.children(facts);
    for (size_t i = 0; i + 1 < entries.size(); i += 2) {
      if (graph_[entries[i]].text != "little_endian") continue;
      if (graph_[entries[i + 1]].kind == PickleKind::Bool && graph_[entries[i + 1]].number != 0) return;
      throw Error(ErrorCode::Refused, {.file = file_, .what = "old file of a big-endian machine is not read"});
    }
    malformed(file_, "", "facts about the writer name no byte order");
  }

  void find_storages(uint32_t keys) {
    if (graph_[keys].kind != PickleKind::List) malformed(file_, "", "keys of the storages are no list");
    std::map<std::string_view, int64_t> widths;
    for (const PickleStorage& storage : graph_.storages) widths[storage.key] = storage.element_bytes();
    for (const uint32_t key : graph_.children(keys)) {
      const std::string_view name = graph_[key].text;
      const auto width = widths.find(name);
      const std::string where = fmt::format("storage {}, byte {}", name, at_);
      if (graph_[key].kind != PickleKind::String || width == widths.end())
        malformed(file_, where, "storage without tensor");
      const auto left = static_cast<uint64_t>(bytes_.size()) - static_cast<uint64_t>(at_);
      uint64_t count = 0;
      if (left < sizeof count) malformed(file_, where, "file ends too early", "8 bytes", std::to_string(left));
      std::copy_n(bytes_.data() + at_, sizeof count, reinterpret_cast<char*>(&count));
      if (count > (left - sizeof count) / static_cast<uint64_t>(width->second)) {
        malformed(file_, where, "file ends too early", fmt::format("{} values", count));
      }
      const size_t size = count * static_cast<uint64_t>(width->second);
      at_ += sizeof count;
      if (!storages_.emplace(name, bytes_.substr(static_cast<size_t>(at_), size)).second) {
        malformed(file_, where, "storage appears twice");
      }
      at_ += static_cast<int64_t>(size);
    }
    if (at_ != static_cast<int64_t>(bytes_.size()))
      malformed(file_, fmt::format("byte {}", at_), "bytes behind the last storage");
  }

  std::string_view bytes_of(const PickleStorage& storage) const {
    const auto found = storages_.find(storage.key);
    if (found == storages_.end()) malformed(file_, "storage " + std::string(storage.key), "storage is missing");
    return found->second;
  }

  std::string_view bytes_;
  std::string file_;
  PickleGraph graph_;
  int64_t at_ = 0;
  std::map<std::string_view, std::string_view> storages_;
};

}  // namespace

const TorchValue* TorchValue::find(std::string_view key) const {
  const auto found = std::find_if(entries.begin(), entries.end(), [&](const auto& entry) {
    return entry.first.kind == Kind::String && entry.first.text == key;
  });
  return found == entries.end() ? nullptr : &found->second;
}

TorchValue read_torch_file(const Path& path) {
  try {
    std::string start(2, '\0');
    const FileReader file(path);
    start.resize(file.read_at(0, start));
    if (start == "PK") return ZippedTorch(path).read();
    const std::shared_ptr<const char> bytes = file.map();
    return LegacyTorch({bytes.get(), static_cast<size_t>(file.size())}, path.string()).read();
  } catch (const Error& error) {
    throw error.with_file(path.string());
  }
}

}  // namespace magma
