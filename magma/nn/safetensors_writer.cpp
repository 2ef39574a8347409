#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <fmt/core.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "magma/core/check.h"
#include "magma/core/error.h"
#include "magma/core/json.h"
#include "magma/core/limits.h"
#include "magma/nn/safetensors.h"

namespace magma {
namespace {

constexpr size_t kCopyBytes = size_t{1} << 20U;
constexpr size_t kBlockBytes = size_t{64} << 10U;  // buffered of an open tensor before it goes to the spool

// Bytes that grow, in a file that has no name: it disappears with its descriptor, also after a kill.
class Spool {
 public:
  explicit Spool(const Path& beside) : named_(beside) {
    const Path folder = beside.has_parent_path() ? beside.parent_path() : Path(".");
    descriptor_ = ::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (descriptor_ < 0 && (errno == EOPNOTSUPP || errno == EISDIR)) open_named(folder);
    if (descriptor_ < 0) throw system_error("create", beside.string(), errno);
  }
  Spool(const Spool&) = delete;
  Spool& operator=(const Spool&) = delete;
  ~Spool() { close(descriptor_); }

  int64_t append(std::string_view bytes) {
    const int64_t begin = size_;
    while (!bytes.empty()) {
      const ssize_t written = pwrite(descriptor_, bytes.data(), bytes.size(), size_);
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) throw system_error("write", named_.string(), written == 0 ? ENOSPC : errno);
      bytes.remove_prefix(static_cast<size_t>(written));
      size_ += written;
    }
    return begin;
  }

  void copy(int64_t offset, int64_t bytes, AtomicFile& out) const {
    std::string buffer;
    while (bytes > 0) {
      buffer.resize(static_cast<size_t>(std::min<int64_t>(bytes, kCopyBytes)));
      const ssize_t got = pread(descriptor_, buffer.data(), buffer.size(), offset);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) throw system_error("read", named_.string(), got == 0 ? EIO : errno);
      out.write(std::string_view(buffer).substr(0, static_cast<size_t>(got)));
      offset += got;
      bytes -= got;
    }
  }

 private:
  void open_named(const Path& folder) {  // file systems without unnamed files
    std::string name = (folder / ".spool-XXXXXX").string();
    descriptor_ = mkostemp(name.data(), O_CLOEXEC);
    if (descriptor_ >= 0) unlink(name.c_str());
  }

  Path named_;
  int descriptor_ = -1;
  int64_t size_ = 0;
};

struct Piece {
  int64_t offset, bytes;
};

struct SpooledTensor {
  std::string name;
  DType dtype = DType::F32;
  std::vector<int64_t> shape;  // an open tensor's first side is counted as rows come
  bool open = false;
  int64_t bytes = 0;
  std::string waiting{};        // not spooled yet
  std::vector<Piece> pieces{};  // of the spool, in order

  int64_t row_bytes() const {
    int64_t product = dtype_bytes(dtype);
    for (size_t i = open ? 1 : 0; i < shape.size(); ++i) product = checked_multiply(product, shape[i], "tensor shape");
    return product;
  }
};

}  // namespace

struct SafetensorsWriter::State {
  explicit State(const Path& file_path) : path(file_path), spool(file_path) {}

  Path path;
  Spool spool;
  std::vector<SpooledTensor> tensors;
  std::map<std::string, size_t> index;
  std::map<std::string, std::string> metadata;
  bool finished = false;

  SpooledTensor& begin(const std::string& name, DType dtype, std::vector<int64_t> shape, bool open) {
    MAGMA_CHECK(!finished, "tensor {} after finish()", name);
    MAGMA_CHECK(name != "__metadata__" && index.emplace(name, tensors.size()).second, "tensor {} written twice", name);
    tensors.push_back({.name = name, .dtype = dtype, .shape = std::move(shape), .open = open});
    return tensors.back();
  }

  SpooledTensor& find_open(const std::string& name) {
    const auto found = index.find(name);
    MAGMA_CHECK(found != index.end() && tensors[found->second].open, "tensor {} is not open", name);
    return tensors[found->second];
  }

