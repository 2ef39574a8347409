#include "magma/mark/track_report.h"

#include <algorithm>
#include <numeric>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "magma/core/json.h"
#include "magma/mark/report_page.h"
#include "magma/mark/report_plots.h"

namespace magma {
namespace {

constexpr int64_t kMostRows = 512;

// Scalars of a JSON object, nested names dotted.
void add_facts(const Json& value, const std::string& name, Facts& facts) {
  if (value.is_object()) {
    for (const auto& [key, member] : value.items()) add_facts(member, name.empty() ? key : name + "." + key, facts);
  } else if (value.is_string()) {
    facts.emplace_back(name, value.get<std::string>());
  } else if (!value.is_null() && !value.is_array()) {
    facts.emplace_back(name, value.dump());
  }
}

}  // namespace

TrackReport::TrackReport(Size frame, int64_t N) {
  kept_.frame = frame;
  kept_.N = N;
}

void TrackReport::add(const TrackRow& row) {
  const auto seen = std::accumulate(row.visible.begin(), row.visible.end(), int64_t{0});
  visible_ += seen;
  if (frames_++ % stride_ != 0) return;
  kept_.xy.insert(kept_.xy.end(), row.xy.begin(), row.xy.end());
  kept_.visible.insert(kept_.visible.end(), row.visible.begin(), row.visible.end());
  share_.push_back(kept_.N == 0 ? 0.0F : static_cast<float>(seen) / static_cast<float>(kept_.N));
  if (++kept_.F > kMostRows) thin_out();
}

void TrackReport::thin_out() {
  int64_t rows = 0;
  for (int64_t f = 0; f < kept_.F; f += 2, ++rows) {
    std::copy_n(kept_.xy.begin() + f * kept_.N, kept_.N, kept_.xy.begin() + rows * kept_.N);
    std::copy_n(kept_.visible.begin() + f * kept_.N, kept_.N, kept_.visible.begin() + rows * kept_.N);
    share_[static_cast<size_t>(rows)] = share_[static_cast<size_t>(f)];
  }
  kept_.F = rows;
  kept_.xy.resize(static_cast<size_t>(rows * kept_.N));
  kept_.visible.resize(static_cast<size_t>(rows * kept_.N));
  share_.resize(static_cast<size_t>(rows));
  stride_ *= 2;
}

void TrackReport::write(const Path& folder, const nlohmann::json& record,
                        const std::map<std::string, double>& seconds) const {
  const JsonObject members(record, "tracks.jsonl");
  const auto total = static_cast<double>(std::max<int64_t>(1, frames_ * kept_.N));
  std::string page = page_begin("Tracks of " + members.optional_string("id").value_or("a video"));
  page += fact_tiles({{"frames", std::to_string(frames_)},
                      {"points", std::to_string(kept_.N)},
                      {"visible", fmt::format("{:.1f} %", 100 * static_cast<double>(visible_) / total)},
                      {"tracked at, px", fmt::format("{} x {}", kept_.frame.w, kept_.frame.h)}});
  page += "<section class=\"card\"><div class=\"grid\">\n";
  MediaEmbedder media(folder);
  const bool has_video = std::filesystem::exists(folder / "orig_trace.mp4");
  if (has_video) page += media.video("orig_trace.mp4", "All points; a ring where a point cannot be seen.", "", true);
  const std::vector<PointKind> kind(static_cast<size_t>(kept_.N), PointKind::Moving);
  page += "<figure>" + trajectories_svg(kept_, kind, {}) +
          "<figcaption>Paths of all points through the whole video, coloured by the row they start in.</figcaption>"
          "</figure>\n<figure>" +
          share_svg(share_, frames_, "share of the points that can be seen over time") +
          "<figcaption>Share of the points that can be seen.</figcaption></figure>\n</div></section>\n";
  Facts facts;
  add_facts(record, "", facts);
  page += "<section class=\"card\"><h2>What was run</h2>\n" + fact_list(facts) + "</section>\n";
  page += seconds_list(seconds) + page_end();
  write_file_atomically(folder / "report.html", page);
}

}  // namespace magma
