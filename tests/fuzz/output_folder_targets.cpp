// The files of an output folder: whoever reads one refuses it or makes a whole page of it.
#include <algorithm>
#include <map>

#include <nlohmann/json.hpp>

#include "magma/core/hash.h"
#include "magma/core/json.h"
#include "magma/image/codec.h"
#include "magma/mark/check_output.h"
#include "magma/mark/clip_record.h"
#include "magma/mark/clip_videos.h"
#include "magma/mark/mark_run.h"
#include "magma/mark/output_folder.h"
#include "magma/mark/report.h"
#include "magma/mark/run_summary.h"
#include "magma/track/track_file.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/mark/track_scene.h"

namespace magma {
namespace {

template <typename T>
std::string_view bytes_of(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

TrackScene small_scene() {
  TrackScene scene;
  scene.frame = {160, 96};
  scene.frames = 6;
  scene.side = 5;
  scene.velocity = {{6, {2, 0}}, {7, {2, 0}}, {11, {2, 0}}};
  return scene;
}

ClipRecord small_clip(const WorkItem& item, const PointTracks& tracks, ItemSpool& spool) {
  ClipRecord record;
  record.id = item.id + "-s000-c000";
  record.item = item.id;
  record.video.path = item.video_name;
  record.last = tracks.F;
  record.timebase = {1, 30};
  record.fps = {30, 1};
  record.source = record.track = tracks.frame;
  record.image = spool.image_name(record.id + ".jpg");
  record.marks = MarkProcedures::make("corrected")->make({record.id, &tracks, {}, 30}, {});
  return record;
}

std::map<std::string, double> write_small_clip(const WorkItem& item, ItemSpool& spool) {
  const PointTracks tracks = small_scene().tracks();
  const ClipRecord record = small_clip(item, tracks, spool);
  const ClipMarks& marks = record.marks;
  spool.image(record.id + ".jpg", encode_jpeg(marked_image(Image(tracks.frame, {60, 90, 70}), marks)));
  spool.record(to_json(record));
  for (const Json& sample : training_samples(record)) spool.sample(sample);
  add_tracks(spool.tensors(), record.id, tracks);
  std::vector<float> homographies;
  for (const Homography& h : marks.camera.to_first) homographies.insert(homographies.end(), h.begin(), h.end());
  spool.tensors().add(record.id + "/kind", DType::U8, {tracks.N}, bytes_of(marks.split.kind));
  spool.tensors().add(record.id + "/speed", DType::F32, {tracks.N}, bytes_of(marks.split.speed));
  spool.tensors().add(record.id + "/homography", DType::F32, {tracks.F, 3, 3}, bytes_of(homographies));
  spool.tensors().add(record.id + "/hstatus", DType::U8, {tracks.F}, bytes_of(marks.camera.status));
  return {};
}

Path make_output(const std::string& target) {
  const Path list = fuzz_file(target, "list.jsonl", "{\"id\":\"a\",\"video\":\"a.mp4\",\"text\":\"walk\"}\n");
  MarkRunOptions options;
  options.folder = fuzz_folder(target) / "out";
  options.program_version = "test";
  options.shards = 1;
  options.progress = ProgressStyle::Quiet;
  run_marks(read_work_list(list), options, write_small_clip, *local_work_source());
  demand(check_output(options.folder).problems.empty(), "the folder is whole at first");
  write_report(options.folder);
  return options.folder;
}

void overwrite(const Path& path, std::string_view bytes) { write_file_atomically(path, bytes, false); }

// So that the file's own content is what decides.
void list_as_written(const Path& folder, const std::string& name, std::string_view bytes) {
  Json done = read_json(folder / done_file(0));
  done["files"][name] = {{"bytes", bytes.size()}, {"xxh64", hex64(hash_file(folder / name))}};
  overwrite(folder / done_file(0), done_text(done));
}

void read_all(const Path& folder) {
  const auto check = unless_refused([&] { return check_output(folder); });
  demand(check.has_value(), "a folder that is there can be checked");
  const bool reported = unless_refused([&] { return write_report(folder), true; }).has_value();
  unless_refused([&] { return write_run_summary(folder, 1, {}), true; });
  if (reported) {
    const std::string page = read_file(folder / "report.html", int64_t{64} << 20);
    demand(page.ends_with("</html>\n"), "a page is whole");
    demand(page.find("<script") == std::string::npos, "a page holds no script");
  }
  const auto is_leftover = [](const auto& entry) { return entry.path().filename().string().starts_with('.'); };
  demand(std::none_of(std::filesystem::directory_iterator(folder), std::filesystem::directory_iterator(), is_leftover),
         "nothing half-written is left");
}

}  // namespace

void fuzz_clip_records(std::string_view bytes) {
  static const Path folder = make_output("clip_records");
  overwrite(folder / records_file(0), bytes);
  list_as_written(folder, records_file(0), bytes);
  read_all(folder);
}

void fuzz_samples(std::string_view bytes) {
  static const Path folder = make_output("samples");
  overwrite(folder / samples_file(0), bytes);
  list_as_written(folder, samples_file(0), bytes);
  read_all(folder);
}

void fuzz_shard_done(std::string_view bytes) {
  static const Path folder = make_output("shard_done");
  overwrite(folder / done_file(0), bytes);
  read_all(folder);
}

void fuzz_manifest(std::string_view bytes) {
  static const Path folder = make_output("manifest");
  overwrite(folder / "manifest.json", bytes);
  read_all(folder);
}

}  // namespace magma
