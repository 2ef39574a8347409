#include "magma/track/synthetic.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/core.h>
#include <opencv2/core.hpp>

#include "magma/core/check.h"
#include "magma/track/synthetic_motion.h"
#include "magma/track/synthetic_texture.h"

namespace magma {
namespace {

constexpr int kSmearSamples = 7;        // pictures averaged for motion blur
constexpr double kNominalWidth = 640;   // px, of the picture that object and world sizes are given for
constexpr double kNominalWorld = 1536;  // px, side of the background texture for that width
constexpr size_t kNormals = 4096;
constexpr float kMiddleGrey = 128;

using Matrix = cv::Matx33d;
using Canvas = std::vector<float>;  // [H, W, 3]

struct Place {
  double x = 0, y = 0;
};

Place map(const Matrix& m, double x, double y) {
  const double w = m(2, 0) * x + m(2, 1) * y + m(2, 2);
  return {(m(0, 0) * x + m(0, 1) * y + m(0, 2)) / w, (m(1, 0) * x + m(1, 1) * y + m(1, 2)) / w};
}

Matrix normalised(const Matrix& m) { return m * (1 / m(2, 2)); }

// One textured thing; later layers lie on top of earlier ones.
struct Layer {
  Texture texture;
  std::vector<Matrix> to_image;  // [F] texture px -> image px
  bool moving = false;
  bool scored = true;

  // During motion blur the layer goes straight through its pose on the frame, so the smear is centred on it.
  Matrix at(int frame, double offset_frames) const {
    const int last = static_cast<int>(to_image.size()) - 1;
    const int before = std::max(frame - 1, 0), after = std::min(frame + 1, last);
    const Matrix& here = to_image[static_cast<size_t>(frame)];
    if (offset_frames == 0 || before == after) return here;
    const Matrix way = to_image[static_cast<size_t>(after)] - to_image[static_cast<size_t>(before)];
    return here + way * (offset_frames / (after - before));
  }

  bool contains(const Matrix& from_image, Point image_point) const {
    const Place place = map(from_image, image_point.x, image_point.y);
    return texture.shape.contains(place.x - (texture.size.w - 1) / 2.0, place.y - (texture.size.h - 1) / 2.0);
  }
};

Matrix pose_matrix(const Pose& pose, Size texture) {
  const double c = pose.scale * std::cos(pose.angle_rad), s = pose.scale * std::sin(pose.angle_rad);
  const double mx = (texture.w - 1) / 2.0, my = (texture.h - 1) / 2.0;
  return {c, -s, pose.x - c * mx + s * my, s, c, pose.y - s * mx - c * my, 0, 0, 1};
}

struct Box {
  int x0 = 0, y0 = 0, x1 = 0, y1 = 0;  // half-open, px of the image
};

Box bounding_box(const Matrix& to_image, Size texture, Size image) {
  double low_x = 1e9, low_y = 1e9, high_x = -1e9, high_y = -1e9;
  for (const int corner : {0, 1, 2, 3}) {
    const Place p = map(to_image, corner % 2 == 0 ? 0 : texture.w - 1, corner < 2 ? 0 : texture.h - 1);
    low_x = std::min(low_x, p.x), high_x = std::max(high_x, p.x);
    low_y = std::min(low_y, p.y), high_y = std::max(high_y, p.y);
  }
  const auto clip = [](double value, int limit) { return static_cast<int>(std::clamp(value, 0.0, limit * 1.0)); };
  return {clip(low_x, image.w), clip(low_y, image.h), clip(high_x + 2, image.w), clip(high_y + 2, image.h)};
}

// Mirrors at the borders, for cameras that look past the world's end.
double mirror(double value, int extent) {
  const double last = extent - 1;
  const double inner = value < 0 ? -value : value > last ? 2 * last - value : value;
  return std::clamp(inner, 0.0, last - 1e-6);
}

std::array<float, 4> sample(const Texture& texture, double u, double v) {
  const int x = static_cast<int>(u), y = static_cast<int>(v);
  const float fx = static_cast<float>(u - x), fy = static_cast<float>(v - y);
  const size_t stride = static_cast<size_t>(texture.size.w) * 4;
  const uint8_t* top = texture.rgba.data() + static_cast<size_t>(y) * stride + static_cast<size_t>(x) * 4;
  const uint8_t* bottom = top + stride;
  std::array<float, 4> value;
  for (size_t c = 0; c < 4; ++c) {
    const float a = static_cast<float>(top[c]) + fx * static_cast<float>(top[c + 4] - top[c]);
    const float b = static_cast<float>(bottom[c]) + fx * static_cast<float>(bottom[c + 4] - bottom[c]);
    value[c] = a + fy * (b - a);
  }
  return value;
}

void draw_layer(const Texture& texture, const Matrix& to_image, Size size, Canvas& canvas) {
  const bool everywhere = texture.shape.kind == Shape::Kind::Everything;
  const Box box = everywhere ? Box{0, 0, size.w, size.h} : bounding_box(to_image, texture.size, size);
  const Matrix from_image = to_image.inv();
  const double* m = from_image.val;
  const double right = texture.size.w - 1, bottom = texture.size.h - 1;
  for (int y = box.y0; y < box.y1; ++y) {
    const double row_u = m[1] * y + m[2], row_v = m[4] * y + m[5], row_w = m[7] * y + m[8];
    float* out =
        canvas.data() + (static_cast<size_t>(y) * static_cast<size_t>(size.w) + static_cast<size_t>(box.x0)) * 3;
    for (int x = box.x0; x < box.x1; ++x, out += 3) {
      const double scale = 1 / (m[6] * x + row_w);
      double u = (m[0] * x + row_u) * scale, v = (m[3] * x + row_v) * scale;
      if (everywhere) u = mirror(u, texture.size.w), v = mirror(v, texture.size.h);
      if (u < 0 || v < 0 || u >= right || v >= bottom) continue;
      const std::array<float, 4> colour = sample(texture, u, v);
      const float alpha = colour[3] * (1 / 255.0F);
      for (size_t c = 0; c < 3; ++c) out[c] += alpha * (colour[c] - out[c]);
    }
  }
}

// Normal numbers to draw from: much cheaper than making each, and 36 bits of one random word serve a whole pixel.
std::vector<float> normal_table() {
  Rng rng(0, "synthetic", "normal table");
  std::vector<float> table(kNormals);
  for (float& value : table) value = static_cast<float>(rng.normal());
  return table;
}

}  // namespace

struct SyntheticScene::State {
  SyntheticOptions options;
  double unit;                              // px of this picture for one of the nominal width
  int world_side;                           // px
  std::vector<Homography> camera;           // [F] world -> image
  std::vector<Layer> layers;                // bottom to top: background, objects, occluder
  std::vector<std::array<double, 3>> gain;  // [F] of red, green, blue
  std::vector<float> normals = normal_table();

