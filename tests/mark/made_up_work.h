// Item work for tests of runs: results made up from the item's id, in the shapes of the real ones.
#pragma once

#include <fstream>
#include <string>
#include <thread>

#include <nlohmann/json.hpp>

#include "magma/core/error.h"
#include "magma/core/interrupt.h"
#include "magma/core/random.h"
#include "magma/mark/mark_run.h"

namespace magma {

inline MarkRunOptions made_up_options(const Path& folder) {
  MarkRunOptions options;
  options.folder = folder;
  options.program_version = "test";
  options.shards = 4;
  options.progress = ProgressStyle::Quiet;
  return options;
}

inline void made_up_clip(const WorkItem& item, int64_t clip, ItemSpool& spool) {
  const std::string id = item.id + "-s000-c00" + std::to_string(clip);
  Rng rng(1, id, "clip");
  const int64_t F = rng.integer(2, 5), N = rng.integer(1, 9);
  const std::string image = spool.image_name(id + ".jpg");
  const nlohmann::json cell = {rng.integer(0, 255), rng.integer(0, 255)};
  spool.image(id + ".jpg", "picture of " + id);
  spool.record({{"id", id},
                {"item", item.id},
                {"status", "ok"},
                {"frames", {{"first", 0}, {"last", F}}},
                {"marks", {{{"id", 1}, {"kind", "pos"}, {"cell", cell}}}},
                {"traces", {{{"id", 1}, {"cells", nlohmann::json::array({cell, cell})}}}},
                {"text", item.text.value_or("")},
                {"image", image}});
  spool.sample({{"id", id},
                {"image", image},
                {"conversations", {{{"from", "human"}, {"value", "?"}}, {{"from", "gpt"}, {"value", id}}}}});
  std::vector<float> tracks;
  for (int64_t i = 0; i < F * N * 2; ++i) tracks.push_back(static_cast<float>(rng.uniform(0, 640)));
  const auto zeros = [](int64_t bytes) { return std::string(static_cast<size_t>(bytes), '\0'); };
  spool.tensors().add(id + "/tracks", DType::F32, {F, N, 2},
                      {reinterpret_cast<const char*>(tracks.data()), tracks.size() * sizeof(float)});
  spool.tensors().add(id + "/visible", DType::U8, {F, (N + 7) / 8}, zeros(F * ((N + 7) / 8)));
  spool.tensors().add(id + "/confidence", DType::U8, {F, N}, zeros(F * N));
  spool.tensors().add(id + "/kind", DType::U8, {N}, zeros(N));
  spool.tensors().add(id + "/speed", DType::F32, {N}, zeros(N * 4));
  spool.tensors().add(id + "/homography", DType::F32, {F, 3, 3}, zeros(F * 36));
  spool.tensors().add(id + "/hstatus", DType::U8, {F}, zeros(F));
}

// Items whose video is called "broken" fail after half their work; `fatal_item` ends the run.
inline ItemWork made_up_work(const std::string& fatal_item = "", int milliseconds = 0) {
  return [=](const WorkItem& item, ItemSpool& spool) -> std::map<std::string, double> {
    throw_if_interrupted();
    if (item.id == fatal_item) throw Error(ErrorCode::Resource, {.what = "out of memory, as asked"});
    for (int64_t clip = 0; clip < 1 + static_cast<int64_t>(hash64(item.id) % 3); ++clip) {
      made_up_clip(item, clip, spool);
      std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
    }
    if (item.video_name == "broken")
      throw Error(ErrorCode::Malformed, {.file = item.video.string(), .what = "not a video"});
    const Path shot = spool.videos() / (item.id + "-s000");
    std::filesystem::create_directory(shot);
    std::ofstream(shot / "orig_trace.mp4") << "trace of " << item.id;
    std::ofstream(shot / "som_tom.mp4") << "marks of " << item.id;
    return {{"decode", 0.5}};
  };
}

}  // namespace magma
