// Made set "clips": a hand pushes one of several things, with the true tracks of points, in the files of
// Something-Something: MP4, a trace file of torch a clip, and annotations. Where the thing goes follows from the side
// the hand is on, and how fast from what it is. Source: data_formats.md 4.1 to 4.3.
#include <algorithm>
#include <cstdlib>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "magma/data/synthetic_objects.h"
#include "magma/data/synthetic_set.h"
#include "magma/data/torch_writer.h"
#include "magma/image/video_writer.h"
#include "magma/track/tracks.h"

namespace magma {
namespace {

constexpr Size kFrame{256, 192};
constexpr int kFrames = 24, kFirst = 4, kTracked = 16;  // of a clip; those with tracks
constexpr int kRadius = 22, kHand = 12, kSpacing = 16;  // px
constexpr Rgb kHandColour{226, 178, 140}, kSleeve{90, 90, 96};
constexpr std::array<Rgb, 3> kGrounds = {{{228, 228, 222}, {210, 220, 226}, {226, 216, 204}}};

struct Heading {
  const char* words;
  int x, y;
};
constexpr std::array<Heading, 4> kHeadings = {
    {{"to the left", -1, 0}, {"to the right", 1, 0}, {"up", 0, -1}, {"down", 0, 1}}};

struct Scene {
  Rgb ground{};
  std::vector<ColouredObject> things;  // the first is pushed
  Heading heading{};