  explicit State(const SyntheticOptions& given)
      : options(given),
        unit(options.size.w / kNominalWidth),
        world_side(static_cast<int>(kNominalWorld * std::max(unit, options.size.h / kNominalWidth))) {
    Rng rng(options.seed, "synthetic", "camera");
    camera = camera_path(rng, options, world_side);
    add_background();
    for (int i = 0; i < options.objects; ++i) add_object(i);
    if (options.occluder != Occluder::None) add_occluder();
    make_gain();
  }

  void add_background() {
    Rng rng(options.seed, "synthetic", "background");
    Layer layer{make_background(rng, world_side), {}};
    for (const Homography& h : camera) layer.to_image.emplace_back(h.data());
    layers.push_back(std::move(layer));
  }

  void add_object(int index) {
    Rng rng(options.seed, "synthetic", fmt::format("object {}", index));
    const double scale = unit * options.object_scale;
    const Shape shape = {rng.uniform() < 0.5 ? Shape::Kind::Ellipse : Shape::Kind::Rectangle,
                         scale * rng.uniform(70, 150), scale * rng.uniform(70, 150)};
    Layer layer{make_patch(rng, shape), {}, true};
    // Columns of the picture in turn, so that objects do not all hide each other.
    const double column = (index + rng.uniform(0.2, 0.8)) / options.objects - 0.5;
    const double x = world_side / 2.0 + column * options.size.w;
    const double y = world_side / 2.0 + rng.uniform(-0.3, 0.3) * options.size.h;
    const std::vector<Pose> path = object_path(rng, options, {static_cast<float>(x), static_cast<float>(y)});
    for (size_t f = 0; f < path.size(); ++f) {
      layer.to_image.push_back(normalised(Matrix(camera[f].data()) * pose_matrix(path[f], layer.texture.size)));
    }
    layers.push_back(std::move(layer));
  }

  void add_occluder() {
    Rng rng(options.seed, "synthetic", "occluder");
    const Shape shape = {Shape::Kind::Rectangle, unit * rng.uniform(25, 40), unit * rng.uniform(45, 75)};
    Layer layer{make_patch(rng, shape), {}, options.occluder == Occluder::Crossing, false};
    for (const Pose& pose : occluder_path(rng, options, shape.half_w)) {
      layer.to_image.push_back(pose_matrix(pose, layer.texture.size));
    }
    layers.push_back(std::move(layer));
  }

  void make_gain() {
    Rng rng(options.seed, "synthetic", "light");
    const std::vector<double> common = smooth_walk(rng, options.frames, options.gain_walk);
    std::array<std::vector<double>, 3> drift;
    for (std::vector<double>& channel : drift) channel = smooth_walk(rng, options.frames, options.colour_drift);
    for (size_t f = 0; f < common.size(); ++f) {
      const double jump = static_cast<int>(f) >= options.frames / 2 ? 1 + options.gain_jump : 1;
      std::array<double, 3> channels;
      for (size_t c = 0; c < 3; ++c) channels[c] = jump * std::exp(common[f] + drift[c][f]);
      gain.push_back(channels);
    }
  }

