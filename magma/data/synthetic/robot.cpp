// Made set "robot": RLDS episodes of a gripper above a table with coloured things, in the layout of bridge_orig. What
// it does next follows from one picture and the instruction: to the named thing by half of what is left, close there,
// then on to the named side.
#include <algorithm>
#include <cstdlib>

#include <fmt/core.h>

#include "magma/data/rlds_writer.h"
#include "magma/data/synthetic_objects.h"
#include "magma/data/synthetic_set.h"
#include "magma/image/codec.h"

namespace magma {
namespace {

constexpr const char* kDataset = "bridge_orig";
constexpr int kSide = 256;               // px
constexpr double kMetres = 0.4 / kSide;  // of a pixel
constexpr int kThing = 15, kMargin = 40, kApart = 60;
constexpr int kMostMove = 24;  // px of a step along an axis
constexpr int kJpegQuality = 95;
constexpr Rgb kTable{226, 221, 211}, kGripper{20, 20, 22};
constexpr int64_t kEpisodesPerShard = 32;

enum class Side { None, Left, Right, Top, Bottom };

struct Task {
  std::vector<ColouredObject> things;  // the first is the named one
  Side side = Side::None;              // where to push it; None: it is picked up
  Pixel gripper{};
  bool closed = false;

  std::string instruction() const {
    constexpr std::array<const char*, 5> kSides = {"", "left", "right", "top", "bottom"};
    if (side == Side::None) return "pick up the " + things[0].thing();
    return fmt::format("push the {} to the {}", things[0].thing(), kSides[static_cast<size_t>(side)]);
  }
  Pixel goal() const {
    const Pixel from = things[0].centre;
    switch (side) {
      case Side::Left:
        return {kMargin, from.y};
      case Side::Right:
        return {kSide - kMargin, from.y};
      case Side::Top:
        return {from.x, kMargin};
      case Side::Bottom:
        return {from.x, kSide - kMargin};
      case Side::None:
        break;
    }
    return from;
  }
};

int distance(Pixel a, Pixel b) { return std::max(std::abs(a.x - b.x), std::abs(a.y - b.y)); }

Pixel anywhere(Rng& rng) {
  return {integer_of(rng, kMargin, kSide - kMargin), integer_of(rng, kMargin, kSide - kMargin)};
}

// Nothing else lies where the named thing is, goes or ends.
bool out_of_the_way(const Task& task, size_t placed, Pixel place) {
  const Pixel from = task.things[0].centre, to = task.goal();
  const PixelBox way{std::min(from.x, to.x) - kApart, std::min(from.y, to.y) - kApart, std::max(from.x, to.x) + kApart,
                     std::max(from.y, to.y) + kApart};
  if (way.contains(place)) return false;
  return std::all_of(task.things.begin() + 1, task.things.begin() + static_cast<ptrdiff_t>(placed),
                     [&](const ColouredObject& other) { return distance(other.centre, place) > 2 * kThing + 6; });
}

Task draw_task(Rng& rng) {
  constexpr int kThings = 3, kMostTries = 200;
  Task task;
  task.things = distinct_objects(rng, kThings, kThing);
  do {
    task.side = static_cast<Side>(rng.integer(0, 4));
    task.things[0].centre = anywhere(rng);
  } while (task.side != Side::None && distance(task.things[0].centre, task.goal()) < kApart);
  for (size_t i = 1; i < task.things.size(); ++i) {
    Pixel& place = task.things[i].centre;
    int tries = 0;
    do {
      place = anywhere(rng);
    } while (!out_of_the_way(task, i, place) && ++tries < kMostTries);
    if (tries == kMostTries) task.things.resize(i);  // no room is left for it
  }
  do {
    task.gripper = anywhere(rng);
  } while (distance(task.gripper, task.things[0].centre) < kApart);
  return task;
}

// Two fingers below a palm, seen from above; closed, they touch a thing between them.
void paint_gripper(Image& image, Pixel at, bool closed) {
  constexpr int kFinger = 5, kReach = 14, kPalm = 24, kOpenGap = 22;
  const int gap = closed ? kThing + 1 : kOpenGap;
  for (const int left : {at.x - gap - kFinger, at.x + gap}) {
    paint_box(image, {left, at.y - kPalm, left + kFinger, at.y + kReach}, kGripper);
  }
  paint_box(image, {at.x - gap - kFinger, at.y - kPalm, at.x + gap + kFinger, at.y - kPalm + kFinger}, kGripper);
}

std::string picture(const Task& task) {
  Image image({kSide, kSide}, kTable);
  for (const ColouredObject& thing : task.things) paint_object(image, thing);
  paint_gripper(image, task.gripper, task.closed);
  return encode_jpeg(image, kJpegQuality);
}

// Half of what is left, at least a pixel and at most kMostMove.
int move_along(int from, int to) {
  const int left = to - from, half = (std::abs(left) + 1) / 2;
  return left < 0 ? -std::min(half, kMostMove) : std::min(half, kMostMove);
}

struct Command {
  int right = 0, down = 0;  // px
  bool close = false;
};

Command next_command(const Task& task, Pixel goal) {
  const Pixel to = task.closed ? goal : task.things[0].centre;
  return {move_along(task.gripper.x, to.x), move_along(task.gripper.y, to.y),
          task.closed || task.gripper == task.things[0].centre};
}

void obey(Task& task, const Command& command) {
  task.gripper = {task.gripper.x + command.right, task.gripper.y + command.down};
  if (task.closed) task.things[0].centre = task.gripper;
  task.closed = command.close;
}

StoredValue numbers(Element element, std::vector<int64_t> shape) {
  return {.element = element, .shape = std::move(shape), .bytes = {}, .strings = {}, .row_lengths = {}};
}

template <typename T>
void append(StoredValue& value, T number) {
  value.bytes.append(reinterpret_cast<const char*>(&number), sizeof number);
}

// Right, away, up; three turns; the gripper, 1 open.
void append_row(StoredValue& value, double right_px, double up_px, bool closed) {
  append(value, static_cast<float>(right_px * kMetres));
  append(value, static_cast<float>(up_px * kMetres));
  for (int i = 0; i < 4; ++i) append(value, 0.0F);
  append(value, closed ? 0.0F : 1.0F);
}

const std::vector<WrittenFeature> kFeatures = {
    {{"steps", "observation", "image_0"}, Element::Image, {kSide, kSide, 3}, "jpeg"},
    {{"steps", "observation", "state"}, Element::F32, {7}, ""},
    {{"steps", "action"}, Element::F32, {7}, ""},
    {{"steps", "language_instruction"}, Element::String, {}, ""},
    {{"steps", "is_first"}, Element::Bool, {}, ""},
    {{"steps", "is_last"}, Element::Bool, {}, ""},
    {{"steps", "is_terminal"}, Element::Bool, {}, ""},
    {{"steps", "reward"}, Element::F32, {}, ""},
    {{"steps", "discount"}, Element::F32, {}, ""},
    {{"episode_metadata", "file_path"}, Element::String, {}, ""}};

class EpisodeValues {
 public:
  void add(const Task& task, const Command& command) {
    pictures_.strings.push_back(picture(task));
    append_row(state_, task.gripper.x, kSide - task.gripper.y, task.closed);
    append_row(action_, command.right, -command.down, command.close);
    ++steps_;
  }

