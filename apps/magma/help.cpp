#include "apps/magma/help.h"

#include <utility>

#include <CLI/CLI.hpp>
#include <fmt/core.h>

namespace magma {
namespace {

constexpr int kColumn = 26;

std::string row(const std::string& left, const std::string& right) {
  if (left.size() + 2 > kColumn) return fmt::format("  {}\n  {:{}}{}\n", left, "", kColumn, right);
  return fmt::format("  {:<{}}{}\n", left, kColumn, right);
}

// The parser appends what it checks to the name of a value: "N:INT in [1 - 64]". -> {"N", "1 to 64"}
std::pair<std::string, std::string> value_name_and_range(const std::string& name) {
  const size_t colon = name.find(':'), open = name.find(" in [");
  if (colon == std::string::npos) return {name, {}};
  if (open == std::string::npos || !name.ends_with(']')) return {name.substr(0, colon), {}};
  std::string range = name.substr(open + 5, name.size() - open - 6);
  if (const size_t dash = range.find(" - "); dash != std::string::npos) range.replace(dash, 3, " to ");
  return {name.substr(0, colon), range};
}

std::string option_row(const CLI::Option& option) {
  std::string left = option.get_positional() ? option.get_name(true) : option.get_name(false, true);
  std::string right = option.get_description();
  std::string values = option.get_default_str();
  if (!option.get_positional() && option.get_items_expected_max() > 0) {
    const auto [name, range] = value_name_and_range(option.get_type_name());
    left += " " + name;
    if (!range.empty()) values += (values.empty() ? "" : "; ") + range;
  }
  if (!values.empty()) right += fmt::format(" [{}]", values);
  return row(left, right);
}

std::string full_name(const CLI::App& command) {
  const CLI::App* parent = command.get_parent();
  return parent == nullptr ? command.get_name() : full_name(*parent) + " " + command.get_name();
}

std::string rows_of_verbs(const CLI::App& command) {
  std::string rows;
  for (const CLI::App* verb : command.get_subcommands([](const CLI::App*) { return true; })) {
    rows += row(verb->get_name(), verb->get_description());
  }
  return rows;
}

// Those of a command that its verbs take as well.
std::string rows_of_options(const CLI::App& command) {
  std::string rows;
  for (const CLI::Option* option : command.get_options()) {
    if (option != command.get_help_ptr()) rows += option_row(*option);
  }
  return rows;
}

std::string command_help(const CLI::App& command) {
  std::string usage = "usage: " + full_name(command);
  std::string positionals, options;
  const std::string verbs = rows_of_verbs(command);
  if (!verbs.empty()) usage += " VERB";
  for (const CLI::Option* option : command.get_options()) {
    if (option->get_positional())
      usage += option->get_required() ? " " + option->get_name(true) : " [" + option->get_name(true) + "]";
    (option->get_positional() ? positionals : options) += option_row(*option);
  }
  if (command.get_fallthrough()) options += rows_of_options(*command.get_parent());
  std::string text = usage + " [options]\n\n" + command.get_description() + "\n\n" + positionals;
  if (!positionals.empty()) text += "\n";
  if (!verbs.empty()) text += "verbs:\n" + verbs + "\n";
  text += "options:\n" + options;
  const std::string examples = command.get_footer();
  return examples.empty() ? text : text + "\nexamples:\n" + examples;
}

std::string program_help(CLI::App& program) {
  std::string text = "usage: magma COMMAND [options]\n\n" + program.get_description() + "\n\ncommands:\n";
  text += rows_of_verbs(program);
  text += "\nexamples:\n";
  text += row("magma mark clip.mp4 -o out", "marks and traces of a video; open out/report.html");
  text += row("magma track clip.mp4 -o out", "follow a grid of points; watch out/orig_trace.mp4");
  text += row("magma info out", "what a file or folder is");
  return text + "\nmagma COMMAND --help shows a command's options.\n";
}

}  // namespace

std::string help_text(CLI::App& program) {
  const CLI::App* command = &program;
  while (!command->get_subcommands().empty()) command = command->get_subcommands().front();
  return command == &program ? program_help(program) : command_help(*command);
}

}  // namespace magma
