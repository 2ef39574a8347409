#include "magma/mark/report.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "magma/core/json.h"
#include "magma/mark/output_folder.h"
#include "magma/mark/report_clip.h"
#include "magma/mark/report_page.h"

namespace magma {
namespace {

constexpr size_t kMostClips = 24, kMostFailures = 50;

// Totals of all records, and the few that are shown.
struct Totals {
  int64_t records = 0, items = 0, clips = 0, marks = 0, traces = 0, moving_cameras = 0, failed = 0;
  std::map<std::string, int64_t> status, reasons;
  std::vector<std::vector<std::string>> failures;       // item, error line
  std::vector<ReportClip> with_traces, without_traces;  // the first of each
  std::string last_item;

  void add(const JsonObject& record, int64_t shard);
  void keep(const JsonObject& record, int64_t shard);
  std::vector<ReportClip> shown() const;
};

void Totals::add(const JsonObject& record, int64_t shard) {
  const std::string item = record.string("item"), state = record.string("status");
  const std::string reason = record.optional_string("reason").value_or("");
  if (item != last_item) ++items;
  last_item = item;
  ++status[state];
  if (state == "failed") {
    ++failed;
    if (failures.size() < kMostFailures) failures.push_back({item, reason});
  } else {
    if (!reason.empty()) ++reasons[reason];
    if (record.has("tensors")) keep(record, shard);
  }
  ++records;
}

void Totals::keep(const JsonObject& record, int64_t shard) {
  ++clips;
  marks += static_cast<int64_t>(record.array("marks").size());
  const auto clip_traces = static_cast<int64_t>(record.array("traces").size());
  traces += clip_traces;
  moving_cameras += record.object("camera").boolean("moving") ? 1 : 0;
  auto& kept = clip_traces > 0 ? with_traces : without_traces;
  if (kept.size() < kMostClips) kept.push_back({shard, records, dump_json(record.raw())});
}

// Clips in which something moves first in the choice, all in the order of the output.
std::vector<ReportClip> Totals::shown() const {
  std::vector<ReportClip> chosen = with_traces;
  for (size_t i = 0; i < without_traces.size() && chosen.size() < kMostClips; ++i) chosen.push_back(without_traces[i]);
  std::sort(chosen.begin(), chosen.end(), [](const ReportClip& a, const ReportClip& b) { return a.order < b.order; });
  return chosen;
}

std::vector<int64_t> finished_shards(const Path& folder) {
  std::vector<int64_t> shards;
  for (const auto& entry : std::filesystem::directory_iterator(folder / "shards")) {
    const std::string name = entry.path().stem().string();
    int64_t shard = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), shard);
    const bool whole = error == std::errc() && end == name.data() + name.size();
    if (whole && entry.path().extension() == ".done") shards.push_back(shard);
  }
  std::sort(shards.begin(), shards.end());
  return shards;
}

Totals read_records(const Path& folder) {
  Totals totals;
  for (const int64_t shard : finished_shards(folder)) {
    JsonLines lines(folder / records_file(shard));
    while (const auto value = lines.next()) totals.add(JsonObject(*value, records_file(shard), lines.where()), shard);
  }
  return totals;
}

// The sample lines of the clips shown, by clip id: a sample is called CLIP-tom or CLIP-som.
std::map<std::string, std::vector<std::string>> read_samples(const Path& folder, const std::vector<ReportClip>& clips) {
  std::map<std::string, std::vector<std::string>> samples;
  std::set<int64_t> shards;
  for (const ReportClip& clip : clips) {
    const Json record = parse_json(clip.record, records_file(clip.shard));
    samples[JsonObject(record, records_file(clip.shard)).string("id")];
    shards.insert(clip.shard);
  }
  for (const int64_t shard : shards) {
    JsonLines lines(folder / samples_file(shard));
    while (const auto value = lines.next()) {
      const std::string id = JsonObject(*value, samples_file(shard), lines.where()).string("id");
      const auto found = samples.find(id.substr(0, id.rfind('-')));
      if (found != samples.end()) found->second.push_back(dump_json(*value));
    }
  }
  return samples;
}

