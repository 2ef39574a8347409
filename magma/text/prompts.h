// Every sentence the model is asked about marks and traces, and the form of every answer. Source: data_formats.md 4.5.
// Values are given before chat templating; `{Q}` is the side of the grid.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace magma {

using Cell = std::array<int, 2>;  // [x, y] on the Q x Q grid

enum class TaskFamily { Person, Saying, Robot };  // "The person is doing", "The person is saying", "The robot is doing"

std::string image_placeholder();  // "<image>\n"
std::string semantic_question(TaskFamily family, int images);
std::string semantic_answer(std::string_view response);
std::string scene_question(int images);    // of Epic-Kitchens: "What do you see in the image?"
std::string caption_question(int images);  // of all frames of a clip, without marks
std::string som_question(int grid);
std::string som_answer(const std::map<int, Cell>& marks);  // ascending id, "Mark 1 at [3,4]. Mark 2 at [5,6]\n"

struct TraceQuestion {
  TaskFamily family = TaskFamily::Person;
  int grid = 256;
  std::vector<int> ids;  // all marks, ascending
  std::string todo;
  int steps = 0;
  std::optional<int> speed;  // grid units per step, inserted when given
};
std::string trace_question(const TraceQuestion& question);
// cells[0] is the mark's position, the rest its future.
std::string trace_answer(const std::map<int, std::vector<Cell>>& traces);

std::string action_question(std::string_view task);  // "What action should the robot take to open the drawer?"
// Of screens, with and without numbered boxes. data_formats.md 5.9.
std::string click_question(std::string_view task);
std::string brief_question(std::string_view question);  // "... Answer the question briefly."
struct ScreenPlace {
  double x = 0, y = 0;  // shares of the width and the height
};
std::string place_text(ScreenPlace place);              // "(0.52,0.31)"
std::string click_answer(ScreenPlace place, int mark);  // what a reader without marks drops: " Mark: 3"
// Where the future positions begin in what trace_answer() wrote.
size_t future_offset(std::string_view answer);

// Back from text; nullopt when `answer` does not have the form above.
std::optional<std::map<int, Cell>> parse_som_answer(std::string_view answer);
std::optional<std::map<int, std::vector<Cell>>> parse_trace_answer(std::string_view answer);

// "What you see ..." -> "What I see ...", and so on: the clean-up applied to narrations before they enter a prompt.
std::string clean_response(std::string_view gpt_response, std::string_view task);

// What is seen and what is to be done, of a narration of Epic-Kitchens after clean_response(). nullopt: it does not say
// what is to be done.
struct SceneAndTask {
  std::string scene, todo;
};
std::optional<SceneAndTask> split_response(std::string_view cleaned);

}  // namespace magma