  void compose(int frame, double offset_frames, Canvas& canvas) const {
    for (const Layer& layer : layers) draw_layer(layer.texture, layer.at(frame, offset_frames), options.size, canvas);
  }

  Canvas expose(int frame) const {
    Canvas canvas(static_cast<size_t>(options.size.w) * static_cast<size_t>(options.size.h) * 3);
    if (options.blur_px == 0) {
      compose(frame, 0, canvas);
      return canvas;
    }
    Canvas sum(canvas.size());
    for (int i = 0; i < kSmearSamples; ++i) {
      compose(frame, options.blur_px * (static_cast<double>(i) / (kSmearSamples - 1) - 0.5), canvas);
      for (size_t k = 0; k < sum.size(); ++k) sum[k] += canvas[k] / kSmearSamples;
    }
    return sum;
  }

  // What the sensor makes of it: gain, noise, 8 bits.
  Image develop(int frame, const Canvas& canvas) const {
    Image image(options.size);
    Rng rng(options.seed, "synthetic", fmt::format("noise {}", frame));
    const float sigma = static_cast<float>(options.noise_sigma);
    for (size_t i = 0; i < canvas.size(); i += 3) {
      uint64_t bits = rng.next();
      for (size_t c = 0; c < 3; ++c, bits >>= 12) {
        const float light = (kMiddleGrey + static_cast<float>(options.contrast) * (canvas[i + c] - kMiddleGrey)) *
                            static_cast<float>(gain[static_cast<size_t>(frame)][c]);
        const float value = std::clamp(light + sigma * normals[bits % kNormals], 0.0F, 255.0F);
        image.pixels[i + c] = static_cast<uint8_t>(value + 0.5F);
      }
    }
    return image;
  }

  std::vector<Matrix> from_image(int frame) const {
    std::vector<Matrix> inverse;
    for (const Layer& layer : layers) inverse.push_back(layer.to_image[static_cast<size_t>(frame)].inv());
    return inverse;
  }

  size_t owner(const std::vector<Matrix>& inverse, Point point) const {
    size_t top = layers.size() - 1;
    while (top > 0 && !layers[top].contains(inverse[top], point)) --top;
    return top;
  }
};

SyntheticScene::SyntheticScene(const SyntheticOptions& options) {
  MAGMA_CHECK(options.frames >= 1 && options.size.w >= 16 && options.size.h >= 16, "a scene of nothing");
  state_ = std::make_unique<State>(options);
}

SyntheticScene::~SyntheticScene() = default;

Image SyntheticScene::render(int frame) const {
  MAGMA_CHECK(frame >= 0 && frame < state_->options.frames, "frame {} of {}", frame, state_->options.frames);
  return state_->develop(frame, state_->expose(frame));
}

SyntheticClip SyntheticScene::truth(const std::vector<Point>& queries, int first) const {
  const State& state = *state_;
  MAGMA_CHECK(first >= 0 && first < state.options.frames, "frame {} of {}", first, state.options.frames);
  SyntheticClip clip;
  clip.camera.assign(state.camera.begin() + first, state.camera.end());
  const Matrix start(clip.camera.front().data());
  for (const Homography& h : clip.camera) {
    const Matrix product = normalised(start * Matrix(h.data()).inv());
    Homography& back = clip.stabilise.emplace_back();
    std::copy_n(product.val, back.size(), back.begin());
  }
  const std::vector<Matrix> inverse_first = state.from_image(first);
  std::vector<size_t> owners;
  std::vector<Place> anchors;  // of the points on their owners' textures
  for (const Point& query : queries) {
    const size_t owner = state.owner(inverse_first, query);
    owners.push_back(owner);
    anchors.push_back(map(inverse_first[owner], query.x, query.y));
    clip.moving.push_back(state.layers[owner].moving ? 1 : 0);
    clip.scored.push_back(state.layers[owner].scored ? 1 : 0);
  }
  PointTracks& tracks = clip.truth;
  tracks.F = state.options.frames - first;
  tracks.N = static_cast<int64_t>(queries.size());
  tracks.frame = state.options.size;
  for (int f = first; f < state.options.frames; ++f) {
    const std::vector<Matrix> inverse = state.from_image(f);
    for (size_t n = 0; n < queries.size(); ++n) {
      const Matrix& to_image = state.layers[owners[n]].to_image[static_cast<size_t>(f)];
      const Place place = map(to_image, anchors[n].x, anchors[n].y);
      const Point point = {static_cast<float>(place.x), static_cast<float>(place.y)};
      const bool visible = inside(point, tracks.frame) && state.owner(inverse, point) == owners[n];
      tracks.xy.push_back(point);
      tracks.visible.push_back(visible ? 1 : 0);
      tracks.confidence.push_back(visible ? 1.0F : 0.0F);
    }
  }
  return clip;
}

}  // namespace magma
