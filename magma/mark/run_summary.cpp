#include "magma/mark/run_summary.h"

#include <algorithm>
#include <system_error>

#include <nlohmann/json.hpp>

#include "magma/core/json.h"
#include "magma/mark/output_folder.h"

namespace magma {
namespace {

constexpr size_t kMostNamed = 1000;
constexpr const char* kReport = "report.json";

void add_records(const Path& path, Json& report) {
  JsonLines lines(path);
  while (const auto value = lines.next()) {
    const JsonObject record(*value, path.string(), lines.where());
    const std::string status = record.string("status");
    const std::string reason = record.optional_string("reason").value_or("");
    Json& total = report["status"][status];
    total = total.is_null() ? 1 : total.get<int64_t>() + 1;
    if (status == "failed") {
      if (report["failed_items"].size() < kMostNamed) {
        report["failed_items"].push_back({{"item", record.string("item")}, {"reason", reason}});
      }
    } else if (!reason.empty()) {
      Json& count = report["reasons"][reason];
      count = count.is_null() ? 1 : count.get<int64_t>() + 1;
    }
  }
}

}  // namespace

ItemCounts& ItemCounts::operator+=(const ItemCounts& other) {
  clips += other.clips;
  samples += other.samples;
  failed += other.failed;
  dropped += other.dropped;
  return *this;
}

ItemCounts counts_of_done(const nlohmann::json& done) {
  const JsonObject members(done, "", "");
  return {.clips = members.integer("clips"),
          .samples = members.integer("samples"),
          .failed = members.integer("failed"),
          .dropped = members.integer("dropped")};
}

std::vector<RunPart> parts_run(const Path& folder) {
  try {
    const Json report = read_json(folder / kReport);
    std::vector<RunPart> found;
    for (const Json& value : JsonObject(report, kReport).array("parts")) {
      const JsonObject part(value, kReport);
      found.push_back({part.integer("part"), std::max<int64_t>(part.integer("parts"), 1)});
    }
    if (!found.empty()) return found;
  } catch (const Error&) {  // report.json is for people: nothing depends on it
  }
  return {RunPart{}};
}

void write_run_summary(const Path& folder, int64_t shards, const std::map<std::string, double>& seconds, RunPart run) {
  std::error_code absent;
  std::vector<RunPart> parts;
  if (std::filesystem::exists(folder / kReport, absent)) parts = parts_run(folder);
  const auto is_this = [&run](RunPart other) { return other.part == run.part && other.parts == run.parts; };
  if (std::none_of(parts.begin(), parts.end(), is_this)) parts.push_back(run);
  Json report = {{"status", Json::object()}, {"reasons", Json::object()}, {"failed_items", Json::array()}};
  ItemCounts counts;
  int64_t done_shards = 0, items = 0;
  for (int64_t s = 0; s < shards; ++s) {
    const Json done = finished_shard(folder, s);
    if (done.is_null()) continue;
    ++done_shards;
    counts += counts_of_done(done);
    items += JsonObject(done, done_file(s)).integer("items");
    add_records(folder / records_file(s), report);
  }
  report["items"] = items;
  report["clips"] = counts.clips;
  report["samples"] = counts.samples;
  report["failed"] = counts.failed;
  report["dropped"] = counts.dropped;
  report["shards"] = {{"done", done_shards}, {"of", shards}};
  report["seconds"] = seconds;
  for (const RunPart& part : parts) report["parts"].push_back({{"part", part.part}, {"parts", part.parts}});
  publish_file(folder, kReport, dump_json(report) + "\n");
}

}  // namespace magma
