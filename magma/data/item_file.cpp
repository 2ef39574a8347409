#include "magma/data/item_file.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "magma/core/check.h"
#include "magma/core/error.h"
#include "magma/core/limits.h"
#include "magma/data/text_places.h"
#include "magma/data/torch_items.h"

namespace magma {
namespace {

constexpr std::string_view kSpaces = " \t\n\r";

class TextItems : public ItemFile {
 public:
  explicit TextItems(const Path& path) : file_(path.string()) {
    const FileReader reader(path);
    bytes_ = reader.map();
    text_ = {bytes_.get(), static_cast<size_t>(reader.size())};
    lines_.emplace(text_);
  }

  Json item(int64_t index) const override {
    MAGMA_CHECK(index >= 0 && index < size(), "item {} of {}", index, size());
    const TextPiece piece = place(index);
    const std::string_view written = text(index);
    try {
      require_length(piece);
      return parse_json(written, JsonOrigin{}, most());
    } catch (const Error&) {  // lines are counted for errors alone
      const JsonOrigin origin = lines_->origin(file_, written.data() - text_.data());
      require_length(piece);
      return parse_json(written, origin, most());
    }
  }

  std::string_view text(int64_t index) const override {
    const TextPiece piece = place(index);
    std::string_view written =
        text_.substr(static_cast<size_t>(piece.begin), static_cast<size_t>(piece.end - piece.begin));
    written.remove_prefix(std::min(written.find_first_not_of(kSpaces), written.size()));
    return written.substr(0, written.find_last_not_of(kSpaces) + 1);
  }

 protected:
  virtual TextPiece place(int64_t index) const = 0;
  virtual JsonLimits most() const = 0;
  virtual void require_length(const TextPiece&) const {}

  std::string file_;
  std::shared_ptr<const char> bytes_;
  std::string_view text_;
  std::optional<LineCounter> lines_;
};

class ArrayItems final : public TextItems {
 public:
  explicit ArrayItems(const Path& path) : TextItems(path), places_(text_, *lines_, file_) {}
  int64_t size() const override { return places_.size(); }
  std::string where(int64_t index) const override { return fmt::format("item {}", index); }

 private:
  TextPiece place(int64_t index) const override { return places_[index]; }
  JsonLimits most() const override {  // the array is the first level
    return {.depth = limits().json_depth - 1, .values = limits().json_values};
  }

  ArrayPlaces places_;
};

class LineItems final : public TextItems {
 public:
  explicit LineItems(const Path& path) : TextItems(path), places_(text_) {
    if (!text_.starts_with("\xEF\xBB\xBF")) return;
    throw Error(ErrorCode::Malformed,
                {.file = file_, .where = "1:1 (byte 0)", .what = "starts with a byte order mark"});
  }
  int64_t size() const override { return places_.size(); }
  std::string where(int64_t index) const override { return fmt::format("line {}", line(index)); }

 private:
  TextPiece place(int64_t index) const override { return places_[index]; }
  JsonLimits most() const override { return {.depth = limits().json_depth, .values = limits().json_values}; }
  int64_t line(int64_t index) const { return lines_->origin(file_, places_[index].begin).line; }

  void require_length(const TextPiece& piece) const override {
    if (piece.end - piece.begin <= limits().json_line_bytes) return;
    throw Error(ErrorCode::Refused,
                {.file = file_,
                 .where = fmt::format("line {} (byte {})", lines_->origin(file_, piece.begin).line, piece.begin),
                 .what = "line too long",
                 .expected = fmt::format("at most {} bytes", limits().json_line_bytes)});
  }

  LinePlaces places_;
};

}  // namespace

std::unique_ptr<ItemFile> open_item_file(const Path& path) {
  const std::string kind = path.extension().string();
  if (kind == ".json") return std::make_unique<ArrayItems>(path);
  if (kind == ".jsonl") return std::make_unique<LineItems>(path);
  if (kind == ".pth" || kind == ".pt") return open_torch_items(path);
  require_readable_file(path);
  throw Error(ErrorCode::Usage,
              {.file = path.string(), .what = "not an annotation file", .expected = ".json, .jsonl or .pth"});
}

std::vector<Path> annotation_files(const std::string& configured) {
  const Path path(configured);
  const std::string kind = path.extension().string();
  if (kind == ".json" || kind == ".jsonl" || kind == ".pth") return {path};
  std::vector<Path> files;
  std::string names = path.filename().string();
  while (true) {
    const size_t plus = names.find('+');
    files.push_back(path.parent_path() / (names.substr(0, plus) + ".json"));
    if (plus == std::string::npos) return files;
    names.erase(0, plus + 1);
  }
}

}  // namespace magma
