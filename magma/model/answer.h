// Typed answers: what the model said, as text, marks, a point, traces or an action, in frames that are named; or why
// there is no such answer. Source: model.md 6.6, agents_and_serving.md 3.7, 8.4.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "magma/action/action_bins.h"
#include "magma/action/action_statistics.h"
#include "magma/action/framed_point.h"
#include "magma/action/grounding.h"
#include "magma/core/json.h"
#include "magma/nn/sampling.h"

namespace magma {

enum class AnswerKind { Text, Mark, Point, Trace, Action };

AnswerKind answer_kind(std::string_view name);  // Error(Usage) lists the names
std::string_view answer_kind_name(AnswerKind kind);

// Action: seven action ids and nothing else. Every other kind: none of them. Marks, points and traces are not forced
// further: the wording a checkpoint was taught is not certain, and a grammar would invent an answer where there is
// none. Without `bins` (a model that knows no actions) nullptr, and Error(Refused) for actions.
std::unique_ptr<TokenConstraint> answer_constraint(AnswerKind kind, const std::optional<ActionBins>& bins);

struct AnswerContext {
  FrameSizes frames{};  // of the picture that was asked about
  NumberScale scale = NumberScale::Unknown;
  std::optional<ActionBins> bins{};
  std::vector<int64_t> stop_ids{};
  std::optional<ActionStatistics> statistics{};  // without: normalised numbers only
  std::string statistics_key{};
};

struct AnsweredMark {
  int64_t mark = 0;
  std::optional<FramedPoint> at{};
};

struct AnsweredTrace {
  int64_t mark = 0;
  std::optional<FramedPoint> start{};  // where the mark is, if the answer says so
  std::vector<FramedPoint> future{};   // at least one
};

struct AnsweredAction {
  std::vector<int64_t> ids;
  ActionNumbers normalised{};
  std::optional<ActionNumbers> values{};
};

struct Answer {
  AnswerKind kind = AnswerKind::Text;
  std::string text{};
  std::string why_not{};  // not empty: there is no such answer, and all below is empty
  std::vector<AnsweredMark> marks{};
  std::optional<FramedPoint> point{};
  std::optional<std::array<FramedPoint, 2>> box{};
  std::vector<AnsweredTrace> traces{};
  std::optional<AnsweredAction> action{};

  bool found() const { return why_not.empty(); }
};

struct Reply {
  std::string text;
  std::vector<int64_t> ids;  // new ones, a stop id included
};

Answer parse_answer(AnswerKind kind, const Reply& reply, const AnswerContext& context);

// docs/answers.md. Points also in px of the original where its size is known.
Json answer_json(const Answer& answer, const AnswerContext& context);

}  // namespace magma