  // A ball rolls, a cone and a block are slower; px a frame.
  int speed() const {
    switch (things[0].shape) {
      case ObjectShape::Disc:
        return 7;
      case ObjectShape::Triangle:
        return 5;
      case ObjectShape::Square:
        break;
    }
    return 4;
  }
  std::string words() const { return fmt::format("pushing the {} {}", things[0].thing(), heading.words); }
  Pixel moved(int frame) const {
    const int steps = std::clamp(frame - kFirst, 0, kTracked - 1) * speed();
    return {heading.x * steps, heading.y * steps};
  }
};

// What a pixel shows, as the red of a picture: the ground, a thing that rests, or what moves.
enum class Owner : uint8_t { Ground, Rest, Moving };

// With the colours of a film or, for `owners`, with the numbers of who is seen where.
Image paint_scene(const Scene& scene, int frame, bool owners) {
  const auto shade = [&](Rgb colour, Owner owner) { return owners ? Rgb{static_cast<uint8_t>(owner), 0, 0} : colour; };
  Image image(kFrame, shade(scene.ground, Owner::Ground));
  for (size_t i = 1; i < scene.things.size(); ++i) {
    paint_object(image, scene.things[i], shade(kObjectColours[scene.things[i].colour].rgb, Owner::Rest));
  }
  const Pixel by = scene.moved(frame);
  ColouredObject pushed = scene.things[0];
  pushed.centre = {pushed.centre.x + by.x, pushed.centre.y + by.y};
  const auto behind = [&](int distance) {
    return Pixel{pushed.centre.x - scene.heading.x * distance, pushed.centre.y - scene.heading.y * distance};
  };
  const Pixel hand = behind(kRadius + kHand - 2), elbow = behind(kRadius + kHand + 2 * std::max(kFrame.w, kFrame.h));
  constexpr int kArm = 8;
  paint_box(image,
            {std::min(hand.x, elbow.x) - kArm, std::min(hand.y, elbow.y) - kArm, std::max(hand.x, elbow.x) + kArm,
             std::max(hand.y, elbow.y) + kArm},
            shade(kSleeve, Owner::Moving));
  paint_disc(image, hand, kHand, shade(kHandColour, Owner::Moving));
  paint_object(image, pushed, shade(kObjectColours[pushed.colour].rgb, Owner::Moving));
  return image;
}

// What rests lies beside the way of the thing and of the arm behind it.
bool off_the_way(const Scene& scene, size_t placed, Pixel place) {
  constexpr int kGap = 2 * kRadius + 4;
  const Pixel from = scene.things[0].centre;
  const bool sideways = scene.heading.x != 0;
  if (std::abs(sideways ? place.y - from.y : place.x - from.x) < kGap) return false;
  return std::all_of(scene.things.begin() + 1, scene.things.begin() + static_cast<ptrdiff_t>(placed),
                     [&](const ColouredObject& other) {
                       return std::max(std::abs(other.centre.x - place.x), std::abs(other.centre.y - place.y)) >= kGap;
                     });
}

// A centre from which a path of (dx, dy) stays in the picture.
Pixel somewhere(Rng& rng, Pixel path) {
  constexpr int kMargin = kRadius + 2;
  return {integer_of(rng, kMargin + std::max(0, -path.x), kFrame.w - kMargin - std::max(0, path.x)),
          integer_of(rng, kMargin + std::max(0, -path.y), kFrame.h - kMargin - std::max(0, path.y))};
}

Scene draw_scene(Rng& rng) {
  constexpr int kThings = 3, kMostTries = 200;
  Scene scene;
  scene.ground = kGrounds[static_cast<size_t>(rng.integer(0, kGrounds.size() - 1))];
  scene.heading = kHeadings[static_cast<size_t>(rng.integer(0, kHeadings.size() - 1))];
  scene.things = distinct_objects(rng, kThings, kRadius);
  scene.things[0].centre = somewhere(rng, scene.moved(kFrames));
  for (size_t i = 1; i < scene.things.size(); ++i) {
    int tries = 0;
    do {
      scene.things[i].centre = somewhere(rng, {});
    } while (!off_the_way(scene, i, scene.things[i].centre) && ++tries < kMostTries);
    if (tries == kMostTries) scene.things.resize(i);  // no room is left for it
  }
  return scene;
}

// Of a grid of points on the first tracked frame.
PointTracks true_tracks(const Scene& scene) {
  constexpr int kColumns = kFrame.w / kSpacing, kRows = kFrame.h / kSpacing;
  PointTracks tracks;
  tracks.F = kTracked;
  tracks.N = kColumns * kRows;
  tracks.frame = kFrame;
  const Image first = paint_scene(scene, kFirst, true);
  for (int t = 0; t < kTracked; ++t) {
    const Image now = paint_scene(scene, kFirst + t, true);
    const Pixel by = scene.moved(kFirst + t);
    for (int n = 0; n < kColumns * kRows; ++n) {
      Pixel p{n % kColumns * kSpacing + kSpacing / 2, n / kColumns * kSpacing + kSpacing / 2};
      const uint8_t owner = first.at(p.x, p.y).r;
      if (owner == static_cast<uint8_t>(Owner::Moving)) p = {p.x + by.x, p.y + by.y};
      const bool inside = p.x >= 0 && p.y >= 0 && p.x < kFrame.w && p.y < kFrame.h;
      tracks.xy.push_back({static_cast<float>(p.x), static_cast<float>(p.y)});
      tracks.visible.push_back(inside && now.at(p.x, p.y).r == owner ? 1 : 0);
    }
  }
  return tracks;
}

TorchValue tensor(Element element, std::vector<int64_t> shape, std::string bytes) {
  StoredValue value{
      .element = element, .shape = std::move(shape), .bytes = std::move(bytes), .strings = {}, .row_lengths = {}};
  return {.kind = TorchValue::Kind::Tensor, .value = std::make_shared<const StoredValue>(std::move(value))};
}

std::string trace_file(const PointTracks& tracks) {
  std::string places, visible(tracks.visible.begin(), tracks.visible.end());
  for (const Point& p : tracks.xy) {
    for (const float number : {p.x, p.y}) places.append(reinterpret_cast<const char*>(&number), sizeof number);
  }
  const auto key = [](const char* name) { return TorchValue{.kind = TorchValue::Kind::String, .text = name}; };
  TorchValue dict{.kind = TorchValue::Kind::Dict};
  dict.entries.emplace_back(key("pred_tracks"), tensor(Element::F32, {1, tracks.F, tracks.N, 2}, std::move(places)));
  dict.entries.emplace_back(key("pred_visibility"), tensor(Element::Bool, {1, tracks.F, tracks.N}, std::move(visible)));
  return torch_archive(dict);
}

void write_film(const Path& path, const Scene& scene) {
  const auto video = open_video_writer(path, kFrame, {.fps_num = 30, .crf = 18});
  for (int frame = 0; frame < kFrames; ++frame) video->write(paint_scene(scene, frame, false));
  video->finish();
}

class Clips final : public SyntheticSet {
 public:
  static constexpr const char* kSummary = "clips with true traces: a hand pushes a thing, as in Something-Something";

  std::string unit() const override { return "clips"; }
  int64_t usual_count() const override { return 100; }
  std::string config() const override { return "clips.yaml"; }

  int64_t make(const SyntheticRun& run) const override {
    for (const char* folder : {"videos", "traces"}) std::filesystem::create_directory(run.folder / folder);
    ItemWriter items(run.folder / "sthv2.json");
    for (int64_t i = 0; i < run.count; ++i) {
      Rng rng = run.random(i);
      const Scene scene = draw_scene(rng);
      const std::string video = fmt::format("videos/{:06}.mp4", i), trace = fmt::format("traces/{:06}.pth", i);
      write_film(run.folder / video, scene);
      write_file_atomically(run.folder / trace, trace_file(true_tracks(scene)), false);
      items.add({{"video", video},
                 {"trace", trace},
                 {"annotations", scene.words()},
                 {"image_size", {kFrame.w, kFrame.h}},
                 {"frame_interval", {kFirst, kFirst + kTracked}}});
      run.made();
    }
    items.finish();
    write_synthetic_config(run.folder / config(), {.data_path = "./sthv2.json", .image_folder = ".", .tag = "sthv2"});
    return run.count;
  }
};

MAGMA_REGISTER(SyntheticSets, Clips);

}  // namespace
}  // namespace magma
