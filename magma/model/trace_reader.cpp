#include "magma/model/trace_reader.h"

#include <algorithm>
#include <charconv>

namespace magma {
namespace {

constexpr std::string_view kClause = "and their future positions are:\n";
constexpr int64_t kFarthest = 65535;  // cells; a future may leave the picture

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  bool at_end() {
    spaces();
    return text_.empty();
  }

  bool skip(std::string_view expected) {
    spaces();
    if (!text_.starts_with(expected)) return false;
    text_.remove_prefix(expected.size());
    return true;
  }

  bool integer(int64_t& value) {
    spaces();
    const auto [end, error] = std::from_chars(text_.data(), text_.data() + text_.size(), value);
    if (error != std::errc()) return false;
    text_.remove_prefix(static_cast<size_t>(end - text_.data()));
    return value >= -kFarthest && value <= kFarthest;
  }

  bool cell(FramedPoint& point) {
    int64_t x = 0, y = 0;
    if (!(skip("[") && integer(x) && skip(",") && integer(y) && skip("]"))) return false;
    point = {Frame::Grid, static_cast<double>(x), static_cast<double>(y)};
    return true;
  }

  // "Mark 3": "[[1,2],[3,4]]"
  bool trace(AnsweredTrace& result) {
    if (!(skip("\"Mark ") && integer(result.mark) && result.mark >= 0 && skip("\"") && skip(":"))) return false;
    if (!(skip("\"") && skip("["))) return false;
    do {
      if (!cell(result.future.emplace_back())) return false;
    } while (skip(","));
    return skip("]") && skip("\"");
  }

 private:
  void spaces() { text_.remove_prefix(std::min(text_.find_first_not_of(" \n\r\t"), text_.size())); }

  std::string_view text_;
};

// Where the marks are, for those that the sentence before the clause names: "Mark 1 at [2,3], Mark 4 at [5,6] ...".
void find_starts(std::string_view sentence, std::vector<AnsweredTrace>& traces) {
  for (size_t at = sentence.find("Mark "); at != std::string_view::npos; at = sentence.find("Mark ", at + 1)) {
    Reader reader(sentence.substr(at));
    int64_t mark = 0;
    FramedPoint place;
    if (!(reader.skip("Mark ") && reader.integer(mark) && reader.skip("at") && reader.cell(place))) continue;
    const auto trace = std::find_if(traces.begin(), traces.end(), [&](const auto& t) { return t.mark == mark; });
    if (trace != traces.end()) trace->start = place;
  }
}

}  // namespace

std::optional<std::vector<AnsweredTrace>> read_traces(std::string_view text) {
  const size_t at = text.find(kClause);
  if (at == std::string_view::npos) return std::nullopt;
  Reader reader(text.substr(at + kClause.size()));
  std::vector<AnsweredTrace> traces;
  do {
    AnsweredTrace trace;
    if (!reader.trace(trace)) return std::nullopt;
    const bool again = std::any_of(traces.begin(), traces.end(), [&](const auto& t) { return t.mark == trace.mark; });
    if (again) return std::nullopt;
    traces.push_back(std::move(trace));
    reader.skip(",");
  } while (!reader.at_end());
  find_starts(text.substr(0, at), traces);
  return traces;
}

}  // namespace magma
