#include "magma/core/error.h"
#include "magma/model/answer.h"

namespace magma {
namespace {

class SevenActions final : public TokenConstraint {
 public:
  explicit SevenActions(ActionBins bins) : bins_(bins) {}
  bool allows(int64_t id) const override { return !complete() && bins_.contains(id); }
  void accept(int64_t /*id*/) override { ++count_; }
  bool complete() const override { return count_ >= kActionNumbers; }

 private:
  ActionBins bins_;
  size_t count_ = 0;
};

class NoActions final : public TokenConstraint {
 public:
  explicit NoActions(ActionBins bins) : bins_(bins) {}
  bool allows(int64_t id) const override { return !bins_.contains(id); }
  void accept(int64_t /*id*/) override {}
  bool complete() const override { return false; }

 private:
  ActionBins bins_;
};

}  // namespace

std::unique_ptr<TokenConstraint> answer_constraint(AnswerKind kind, const std::optional<ActionBins>& bins) {
  if (kind == AnswerKind::Action) {
    if (bins) return std::make_unique<SevenActions>(*bins);
    throw Error(ErrorCode::Refused, {.where = "action", .what = "the model knows no actions"});
  }
  if (!bins) return nullptr;
  return std::make_unique<NoActions>(*bins);
}

}  // namespace magma
