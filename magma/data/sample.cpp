#include "magma/data/sample.h"

#include <fmt/format.h>

#include "magma/core/hash.h"
#include "magma/data/stored_value.h"
#include "magma/image/image_header.h"

namespace magma {
namespace {

template <typename Values, typename Append>
void append_list(std::string& out, const Values& values, const Append& append) {
  const char* separator = "[";
  for (const auto& value : values) {
    out += separator;
    append(value);
    separator = ",";
  }
  if (values.empty()) out += '[';
  out += ']';
}

void append_action(std::string& out, const std::optional<ActionNumbers>& action) {
  if (!action) {
    out += "null";
  } else {
    append_list(out, *action, [&](double value) { append_json_number(out, value); });
  }
}

void append_robot(std::string& out, const Sample& sample) {
  out += R"(,"dataset":)";
  append_json_text(out, sample.dataset);
  out += R"(,"language":)";
  append_json_text(out, sample.language);
  out += R"(,"action":)";
  append_action(out, sample.action);
  out += R"(,"action_normalised":)";
  append_action(out, sample.action_normalised);
  out += R"(,"image":)";
  if (sample.images.empty() || !sample.images.front().encoded || sample.images.front().encoded->empty()) {
    out += "null";
    return;
  }
  const std::string& bytes = *sample.images.front().encoded;
  const auto header = read_image_header(bytes);
  fmt::format_to(std::back_inserter(out), R"({{"format":"{}","bytes":{},"sha256":"{}"}})",
                 header ? header->format : std::string_view(), bytes.size(), sha256_hex(bytes));
}

void append_conversation(std::string& out, const Sample& sample) {
  out += R"(,"tag":)";
  append_json_text(out, sample.tag);
  out += R"(,"messages":)";
  append_list(out, sample.messages, [&](const ChatMessage& message) {
    out += R"({"role":)";
    append_json_text(out, message.role);
    out += R"(,"content":)";
    append_json_text(out, plain_text(message.content));
    out += '}';
  });
  std::vector<std::string> names;
  for (const SampleImage& image : sample.images) {
    if (!image.name.empty()) names.push_back(image.name);
  }
  out += R"(,"images":)";
  append_list(out, names, [&](const std::string& name) { append_json_text(out, name); });
}

}  // namespace

std::string Origin::where() const {
  std::string text;
  const auto add = [&](const char* name, const auto& value) {
    if (value) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", name, *value);
  };
  add("record", record);
  add("offset", offset);
  add("step", step);
  add("item", item);
  add("tensor", tensor);
  return text;
}

void append_json(std::string& out, const Origin& origin) {
  out += R"({"file":)";
  append_json_text(out, origin.file);
  const auto add = [&](const char* name, const std::optional<int64_t>& value) {
    if (value) fmt::format_to(std::back_inserter(out), R"(,"{}":{})", name, *value);
  };
  add("record", origin.record);
  add("offset", origin.offset);
  add("step", origin.step);
  add("item", origin.item);
  if (origin.tensor) {
    out += R"(,"tensor":)";
    append_json_text(out, *origin.tensor);
  }
  out += '}';
}

void append_json(std::string& out, const Sample& sample) {
  out += R"({"origin":)";
  append_json(out, sample.origin);
  sample.dataset.empty() ? append_conversation(out, sample) : append_robot(out, sample);
  out += '}';
}

std::string plain_text(const PromptText& parts) {
  std::string text;
  for (const TextPart& part : parts) text += part.text;
  return text;
}

}  // namespace magma
