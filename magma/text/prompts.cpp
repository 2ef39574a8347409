#include "magma/text/prompts.h"

#include <charconv>
#include <cstdint>
#include <initializer_list>

#include <fmt/core.h>

#include "magma/core/check.h"
#include "magma/text/white_space.h"

namespace magma {
namespace {

constexpr std::string_view kMoveClause = " should be moved, and their future positions are:\n\n";

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

// Deletes every match of the regular expression ` \([^)]*\)`.
void delete_parentheses(std::string& text) {
  for (size_t open = text.find(" ("); open != std::string::npos; open = text.find(" (", open)) {
    const size_t close = text.find(')', open);
    if (close == std::string::npos) return;
    text.erase(open, close + 1 - open);
  }
}

std::string cell_text(Cell cell) { return fmt::format("[{},{}]", cell[0], cell[1]); }

std::string mark_text(int id, Cell cell) { return fmt::format("Mark {} at {}", id, cell_text(cell)); }

std::string placeholders(int images) {
  std::string text;
  for (int i = 0; i < images; ++i) text += image_placeholder();
  return text;
}

// Reads what the writers above write, left to right; every step says whether it matched.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {
    while (!text_.empty() && (text_.back() == '\n' || text_.back() == ' ')) text_.remove_suffix(1);
  }

  bool at_end() const { return text_.empty(); }

  bool skip(std::string_view expected) {
    if (!text_.starts_with(expected)) return false;
    text_.remove_prefix(expected.size());
    return true;
  }

  bool integer(int& value) {
    const auto [end, error] = std::from_chars(text_.data(), text_.data() + text_.size(), value);
    if (error != std::errc()) return false;
    const std::string_view digits = text_.substr(0, static_cast<size_t>(end - text_.data()));
    if (digits != std::to_string(value)) return false;  // "007" is not how a number is written
    text_.remove_prefix(digits.size());
    return true;
  }

  bool cell(Cell& value) { return skip("[") && integer(value[0]) && skip(",") && integer(value[1]) && skip("]"); }

  bool mark(std::map<int, Cell>& marks) {
    int id = 0;
    Cell value{};
    return skip("Mark ") && integer(id) && skip(" at ") && cell(value) && marks.emplace(id, value).second;
  }

  bool marks(std::map<int, Cell>& result, std::string_view separator) {
    do {
      if (!mark(result)) return false;
    } while (skip(separator));
    return true;
  }

  // `"Mark 3": "[[1,2],[3,4]]"`, appended to the trace whose start is known.
  bool future(std::map<int, std::vector<Cell>>& traces) {
    int id = 0;
    if (!(skip("\"Mark ") && integer(id) && skip("\": \"["))) return false;
    const auto trace = traces.find(id);
    if (trace == traces.end() || trace->second.size() != 1) return false;
    do {
      Cell value{};
      if (!cell(value)) return false;
      trace->second.push_back(value);
    } while (skip(","));
    return skip("]\"");
  }

 private:
  std::string_view text_;
};

}  // namespace

std::string image_placeholder() { return "<image>\n"; }

std::string semantic_question(TaskFamily family, int images) {
  const std::string text = placeholders(images);
  switch (family) {
    case TaskFamily::Person:
      return text + "\nWhat is the person doing in the image?\n";
    case TaskFamily::Saying:
      return text + "\nThe person is doing some task in the image. Guess what is the person saying?\n";
    case TaskFamily::Robot:
      return text + "\nWhat is the robot doing in the image?\n";
  }
  MAGMA_CHECK(false, "task family {} has no prompt", static_cast<int>(family));
}

std::string semantic_answer(std::string_view response) { return std::string(response) + "\n"; }

std::string scene_question(int images) { return placeholders(images) + "\nWhat do you see in the image?\n"; }

std::string caption_question(int images) {
  return placeholders(images) + "\nWhat do you see in the first image? And what will the person do next?\n";
}

std::string som_question(int grid) {
  return image_placeholder() + fmt::format(
                                   "\nThe image is split into {0}x{0} grids, and labeled with numeric marks.\n"
                                   "Please locate all the numerical marks in the image.\n",
                                   grid);
}

std::string som_answer(const std::map<int, Cell>& marks) {
  MAGMA_CHECK(!marks.empty(), "an answer needs a mark");
  std::string text;
  for (const auto& [id, cell] : marks) text += (text.empty() ? "" : ". ") + mark_text(id, cell);
  return text + "\n";
}

