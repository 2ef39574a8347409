// Synthetic clips with exact ground truth, seeded (som_tom.md 3.5, made richer). For benchmarks and tests.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "magma/image/image.h"
#include "magma/track/tracks.h"

namespace magma {

// Hand wanders, Fast twice as much; Pan, Zoom and Roll go one steady way; Shake trembles from frame to frame.
enum class CameraMode { Static, Hand, Fast, Pan, Zoom, Roll, Shake };
// What hides things: nothing, a board that crosses the picture, or one fixed to the picture (a logo, the camera's
// mount).
enum class Occluder { None, Crossing, Fixed };

struct SyntheticOptions {
  uint64_t seed = 1;
  Size size{640, 384};
  int frames = 60;
  int fps = 30;  // motions are those of 30 frames a second, seen at this rate
  CameraMode camera = CameraMode::Hand;
  int objects = 3;
  double object_scale = 1.0;  // of half sizes 70..150 px at 640 px width
  double object_pace = 1.0;   // of speeds 1.5..4 px a frame at 640 px width
  Occluder occluder = Occluder::Crossing;
  double gain_walk = 0.006;     // per frame; exposure changes
  double gain_jump = 0;         // one sudden exposure step of this relative size midway
  double colour_drift = 0.001;  // per frame and channel; white balance wanders
  double noise_sigma = 2;       // levels
  double blur_px = 0;           // motion blur: share of the frame time as length of the smear, 0 none .. 1
  double contrast = 1;          // of the picture around middle grey; low: little texture to follow
};

struct SyntheticClip {
  PointTracks truth;                  // of the queries, visible = owner on top and inside
  std::vector<Homography> camera;     // [F] world -> image
  std::vector<Homography> stabilise;  // [F] frame t -> frame 0: H_0 H_t^-1
  std::vector<uint8_t> moving;        // [N] owner is an object, or the occluder that crosses
  std::vector<uint8_t> scored;        // [N] 0 when the owner is the occluder
};

// Frames one by one, in any order; the truth of any points on frame 0.
class SyntheticScene {
 public:
  explicit SyntheticScene(const SyntheticOptions& options);
  ~SyntheticScene();
  SyntheticScene(const SyntheticScene&) = delete;
  SyntheticScene& operator=(const SyntheticScene&) = delete;
  // RGB. A smear of motion blur is centred on the frame's time, so the truth holds for it too.
  Image render(int frame) const;
  // Queries in px on frame `first`; frame 0 of the clip is `first` of the scene.
  SyntheticClip truth(const std::vector<Point>& queries, int first = 0) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The suite that the numbers in docs/ are about: name and options of each clip.
struct SuiteClip {
  std::string name;
  SyntheticOptions options;
};
std::vector<SuiteClip> synthetic_suite();
// What the suite leaves out: other ways of the camera, sizes, rates and lengths, large, small, slow and quick objects,
// noise, little texture, things fixed to the picture. Nothing is tuned on it.
std::vector<SuiteClip> synthetic_kinds();

}  // namespace magma
