#include "magma/mark/clip_record.h"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "magma/core/error.h"
#include "magma/core/json.h"

namespace magma {
namespace {

ClipRecord record_with_traces() {
  ClipRecord record;
  record.id = "walk-s000-c001";
  record.item = "walk";
  record.clip = 1;
  record.video = {"videos/walk.mp4", "abc", 123};
  record.first = 96;
  record.last = 192;
  record.pts_first = 1000;
  record.pts_last = 2000;
  record.timebase = {1, 12800};
  record.fps = {30000, 1001};
  record.source = {1280, 720};
  record.track = {640, 360};
  record.tracker = "classical";
  record.tracker_version = "1";
  record.grid = 15;
  record.image = "images/walk-s000-c001.png";
  record.marks.marks = {{1, false, 7, {10.5F, 20}, {4, 14}, 0, 0.5, 3},
                        {2, true, 9, {100, 50}, {40, 36}, 1.25, 0.75, 0}};
  record.marks.traces = {{2, {{40, 36}, {42, 36}, {44, 37}}, 2}};
  return record;
}

TEST(ClipRecord, HoldsEveryDecision) {
  const Json json = to_json(record_with_traces());
  for (const char* key :
       {"id",          "item",         "shot",        "clip",  "video",  "frames", "source",   "track", "grid",
        "camera",      "split",        "clusters",    "marks", "traces", "text",   "language", "seed",  "variant",
        "config_hash", "marked_frame", "frames_used", "image", "status", "reason", "tensors"}) {
    EXPECT_TRUE(json.contains(key)) << key;
  }
  EXPECT_EQ(
      dump_json(json["frames"]),
      R"({"first":96,"fps_den":1001,"fps_num":30000,"last":192,"pts_first":1000,"pts_last":2000,"timebase":"1/12800"})");
  EXPECT_EQ(
      dump_json(json["marks"][1]),
      R"({"cell":[40,36],"cluster":0,"id":2,"kind":"pos","point":9,"position":[100.0,50.0],"quality":0.75,"speed":1.25})");
  EXPECT_EQ(dump_json(json["traces"]), R"([{"cells":[[40,36],[42,36],[44,37]],"id":2,"steps":2}])");
  EXPECT_TRUE(json["text"].is_null());
  EXPECT_EQ(json["tensors"]["prefix"], "walk-s000-c001");
}

TEST(ClipRecord, AMovingClipGivesATraceAndAPlaceSample) {
  ClipRecord record = record_with_traces();
  record.text = "the camera wearer opens a door";
  const std::vector<Json> samples = training_samples(record);
  ASSERT_EQ(samples.size(), 2U);
  EXPECT_EQ(samples[0]["id"], "walk-s000-c001-tom");
  EXPECT_EQ(samples[0]["image"], record.image);
  EXPECT_EQ(samples[0]["text_given"], true);
  EXPECT_EQ(samples[0]["conversations"][0]["from"], "human");
  EXPECT_EQ(samples[0]["conversations"][0]["value"],
            "<image>\n\nThe image is split into 256x256 grids, and labeled with numeric marks [1, 2].\n"
            "The person is doing: the person opens a door. To finish the task, how to move the numerical marks in the "
            "image for the next 2 steps?\n");
  EXPECT_EQ(
      samples[0]["conversations"][1]["value"],
      "Mark 2 at [40,36] should be moved, and their future positions are:\n\n\"Mark 2\": \"[[42,36],[44,37]]\"\n\n");
  EXPECT_EQ(samples[1]["conversations"][1]["value"], "Mark 1 at [4,14]. Mark 2 at [40,36]\n");
}

TEST(ClipRecord, WithoutATextTheDefaultStandsInAndTheSampleSaysSo) {
  const Json sample = training_samples(record_with_traces())[0];
  EXPECT_EQ(sample["text_given"], false);
  EXPECT_THAT(sample["conversations"][0]["value"].get<std::string>(), testing::HasSubstr("doing: something. To"));
}

TEST(ClipRecord, ACaptionAddsNoImage) {
  ClipRecord record = record_with_traces();
  record.text = "shows <image> and <<image>image>";
  const std::string question = training_samples(record)[0]["conversations"][0]["value"];
  EXPECT_EQ(question.find("<image>", 1), std::string::npos);
}

TEST(ClipRecord, AnUnknownFamilyIsAUsageError) {
  ClipRecord record = record_with_traces();
  record.config.family = "cat";
  EXPECT_THROW(training_samples(record), Error);
}

}  // namespace
}  // namespace magma
