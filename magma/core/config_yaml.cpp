#include <functional>
#include <optional>
#include <set>
#include <sstream>

#include <fmt/core.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include "magma/core/config.h"
#include "magma/core/config_value.h"
#include "magma/core/error.h"
#include "magma/core/limits.h"
#include "magma/core/utf8.h"

namespace magma {
namespace {

std::string place(const YAML::Mark& mark) { return fmt::format("{}:{}", mark.line + 1, mark.column + 1); }

// Assigns while events arrive; nothing is built, so nothing can be expanded. Method names are yaml-cpp's.
class SettingsHandler : public YAML::EventHandler {
 public:
  SettingsHandler(const ConfigView& view, std::string file) : view_(view), file_(std::move(file)) {}

  void OnDocumentStart(const YAML::Mark& /*mark*/) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    refuse_anchor(mark, anchor);
    if (groups_.empty()) return;  // an empty document sets nothing
    if (list_ != nullptr) return list_->push_back({});
    if (key_ && find_texts(view_, groups_.back() + *key_) != nullptr) return key_.reset();  // a list of nothing
    fail(mark, ErrorCode::Usage, "setting without a value", key_ ? *key_ : "");
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t /*anchor*/) override {
    fail(mark, ErrorCode::Refused, "aliases are not allowed in a configuration", "");
  }
  void OnAnchor(const YAML::Mark& mark, const std::string& name) override {
    fail(mark, ErrorCode::Refused, "anchors are not allowed in a configuration", name);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    refuse_anchor(mark, anchor);
    const bool quoted = tag == "!";
    if (!quoted && tag != "?") refuse_tag(mark, tag);
    if (groups_.empty()) fail(mark, ErrorCode::Usage, "a configuration is a mapping", value);
    if (list_ != nullptr) return list_->push_back(value);
    if (!key_) return take_key(mark, value);
    placed(mark, [&] { assign(view_, groups_.back() + *key_, {value, quoted}); });
    key_.reset();
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& /*tag*/, YAML::anchor_t /*anchor*/,
                       YAML::EmitterStyle::value /*style*/) override {
    list_ = key_ && list_ == nullptr ? find_texts(view_, groups_.back() + *key_) : nullptr;
    if (list_ == nullptr && key_) placed(mark, [&] { require_known(view_, groups_.back() + *key_); });
    if (list_ == nullptr) fail(mark, ErrorCode::Usage, "no list is taken here", key_ ? *key_ : "");
    list_->clear();
  }
  void OnSequenceEnd() override {
    list_ = nullptr;
    key_.reset();
  }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    refuse_anchor(mark, anchor);
    if (tag != "?" && !tag.empty()) refuse_tag(mark, tag);
    if (static_cast<int64_t>(groups_.size()) >= limits().json_depth) {
      fail(mark, ErrorCode::Refused, fmt::format("nested deeper than {} levels", limits().json_depth), "");
    }
    if (list_ != nullptr) fail(mark, ErrorCode::Usage, "a list of texts is expected here", "");
    if (!groups_.empty() && !key_) fail(mark, ErrorCode::Usage, "a mapping cannot be a key", "");
    ConfigNumbers* numbers = key_ ? find_numbers(view_, groups_.back() + *key_) : nullptr;
    if (numbers != nullptr) numbers->clear();  // they replace those of before
    groups_.push_back(groups_.empty() ? "" : groups_.back() + *key_ + ".");
    key_.reset();
  }
  void OnMapEnd() override { groups_.pop_back(); }

  [[noreturn]] void fail(const YAML::Mark& mark, ErrorCode code, std::string what, std::string got) const {
    throw Error(code, {.file = file_, .where = place(mark), .what = std::move(what), .got = std::move(got)});
  }

 private:
  // What `set` throws, with its file and place.
  void placed(const YAML::Mark& mark, const std::function<void()>& set) const {
    try {
      set();
    } catch (const Error& error) {
      ErrorFields fields = error.fields();
      fields.file = file_;
      fields.where = place(mark) + " " + fields.where;
      throw Error(error.code(), fields);
    }
  }
  void refuse_anchor(const YAML::Mark& mark, YAML::anchor_t anchor) const {
    if (anchor != 0) fail(mark, ErrorCode::Refused, "anchors are not allowed in a configuration", "");
  }
  [[noreturn]] void refuse_tag(const YAML::Mark& mark, const std::string& tag) const {
    fail(mark, ErrorCode::Refused, "tags are not allowed in a configuration", tag);
  }
  void take_key(const YAML::Mark& mark, const std::string& name) {
    if (!seen_.insert(groups_.back() + name).second) fail(mark, ErrorCode::Usage, "key appears twice", name);
    key_ = name;
  }

  const ConfigView& view_;
  std::string file_;
  std::vector<std::string> groups_;  // prefixes of the open mappings: "", "camera."
  std::optional<std::string> key_;
  ConfigTexts* list_ = nullptr;  // the list that is open
  std::set<std::string> seen_;
};

}  // namespace

void load_yaml(const ConfigView& view, const Path& path) {
  load_yaml_text(view, read_file(path, limits().config_bytes), path.string());
}

void load_yaml_text(const ConfigView& view, const std::string& text, const std::string& file) {
  if (const size_t invalid = find_invalid_utf8(text); invalid != std::string::npos) {
    throw Error(ErrorCode::Usage, {.file = file, .where = fmt::format("byte {}", invalid), .what = "not valid UTF-8"});
  }
  std::istringstream stream(text);
  SettingsHandler handler(view, file);
  try {
    YAML::Parser parser(stream);
    parser.HandleNextDocument(handler);
    if (parser) handler.fail(YAML::Mark::null_mark(), ErrorCode::Usage, "more than one document", "");
  } catch (const YAML::Exception& error) {
    handler.fail(error.mark, ErrorCode::Usage, "not valid YAML", "");
  }
}

}  // namespace magma
