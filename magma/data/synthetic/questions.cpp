// Made set "questions": pictures of coloured figures with questions about number, colour and place, as LLaVA stores
// them.
#include <algorithm>
#include <cstdlib>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "magma/core/json.h"
#include "magma/data/synthetic_objects.h"
#include "magma/data/synthetic_set.h"
#include "magma/image/codec.h"

namespace magma {
namespace {

constexpr int kSide = 256, kCells = 3;  // of the picture in px; of its grid, one figure a cell at most
constexpr int kJpegQuality = 95;
constexpr Rgb kPaper{242, 242, 238};

struct Question {
  std::string asked, answer;
};

std::vector<ColouredObject> draw_figures(Rng& rng) {
  constexpr int kFewest = 3, kMost = 6, kSmallest = 16, kLargest = 28, kStray = 8;
  std::vector<int> cells;
  for (int cell = 0; cell < kCells * kCells; ++cell) cells.push_back(cell);
  rng.shuffle(cells);
  cells.resize(static_cast<size_t>(rng.integer(kFewest, kMost)));
  std::vector<ColouredObject> figures;
  for (const int cell : cells) {
    const int column = cell % kCells, row = cell / kCells;
    const Pixel centre{(2 * column + 1) * kSide / (2 * kCells) + integer_of(rng, -kStray, kStray),
                       (2 * row + 1) * kSide / (2 * kCells) + integer_of(rng, -kStray, kStray)};
    figures.push_back({.colour = static_cast<size_t>(rng.integer(0, kObjectColours.size() - 1)),
                       .shape = static_cast<ObjectShape>(rng.integer(0, kObjectShapes - 1)),
                       .centre = centre,
                       .radius_px = integer_of(rng, kSmallest, kLargest)});
  }
  return figures;
}

template <typename Is>
int64_t count(const std::vector<ColouredObject>& figures, const Is& is) {
  return std::count_if(figures.begin(), figures.end(), is);
}

// How many of a shape or of a colour; half of the time of one that is there.
Question ask_number(const std::vector<ColouredObject>& figures, Rng& rng) {
  ColouredObject about = figures[static_cast<size_t>(rng.integer(0, static_cast<int64_t>(figures.size()) - 1))];
  if (rng.integer(0, 1) == 0) {
    about.colour = static_cast<size_t>(rng.integer(0, kObjectColours.size() - 1));
    about.shape = static_cast<ObjectShape>(rng.integer(0, kObjectShapes - 1));
  }
  if (rng.integer(0, 1) == 0) {
    const int64_t same = count(figures, [&](const auto& figure) { return figure.colour == about.colour; });
    return {fmt::format("How many {} figures are there?", about.colour_name()), std::to_string(same)};
  }
  const int64_t same = count(figures, [&](const auto& figure) { return figure.shape == about.shape; });
  return {fmt::format("How many {}s are there?", figure_name(about.shape)), std::to_string(same)};
}

// The colour of the only one of its shape; of how many there are where no shape stands alone.
Question ask_colour(const std::vector<ColouredObject>& figures, Rng& rng) {
  std::vector<const ColouredObject*> alone;
  for (const ColouredObject& figure : figures) {
    if (count(figures, [&](const auto& other) { return other.shape == figure.shape; }) == 1) alone.push_back(&figure);
  }
  if (alone.empty()) return {"How many figures are there?", std::to_string(figures.size())};
  const ColouredObject& figure = *alone[static_cast<size_t>(rng.integer(0, static_cast<int64_t>(alone.size()) - 1))];
  return {fmt::format("What colour is the {}?", figure_name(figure.shape)), figure.colour_name()};
}

// Of two that no other is called like: on which side, along the axis in which they are further apart.
Question ask_place(const std::vector<ColouredObject>& figures, Rng& rng) {
  std::vector<ColouredObject> named;
  for (const ColouredObject& figure : figures) {
    if (count(figures, [&](const auto& other) { return other.figure() == figure.figure(); }) == 1)
      named.push_back(figure);
  }
  if (named.size() < 2) return ask_number(figures, rng);
  rng.shuffle(named);
  const Pixel a = named[0].centre, b = named[1].centre;
  const bool sideways = std::abs(a.x - b.x) > std::abs(a.y - b.y), before = rng.integer(0, 1) == 0;
  const char* place = sideways ? (before ? "to the left of" : "to the right of") : (before ? "above" : "below");
  const bool is_before = sideways ? a.x < b.x : a.y < b.y;
  return {fmt::format("Is the {} {} the {}?", named[0].figure(), place, named[1].figure()),
          is_before == before ? "yes" : "no"};
}

Json item_of(const std::string& id, const std::string& image, const std::vector<Question>& questions) {
  Json turns = Json::array();
  for (const Question& question : questions) {
    std::string text = question.asked;
    if (turns.empty()) text = "<image>\n" + text + "\nAnswer the question using a single word or phrase.";
    turns.push_back({{"from", "human"}, {"value", text}});
    turns.push_back({{"from", "gpt"}, {"value", question.answer}});
  }
  return {{"id", id}, {"image", image}, {"conversations", turns}};
}

class Questions final : public SyntheticSet {
 public:
  static constexpr const char* kSummary = "LLaVA questions about pictures: number, colour and place of figures";

  std::string unit() const override { return "pictures"; }
  int64_t usual_count() const override { return 500; }
  std::string config() const override { return "questions.yaml"; }

  int64_t make(const SyntheticRun& run) const override {
    std::filesystem::create_directory(run.folder / "images");
    ItemWriter items(run.folder / "llava.json");
    for (int64_t i = 0; i < run.count; ++i) {
      Rng rng = run.random(i);
      const std::vector<ColouredObject> figures = draw_figures(rng);
      std::vector<Question> questions = {ask_number(figures, rng), ask_colour(figures, rng), ask_place(figures, rng)};
      rng.shuffle(questions);
      Image picture({kSide, kSide}, kPaper);
      for (const ColouredObject& figure : figures) paint_object(picture, figure);
      const std::string image = fmt::format("images/{:06}.jpg", i);
      write_file_atomically(run.folder / image, encode_jpeg(picture, kJpegQuality), false);
      items.add(item_of(fmt::format("questions_{:06}", i), image, questions));
      run.made();
    }
    items.finish();
    write_synthetic_config(run.folder / config(), {.data_path = "./llava.json", .image_folder = ".", .tag = "llava"});
    return run.count;
  }
};

MAGMA_REGISTER(SyntheticSets, Questions);

}  // namespace
}  // namespace magma
