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

std::vector<SuiteClip> synthetic_kinds() {
  const CameraMode still = CameraMode::Static, hand = CameraMode::Hand, fast = CameraMode::Fast;
  const CameraMode pan = CameraMode::Pan, zoom = CameraMode::Zoom, roll = CameraMode::Roll, shake = CameraMode::Shake;
  const Occluder none = Occluder::None, fixed = Occluder::Fixed;
  return {
      {"pan_camera_only", {.seed = 401, .camera = pan, .objects = 0}},
      {"zoom_camera_only", {.seed = 402, .camera = zoom, .objects = 0}},
      {"roll_camera_only", {.seed = 403, .camera = roll, .objects = 0}},
      {"shake_camera_only", {.seed = 404, .camera = shake, .objects = 0}},
      {"still_nothing", {.seed = 405, .camera = still, .objects = 0, .occluder = none, .noise_sigma = 8}},
      {"hand_logo", {.seed = 406, .camera = hand, .objects = 0, .occluder = fixed}},
      {"pan_logo", {.seed = 407, .camera = pan, .objects = 0, .occluder = fixed}},
      {"hand_faint_camera_only", {.seed = 408, .camera = hand, .objects = 0, .contrast = 0.3}},
      {"fast_blur_camera_only", {.seed = 409, .camera = fast, .objects = 0, .blur_px = 0.8}},
      {"hand_dark_camera_only", {.seed = 410, .camera = hand, .objects = 0, .gain_jump = -0.4}},
      {"hand_long_camera_only", {.seed = 411, .frames = 130, .camera = hand, .objects = 0}},
      {"fast_240_camera_only", {.seed = 412, .size = {320, 240}, .camera = fast, .objects = 0}},
      {"fast_10fps_camera_only", {.seed = 413, .frames = 32, .fps = 10, .camera = fast, .objects = 0}},
      {"pan", {.seed = 421, .camera = pan}},
      {"zoom", {.seed = 422, .camera = zoom}},
      {"roll", {.seed = 423, .camera = roll}},
      {"shake", {.seed = 424, .camera = shake}},
      {"hand_720", {.seed = 425, .size = {1280, 720}, .camera = hand}},
      {"static_240", {.seed = 426, .size = {320, 240}, .camera = still}},
      {"hand_portrait", {.seed = 427, .size = {384, 640}, .camera = hand}},
      {"hand_16_frames", {.seed = 428, .frames = 16, .camera = hand}},
      {"static_10fps", {.seed = 429, .frames = 20, .fps = 10, .camera = still}},
      {"hand_60fps", {.seed = 430, .frames = 96, .fps = 60, .camera = hand}},
      {"hand_long", {.seed = 431, .frames = 150, .camera = hand}},
      {"static_half_covered", {.seed = 432, .camera = still, .objects = 1, .object_scale = 2}},
      {"hand_half_covered", {.seed = 433, .camera = hand, .objects = 1, .object_scale = 2}},
      {"hand_slow", {.seed = 434, .camera = hand, .object_pace = 0.6}},
      {"hand_quick", {.seed = 435, .camera = hand, .object_pace = 2.5}},
      {"hand_faint", {.seed = 436, .camera = hand, .contrast = 0.3}},
      {"static_noise", {.seed = 437, .camera = still, .noise_sigma = 8}},
      {"hand_one_object", {.seed = 438, .camera = hand, .objects = 1}},
  };
}

}  // namespace magma
