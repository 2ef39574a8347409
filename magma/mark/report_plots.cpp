#include "magma/mark/report_plots.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/core.h>

#include "magma/image/draw.h"
#include "magma/mark/draw_marks.h"

namespace magma {
namespace {

constexpr double kWidth = 480, kHeight = 240, kLeft = 46, kRight = 14, kTop = 22, kBottom = 46;  // of charts, px

std::string svg_begin(double width, double height, const std::string& description) {
  return fmt::format("<svg role=\"img\" aria-label=\"{}\" viewBox=\"0 0 {:.0f} {:.0f}\" font-family=\"sans-serif\">\n",
                     description, width, height);
}

std::string text(double x, double y, const char* anchor, const std::string& content) {
  return fmt::format(
      "<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\" fill=\"var(--soft)\" font-size=\"14\">{}</text>\n", x, y,
      anchor, content);
}

std::string line(double x0, double y0, double x1, double y1, const char* style) {
  return fmt::format("<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" {}/>\n", x0, y0, x1, y1, style);
}

// The visible stretches of point n; steps too small to be seen are left out.
std::string path_of(const PointTracks& tracks, int64_t n) {
  constexpr float kLeastStep = 0.7F;
  std::string path;
  Point last;
  bool pen_down = false;
  for (int64_t f = 0; f < tracks.F; ++f) {
    const Point p = tracks.at(f, n);
    if (!tracks.is_visible(f, n) || !std::isfinite(p.x) || !std::isfinite(p.y)) {
      pen_down = false;
      continue;
    }
    if (pen_down && norm(p - last) < kLeastStep) continue;
    path += fmt::format("{}{:.1f} {:.1f}", pen_down ? 'L' : 'M', p.x, p.y);
    if (!pen_down) path += "h0";  // a dot where nothing follows
    pen_down = true;
    last = p;
  }
  return path;
}

std::string hex(Rgb colour) { return fmt::format("#{:02x}{:02x}{:02x}", colour.r, colour.g, colour.b); }

std::string stroke_of(const PointTracks& tracks, int64_t n, PointKind kind) {
  if (kind == PointKind::Static) return "#7d8694";
  if (kind == PointKind::Unknown) return "#3c434e";
  const float height = std::max(1.0F, static_cast<float>(tracks.frame.h - 1));
  return hex(rainbow(tracks.at(0, n).y / height));
}

std::string mark_svg(const PlotMark& mark, Size frame) {
  const double radius = mark_radius_px(frame);
  return fmt::format(
      "<circle cx=\"{0:.1f}\" cy=\"{1:.1f}\" r=\"{2:.1f}\" fill=\"{3}\" stroke=\"#fff\" stroke-width=\"{4:.1f}\"/>"
      "<text x=\"{0:.1f}\" y=\"{5:.1f}\" text-anchor=\"middle\" font-size=\"{6:.1f}\" fill=\"#fff\">{7}</text>\n",
      mark.position.x, mark.position.y, radius, mark.moving ? "#e00000" : "#4a515d", radius / 10,
      mark.position.y + 0.45 * radius, 1.3 * radius, mark.id);
}

struct Bins {
  double width = 0;
  std::vector<std::array<int, 2>> counts;  // static, moving
  int most = 1;
};

Bins bins_of(const std::vector<float>& speed, const std::vector<PointKind>& kind, double threshold) {
  constexpr int kBins = 24;
  double top = 2 * threshold;
  for (size_t n = 0; n < speed.size(); ++n) {
    if (kind[n] != PointKind::Unknown) top = std::max<double>(top, speed[n]);
  }
  Bins bins{std::max(top, 1e-3) / kBins, std::vector<std::array<int, 2>>(kBins), 1};
  for (size_t n = 0; n < speed.size(); ++n) {
    if (kind[n] == PointKind::Unknown) continue;
    const double at = speed[n] / bins.width;  // of a file: may be anything
    const auto bin = at > 0 ? static_cast<size_t>(std::min<double>(kBins - 1, at)) : 0;
    auto& counts = bins.counts[bin];
    ++counts[kind[n] == PointKind::Moving ? 1 : 0];
    bins.most = std::max(bins.most, counts[0] + counts[1]);
  }
  return bins;
}

}  // namespace

std::string trajectories_svg(const PointTracks& tracks, const std::vector<PointKind>& kind,
                             const std::vector<PlotMark>& marks) {
  const auto w = static_cast<double>(tracks.frame.w), h = static_cast<double>(tracks.frame.h);
  std::string svg = svg_begin(w, h, "paths of the points");
  svg += fmt::format("<rect width=\"{:.0f}\" height=\"{:.0f}\" fill=\"var(--plot)\"/>\n", w, h);
  svg += fmt::format("<g fill=\"none\" stroke-width=\"{:.1f}\" stroke-linecap=\"round\" stroke-linejoin=\"round\">\n",
                     std::max(1.0, w / 320));
  for (const PointKind layer : {PointKind::Unknown, PointKind::Static, PointKind::Moving}) {
    for (int64_t n = 0; n < tracks.N; ++n) {
      if (kind[static_cast<size_t>(n)] != layer) continue;
      const std::string path = path_of(tracks, n);
      if (!path.empty()) svg += fmt::format("<path stroke=\"{}\" d=\"{}\"/>\n", stroke_of(tracks, n, layer), path);
    }
  }
  svg += "</g>\n";
  for (const PlotMark& mark : marks) svg += mark_svg(mark, tracks.frame);
  return svg + "</svg>\n";
}

std::string speed_histogram_svg(const std::vector<float>& speed, const std::vector<PointKind>& kind, double threshold) {
  const Bins bins = bins_of(speed, kind, threshold);
  const double step = (kWidth - kLeft - kRight) / static_cast<double>(bins.counts.size());
  const double floor = kHeight - kBottom, unit = (floor - kTop - 18) / bins.most;
  std::string svg = svg_begin(kWidth, kHeight, "histogram of point speeds");
  for (size_t i = 0; i < bins.counts.size(); ++i) {
    const auto [still, moving] = bins.counts[i];
    if (still + moving == 0) continue;
    const double x = kLeft + step * static_cast<double>(i);
    const double still_height = still == 0 ? 0 : std::max(1.5, unit * still);
    const double moving_height = moving == 0 ? 0 : std::max(1.5, unit * moving);
    svg += fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" fill=\"#8a93a1\"/>", x + 1,
                       floor - still_height, step - 2, still_height);
    svg += fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" fill=\"var(--accent)\"/>\n",
                       x + 1, floor - still_height - moving_height, step - 2, moving_height);
    svg += text(x + step / 2, floor - still_height - moving_height - 3, "middle", std::to_string(still + moving));
  }
  svg += line(kLeft, floor, kWidth - kRight, floor, "stroke=\"var(--line)\"");
  for (const size_t tick : {size_t{0}, size_t{6}, size_t{12}, size_t{18}, size_t{24}}) {
    svg += text(kLeft + step * static_cast<double>(tick), floor + 18, "middle",
                fmt::format("{:.1f}", bins.width * static_cast<double>(tick)));
  }
  const double x = kLeft + threshold / bins.width * step;
  svg += line(x, kTop, x, floor, "stroke=\"var(--ink)\" stroke-dasharray=\"4 3\"");
  svg += text(x, kTop - 5, x > kWidth / 2 ? "end" : "start", fmt::format("threshold {:.2f}", threshold));
  svg += text((kLeft + kWidth - kRight) / 2, kHeight - 6, "middle", "speed, px per frame");
  return svg + "</svg>\n";
}

