// A folder of annotations and pictures for one test, and readers of it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "magma/core/error.h"
#include "magma/core/file.h"
#include "magma/data/reader.h"
#include "tests/support/temporary_folder.h"

namespace magma {

struct MadeUpData {
  TemporaryFolder folder;
  ReaderOptions options{};

  Path path(const std::string& name) const { return folder.path() / name; }
  void write(const std::string& name, std::string_view bytes) const {
    std::filesystem::create_directories(path(name).parent_path());
    write_file_atomically(path(name), bytes, false);
  }
  void copy(const std::string& fixture, const std::string& name) const {
    write(name, read_file(Path(MAGMA_SOURCE_DIR) / "tests/data/fixtures/traces" / fixture, int64_t{1} << 20));
  }
  std::unique_ptr<Reader> open(const std::string& reader, const std::string& tag, const std::string& annotation) {
    options.path = path(annotation).string();
    options.tag = tag;
    return Readers::make(reader, options);
  }
  // The one sample of an annotation file that holds the one item.
  Sample sample(const std::string& reader, const std::string& tag, const std::string& item) {
    write("items.json", "[" + item + "]");
    return open(reader, tag, "items.json")->read(0);
  }
};

// "user: text", with trusted parts in braces.
inline std::vector<std::string> spoken(const Sample& sample) {
  std::vector<std::string> turns;
  for (const ChatMessage& message : sample.messages) {
    std::string& turn = turns.emplace_back(message.role + ": ");
    for (const TextPart& part : message.content) turn += part.trusted ? "{" + part.text + "}" : part.text;
  }
  return turns;
}

template <typename Do>
std::string error_line(const Do& something) {
  try {
    something();
  } catch (const Error& error) {
    return error.line();
  }
  return "no error";
}

}  // namespace magma
