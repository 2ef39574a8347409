// DataConfig: how samples are made from what is stored. Keys of `data:` in a YAML file, or --set data.KEY=VALUE.
#pragma once

#include <cstdint>
#include <string>

#include "magma/core/config.h"

namespace magma {

struct DataConfig {
  int64_t image_size = 512;  // side of a crop, px
  int64_t max_crops = 4;
  int64_t max_length = 4096;
  bool images = true;
  bool image_start_end = false;
  bool trace_start_end = false;
  bool trace_speed = false;
  bool remove_static = true;
  bool som_tom = true;
  bool seeclick_marked = true;
  bool seeclick_original = false;
  std::string normalisation = "bounds_q99";
  int64_t future = 0;
  bool augment = false;
  int64_t shuffle_buffer = 256'000;
  std::string group_by = "none";
  double max_skip_fraction = 0.001;
  ConfigNumbers mixture{};
  ConfigTexts tags{};

  template <typename Visitor>
  void fields(Visitor& v) {
    v("image_size", image_size, "side of a crop of the image processor, px");
    v("max_crops", max_crops, "most crops of a picture; robots and video have one");
    v("max_length", max_length, "tokens of a sample, cut on the right");
    v("images", images, "false: pictures are not decoded, batches have no pixel_values");
    v("image_start_end", image_start_end, "put <image_start> and <image_end> around each picture");
    v("trace_start_end", trace_start_end, "put <trace_start> and <trace_end> around traces");
    v("trace_speed", trace_speed, "say the speed in questions about traces");
    v("remove_static", remove_static, "leave points of a trace that stand still out of the answer");
    v("som_tom", som_tom, "marks and traces beside the first question about a video or a robot");
    v("seeclick_marked", seeclick_marked, "screenshots with marks drawn");
    v("seeclick_original", seeclick_original, "the screenshot without marks before the one with them");
    v("normalisation", normalisation, "of robot actions: bounds_q99, bounds or normal");
    v("future", future, "future frames of a robot sample");
    v("augment", augment, "crop, brightness, contrast, saturation and hue of robot frames at random");
    v("shuffle_buffer", shuffle_buffer, "range of shuffling of robot frames, in frames");
    v("group_by", group_by, "samples of a batch: none, length or modality");
    v("max_skip_fraction", max_skip_fraction, "share of bad samples above which reading stops");
    v("mixture", mixture, "weight of each robot data set, instead of the experiment id's");
    v("tags", tags, "family of each entry of DATA_PATH, where its path does not say it");
  }
};

}  // namespace magma
