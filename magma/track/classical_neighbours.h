// Which points move together, and where a lost point's companions would carry it. Source: som_tom.md 3.1, step 6.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "magma/core/geometry.h"

namespace magma {

class Neighbours {
 public:
  // The candidates of a point are the kCandidates points nearest to it among `starts` [N]; so memory is linear in N.
  explicit Neighbours(std::span<const Point> starts);

  // What one frame showed. `known` [N]: the step of this point was measured in this frame.
  struct Motion {
    std::span<const Point> position;  // [N] before the step
    std::span<const Point> step;      // [N] px
    std::span<const uint8_t> known;
  };
  // How far each point departs from the motion that most points share; before learn() of the same frame.
  void learn_common(const Motion& motion);
  // Updates the dissimilarities of points [begin, end).
  void learn(const Motion& motion, int64_t begin, int64_t end);
  // Component-wise median step of the best companions of `point`; nullopt when none is known.
  std::optional<Point> step(const Motion& motion, int64_t point) const;

 private:
  size_t candidates_ = 0;             // per point
  std::vector<int32_t> candidate_;    // [N, candidates], nearest first
  std::vector<float> distance_;       // [N, candidates] px, when both were last seen; a drifting point gains no friends
  std::vector<float> ignorance_;      // [N, candidates] 1 for a pair never seen together, fades as it is
  std::vector<float> foreign_;        // [N] like dissimilarity, to the common motion: what to expect of a stranger
  std::vector<float> dissimilarity_;  // [N, candidates]; grows where steps differ, fades with time
};

}  // namespace magma
