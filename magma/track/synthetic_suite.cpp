#include "magma/track/synthetic.h"

namespace magma {

std::vector<SuiteClip> synthetic_suite() {
  const CameraMode still = CameraMode::Static, hand = CameraMode::Hand, fast = CameraMode::Fast;
  return {
      {"static_plain", {.seed = 101, .camera = still}},
      {"static_exposure_walk", {.seed = 102, .camera = still, .gain_walk = 0.02, .colour_drift = 0.006}},
      {"static_exposure_jump", {.seed = 103, .camera = still, .gain_jump = 0.25}},
      {"static_small_objects", {.seed = 104, .camera = still, .objects = 8, .object_scale = 0.35}},
      {"static_large_objects", {.seed = 105, .camera = still, .object_scale = 1.4}},
      {"static_camera_only", {.seed = 106, .camera = still, .objects = 0}},
      {"hand_plain", {.seed = 201, .camera = hand}},
      {"hand_exposure_walk", {.seed = 202, .camera = hand, .gain_walk = 0.02, .colour_drift = 0.006}},
      {"hand_exposure_jump", {.seed = 203, .camera = hand, .gain_jump = -0.25}},
      {"hand_blur", {.seed = 204, .camera = hand, .blur_px = 0.6}},
      {"hand_small_objects", {.seed = 205, .camera = hand, .objects = 8, .object_scale = 0.35}},
      {"hand_large_objects", {.seed = 206, .camera = hand, .object_scale = 1.4}},
      {"hand_camera_only", {.seed = 207, .camera = hand, .objects = 0}},
      {"fast_plain", {.seed = 301, .camera = fast}},
      {"fast_blur", {.seed = 302, .camera = fast, .blur_px = 0.6}},
      {"fast_exposure_jump", {.seed = 303, .camera = fast, .gain_jump = 0.25}},
      {"fast_small_objects", {.seed = 304, .camera = fast, .objects = 8, .object_scale = 0.35}},
      {"fast_camera_only", {.seed = 305, .camera = fast, .objects = 0, .gain_walk = 0.015}},
  };
}

}  // namespace magma