void add_settings(const Json& value, const std::string& name, Facts& facts) {
  if (value.is_object()) {
    for (const auto& [key, member] : value.items()) add_settings(member, name.empty() ? key : name + "." + key, facts);
  } else {
    facts.emplace_back(name, value.is_string() ? value.get<std::string>() : value.dump());
  }
}

std::string counts_table(const std::string& caption, const char* column, const std::map<std::string, int64_t>& counts) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& [name, count] : counts) {
    std::string words = name;
    std::replace(words.begin(), words.end(), '_', ' ');
    rows.push_back({words, std::to_string(count)});
  }
  return "<div>" + table(caption, {column, "count"}, rows) + "</div>\n";
}

std::string outcome(const Totals& totals) {
  std::string out = "<section class=\"card\"><h2>What came of it</h2>\n<div class=\"grid\">\n";
  out += counts_table("All records by status", "status", totals.status);
  if (!totals.reasons.empty())
    out += counts_table("Why clips have no traces or were dropped", "reason", totals.reasons);
  out += "</div>\n";
  if (totals.failed > 0) {
    out += "<h3>Failed items</h3>\n" + table("The error of each", {"item", "error"}, totals.failures);
    const int64_t more = totals.failed - static_cast<int64_t>(totals.failures.size());
    if (more > 0) out += fmt::format("<p class=\"soft\">{} more: see shards/*.jsonl.</p>\n", more);
  }
  return out + "</section>\n";
}

std::map<std::string, double> stage_seconds(const Path& folder) {
  std::map<std::string, double> seconds;
  if (!std::filesystem::exists(folder / "report.json")) return seconds;
  const Json report = read_json(folder / "report.json");
  const JsonObject stages = JsonObject(report, "report.json").object("seconds");
  for (const auto& [stage, value] : stages.raw().items()) seconds[stage] = stages.number(stage);
  return seconds;
}

std::string overview(const Totals& totals) {
  return fact_tiles({{"items", std::to_string(totals.items)},
                     {"clips", std::to_string(totals.clips)},
                     {"marks", std::to_string(totals.marks)},
                     {"traces", std::to_string(totals.traces)},
                     {"clips with a moving camera", std::to_string(totals.moving_cameras)},
                     {"failed", std::to_string(totals.failed)}});
}

}  // namespace

void write_report(const Path& folder) {
  const Totals totals = read_records(folder);
  const std::vector<ReportClip> clips = totals.shown();
  const auto samples = read_samples(folder, clips);
  StagingFolder staging(folder);
  AtomicFile page(staging.path() / "report.html");
  page.write(page_begin(totals.items == 1 ? "Marks and traces of " + totals.last_item : "Marks and traces"));
  page.write(overview(totals) + outcome(totals));
  MediaEmbedder media(folder);
  std::set<std::string> shown;
  for (const ReportClip& clip : clips) {
    const Json record = parse_json(clip.record, records_file(clip.shard));
    page.write(clip_section(folder, clip, samples.at(JsonObject(record, "record").string("id")), media, shown));
  }
  const int64_t more = totals.clips - static_cast<int64_t>(clips.size());
  if (more > 0) {
    page.write(
        fmt::format("<p class=\"soft\">{} more clips: records in shards/, marked pictures in images/, videos in "
                    "videos/, training samples in samples/.</p>\n",
                    more));
  }
  Facts settings;
  add_settings(read_manifest(folder), "", settings);
  page.write("<section class=\"card\"><h2>What was run</h2>\n" + fact_list(settings) + "</section>\n");
  page.write(seconds_list(stage_seconds(folder)) + page_end());
  page.commit(false);  // publish() syncs it
  staging.publish("report.html", "report.html");
}

}  // namespace magma
