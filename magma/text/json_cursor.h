// JsonCursor: walks JSON text without building values, for documents whose bulk has one shape (a vocabulary of
// hundreds of thousands of entries). As strict as parse_json: everything skipped is to be given to it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "magma/core/json.h"

namespace magma {

class JsonCursor {
 public:
  // Error(Malformed) for a byte that is not UTF-8. `text` must outlive the cursor.
  JsonCursor(std::string_view text, std::string file);

  void open(char bracket);                  // '{' or '['
  bool next_member(std::string_view& key);  // false at the '}', which is passed; `key` lives until the next call
  bool next_element();                      // false at the ']', which is passed
  bool at(char byte);                       // the next value starts with it
  std::string_view string();                // lives until the next call
  int64_t integer();
  std::string_view skip_value();  // its text; brackets are counted, not matched
  Json value();                   // parse_json of skip_value()
  void finish();                  // nothing follows

  std::string where() const;  // of the last token begun: "line:column (byte N)"
  [[noreturn]] void fail(std::string what, std::string expected = "") const;

 private:
  char peek();
  void expect(char byte);
  bool next(char closing);
  std::string_view unescape(size_t begin);
  void append_escaped(std::string& out);
  uint32_t four_digits();

  std::string_view text_;
  std::string file_;
  std::string unescaped_;
  size_t at_ = 0;
  size_t token_ = 0;
  bool first_ = false;  // a container was opened and nothing read from it
};

}  // namespace magma
