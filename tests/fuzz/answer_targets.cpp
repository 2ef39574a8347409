#include <cmath>

#include <nlohmann/json.hpp>

#include "magma/core/log.h"
#include "magma/image/image_processor.h"
#include "magma/model/answer.h"
#include "tests/fuzz/fuzz_target.h"

namespace magma {
namespace {

void demand_place(const FramedPoint& point) {
  demand(std::isfinite(point.x) && std::isfinite(point.y), "coordinates are numbers");
  const bool ratio = point.x >= 0 && point.y >= 0 && point.x <= 1 && point.y <= 1;
  demand(point.frame != Frame::Relative || ratio, "ratios are within the picture");
  const bool cell = point.x == std::trunc(point.x) && point.y == std::trunc(point.y);
  demand(point.frame != Frame::Grid || cell, "cells are whole");
}

void demand_answer(const Answer& answer) {
  const bool empty = answer.marks.empty() && !answer.point && !answer.box && answer.traces.empty() && !answer.action;
  if (!answer.found()) {
    demand(empty, "what is not found has no parts");
    return;
  }
  demand(answer.kind == AnswerKind::Text || !empty, "what is found has parts");
  if (answer.point) demand_place(*answer.point);
  for (const AnsweredMark& mark : answer.marks) {
    demand(mark.mark >= 0, "marks are numbered from 0");
    if (mark.at) demand_place(*mark.at);
  }
  for (const AnsweredTrace& trace : answer.traces) {
    demand(!trace.future.empty(), "a trace has a future");
    for (const FramedPoint& point : trace.future) demand_place(point);
  }
}

}  // namespace

void fuzz_answer(std::string_view bytes) {
  AnswerContext context{.frames = {.original = {1280, 720}, .model_input = {1024, 512}}, .bins = ActionBins(300)};
  Reply reply{.text = std::string(bytes), .ids = {}};
  for (const char byte : bytes.substr(0, 9)) reply.ids.push_back(44 + static_cast<uint8_t>(byte));
  for (const auto kind :
       {AnswerKind::Text, AnswerKind::Mark, AnswerKind::Point, AnswerKind::Trace, AnswerKind::Action}) {
    for (const auto scale : {NumberScale::Unknown, NumberScale::PerMille, NumberScale::Pixels}) {
      context.scale = scale;
      const Reply said = kind == AnswerKind::Action ? reply : Reply{.text = reply.text, .ids = {}};
      const Answer answer = parse_answer(kind, said, context);
      demand_answer(answer);
      const Json value = answer_json(answer, context);
      demand(value.at("found") == answer.found() && !dump_json(value).empty(), "every answer is JSON");
    }
  }
}

void fuzz_image_processor_config(std::string_view bytes) {
  set_log_level(LogLevel::Error);  // no line for every key without meaning
  const auto config = unless_refused([&] {
    return parse_image_processor_config(parse_json(bytes, "preprocessor_config.json"), "preprocessor_config.json");
  });
  if (!config || config->base_img_size > 128) return;
  const ImageCrops crops = ImageProcessor(*config).process(Image({3, 5}, Rgb{0, 128, 255}));
  demand(crops.grid.rows * crops.grid.cols <= config->num_crops, "no more crops than allowed");
  for (const float value : crops.values) demand(std::isfinite(value), "pixels are numbers");
}

void fuzz_action_statistics(std::string_view bytes) {
  const auto table = unless_refused([&] {
    return ActionStatisticsTable::parse(parse_json(bytes, "dataset_statistics.json"), "dataset_statistics.json");
  });
  if (!table) return;
  for (const std::string& key : table->keys()) {
    const ActionStatistics& set = table->at(key);
    for (const double value : set.normalised(set.restored({-1, 1, 0, 0.5, -0.5, 0.1, 1}))) {
      demand(!std::isnan(value), "actions are numbers");
    }
  }
}

}  // namespace magma
