#include "magma/mark/report_page.h"

#include <algorithm>
#include <system_error>

#include <fmt/core.h>

#include "magma/core/error.h"
#include "magma/image/codec.h"

namespace magma {
namespace {

constexpr const char* kStyle = R"css(
:root{color-scheme:light dark;--page:#f6f7f9;--card:#fff;--ink:#1a1d23;--soft:#5b6472;--line:#dfe3e9;--accent:#d01c1f;--good:#15803d;
--plot:#14171c}
@media (prefers-color-scheme:dark){:root{--page:#101216;--card:#191c22;--ink:#e8eaee;--soft:#9aa3b2;--line:#2c313a;
--accent:#ff6b66;--good:#4ade80;--plot:#0b0d10}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:16px/1.5 system-ui,"Liberation Sans",sans-serif}
header,main,footer{max-width:1180px;margin:0 auto;padding:0 20px}
header{padding-top:36px}
h1{font-size:2rem;line-height:1.2;margin:0 0 4px;letter-spacing:-.01em;overflow-wrap:anywhere}
h2{font-size:1.3rem;margin:40px 0 12px;overflow-wrap:anywhere}
h3{font-size:1rem;margin:22px 0 8px}
p{margin:8px 0}.soft,figcaption,caption,dt{color:var(--soft)}
.card{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:20px;margin:16px 0;
break-inside:avoid-page}
.card>h2{margin-top:0}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(130px,1fr));gap:12px;margin:20px 0}
.tile{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:14px 16px}
.tile b{display:block;font-size:1.7rem;line-height:1.15;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
.tile span{color:var(--soft);font-size:.85rem}
.grid{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,340px),1fr));gap:20px;align-items:start}
figure{margin:0;min-width:0}figcaption{font-size:.85rem;margin-top:6px}
img,video,svg{display:block;width:100%;height:auto;border-radius:8px}
video{background:#000}
dl{display:grid;grid-template-columns:max-content 1fr;gap:2px 16px;margin:8px 0;font-size:.92rem}
dd{margin:0;overflow-wrap:anywhere;font-variant-numeric:tabular-nums}
.scroll{overflow-x:auto}
table{border-collapse:collapse;font-size:.9rem;font-variant-numeric:tabular-nums;width:100%}
caption{text-align:left;font-size:.85rem;padding-bottom:4px}
th,td{text-align:left;padding:4px 14px 4px 0;border-bottom:1px solid var(--line);vertical-align:top}
th{font-weight:600}td{overflow-wrap:anywhere}td:first-child{white-space:nowrap}
.talk{border-left:3px solid var(--accent);padding:2px 0 2px 14px;margin:10px 0;white-space:pre-wrap;
overflow-wrap:anywhere;font-size:.92rem}
.talk b{color:var(--soft);font-weight:600}
.badge{display:inline-block;border:1px solid var(--line);border-radius:99px;padding:1px 10px;font-size:.8rem;
font-weight:600;color:var(--soft);vertical-align:middle}
.badge.ok{color:var(--good);border-color:var(--good)}
details{margin:12px 0}summary{cursor:pointer;font-weight:600;padding:4px 0}
a{color:inherit}:focus-visible{outline:3px solid var(--accent);outline-offset:2px;border-radius:4px}
footer{color:var(--soft);font-size:.85rem;padding-top:24px;padding-bottom:40px}
@media (max-width:520px){header,main,footer{padding-left:12px;padding-right:12px}.card{padding:14px}h1{font-size:1.6rem}
.tiles{grid-template-columns:repeat(2,1fr)}}
@media print{body{background:#fff;color:#000}.card,.tile{border-color:#bbb}video{max-height:6cm}}
)css";

// A relative address: only what stands for itself in a URL is left as it is.
std::string url_path(const std::string& name) {
  std::string out;
  for (const char c : name) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("-._~/").find(c) != std::string_view::npos;
    out += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

std::string cells(const std::vector<std::string>& row, const char* begin, const char* end) {
  std::string out = "<tr>";
  for (const std::string& cell : row) out += begin + escape_html(cell) + end;
  return out + "</tr>\n";
}

}  // namespace

std::string escape_html(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string page_begin(const std::string& title) {
  const std::string escaped = escape_html(title);
  return "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
         "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
         "img-src data: 'self' file:; media-src data: 'self' file:\">\n<title>" +
         escaped + "</title>\n<style>" + kStyle + "</style>\n</head>\n<body>\n<header><h1>" + escaped +
         "</h1></header>\n<main>\n";
}

std::string page_end() {
  return "</main>\n<footer>Made by magma. Everything shown is in this file or beside it.</footer>\n</body>\n</html>\n";
}

std::string fact_tiles(const Facts& facts) {
  std::string out = "<div class=\"tiles\">\n";
  for (const auto& [name, value] : facts) {
    out += "<div class=\"tile\"><b>" + escape_html(value) + "</b><span>" + escape_html(name) + "</span></div>\n";
  }
  return out + "</div>\n";
}

std::string fact_list(const Facts& facts) {
  std::string out = "<dl>\n";
  for (const auto& [name, value] : facts) {
    out += "<dt>" + escape_html(name) + "</dt><dd>" + escape_html(value) + "</dd>\n";
  }
  return out + "</dl>\n";
}

std::string table(const std::string& caption, const std::vector<std::string>& columns,
                  const std::vector<std::vector<std::string>>& rows) {
  std::string out = "<div class=\"scroll\"><table>\n<caption>" + escape_html(caption) + "</caption>\n<thead>" +
                    cells(columns, "<th scope=\"col\">", "</th>") + "</thead>\n<tbody>\n";
  for (const auto& row : rows) out += cells(row, "<td>", "</td>");
  return out + "</tbody>\n</table></div>\n";
}

std::string seconds_list(const std::map<std::string, double>& seconds) {
  double total = 0;
  for (const auto& [stage, value] : seconds) total += value;
  if (total <= 0) return "";
  std::vector<std::vector<std::string>> rows;
  for (const auto& [stage, value] : seconds) {
    rows.push_back({stage, fmt::format("{:.2f}", value), fmt::format("{:.0f} %", 100 * value / total)});
  }
  return "<section class=\"card\"><h2>Where the time went</h2>\n" +
         table("Seconds of work, added up over all workers", {"stage", "seconds", "share"}, rows) + "</section>\n";
}

std::string MediaEmbedder::source(const std::string& name, const char* type) {
  const Path plain = Path(name).lexically_normal();
  std::error_code absent;
  const auto size = std::filesystem::file_size(folder_ / name, absent);
  // Names come from records, which must not put files from elsewhere into a page.
  if (absent || plain.is_absolute() || plain.string().starts_with("..")) {
    throw Error(ErrorCode::Malformed, {.file = name, .what = "not a file of the output folder"});
  }
  const auto bytes = static_cast<int64_t>(size);
  const int64_t encoded = (bytes + 2) / 3 * 4;
  if (encoded > left_) return url_path(name);
  left_ -= encoded;
  return fmt::format("data:{};base64,", type) + base64(read_file(folder_ / name, bytes));
}

std::string MediaEmbedder::image(const std::string& name, const std::string& description) {
  return "<img alt=\"" + escape_html(description) + "\" src=\"" + source(name, "image/jpeg") + "\">\n";
}

std::string MediaEmbedder::video(const std::string& name, const std::string& caption, const std::string& poster,
                                 bool autoplay) {
  std::string attributes = "controls muted loop playsinline";
  if (autoplay) attributes += " autoplay";
  const std::string address = source(name, "video/mp4");
  if (address.rfind("data:", 0) != 0) {
    attributes += " preload=\"none\"";
    if (!poster.empty()) attributes += " poster=\"" + url_path(poster) + "\"";
  }
  return "<figure><video " + attributes + " src=\"" + address + "\"></video>\n<figcaption>" + escape_html(caption) +
         " <a href=\"" + url_path(name) + "\">" + escape_html(name) + "</a></figcaption></figure>\n";
}

}  // namespace magma
