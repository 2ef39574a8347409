// What every report page is made of: one HTML file with its style, pictures and videos inside; no script, no network.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "magma/core/file.h"

namespace magma {

std::string escape_html(std::string_view text);  // for content and for quoted attributes

std::string page_begin(const std::string& title);
std::string page_end();

// Fact lists and tables take text, not HTML: everything is escaped.
using Facts = std::vector<std::pair<std::string, std::string>>;
std::string fact_tiles(const Facts& facts);  // large figures with a caption
std::string fact_list(const Facts& facts);
std::string table(const std::string& caption, const std::vector<std::string>& columns,
                  const std::vector<std::vector<std::string>>& rows);
std::string seconds_list(const std::map<std::string, double>& seconds);  // empty when there are none

// Puts files of `folder` into the page while the page stays small; later ones are linked by their relative names.
class MediaEmbedder {
 public:
  explicit MediaEmbedder(Path folder) : folder_(std::move(folder)) {}
  std::string image(const std::string& name, const std::string& description);
  // `poster`: name of an image shown until a linked video is started; may be empty.
  std::string video(const std::string& name, const std::string& caption, const std::string& poster, bool autoplay);

 private:
  std::string source(const std::string& name, const char* type);  // data URI or relative address

  Path folder_;
  int64_t left_ = int64_t{16} << 20U;  // bytes of the page that media may still take
};

}  // namespace magma
