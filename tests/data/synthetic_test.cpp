// Made data sets: the same bytes for a seed, and answers and actions found again in the pixels of their pictures,
// without what drew them.
#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>
#include <regex>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "magma/core/error.h"
#include "magma/core/json.h"
#include "magma/data/data_source.h"
#include "magma/data/pictures.h"
#include "magma/data/synthetic_set.h"
#include "magma/data/trace_file.h"
#include "magma/data/video_frames.h"
#include "magma/image/codec.h"
#include "magma/image/paint.h"
#include "tests/support/temporary_folder.h"

namespace magma {
namespace {

namespace fs = std::filesystem;

struct MadeSet {
  TemporaryFolder home{};
  Path folder = home.path() / "set";
  SyntheticSummary summary{};

  MadeSet(const std::string& name, int64_t count, uint64_t seed = 3)
      : summary(make_synthetic_set({.name = name, .folder = folder, .count = count, .seed = seed, .made = [] {}})) {}
  std::string bytes(const std::string& name) const { return read_file(folder / name, int64_t{1} << 26); }
  Json json(const std::string& name) const { return read_json(folder / name); }
  Image picture(const std::string& name) const { return decode_image(bytes(name), name); }
  std::map<std::string, std::string> files() const {
    std::map<std::string, std::string> all;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      const std::string name = entry.path().lexically_relative(folder).string();
      if (entry.is_regular_file()) all[name] = bytes(name);
    }
    return all;
  }
};

const std::map<std::string, Rgb> kColours = {{"red", {220, 30, 30}},     {"green", {30, 160, 50}},
                                             {"blue", {40, 70, 220}},    {"yellow", {240, 210, 30}},
                                             {"purple", {150, 40, 180}}, {"orange", {245, 130, 20}}};

bool near_colour(Rgb a, Rgb b) {
  const int dr = a.r - b.r, dg = a.g - b.g, db = a.b - b.b;
  return dr * dr + dg * dg + db * db < 55 * 55;
}

// Pixels of a picture's part that are as `is` says: their bounds and their number.
struct Blob {
  PixelBox box{1 << 20, 1 << 20, -1, -1};
  int pixels = 0;
  double x() const { return 0.5 * (box.left + box.right - 1); }
  double y() const { return 0.5 * (box.top + box.bottom - 1); }
};
template <typename Is>
Blob find_blob(const Image& image, const PixelBox& part, const Is& is) {
  Blob blob;
  for (int y = part.top; y < part.bottom; ++y) {
    for (int x = part.left; x < part.right; ++x) {
      if (!is(image.at(x, y))) continue;
      ++blob.pixels;
      blob.box = {std::min(blob.box.left, x), std::min(blob.box.top, y), std::max(blob.box.right, x + 1),
                  std::max(blob.box.bottom, y + 1)};
    }
  }
  return blob;
}
PixelBox whole(const Image& image) { return {0, 0, image.size.w, image.size.h}; }
Blob find_colour(const Image& image, const PixelBox& part, const std::string& name) {
  return find_blob(image, part, [&](Rgb pixel) { return near_colour(pixel, kColours.at(name)); });
}

TEST(Synthetic, OneSeedMakesTheSameBytesAndAnotherSeedOthers) {
  for (const std::string& name : SyntheticSets::names()) {
    const MadeSet one(name, 3), again(name, 3), other(name, 3, 4);
    EXPECT_EQ(one.files(), again.files()) << name;
    EXPECT_EQ(one.files().size(), static_cast<size_t>(one.summary.files)) << name;
    int64_t bytes = 0;
    for (const auto& [file, content] : one.files()) bytes += static_cast<int64_t>(content.size());
    EXPECT_EQ(bytes, one.summary.bytes);
    EXPECT_NE(one.files(), other.files()) << name;
  }
}

TEST(Synthetic, AnItemIsTheSameForAnyCount) {
  const MadeSet few("questions", 2), more("questions", 5);
  EXPECT_EQ(few.bytes("images/000001.jpg"), more.bytes("images/000001.jpg"));
  EXPECT_EQ(few.json("llava.json")[1], more.json("llava.json")[1]);
}

TEST(Synthetic, EverySampleIsReadAndItsPicturesToo) {
  for (const std::string& name : SyntheticSets::names()) {
    const MadeSet made(name, 4);
    const DataSource source = read_data_source(made.summary.config, {.split = "all"});
    ASSERT_EQ(source.entries.size(), 1U);
    const auto reader = open_reader(source.entries[0]);
    EXPECT_EQ(reader->size(), made.summary.samples) << name;
    for (int64_t i = 0; i < reader->size(); ++i) {
      const Sample sample = reader->read(i);
      EXPECT_FALSE(sample.images.empty());
      for (const SampleImage& image : sample.images)
        EXPECT_GT(decode_picture(image, source.config).size.w, 100) << name;
    }
  }
}

// What the gripper has to do, by the colours of one picture and the instruction.
struct SeenCommand {
  double right = 0, down = 0;  // px
  bool closed = false;
  double far = 0;  // from the thing, px
};

double half_of(double left) { return std::copysign(std::min(std::floor((std::abs(left) + 1) / 2), 24.0), left); }

SeenCommand command_seen(const Image& image, const std::string& instruction) {
  std::smatch words;
  const std::regex form("(?:pick up|push) the (\\w+) \\w+(?: to the (\\w+))?");
  EXPECT_TRUE(std::regex_match(instruction, words, form)) << instruction;
  const Blob thing = find_colour(image, whole(image), words[1]);
  const Blob gripper = find_blob(image, whole(image), [](Rgb p) { return std::max({p.r, p.g, p.b}) < 60; });
  const double x = gripper.x(), y = gripper.box.top + 24;
  const bool closed = gripper.box.w() < 48;
  double to_x = thing.x(), to_y = thing.y();
  if (closed && words[2] == "left") to_x = 40;
  if (closed && words[2] == "right") to_x = 216;
  if (closed && words[2] == "top") to_y = 40;
  if (closed && words[2] == "bottom") to_y = 216;
  const double far = std::max(std::abs(thing.x() - x), std::abs(thing.y() - y));
  return {half_of(to_x - x), half_of(to_y - y), closed, far};
}

TEST(Synthetic, TheRobotsActionFollowsFromPictureAndInstruction) {
  constexpr double kPixel = 0.4 / 256;
  const MadeSet made("robot", 12);
  const DataSource source = read_data_source(made.summary.config, {.split = "all"});
  const auto reader = open_reader(source.entries[0]);
  double error_px = 0;
  int compared = 0, closing = 0;
  for (int64_t i = 0; i < reader->size(); ++i) {
    const Sample sample = reader->read(i);
    const ActionNumbers& action = sample.action.value();
    const SeenCommand seen = command_seen(decode_image(*sample.images[0].encoded, "step"), sample.language);
    const double dx = std::abs(seen.right - action[0] / kPixel), dy = std::abs(seen.down + action[1] / kPixel);
    EXPECT_LE(std::max(dx, dy), 2.5) << sample.language << ", sample " << i;
    for (size_t axis = 2; axis < 6; ++axis) EXPECT_EQ(action[axis], 0);
    error_px += dx + dy;
    // It stays closed, closes at the thing, and is open on its way; which of the last two a pixel does not tell.
    constexpr double kThere_px = 2.5;
    const bool closes = action[6] == 0;
    const bool told = seen.closed || seen.far > kThere_px;
    EXPECT_TRUE(!told || closes == seen.closed) << sample.language << ", sample " << i;
    closing += closes && !seen.closed ? 1 : 0;
    ++compared;
  }
  EXPECT_GT(compared, 100);
  EXPECT_EQ(closing, 12);
  EXPECT_LT(error_px / compared, 0.8);
}

struct Figure {
  std::string colour, shape;
  double x = 0, y = 0;
};

// A ninth of the picture holds one figure at most; its shape by how much of its bounds it fills.
std::vector<Figure> figures_seen(const Image& image) {
  constexpr int kCells = 3;
  std::vector<Figure> figures;
  const int w = image.size.w, h = image.size.h;
  for (int cell = 0; cell < kCells * kCells; ++cell) {
    const int column = cell % kCells, row = cell / kCells;
    const PixelBox part{column * w / kCells, row * h / kCells, (column + 1) * w / kCells, (row + 1) * h / kCells};
    for (const auto& [name, colour] : kColours) {
      const Blob blob = find_colour(image, part, name);
      if (blob.pixels < 300) continue;
      const double filled = static_cast<double>(blob.pixels) / (blob.box.w() * blob.box.h());
      const char* shape = filled > 0.9 ? "square" : filled > 0.65 ? "circle" : "triangle";
      figures.push_back({name, shape, blob.x(), blob.y()});
    }
  }
  return figures;
}

std::string answer_seen(const std::vector<Figure>& figures, const std::string& question) {
  const auto number = [&](const auto& is) { return std::to_string(std::count_if(figures.begin(), figures.end(), is)); };
  const auto only = [&](const auto& is) {
    EXPECT_EQ(number(is), "1") << question;
    return *std::find_if(figures.begin(), figures.end(), is);
  };
  std::smatch words;
  if (question == "How many figures are there?") return std::to_string(figures.size());
  if (std::regex_match(question, words, std::regex("How many (\\w+) figures are there\\?"))) {
    return number([&](const Figure& f) { return f.colour == words[1]; });
  }
  if (std::regex_match(question, words, std::regex("How many (\\w+)s are there\\?"))) {
    return number([&](const Figure& f) { return f.shape == words[1]; });
  }
  if (std::regex_match(question, words, std::regex("What colour is the (\\w+)\\?"))) {
    return only([&](const Figure& f) { return f.shape == words[1]; }).colour;
  }
  const std::regex place("Is the (\\w+ \\w+) (to the left of|to the right of|above|below) the (\\w+ \\w+)\\?");
  if (!std::regex_match(question, words, place)) return "not understood";
  const Figure a = only([&](const Figure& f) { return f.colour + " " + f.shape == words[1]; });
  const Figure b = only([&](const Figure& f) { return f.colour + " " + f.shape == words[3]; });
  const bool yes = words[2] == "to the left of"    ? a.x < b.x
                   : words[2] == "to the right of" ? a.x > b.x
                   : words[2] == "above"           ? a.y < b.y
                                                   : a.y > b.y;
  return yes ? "yes" : "no";
}

TEST(Synthetic, AnswersAboutFiguresAreWhatThePictureShows) {
  const MadeSet made("questions", 60);
  std::map<std::string, int> answers;
  for (const Json& item : made.json("llava.json")) {
    const std::vector<Figure> figures = figures_seen(made.picture(item["image"]));
    const Json& turns = item["conversations"];
    ASSERT_EQ(turns.size(), 6U);
    for (size_t i = 0; i < turns.size(); i += 2) {
      auto question = turns[i]["value"].get<std::string>();
      if (i == 0) question = question.substr(8, question.rfind('\n') - 8);  // <image> and how to answer
      EXPECT_EQ(turns[i + 1]["value"], answer_seen(figures, question)) << question << " " << item["image"];
      ++answers[turns[i + 1]["value"].get<std::string>()];
    }
  }
  for (const char* answer : {"yes", "no", "0", "1", "2"}) EXPECT_GT(answers[answer], 5) << answer;
}

// Where `text` stands in the picture, dot for dot; its first place.
std::optional<PixelBox> find_text(const Image& image, const std::string& text) {
  constexpr int kDot = 2;
  const Size size = measure_text(text, kDot);
  Image mask({size.w, size.h});
  paint_text(mask, text, {0, 0}, kDot, {255, 255, 255});
  const Rgb ink{25, 25, 30};
  const auto stands_at = [&](int left, int top) {
    for (int y = 0; y < size.h; ++y) {
      for (int x = 0; x < size.w; ++x) {
        if ((image.at(left + x, top + y) == ink) != (mask.at(x, y).r != 0)) return false;
      }
    }
    return true;
  };
  for (int top = 0; top + size.h <= image.size.h; ++top) {
    for (int left = 0; left + size.w <= image.size.w; ++left) {
      if (stands_at(left, top)) return PixelBox{left, top, left + size.w, top + size.h};
    }
  }
  return std::nullopt;
}

// A text says what is clicked: below an icon, on the left of a field, on a button. A hundredth of the screen is up to 5
// px.
void expect_place(const std::string& task, const PixelBox& text, Pixel at) {
  constexpr int kRounding = 4;
  const Pixel middle = text.centre();
  if (task.starts_with("press ")) {
    EXPECT_LE(std::abs(at.x - middle.x), kRounding) << task;
    EXPECT_LE(std::abs(at.y - middle.y), kRounding) << task;
  } else if (task.starts_with("fill in ")) {
    EXPECT_LE(std::abs(at.y - middle.y), kRounding) << task;
    EXPECT_GT(at.x, text.right + 20) << task;
  } else {
    ASSERT_TRUE(task.starts_with("open ")) << task;
    EXPECT_LE(std::abs(at.x - middle.x), kRounding) << task;
    EXPECT_LT(at.y, text.top) << task;
    EXPECT_GT(at.y, text.top - 50) << task;
  }
}

Pixel place_in(const std::string& text, Size size) {
  std::smatch numbers;
  EXPECT_TRUE(std::regex_search(text, numbers, std::regex("\\((0\\.\\d\\d),(0\\.\\d\\d)\\)"))) << text;
  return {static_cast<int>(std::stod(numbers[1]) * size.w), static_cast<int>(std::stod(numbers[2]) * size.h)};
}

// Box `number` of the screen, which the marked picture frames and the plain one does not.
void expect_mark(const Json& element, const Image& plain, const Image& marked, Pixel at) {
  const auto side = [&](size_t i, int of) {
    return static_cast<int>(std::lround(element["bbox"][i].get<double>() * of));
  };
  const PixelBox box{side(0, plain.size.w), side(1, plain.size.h), side(2, plain.size.w), side(3, plain.size.h)};
  EXPECT_TRUE(box.contains(at));
  int red = 0;
  for (int x = box.left; x < box.right; ++x) {
    red += marked.at(x, box.top) == Rgb{255, 0, 0} && !(plain.at(x, box.top) == Rgb{255, 0, 0}) ? 1 : 0;
  }
  EXPECT_EQ(red, box.w());
}

// The element that an item of the screen is about, by the number of its mark or by its text.
size_t element_asked(const Json& elements, const std::string& question, const std::string& answer) {
  const size_t mark = answer.find("Mark: ");
  if (mark != std::string::npos) {
    const size_t number = std::stoul(answer.substr(mark + 6));
    EXPECT_NE(question.find('"' + elements[number]["instruction"].get<std::string>() + '"'), std::string::npos);
    return number;
  }
  EXPECT_TRUE(question.starts_with("<image>\nWhat is the text at (")) << question;
  const auto found = std::find_if(elements.begin(), elements.end(), [&](const Json& element) {
    return element["instruction"].get<std::string>().ends_with(" " + answer);
  });
  EXPECT_NE(found, elements.end()) << answer;
  return static_cast<size_t>(found - elements.begin());
}

TEST(Synthetic, ClicksLieWhereTheScreenSaysWhatIsAskedFor) {
  const MadeSet made("screens", 6);
  const Json screens = made.json("seeclick_web.json"), items = made.json("seeclick.json");
  ASSERT_EQ(items.size(), 24U);
  for (size_t i = 0; i < items.size(); ++i) {
    const Json& screen = screens[i / 4];
    const auto name = screen["img_filename"].get<std::string>();
    EXPECT_EQ(items[i]["image"], "seeclick_web_imgs_processed/" + name);
    const Image plain = made.picture("seeclick_web_imgs/" + name), marked = made.picture(items[i]["image"]);
    const auto question = items[i]["conversations"][0]["value"].get<std::string>();
    const auto answer = items[i]["conversations"][1]["value"].get<std::string>();
    const Pixel at = place_in(i % 4 == 3 ? question : answer, plain.size);
    const Json& element = screen["elements"][element_asked(screen["elements"], question, answer)];
    const auto task = element["instruction"].get<std::string>();
    const auto text = find_text(plain, task.substr(task.rfind(' ') + 1));
    ASSERT_TRUE(text.has_value()) << task;
    expect_place(task, *text, at);
    expect_mark(element, plain, marked, at);
  }
}

struct SeenClip {
  std::vector<Image> frames{};  // of each tracked frame
  PointTracks tracks{};
  std::string words{};

