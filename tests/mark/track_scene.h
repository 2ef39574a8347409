// Tracks made by formula for tests: a grid of points, a camera, and some points that move of themselves.
#pragma once

#include <cmath>
#include <functional>
#include <map>
#include <vector>

#include "magma/mark/homography_fit.h"
#include "magma/track/tracks.h"

namespace magma {

struct TrackScene {
  Size frame{640, 384};
  int64_t frames = 40;
  int side = 12;
  std::map<int64_t, Point> velocity;                                              // of points that move, px per frame
  std::function<Homography(int64_t)> camera = [](int64_t) { return kIdentity; };  // frame 0 -> frame t

  PointTracks tracks() const {
    PointTracks result;
    result.F = frames;
    result.N = int64_t{side} * side;
    result.frame = frame;
    for (int64_t t = 0; t < frames; ++t) {
      for (int64_t n = 0; n < result.N; ++n) {
        Point p = place(n);
        if (const auto mover = velocity.find(n); mover != velocity.end()) p = p + mover->second * static_cast<float>(t);
        const Homography h = camera(t);
        result.xy.push_back(magma::apply(h, p));
        result.visible.push_back(1);
        result.confidence.push_back(1);
      }
    }
    return result;
  }

  Point place(int64_t n) const {
    const auto cell = [&](int64_t i, int length) {
      return 30.0F + static_cast<float>(i) * static_cast<float>(length - 60) / static_cast<float>(side - 1);
    };
    return {cell(n % side, frame.w), cell(n / side, frame.h)};
  }
};

inline Homography pan(float dx, float dy) { return {1, 0, dx, 0, 1, dy, 0, 0, 1}; }

// A hand-held camera: shift, turn, zoom and a little perspective.
inline Homography hand_held(int64_t t) {
  const double s = static_cast<double>(t);
  const double angle = 0.002 * s;
  const double zoom = 1 + 0.001 * s;
  return {zoom * std::cos(angle),
          -zoom * std::sin(angle),
          1.5 * s,
          zoom * std::sin(angle),
          zoom * std::cos(angle),
          -0.8 * s,
          1e-6 * s,
          -2e-6 * s,
          1};
}

inline void hide(PointTracks& tracks, int64_t t, int64_t n, Point guess) {
  tracks.at(t, n) = guess;
  tracks.visible[static_cast<size_t>(t * tracks.N + n)] = 0;
  tracks.confidence[static_cast<size_t>(t * tracks.N + n)] = 0;
}

}  // namespace magma
