// magma completion: a script for the shell, made from the registered commands and their options.
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "apps/magma/command.h"
#include "magma/core/error.h"

namespace magma {
namespace {

struct Words {
  std::string name, options;  // "--help --json"
  std::vector<Words> verbs{};
};

Words words_of(const std::string& name, const CLI::App& app) {
  Words words{name, "--help --json --quiet"};
  for (const CLI::Option* option : app.get_options([](const CLI::Option* o) { return !o->get_positional(); })) {
    for (const std::string& long_name : option->get_lnames()) {
      if (long_name != "help") words.options += " --" + long_name;
    }
  }
  for (const CLI::App* verb : app.get_subcommands(nullptr)) words.verbs.push_back(words_of(verb->get_name(), *verb));
  return words;
}

std::vector<Words> all_words() {
  std::vector<Words> all;
  for (const auto& [name, entry] : Commands::entries()) {
    CLI::App app;
    const std::unique_ptr<Command> command = entry.make();
    command->options(app);
    all.push_back(words_of(name, app));
  }
  return all;
}

std::string names_of(const std::vector<Words>& all) {
  std::string names;
  for (const Words& words : all) names += (names.empty() ? "" : " ") + words.name;
  return names;
}

std::string bash_reply(const std::string& words) { return "COMPREPLY=($(compgen -W \"" + words + "\" -- \"$word\"))"; }

// What follows word `depth` of the line: the names of commands or verbs, then the options of one.
std::string bash_cases(const std::vector<Words>& all, int depth) {
  const std::string at = std::to_string(depth);
  std::string script = "  if [ \"$COMP_CWORD\" -eq " + at + " ]; then " + bash_reply(names_of(all)) + "; return; fi\n";
  script += "  case \"${COMP_WORDS[" + at + "]}\" in\n";
  for (const Words& words : all) {
    const std::string options = "[[ \"$word\" == -* ]] && " + bash_reply(words.options);
    script += "  " + words.name + ") " + (words.verbs.empty() ? options : "\n" + bash_cases(words.verbs, depth + 1)) +
              " ;;\n";
  }
  return script + "  esac\n";
}

std::string bash_script() {
  return "_magma() {\n  local word=\"${COMP_WORDS[COMP_CWORD]}\"\n" + bash_cases(all_words(), 1) +
         "}\ncomplete -o default -F _magma magma\n";
}

std::string zsh_script() { return "#compdef magma\nautoload -U +X bashcompinit && bashcompinit\n" + bash_script(); }

std::string fish_options(const std::string& condition, const std::string& options) {
  std::string script;
  for (size_t at = options.find("--"); at != std::string::npos; at = options.find("--", at + 2)) {
    const std::string word = options.substr(at + 2, options.find(' ', at) - at - 2);
    script += "complete -c magma -n '" + condition + "' -l " + word + "\n";
  }
  return script;
}

std::string fish_script() {
  const std::vector<Words> all = all_words();
  std::string script = "complete -c magma -n __fish_use_subcommand -f -a '" + names_of(all) + "'\n";
  for (const Words& words : all) {
    const std::string seen = "__fish_seen_subcommand_from " + words.name;
    if (words.verbs.empty()) script += fish_options(seen, words.options);
    const std::string verbs = names_of(words.verbs);
    if (!verbs.empty()) {
      script += "complete -c magma -n '" + seen + "; and not __fish_seen_subcommand_from " + verbs + "' -f -a '" +
                verbs + "'\n";
    }
    for (const Words& verb : words.verbs) {
      script += fish_options(seen + "; and __fish_seen_subcommand_from " + verb.name, verb.options);
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
