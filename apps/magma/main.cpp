// The program: parse, dispatch, and the one place that turns an Error into a line and an exit code.
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fcntl.h>
#include <unistd.h>

#include "apps/magma/command.h"
#include "apps/magma/help.h"
#include "apps/magma/version.h"
#include "magma/core/error.h"
#include "magma/core/interrupt.h"
#include "magma/core/text_distance.h"

namespace magma {
namespace {

struct Program {
  CLI::App app{"Magma: from images and video to words, marks, traces and actions.", "magma"};
  std::vector<std::unique_ptr<Command>> commands;
  bool json = false;
  bool quiet = false;
};

void add_commands(Program& program) {
  program.app.require_subcommand(0, 1);
  program.app.set_help_flag("-h,--help", "show this help");
  program.app.set_version_flag("--version", version_line());
  for (const auto& [name, entry] : Commands::entries()) {
    CLI::App* sub = program.app.add_subcommand(name, entry.summary);
    program.commands.push_back(entry.make());
    Command* command = program.commands.back().get();
    command->options(*sub);
    sub->set_help_flag("-h,--help", "show this help");
    sub->add_flag("--json", program.json, "print results as JSON");
    sub->add_flag("-q,--quiet", program.quiet, "no progress");
    sub->footer([command] { return command->examples(); });
  }
}

Error usage_error(const CLI::ParseError& parse_error, const std::vector<std::string>& arguments) {
  std::string hint = "magma --help lists the commands";
  if (!arguments.empty()) {
    const auto names = Commands::names();
    const std::string near = nearest_word(arguments.front(), names);
    const bool known = std::find(names.begin(), names.end(), arguments.front()) != names.end();
    if (known) hint = "magma " + arguments.front() + " --help shows its options";
    if (!known && !near.empty()) hint = "did you mean: magma " + near;
  }
  return {ErrorCode::Usage, {.where = "command line", .what = parse_error.what(), .hint = hint}};
}

int dispatch(Program& program, std::vector<std::string> arguments) {
  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
  try {
    program.app.parse(reversed);
  } catch (const CLI::CallForHelp&) {
    Output::write(help_text(program.app));
    return 0;
  } catch (const CLI::CallForVersion&) {
    Output::write(version_line() + "\n");
    return 0;
  } catch (const CLI::ParseError& parse_error) {
    throw usage_error(parse_error, arguments);
  }
  const auto chosen = program.app.get_subcommands();
  if (chosen.empty()) {
    Output::write(help_text(program.app));
    return 0;
  }
  const auto names = Commands::names();
  const auto index = std::find(names.begin(), names.end(), chosen.front()->get_name()) - names.begin();
  return program.commands[static_cast<size_t>(index)]->run(Output(program.json, program.quiet));
}

int report(const Error& error, bool json) {
  std::string line = error.line();
  if (error.code() == ErrorCode::Bug) line += " [" + version_line() + "]";
  std::fprintf(stderr, "%.512s\n", line.c_str());
  if (json && !Output::has_only_results()) Output::write(error.to_json() + "\n");
  return error.exit_code();
}

int run(std::vector<std::string> arguments) {
  Program program;
  program.json =
      std::find(arguments.begin(), arguments.end(), "--json") != arguments.end();  // also where parsing fails
  try {
    add_commands(program);
    return dispatch(program, std::move(arguments));
  } catch (const Error& error) {
    return report(error, program.json);
  } catch (const std::bad_alloc&) {
    return report(Error(ErrorCode::Resource, {.what = "out of memory", .hint = "use fewer workers or threads"}),
                  program.json);
  } catch (const std::filesystem::filesystem_error& failure) {
    return report(system_error("", failure.path1().string(), failure.code().value()), program.json);
  } catch (const std::exception& failure) {
    return report(Error(ErrorCode::Bug, {.what = "unexpected failure, please report it", .got = failure.what()}),
                  program.json);
  }
}

// A file must not be opened as descriptor 0, 1 or 2: what is said on stdout or stderr would be written into it.
void open_standard_streams() {
  int descriptor = -1;
  do {
    descriptor = open("/dev/null", O_RDWR);
  } while (descriptor >= 0 && descriptor <= STDERR_FILENO);
  if (descriptor > STDERR_FILENO) close(descriptor);
}

}  // namespace
}  // namespace magma

int main(int argc, char** argv) {
  magma::open_standard_streams();
  std::signal(SIGPIPE, SIG_IGN);
  magma::install_interrupt_handlers();
  return magma::run(std::vector<std::string>(argv + 1, argv + argc));
}
