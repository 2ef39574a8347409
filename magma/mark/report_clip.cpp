#include "magma/mark/report_clip.h"

#include <algorithm>
#include <iterator>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "magma/core/error.h"
#include "magma/core/json.h"
#include "magma/core/limits.h"
#include "magma/mark/camera_motion.h"
#include "magma/mark/output_folder.h"
#include "magma/mark/report_plots.h"
#include "magma/nn/safetensors.h"

namespace magma {
namespace {

struct ClipTensors {
  PointTracks stabilised;
  std::vector<PointKind> kind;  // [N]
  std::vector<float> speed;     // [N] that the points were judged by
};

void require(bool holds, const Path& path, const std::string& tensor) {
  if (holds) return;
  throw Error(ErrorCode::Malformed,
              {.file = path.string(), .where = tensor, .what = "the tensor's shape does not fit the clip's others"});
}

ClipTensors read_tensors(const Path& path, const std::string& prefix, Size frame) {
  const SafetensorsFile file(path);
  const auto& shape = file.entry(prefix + "/tracks").shape;
  const auto xy = file.read_as<float>(prefix + "/tracks");
  const auto bits = file.read_as<uint8_t>(prefix + "/visible");
  const auto matrices = file.read_as<float>(prefix + "/homography");
  const auto kinds = file.read_as<uint8_t>(prefix + "/kind");
  auto speeds = file.read_as<float>(prefix + "/speed");
  require(shape.size() == 3 && shape[2] == 2, path, prefix + "/tracks");
  PointTracks tracks;
  tracks.frame = frame;
  tracks.F = shape[0];
  tracks.N = bounded(shape[1], 0, limits().points, prefix + "/tracks points");
  const int64_t row_bytes = (tracks.N + 7) / 8;
  require(std::ssize(bits) == tracks.F * row_bytes, path, prefix + "/visible");
  require(std::ssize(matrices) == tracks.F * 9, path, prefix + "/homography");
  require(kinds.empty() || std::ssize(kinds) == tracks.N, path, prefix + "/kind");
  require(speeds.empty() || std::ssize(speeds) == tracks.N, path, prefix + "/speed");
  CameraMotion camera;
  for (int64_t f = 0; f < tracks.F; ++f) {
    std::copy_n(matrices.begin() + f * 9, 9, camera.to_first.emplace_back().begin());
    for (int64_t n = 0; n < tracks.N; ++n) {
      const auto i = static_cast<size_t>(2 * (f * tracks.N + n));
      tracks.xy.push_back(apply(camera.to_first.back(), {xy[i], xy[i + 1]}));
      tracks.visible.push_back(bits[static_cast<size_t>(f * row_bytes + n / 8)] >> (n % 8) & 1);
    }
  }
  // A clip that was given up before its points were judged has no kinds and no speeds.
  std::vector<PointKind> kind(static_cast<size_t>(tracks.N), PointKind::Unknown);
  std::transform(kinds.begin(), kinds.end(), kind.begin(), [](uint8_t value) { return static_cast<PointKind>(value); });
  speeds.resize(kind.size());
  return {std::move(tracks), std::move(kind), std::move(speeds)};
}

std::vector<PlotMark> plot_marks(const JsonObject& record) {
  std::vector<PlotMark> marks;
  for (const Json& value : record.array("marks")) {
    const JsonObject mark(value, "record");
    const Json& position = mark.array("position");
    if (position.size() != 2 || !position[0].is_number() || !position[1].is_number()) {
      throw Error(ErrorCode::Malformed, {.file = "record",
                                         .where = "/marks/position",
                                         .what = "not a position",
                                         .expected = "two numbers",
                                         .got = position.dump()});
    }
    marks.push_back({static_cast<int>(mark.integer("id")),
                     mark.string("kind") == "pos",
                     {position[0].get<float>(), position[1].get<float>()}});
  }
  return marks;
}

std::string plots(const Path& folder, const ReportClip& clip, const JsonObject& record) {
  const JsonObject track = record.object("track");
  const Size frame{static_cast<int>(track.integer("w")), static_cast<int>(track.integer("h"))};
  const ClipTensors tensors =
      read_tensors(folder / tensors_file(clip.shard), record.object("tensors").string("prefix"), frame);
  return "<figure>" + trajectories_svg(tensors.stabilised, tensors.kind, plot_marks(record)) +
         "<figcaption>Paths with the camera's motion taken out: moving points coloured, static ones grey, unused ones "
         "dark.</figcaption></figure>\n<figure>" +
         speed_histogram_svg(tensors.speed, tensors.kind, record.object("split").number("threshold_px")) +
         "<figcaption>Speeds that the points were judged by: moving ones in red.</figcaption></figure>\n";
}

Facts camera_facts(const JsonObject& record) {
  const JsonObject camera = record.object("camera"), status = camera.object("status"), split = record.object("split");
  const auto yes = [](bool value) { return std::string(value ? "yes" : "no"); };
  return {{"camera moves", yes(camera.boolean("moving"))},
          {"frames fitted / chained / copied",
           fmt::format("{} / {} / {}", status.integer("fitted"), status.integer("chained"), status.integer("copied"))},
          {"inlier share, median", fmt::format("{:.2f}", camera.object("inlier_share").number("median"))},
          {"background residual", fmt::format("{:.2f} px", camera.number("background_residual_px"))},
          {"ambiguous", yes(camera.boolean("ambiguous"))},
          {"points moving / static / unused",
           fmt::format("{} / {} / {}", split.integer("moving"), split.integer("static"), split.integer("unknown"))}};
}

std::string mark_tables(const JsonObject& record) {
  std::vector<std::vector<std::string>> marks, traces;
  for (const Json& value : record.array("marks")) {
    const JsonObject mark(value, "record");
    marks.push_back({std::to_string(mark.integer("id")), mark.string("kind") == "pos" ? "moving" : "static",
                     mark.array("cell").dump(), fmt::format("{:.2f}", mark.number("speed")),
                     fmt::format("{:.2f}", mark.number("quality"))});
  }
  for (const Json& value : record.array("traces")) {
    const JsonObject trace(value, "record");
    traces.push_back(
        {std::to_string(trace.integer("id")), std::to_string(trace.integer("steps")), trace.array("cells").dump()});
  }
  std::string out = table("Marks: cells of the answer grid, speed in px per frame",
                          {"mark", "kind", "cell", "speed", "quality"}, marks);
  if (!traces.empty()) out += "<h3>Traces</h3>\n" + table("Cells from the mark on", {"mark", "steps", "cells"}, traces);
  return "<details><summary>" + fmt::format("{} marks, {} traces", marks.size(), traces.size()) + "</summary>\n" + out +
         "</details>\n";
}

std::string conversation(const std::vector<std::string>& samples) {
  std::string out;
  for (const std::string& line : samples) {
    const Json sample = parse_json(line, "samples");
    for (const Json& value : JsonObject(sample, "samples").array("conversations")) {
      const JsonObject turn(value, "samples");
      out += "<div class=\"talk\"><b>" + escape_html(turn.string("from")) + "</b>\n" +
             escape_html(turn.string("value")) + "</div>\n";
    }
  }
  if (out.empty()) return "";
  return "<details open><summary>Training samples</summary>\n" + out + "</details>\n";
}

std::string videos(const Path& folder, const JsonObject& record, MediaEmbedder& media, std::set<std::string>& shown) {
  const std::string shot = fmt::format("{}-s{:03}", record.string("item"), record.integer("shot"));
  const std::string name = "videos/" + shot + "/";
  if (!std::filesystem::exists(folder / (name + "som_tom.mp4"))) return "";
  const bool first = shown.empty();
  if (!shown.insert(shot).second) return "";
  const std::string poster = record.string("image");
  return media.video(name + "som_tom.mp4", "Marks and how they will move.", poster, first) +
         media.video(name + "orig_trace.mp4", "The shot with all tracked points.", poster, first);
}

}  // namespace

std::string clip_section(const Path& folder, const ReportClip& clip, const std::vector<std::string>& samples,
                         MediaEmbedder& media, std::set<std::string>& shown) {
  const Json value = parse_json(clip.record, records_file(clip.shard));
  const JsonObject record(value, records_file(clip.shard));
  const JsonObject frames = record.object("frames");
  const std::string status = record.string("status"), reason = record.optional_string("reason").value_or("");
  std::string verdict = reason.empty() ? status : status + ": " + reason;
  std::replace(verdict.begin(), verdict.end(), '_', ' ');
  std::string out = "<section class=\"card\"><h2>" + escape_html(record.string("id")) + " <span class=\"badge" +
                    (status == "ok" ? " ok" : "") + "\">" + escape_html(verdict) + "</span></h2>\n";
  out += "<p class=\"soft\">" + escape_html(record.object("video").string("path")) +
         fmt::format(", frames {} to {}", frames.integer("first"),
                     checked_add(frames.integer("last"), -1, "frames/last")) +
         "</p>\n";
  if (const auto text = record.optional_string("text")) out += "<p>" + escape_html(*text) + "</p>\n";
  out += "<div class=\"grid\">\n" + videos(folder, record, media, shown);
  const std::string image = record.string("image");
  if (!image.empty()) {
    out += "<figure>" + media.image(image, "first frame with numbered marks") +
           "<figcaption>The picture the samples ask about.</figcaption></figure>\n";
  }
  out += plots(folder, clip, record) + "<div><h3>Camera and points</h3>" + fact_list(camera_facts(record)) +
         "</div>\n</div>\n";
  return out + mark_tables(record) + conversation(samples) + "</section>\n";
}

}  // namespace magma
