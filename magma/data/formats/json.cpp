// Annotation files: a JSON array, or JSON lines; each item as it is written, on one line.
#include <nlohmann/json.hpp>

#include "magma/data/item_file.h"
#include "magma/data/sample.h"
#include "magma/data/stored_format.h"

namespace magma {
namespace {

// Without the spaces between the tokens.
void append_on_one_line(std::string& out, std::string_view json) {
  bool quoted = false;
  for (size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (!quoted && (c == ' ' || c == '\t' || c == '\n' || c == '\r')) continue;
    out += c;
    if (c == '"') quoted = !quoted;
    if (quoted && c == '\\') out += json[++i];
  }
}

class JsonItems final : public StoredFormat {
 public:
  static constexpr const char* kSummary = "items of a JSON array or JSON lines (.json, .jsonl)";

  bool recognises(const Path& source) const override {
    return source.extension() == ".json" || source.extension() == ".jsonl";
  }

  void show(const Path& source, const ShowRange& range,
            const std::function<bool(const std::string&)>& line) const override {
    const std::unique_ptr<ItemFile> items = open_item_file(source);
    for (int64_t i = range.from, shown = 0; i < items->size() && (range.count < 0 || shown < range.count);
         ++i, ++shown) {
      items->item(i);  // what is not JSON is not shown as if it were
      std::string out = R"({"origin":)";
      append_json(out, Origin{.file = source.filename().string(), .item = i});
      out += R"(,"value":)";
      append_on_one_line(out, items->text(i));
      out += '}';
      if (!line(out)) return;
    }
  }

  int64_t check(const Path& source, const CheckEvents& events) const override {
    const std::unique_ptr<ItemFile> items = open_item_file(source);
    events.expect(items->size());
    for (int64_t i = 0; i < items->size(); ++i) {
      try {
        items->item(i);
      } catch (const Error& error) {
        events.bad(error);
      }
      events.record();
    }
    return items->size();
  }
};

MAGMA_REGISTER(StoredFormats, JsonItems);

}  // namespace
}  // namespace magma