  Rgb under(int64_t frame, Point p) const {
    return frames[static_cast<size_t>(frame)].at(static_cast<int>(p.x), static_cast<int>(p.y));
  }
};

SeenClip seen_clip(const MadeSet& made, const Json& item) {
  SeenClip clip{.tracks = read_trace_file(made.folder / item["trace"].get<std::string>()).tracks,
                .words = item["annotations"]};
  const Path film = made.folder / item["video"].get<std::string>();
  std::vector<int64_t> frames;
  for (int64_t t = 0; t < clip.tracks.F; ++t) frames.push_back(item["frame_interval"][0].get<int64_t>() + t);
  EXPECT_EQ(frames.back() + 1, item["frame_interval"][1]);
  const auto video = open_video(film);
  clip.frames = read_video_frames(*video, film, frames, {item["image_size"][0], item["image_size"][1]});
  return clip;
}

// Not on its edge, which a film blurs.
bool well_inside(const SeenClip& clip, Point p, Rgb colour) {
  constexpr float kEdge = 3;
  for (const Point by : {Point{-kEdge, 0}, {kEdge, 0}, {0, -kEdge}, {0, kEdge}}) {
    const Point beside = p + by;
    if (!inside(beside, clip.frames[0].size) || !near_colour(clip.under(0, beside), colour)) return false;
  }
  return true;
}

// While it is seen, a point of the thing lies on it, and goes as the thing's bounds do.
void expect_point_on_thing(const SeenClip& clip, int64_t n, const std::string& colour, const std::vector<Blob>& thing) {
  const Point first = clip.tracks.at(0, n);
  for (int64_t t = 1; t < clip.tracks.F; ++t) {
    if (!clip.tracks.is_visible(t, n)) continue;
    const Point now = clip.tracks.at(t, n);
    const Blob& blob = thing[static_cast<size_t>(t)];
    EXPECT_TRUE(near_colour(clip.under(t, now), kColours.at(colour))) << t << " " << n;
    EXPECT_NEAR(now.x - first.x, blob.x() - thing[0].x(), 1.6);
    EXPECT_NEAR(now.y - first.y, blob.y() - thing[0].y(), 1.6);
  }
}

std::string heading_of(const Blob& start, const Blob& end) {
  const double right = end.x() - start.x(), down = end.y() - start.y();
  EXPECT_GT(std::abs(right) + std::abs(down), 50);
  if (std::abs(right) > std::abs(down)) return right < 0 ? "to the left" : "to the right";
  return down < 0 ? "up" : "down";
}

TEST(Synthetic, TracesFollowWhatTheFilmShows) {
  const MadeSet made("clips", 8);
  std::map<std::string, int> headings;
  const std::regex form("pushing the (\\w+) \\w+ (to the left|to the right|up|down)");
  for (const Json& item : made.json("sthv2.json")) {
    const SeenClip clip = seen_clip(made, item);
    std::smatch words;
    ASSERT_TRUE(std::regex_match(clip.words, words, form)) << clip.words;
    std::vector<Blob> thing;
    for (const Image& frame : clip.frames) thing.push_back(find_colour(frame, whole(frame), words[1]));
    int on_thing = 0;
    for (int64_t n = 0; n < clip.tracks.N; ++n) {
      if (!well_inside(clip, clip.tracks.at(0, n), kColours.at(words[1]))) continue;
      expect_point_on_thing(clip, n, words[1], thing);
      ++on_thing;
    }
    EXPECT_GE(on_thing, 1) << clip.words;
    EXPECT_EQ(heading_of(thing.front(), thing.back()), words[2]);
    ++headings[words[2]];
  }
  EXPECT_GT(headings.size(), 1U);
}

// The place of a hidden point that stands still shows something else than it did.
TEST(Synthetic, HiddenPointsAreCovered) {
  const MadeSet made("clips", 4);
  int hidden = 0;
  for (const Json& item : made.json("sthv2.json")) {
    const SeenClip clip = seen_clip(made, item);
    const int64_t last = clip.tracks.F - 1;
    for (int64_t n = 0; n < clip.tracks.N; ++n) {
      const Point first = clip.tracks.at(0, n), now = clip.tracks.at(last, n);
      if (clip.tracks.is_visible(last, n) || !(first == now)) continue;
      EXPECT_FALSE(near_colour(clip.under(0, now), clip.under(last, now))) << n;
      ++hidden;
    }
  }
  EXPECT_GT(hidden, 5);
}

std::string refusal(const SyntheticOrder& order) {
  try {
    make_synthetic_set(order);
  } catch (const Error& error) {
    return error.line();
  }
  return "none";
}

TEST(Synthetic, AFolderIsReplacedOnlyByTheSameSetOrOnDemand) {
  const MadeSet made("questions", 2);
  const auto before = made.files();
  SyntheticOrder order{.name = "questions", .folder = made.folder, .count = 2, .seed = 3, .made = [] {}};
  EXPECT_EQ(refusal(order), "none");
  EXPECT_EQ(made.files(), before);
  order.seed = 4;
  EXPECT_THAT(refusal(order), testing::HasSubstr("made.json seed: the folder holds a set that was made differently"));
  EXPECT_EQ(made.files(), before);
  write_file_atomically(made.folder / "notes.txt", "mine");
  order.overwrite = true;
  EXPECT_THAT(refusal(order), testing::HasSubstr("notes.txt"));
  fs::remove(made.folder / "notes.txt");
  EXPECT_EQ(refusal(order), "none");
  EXPECT_NE(made.files(), before);
  order.name = "robot";
  EXPECT_EQ(refusal(order), "none");
  EXPECT_FALSE(fs::exists(made.folder / "llava.json"));
}

TEST(Synthetic, WhatIsStoppedLeavesNothing) {
  const TemporaryFolder home;
  for (const std::string& name : SyntheticSets::names()) {
    int made = 0;
    const auto stop = [&] {
      if (++made == 2) throw Error(ErrorCode::Stopped, {.what = "enough"});
    };
    EXPECT_THAT(refusal({.name = name, .folder = home.path() / "new" / "set", .count = 5, .made = stop}),
                testing::HasSubstr("enough"));
    EXPECT_TRUE(fs::is_empty(home.path())) << name;
  }
}

}  // namespace
}  // namespace magma
