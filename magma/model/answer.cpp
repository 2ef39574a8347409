#include "magma/model/answer.h"

#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

#include "magma/core/check.h"
#include "magma/core/error.h"
#include "magma/core/text_distance.h"
#include "magma/model/trace_reader.h"
#include "magma/text/prompts.h"

namespace magma {
namespace {

constexpr std::array<std::string_view, 5> kNames = {"text", "mark", "point", "trace", "action"};

// Ids without the stop ids at their end.
std::vector<int64_t> spoken(const Reply& reply, const AnswerContext& context) {
  std::vector<int64_t> ids = reply.ids;
  const auto stops = [&](int64_t id) {
    return std::find(context.stop_ids.begin(), context.stop_ids.end(), id) != context.stop_ids.end();
  };
  while (!ids.empty() && stops(ids.back())) ids.pop_back();
  return ids;
}

void read_text(const Reply& reply, const AnswerContext& context, Answer& answer) {
  const bool acts = context.bins && std::any_of(reply.ids.begin(), reply.ids.end(),
                                                [&](int64_t id) { return context.bins->contains(id); });
  if (acts) answer.why_not = "the answer holds action tokens";
  if (!acts && answer.text.find_first_not_of(" \n\r\t") == std::string::npos) answer.why_not = "the answer is empty";
}

bool on_grid(const std::map<int, Cell>& marks) {
  return std::all_of(marks.begin(), marks.end(), [](const auto& mark) {
    const auto [x, y] = mark.second;
    return mark.first >= 0 && x >= 0 && y >= 0 && x < kGridSide && y < kGridSide;
  });
}

FramedPoint grid_point(Cell cell) { return {Frame::Grid, static_cast<double>(cell[0]), static_cast<double>(cell[1])}; }

void read_marks(const AnswerContext& context, Answer& answer) {
  if (const auto located = parse_som_answer(answer.text)) {
    if (!on_grid(*located)) {
      answer.why_not = "a mark lies beyond the grid";
      return;
    }
    for (const auto& [mark, cell] : *located) answer.marks.push_back({mark, grid_point(cell)});
    return;
  }
  const Grounding grounding = read_grounding(answer.text, context.scale);
  if (grounding.mark) {
    answer.marks.push_back({*grounding.mark, grounding.point});
  } else {
    answer.why_not = grounding.why_not.empty() ? "a point, but no mark" : grounding.why_not;
  }
}

void read_point(const AnswerContext& context, Answer& answer) {
  if (const auto located = parse_som_answer(answer.text)) {
    if (located->size() == 1 && on_grid(*located)) {
      answer.point = grid_point(located->begin()->second);
    } else {
      answer.why_not = located->size() == 1 ? "a mark lies beyond the grid" : "several marks";
    }
    return;
  }
  const Grounding grounding = read_grounding(answer.text, context.scale);
  answer.point = grounding.point;
  answer.box = grounding.box;
  if (!answer.point) answer.why_not = grounding.why_not.empty() ? "a mark, but no point" : grounding.why_not;
}

void read_trace(Answer& answer) {
  if (auto traces = read_traces(answer.text)) {
    answer.traces = std::move(*traces);
  } else {
    answer.why_not = "the answer lists no future positions of marks";
  }
}

void read_action(const Reply& reply, const AnswerContext& context, Answer& answer) {
  if (!context.bins) {
    answer.why_not = "the model knows no actions";
    return;
  }
  AnsweredAction action{.ids = spoken(reply, context)};
  const bool acts =
      std::all_of(action.ids.begin(), action.ids.end(), [&](int64_t id) { return context.bins->contains(id); });
  if (action.ids.size() != kActionNumbers || !acts) {
    answer.why_not = "the answer is not seven action tokens";
    return;
  }
  for (size_t i = 0; i < kActionNumbers; ++i) action.normalised[i] = context.bins->decode(action.ids[i]);
  if (context.statistics) action.values = context.statistics->restored(action.normalised);
  answer.action = std::move(action);
}

Json point_json(FramedPoint point, const FrameSizes& sizes) {
  Json value = {{"frame", std::string(frame_name(point.frame))}, {"x", point.x}, {"y", point.y}};
  if (point.frame != Frame::Original && sizes.knows(Frame::Original)) {
    const FramedPoint original = in_frame(point, Frame::Original, sizes);
    value["original_px"] = {original.x, original.y};
  }
  return value;
}

Json trace_json(const AnsweredTrace& trace, const FrameSizes& sizes) {
  Json value = {{"mark", trace.mark}, {"future", Json::array()}};
  if (trace.start) value["start"] = point_json(*trace.start, sizes);
  for (const FramedPoint& point : trace.future) value["future"].push_back(point_json(point, sizes));
  return value;
}

Json action_json(const AnsweredAction& action, const AnswerContext& context) {
  Json value = {{"token_ids", action.ids}, {"normalized_actions", action.normalised}};
  if (action.values) {
    value["actions"] = *action.values;
    value["axes"] = kActionAxes;
    value["unnorm_key"] = context.statistics_key;
  }
  return value;
}

}  // namespace

AnswerKind answer_kind(std::string_view name) {
  const auto* found = std::find(kNames.begin(), kNames.end(), name);
  if (found != kNames.end()) return static_cast<AnswerKind>(found - kNames.begin());
  throw Error(ErrorCode::Usage, {.where = "kind of answer",
                                 .what = "no such kind",
                                 .expected = "text, mark, point, trace or action",
                                 .got = std::string(name),
                                 .hint = nearest_word(name, {kNames.begin(), kNames.end()})});
}

std::string_view answer_kind_name(AnswerKind kind) { return kNames.at(static_cast<size_t>(kind)); }

Answer parse_answer(AnswerKind kind, const Reply& reply, const AnswerContext& context) {
  Answer answer{.kind = kind, .text = reply.text};
  if (kind == AnswerKind::Action) {
    read_action(reply, context, answer);
    return answer;
  }
  read_text(reply, context, answer);
  if (!answer.found()) return answer;
  if (kind == AnswerKind::Mark) read_marks(context, answer);
  if (kind == AnswerKind::Point) read_point(context, answer);
  if (kind == AnswerKind::Trace) read_trace(answer);
  return answer;
}

Json answer_json(const Answer& answer, const AnswerContext& context) {
  Json value = {{"kind", std::string(answer_kind_name(answer.kind))}, {"found", answer.found()}};
  if (answer.kind != AnswerKind::Action) value["text"] = answer.text;
  if (!answer.found()) {
    value["why"] = answer.why_not;
    return value;
  }
  for (const AnsweredMark& mark : answer.marks) {
    Json one = {{"mark", mark.mark}};
    if (mark.at) one["at"] = point_json(*mark.at, context.frames);
    value["marks"].push_back(std::move(one));
  }
  if (answer.point) value["point"] = point_json(*answer.point, context.frames);
  if (answer.box) {
    value["box"] = {point_json((*answer.box)[0], context.frames), point_json((*answer.box)[1], context.frames)};
  }
  for (const AnsweredTrace& trace : answer.traces) value["traces"].push_back(trace_json(trace, context.frames));
  if (answer.action) value.update(action_json(*answer.action, context));
  return value;
}

}  // namespace magma