  std::map<std::string, StoredValue> take(const std::string& instruction, const std::string& name) {
    const int64_t last = steps_ - 1;
    pictures_.shape = {steps_};
    state_.shape = action_.shape = {steps_, 7};
    StoredValue language{.element = Element::String, .shape = {steps_}, .bytes = {}, .strings = {}, .row_lengths = {}};
    language.strings.assign(static_cast<size_t>(steps_), instruction);
    StoredValue metadata{.element = Element::String, .shape = {}, .bytes = {}, .strings = {name}, .row_lengths = {}};
    return {{"steps/observation/image_0", std::move(pictures_)},
            {"steps/observation/state", std::move(state_)},
            {"steps/action", std::move(action_)},
            {"steps/language_instruction", std::move(language)},
            {"steps/is_first", flags(0)},
            {"steps/is_last", flags(last)},
            {"steps/is_terminal", flags(last)},
            {"steps/reward", rewards(0, 1)},
            {"steps/discount", rewards(1, 0)},
            {"episode_metadata/file_path", std::move(metadata)}};
  }
  int64_t steps() const { return steps_; }

 private:
  StoredValue flags(int64_t set) const {
    StoredValue value = numbers(Element::Bool, {steps_});
    for (int64_t t = 0; t < steps_; ++t) append(value, static_cast<uint8_t>(t == set ? 1 : 0));
    return value;
  }
  StoredValue rewards(float before, float at_the_end) const {
    StoredValue value = numbers(Element::F32, {steps_});
    for (int64_t t = 0; t < steps_; ++t) append(value, t == steps_ - 1 ? at_the_end : before);
    return value;
  }

  int64_t steps_ = 0;
  StoredValue pictures_{.element = Element::Image, .shape = {}, .bytes = {}, .strings = {}, .row_lengths = {}};
  StoredValue state_ = numbers(Element::F32, {}), action_ = numbers(Element::F32, {});
};

// Until it holds the thing where it belongs, and two steps more, of which the layout leaves the last out.
EpisodeValues play(Task task) {
  constexpr int kStepsAfter = 2;
  const Pixel goal = task.goal();
  EpisodeValues values;
  for (int done = 0; done < kStepsAfter;) {
    const Command command = next_command(task, goal);
    if (task.closed && task.gripper == goal) ++done;
    values.add(task, command);
    obey(task, command);
  }
  return values;
}

class Robot final : public SyntheticSet {
 public:
  static constexpr const char* kSummary = "RLDS robot episodes: a gripper takes or pushes the thing that is named";

  std::string unit() const override { return "episodes"; }
  int64_t usual_count() const override { return 64; }
  std::string config() const override { return "openx.yaml"; }

  int64_t make(const SyntheticRun& run) const override {
    constexpr int64_t kLeftOut = 2;  // by the layout: the first step and the last
    int64_t samples = 0;
    RldsWriter writer(run.folder / kDataset / "1.0.0", kDataset, kFeatures, kEpisodesPerShard);
    for (int64_t i = 0; i < run.count; ++i) {
      Rng rng = run.random(i);
      const Task task = draw_task(rng);
      EpisodeValues values = play(task);
      samples += values.steps() - kLeftOut;
      writer.add("train", values.take(task.instruction(), fmt::format("episode_{:06}", i)));
      run.made();
    }
    writer.commit();
    write_synthetic_config(run.folder / config(),
                           {.data_path = ".", .image_folder = "siglip-224px+mx-bridge-orig", .tag = "openx"});
    return samples;
  }
};

MAGMA_REGISTER(SyntheticSets, Robot);

}  // namespace
}  // namespace magma
