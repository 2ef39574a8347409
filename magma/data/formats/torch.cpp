// Files of torch.save: one line, or one for each element of a list.
#include <fmt/format.h>

#include "magma/data/sample.h"
#include "magma/data/stored_format.h"
#include "magma/data/torch_value.h"

namespace magma {
namespace {

class Torch final : public StoredFormat {
 public:
  static constexpr const char* kSummary = "an object saved by torch (.pth, .pt)";

  bool recognises(const Path& source) const override {
    return source.extension() == ".pth" || source.extension() == ".pt";
  }

  void show(const Path& source, const ShowRange& range,
            const std::function<bool(const std::string&)>& line) const override {
    const TorchValue whole = read_torch_file(source);
    const bool list = whole.kind == TorchValue::Kind::List;
    const int64_t records = list ? static_cast<int64_t>(whole.items.size()) : 1;
    for (int64_t i = range.from, shown = 0; i < records && (range.count < 0 || shown < range.count); ++i, ++shown) {
      Origin origin{.file = source.filename().string()};
      if (list) origin.item = i;
      std::string out = R"({"origin":)";
      append_json(out, origin);
      out += R"(,"value":)";
      append_json(out, list ? whole.items[static_cast<size_t>(i)] : whole, range.most_elements);
      out += '}';
      if (!line(out)) return;
    }
  }

  int64_t check(const Path& source, const CheckEvents&) const override {
    const TorchValue whole = read_torch_file(source);
    return whole.kind == TorchValue::Kind::List ? static_cast<int64_t>(whole.items.size()) : 1;
  }
};

MAGMA_REGISTER(StoredFormats, Torch);

}  // namespace
}  // namespace magma