std::string trace_question(const TraceQuestion& question) {
  std::string ids;
  for (const int id : question.ids) ids += (ids.empty() ? "" : ", ") + std::to_string(id);
  const bool robot = question.family == TaskFamily::Robot;
  const std::string_view who = robot                                   ? "The robot is doing"
                               : question.family == TaskFamily::Saying ? "The person is saying"
                                                                       : "The person is doing";
  const std::string speed = question.speed ? fmt::format(" with speed {}", *question.speed) : "";
  return image_placeholder() +
         fmt::format(
             "\nThe image is split into {0}x{0} grids, and labeled with numeric marks{1} [{2}].\n"
             "{3}: {4}. To finish the task, how to move the numerical marks in the image{5} for the next {6} steps?\n",
             question.grid, robot ? ":" : "", ids, who, question.todo, speed, question.steps);
}

std::string trace_answer(const std::map<int, std::vector<Cell>>& traces) {
  MAGMA_CHECK(!traces.empty(), "an answer needs a trace");
  std::string starts;
  std::string future;
  for (const auto& [id, cells] : traces) {
    MAGMA_CHECK(cells.size() >= 2, "the trace of mark {} has no future", id);
    starts += (starts.empty() ? "" : ", ") + mark_text(id, cells.front());
    std::string list;
    for (size_t k = 1; k < cells.size(); ++k) list += (list.empty() ? "" : ",") + cell_text(cells[k]);
    future += fmt::format("\"Mark {}\": \"[{}]\"\n\n", id, list);
  }
  return starts + std::string(kMoveClause) + future;
}

std::string action_question(std::string_view task) {
  return fmt::format("What action should the robot take to {}?", task);
}

std::string click_question(std::string_view task) {
  return image_placeholder() + fmt::format(
                                   "In this view I need to click a button to \"{}\"? Provide the coordinates and the "
                                   "mark index of the containing bounding box if applicable.",
                                   task);
}

std::string brief_question(std::string_view question) {
  return image_placeholder() + fmt::format("{} Answer the question briefly.", question);
}

std::string place_text(ScreenPlace place) { return fmt::format("({:.2f},{:.2f})", place.x, place.y); }

std::string click_answer(ScreenPlace place, int mark) {
  return fmt::format("Coordinates: {}. Mark: {}", place_text(place), mark);
}

size_t future_offset(std::string_view answer) {
  const size_t clause = answer.find(kMoveClause);
  MAGMA_CHECK(clause != std::string_view::npos, "not an answer about traces");
  return clause + kMoveClause.size();
}

std::optional<std::map<int, Cell>> parse_som_answer(std::string_view answer) {
  Reader reader(answer);
  std::map<int, Cell> marks;
  if (!reader.marks(marks, ". ") || !reader.at_end()) return std::nullopt;
  return marks;
}

std::optional<std::map<int, std::vector<Cell>>> parse_trace_answer(std::string_view answer) {
  Reader reader(answer);
  std::map<int, Cell> starts;
  if (!reader.marks(starts, ", ") || !reader.skip(kMoveClause)) return std::nullopt;
  std::map<int, std::vector<Cell>> traces;
  for (const auto& [id, cell] : starts) traces[id] = {cell};
  for (size_t i = 0; i < starts.size(); ++i) {
    if (i > 0 && !reader.skip("\n\n")) return std::nullopt;
    if (!reader.future(traces)) return std::nullopt;
  }
  if (!reader.at_end()) return std::nullopt;
  return traces;
}

std::string clean_response(std::string_view gpt_response, std::string_view task) {
  constexpr std::string_view kReplacements[][2] = {
      {"What you see", "What I see"}, {"you see ", ""},       {"You see ", ""}, {"you", "the person"}, {"your", ""},
      {"In the first image, ", ""},   {"personr", "person's"}};
  std::string text(gpt_response);
  for (const auto& [from, to] : kReplacements) replace_all(text, from, to);
  delete_parentheses(text);
  if (text.empty()) text = task;
  replace_all(text, "camera wearer", "person");
  return text;
}

std::optional<SceneAndTask> split_response(std::string_view cleaned) {
  constexpr std::string_view kTask = "What the person should do next";
  const size_t at = cleaned.find(kTask);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view rest = cleaned.substr(at + kTask.size());
  const auto without = [](std::string_view part, std::initializer_list<std::string_view> marks) {
    std::string text(part);
    for (const std::string_view mark : marks) replace_all(text, mark, "");
    return std::string(stripped(text));
  };
  return SceneAndTask{without(cleaned.substr(0, at), {"#", "*", "What I see:"}),
                      without(rest.substr(0, rest.find(kTask)), {"#", "*", ":"})};
}

}  // namespace magma