  void append(SpooledTensor& tensor, std::string_view bytes) {
    tensor.bytes += static_cast<int64_t>(bytes.size());
    tensor.waiting += bytes;
    if (tensor.waiting.size() >= kBlockBytes || !tensor.open) flush(tensor);
  }

  void flush(SpooledTensor& tensor) {
    if (tensor.waiting.empty()) return;
    const auto bytes = static_cast<int64_t>(tensor.waiting.size());
    const int64_t offset = spool.append(tensor.waiting);
    std::string().swap(tensor.waiting);  // assignment would keep the buffer
    const bool follows = !tensor.pieces.empty() && tensor.pieces.back().offset + tensor.pieces.back().bytes == offset;
    if (follows) {
      tensor.pieces.back().bytes += bytes;
    } else {
      tensor.pieces.push_back({offset, bytes});
    }
  }

  // Keys in the order of the data, as other writers do; padded so that the data start at a multiple of 8.
  std::string header() const {
    std::string text = "{";
    if (!metadata.empty()) text += "\"__metadata__\":" + dump_json(metadata);
    int64_t begin = 0;
    for (const SpooledTensor& tensor : tensors) {
      if (text.size() > 1) text += ',';
      text += fmt::format(R"({}:{{"dtype":"{}","shape":{},"data_offsets":[{},{}]}})", dump_json(tensor.name),
                          dtype_name(tensor.dtype), dump_json(tensor.shape), begin, begin + tensor.bytes);
      begin += tensor.bytes;
    }
    text += '}';
    return text + std::string((8 - text.size() % 8) % 8, ' ');
  }
};

SafetensorsWriter::SafetensorsWriter(const Path& path) : state_(std::make_unique<State>(path)) {}
SafetensorsWriter::~SafetensorsWriter() = default;

void SafetensorsWriter::set_metadata(const std::string& key, const std::string& value) {
  state_->metadata[key] = value;
}

void SafetensorsWriter::add(const std::string& name, DType dtype, std::vector<int64_t> shape, std::string_view bytes) {
  SpooledTensor& tensor = state_->begin(name, dtype, std::move(shape), false);
  MAGMA_CHECK(tensor.row_bytes() == static_cast<int64_t>(bytes.size()), "tensor {}: {} bytes do not fill its shape",
              name, bytes.size());
  state_->append(tensor, bytes);
}

void SafetensorsWriter::open(const std::string& name, DType dtype, std::vector<int64_t> row_shape) {
  row_shape.insert(row_shape.begin(), 0);
  state_->begin(name, dtype, std::move(row_shape), true);
}

void SafetensorsWriter::append(const std::string& name, std::string_view rows) {
  SpooledTensor& tensor = state_->find_open(name);
  const int64_t row = tensor.row_bytes();
  const auto bytes = static_cast<int64_t>(rows.size());
  MAGMA_CHECK(row > 0 && bytes % row == 0, "tensor {}: {} bytes are not whole rows of {}", name, bytes, row);
  tensor.shape[0] += bytes / row;
  state_->append(tensor, rows);
}

void SafetensorsWriter::close(const std::string& name) {
  SpooledTensor& tensor = state_->find_open(name);
  state_->flush(tensor);
}

uint64_t SafetensorsWriter::finish(bool durable) {
  State& state = *state_;
  MAGMA_CHECK(!state.finished, "finish() called twice");
  state.finished = true;
  for (SpooledTensor& tensor : state.tensors) state.flush(tensor);
  const std::string header = state.header();
  AtomicFile out(state.path);
  std::string length(sizeof(uint64_t), '\0');
  const uint64_t header_bytes = header.size();
  std::memcpy(length.data(), &header_bytes, sizeof header_bytes);
  out.write(length + header);
  for (const SpooledTensor& tensor : state.tensors) {
    for (const Piece& piece : tensor.pieces) state.spool.copy(piece.offset, piece.bytes, out);
  }
  const uint64_t hash = out.hash();
  out.commit(durable);
  return hash;
}

}  // namespace magma
