#include "apps/magma/help.h"

#include <CLI/CLI.hpp>
#include <fmt/core.h>

namespace magma {
namespace {

constexpr int kColumn = 26;

std::string row(const std::string& left, const std::string& right) {
  if (left.size() + 2 > kColumn) return fmt::format("  {}\n  {:{}}{}\n", left, "", kColumn, right);
  return fmt::format("  {:<{}}{}\n", left, kColumn, right);
}

std::string option_row(const CLI::Option& option) {
  std::string left = option.get_positional() ? option.get_name(true) : option.get_name(false, true);
  if (!option.get_positional() && option.get_items_expected_max() > 0) left += " " + option.get_type_name();
  std::string right = option.get_description();
  if (!option.get_default_str().empty()) right += fmt::format(" [{}]", option.get_default_str());
  return row(left, right);
}

std::string command_help(const CLI::App& command) {
  std::string usage = "usage: magma " + command.get_name();
  std::string positionals, options;
  for (const CLI::Option* option : command.get_options()) {
    if (option->get_positional())
      usage += option->get_required() ? " " + option->get_name(true) : " [" + option->get_name(true) + "]";
    (option->get_positional() ? positionals : options) += option_row(*option);
  }
  std::string text = usage + " [options]\n\n" + command.get_description() + "\n\n" + positionals;
  if (!positionals.empty()) text += "\n";
  text += "options:\n" + options;
  const std::string examples = command.get_footer();
  return examples.empty() ? text : text + "\nexamples:\n" + examples;
}

std::string program_help(CLI::App& program) {
  std::string text = "usage: magma COMMAND [options]\n\n" + program.get_description() + "\n\ncommands:\n";
  for (const CLI::App* command : program.get_subcommands([](CLI::App*) { return true; })) {
    text += row(command->get_name(), command->get_description());
  }
  text += "\nexamples:\n";
  text += row("magma mark clip.mp4 -o out", "marks and traces of a video; open out/report.html");
  text += row("magma track clip.mp4 -o out", "follow a grid of points; watch out/orig_trace.mp4");
  text += row("magma info out", "what a file or folder is");
  return text + "\nmagma COMMAND --help shows a command's options.\n";
}

}  // namespace

std::string help_text(CLI::App& program) {
  const auto chosen = program.get_subcommands();
  return chosen.empty() ? program_help(program) : command_help(*chosen.front());
}

}  // namespace magma