std::string share_svg(const std::vector<float>& share, int64_t frames, const std::string& description) {
  const double floor = kHeight - kBottom, height = floor - kTop, width = kWidth - kLeft - kRight;
  std::string svg = svg_begin(kWidth, kHeight, description);
  for (const double level : {0.0, 0.5, 1.0}) {
    svg += line(kLeft, floor - level * height, kWidth - kRight, floor - level * height, "stroke=\"var(--line)\"");
    svg += text(kLeft - 5, floor - level * height + 4, "end", fmt::format("{:.0f} %", 100 * level));
  }
  std::string points;
  const double last = std::max<double>(1, static_cast<double>(share.size()) - 1);
  for (size_t i = 0; i < share.size(); ++i) {
    points += fmt::format("{:.1f},{:.1f} ", kLeft + width * static_cast<double>(i) / last,
                          floor - height * static_cast<double>(share[i]));
  }
  svg += "<polyline fill=\"none\" stroke=\"var(--accent)\" stroke-width=\"2\" points=\"" + points + "\"/>\n";
  svg += text(kLeft, floor + 18, "start", "0");
  svg += text(kWidth - kRight, floor + 18, "end", std::to_string(std::max<int64_t>(0, frames - 1)));
  svg += text((kLeft + kWidth - kRight) / 2, kHeight - 6, "middle", "frame");
  return svg + "</svg>\n";
}

}  // namespace magma
