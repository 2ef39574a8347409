// magma completion: a script for the shell, made from the registered commands and their options.
#include <CLI/CLI.hpp>

#include "apps/magma/command.h"
#include "magma/core/error.h"

namespace magma {
namespace {

std::string long_options(Command& command) {
  CLI::App app;
  command.options(app);
  std::string words = "--help --json --quiet";
  for (const CLI::Option* option : app.get_options([](const CLI::Option* o) { return !o->get_positional(); })) {
    for (const std::string& name : option->get_lnames()) {
      if (name != "help") words += " --" + name;
    }
  }
  return words;
}

std::string joined_names(const char* separator) {
  std::string names;
  for (const std::string& name : Commands::names()) names += (names.empty() ? "" : separator) + name;
  return names;
}

std::string bash_script() {
  std::string script =
      "_magma() {\n  local word=\"${COMP_WORDS[COMP_CWORD]}\"\n"
      "  if [ \"$COMP_CWORD\" -eq 1 ]; then COMPREPLY=($(compgen -W \"" +
      joined_names(" ") + "\" -- \"$word\")); return; fi\n  case \"${COMP_WORDS[1]}\" in\n";
  for (const auto& [name, entry] : Commands::entries()) {
    script += "    " + name + ") [[ \"$word\" == -* ]] && COMPREPLY=($(compgen -W \"" + long_options(*entry.make()) +
              "\" -- \"$word\")) ;;\n";
  }
  return script + "  esac\n}\ncomplete -o default -F _magma magma\n";
}

std::string zsh_script() { return "#compdef magma\nautoload -U +X bashcompinit && bashcompinit\n" + bash_script(); }

std::string fish_script() {
  std::string script = "complete -c magma -n __fish_use_subcommand -f -a '" + joined_names(" ") + "'\n";
  for (const auto& [name, entry] : Commands::entries()) {
    std::string words = long_options(*entry.make());
    for (size_t at = words.find("--"); at != std::string::npos; at = words.find("--", at + 2)) {
      const std::string word = words.substr(at + 2, words.find(' ', at) - at - 2);
      script += "complete -c magma -n '__fish_seen_subcommand_from " + name + "' -l " + word + "\n";
    }
  }
  return script;
}

class Completion final : public Command {
 public:
  static constexpr const char* kSummary = "completion script for bash, zsh or fish";

  void options(CLI::App& app) override {
    app.add_option("SHELL", shell_, "bash, zsh or fish")->required()->check(CLI::IsMember({"bash", "zsh", "fish"}));
  }
  std::string examples() const override { return "  source <(magma completion bash)\n"; }
  int run(const Output&) override {
    Output::write(shell_ == "bash" ? bash_script() : shell_ == "zsh" ? zsh_script() : fish_script());
    return 0;
  }

 private:
  std::string shell_;
};

MAGMA_REGISTER(Commands, Completion);

}  // namespace
}  // namespace magma
