#include "magma/mark/clip_record.h"

#include <algorithm>
#include <cmath>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "magma/core/config.h"
#include "magma/core/error.h"
#include "magma/core/hash.h"
#include "magma/core/json.h"
#include "magma/core/random.h"

namespace magma {
namespace {

double rounded(double value, double step = 1e-4) { return std::round(value / step) * step; }

Json video_json(const VideoIdentity& video) {
  return {{"path", video.path}, {"sha1", video.sha1}, {"size", video.bytes}};
}

Json camera_json(const CameraMotion& camera) {
  const auto frames_with = [&](FitStatus status) {
    return std::count(camera.status.begin(), camera.status.end(), status);
  };
  const auto least = std::min_element(camera.inlier_share.begin(), camera.inlier_share.end());
  return {{"moving", camera.moving},
          {"rejected", camera.rejected},
          {"ambiguous", camera.ambiguous},
          {"status",
           {{"fitted", frames_with(FitStatus::Fitted)},
            {"chained", frames_with(FitStatus::Chained)},
            {"copied", frames_with(FitStatus::Copied)}}},
          {"inlier_share",
           {{"median", rounded(camera.median_inlier_share)},
            {"min", least == camera.inlier_share.end() ? 1.0 : rounded(*least)}}},
          {"background_residual_px", rounded(camera.background_residual_px)},
          {"points", std::count(camera.background.begin(), camera.background.end(), 1)}};
}

Json split_json(const PointSplit& split, const MarkConfig& config) {
  const auto points_of = [&](PointKind kind) { return std::count(split.kind.begin(), split.kind.end(), kind); };
  return {{"eps_px", config.eps_px},
          {"threshold_px", rounded(split.threshold_px)},
          {"noise_px", rounded(split.noise_px)},
          {"moving", points_of(PointKind::Moving)},
          {"static", points_of(PointKind::Static)},
          {"unknown", points_of(PointKind::Unknown)}};
}

Json marks_json(const std::vector<Mark>& marks) {
  Json list = Json::array();
  for (const Mark& mark : marks) {
    list.push_back({{"id", mark.id},
                    {"kind", mark.moving ? "pos" : "neg"},
                    {"point", mark.point},
                    {"position", {rounded(mark.position.x, 1e-3), rounded(mark.position.y, 1e-3)}},
                    {"cell", mark.cell},
                    {"speed", rounded(mark.speed_px)},
                    {"quality", rounded(mark.quality)},
                    {"cluster", mark.cluster}});
  }
  return list;
}

Json traces_json(const std::vector<Trace>& traces) {
  Json list = Json::array();
  for (const Trace& trace : traces) list.push_back({{"id", trace.id}, {"steps", trace.steps}, {"cells", trace.cells}});
  return list;
}

TaskFamily task_family(const std::string& name) {
  if (name == "person") return TaskFamily::Person;
  if (name == "saying") return TaskFamily::Saying;
  if (name == "robot") return TaskFamily::Robot;
  throw Error(ErrorCode::Usage,
              {.where = "family", .what = "unknown prompt family", .expected = "person, saying or robot", .got = name});
}

// A caption must not add an image to the conversation: placeholders are ours alone (data_formats.md, ruling 3).
std::string without_placeholder(std::string text) {
  constexpr std::string_view kPlaceholder = "<image>";
  for (size_t at = text.find(kPlaceholder); at != std::string::npos; at = text.find(kPlaceholder, at)) {
    text.replace(at, kPlaceholder.size(), "image");
  }
  return text;
}

Json sample(const ClipRecord& record, const char* kind, const std::string& question, const std::string& answer) {
  return {
      {"id", record.id + "-" + kind},
      {"image", record.image},
      {"video", record.video.path},
      {"frames", {record.first, record.last}},
      {"family", record.config.family},
      {"text_given", record.text.has_value()},
      {"conversations", Json::array({{{"from", "human"}, {"value", question}}, {{"from", "gpt"}, {"value", answer}}})}};
}

Json trace_sample(const ClipRecord& record) {
  const MarkConfig& config = record.config;
  TraceQuestion question;
  question.family = task_family(config.family);
  question.grid = static_cast<int>(config.quant);
  question.todo =
      without_placeholder(record.text ? clean_response(*record.text, config.default_text) : config.default_text);
  for (const Mark& mark : record.marks.marks) question.ids.push_back(mark.id);
  std::map<int, std::vector<Cell>> traces;
  for (const Trace& trace : record.marks.traces) {
    traces[trace.id] = trace.cells;
    question.steps = std::max(question.steps, trace.steps);
  }
  return sample(record, "tom", trace_question(question), trace_answer(traces));
}

}  // namespace

Json to_json(const ClipRecord& record) {
  const ClipMarks& marks = record.marks;
  MarkConfig config = record.config;
  const std::string config_text = dump_json(to_json(config_view(config)));
  const auto fraction = [](Rational value) { return fmt::format("{}/{}", value.num, value.den); };
  return {
      {"id", record.id},
      {"item", record.item},
      {"shot", record.shot},
      {"clip", record.clip},
      {"video", video_json(record.video)},
      {"frames",
       {{"first", record.first},
        {"last", record.last},
        {"pts_first", record.pts_first},
        {"pts_last", record.pts_last},
        {"timebase", fraction(record.timebase)},
        {"fps_num", record.fps.num},
        {"fps_den", record.fps.den}}},
      {"source", {{"w", record.source.w}, {"h", record.source.h}, {"rotation", record.rotation}}},
      {"track",
       {{"w", record.track.w}, {"h", record.track.h}, {"name", record.tracker}, {"version", record.tracker_version}}},
      {"grid", {{"n", record.grid}, {"query_frame", 0}}},
      {"camera", camera_json(marks.camera)},
      {"split", split_json(marks.split, record.config)},
      {"clusters", {{"moving", marks.clusters_moving}, {"static", marks.clusters_static}}},
      {"marks", marks_json(marks.marks)},
      {"traces", traces_json(marks.traces)},
      {"marked_frame", marks.marked_frame},
      {"frames_used", marks.frames_used},
      {"image", record.image},
      {"text", record.text ? Json(*record.text) : Json()},
      {"language", nullptr},
      {"seed", record.config.seed},
      {"variant", record.config.variant},
      {"config_hash", hex64(hash64(config_text))},
      {"status", marks.status},
      {"reason", marks.reason},
      {"tensors", {{"prefix", record.id}}}};
}

Json failed_record(const std::string& item, const VideoIdentity& video, const std::string& code,
                   const std::string& reason) {
  return {{"id", item},   {"item", item},     {"video", video_json(video)}, {"status", "failed"},
          {"code", code}, {"reason", reason}, {"marks", Json::array()},     {"traces", Json::array()}};
}

std::vector<Json> training_samples(const ClipRecord& record) {
  if (record.marks.marks.empty()) return {};
  std::vector<Json> samples;
  if (!record.marks.traces.empty()) samples.push_back(trace_sample(record));
  std::map<int, Cell> places;
  for (const Mark& mark : record.marks.marks) places[mark.id] = mark.cell;
  samples.push_back(sample(record, "som", som_question(static_cast<int>(record.config.quant)), som_answer(places)));
  return samples;
}

}  // namespace magma
