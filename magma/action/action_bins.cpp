#include "magma/action/action_bins.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "magma/core/check.h"
#include "magma/core/error.h"

namespace magma {
namespace {

// Edges of the bins as the reference spaces them: the step is rounded once, the last edge is exactly 1.
double edge(int64_t i) {
  constexpr double kStep = 2.0 / 255;
  return i == 255 ? 1.0 : static_cast<double>(i) * kStep - 1.0;
}

}  // namespace

ActionBins::ActionBins(int64_t base_vocabulary) : base_vocabulary_(base_vocabulary) {
  if (base_vocabulary > kBins) return;
  throw Error(ErrorCode::Refused, {.where = "vocabulary",
                                   .what = "too small for action tokens",
                                   .expected = "more than 256 entries",
                                   .got = std::to_string(base_vocabulary)});
}

int64_t ActionBins::bin(double value) {
  if (std::isnan(value)) throw Error(ErrorCode::Numerical, {.where = "action", .what = "not a number"});
  const double x = std::clamp(value, -1.0, 1.0);
  auto bin = static_cast<int64_t>((x + 1) * 127.5);  // near the edge below; the edges themselves decide
  while (bin < 255 && edge(bin + 1) <= x) ++bin;
  while (bin > 0 && edge(bin) > x) --bin;
  return bin + 1;
}

double ActionBins::decode(int64_t id) const {
  MAGMA_CHECK(contains(id), "{} is no action id of {} to {}", id, first_id(), last_id());
  const int64_t bin = std::min<int64_t>(last_id() - id, 254);
  return (edge(bin) + edge(bin + 1)) / 2;
}

}  // namespace magma
