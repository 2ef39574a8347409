// magma data show: what is stored, record by record.
#include <CLI/CLI.hpp>

#include "apps/magma/data_verbs/data_verb.h"
#include "magma/core/error.h"
#include "magma/data/stored_format.h"

namespace magma {
namespace {

class Show final : public DataVerb {
 public:
  static constexpr const char* kSummary = "what is stored, and the samples made of it";

  void options(CLI::App& app) override {
    app.add_option("SOURCE", source_, "configuration, RLDS version folder or data file")->required();
    app.add_flag("--raw", raw_, "what is stored, not the samples made of it");
    app.add_option("--split", range_.split, "of an RLDS folder")->type_name("NAME");
    app.add_option("--from", range_.from, "leave out this many")->type_name("I")->check(CLI::NonNegativeNumber);
    app.add_option("--count", range_.count, "show this many; default: all")
        ->type_name("N")
        ->check(CLI::NonNegativeNumber);
    app.add_option("--elements", elements_, "spell out values of up to N numbers, or all")
        ->type_name("N")
        ->capture_default_str();
  }

  std::string examples() const override {
    return "  magma data show bridge_orig/1.0.0 --raw --count 1 --json\n"
           "  magma data show trace.pth --raw --elements all --json\n";
  }

  int run(const Output& out) override {
    range_.most_elements = most_elements();
    const FoundFormat found = find_stored_format(source_);
    found.format->show(source_, range_, [&](const std::string& line) {
      Output::write(line + "\n");
      return true;
    });
    (void)out;
    return 0;
  }

 private:
  int64_t most_elements() const {
    if (elements_ == "all") return -1;
    try {
      size_t used = 0;
      const int64_t most = std::stoll(elements_, &used);
      if (used == elements_.size() && most >= 0) return most;
    } catch (const std::exception&) {
    }
    throw Error(ErrorCode::Usage,
                {.where = "--elements", .what = "not a number", .expected = "0 or more, or all", .got = elements_});
  }

  std::string source_, elements_ = "64";
  bool raw_ = false;
  ShowRange range_;
};

MAGMA_REGISTER(DataVerbs, Show);

}  // namespace
}  // namespace magma
