// magma data show: what is stored, record by record, or the samples made of it.
#include <algorithm>
#include <charconv>

#include <CLI/CLI.hpp>

#include "apps/magma/data_verbs/data_verb.h"
#include "magma/core/error.h"
#include "magma/core/interrupt.h"
#include "magma/data/data_source.h"
#include "magma/data/sample_text.h"
#include "magma/data/stored_format.h"

namespace magma {
namespace {

class Show final : public DataVerb {
 public:
  static constexpr const char* kSummary = "what is stored, and the samples made of it";

  void options(CLI::App& app) override {
    app.add_option("SOURCE", source_, "configuration, RLDS version folder or data file")->required();
    app.add_flag("--raw", raw_, "what is stored, not the samples made of it");
    app.add_option("--split", range_.split, "of an RLDS folder: a stored name; for samples also train, val or all")
        ->type_name("NAME");
    app.add_option("--from", range_.from, "leave out this many")->type_name("I")->check(CLI::NonNegativeNumber);
    app.add_option("--count", range_.count, "show this many; default: all")
        ->type_name("N")
        ->check(CLI::NonNegativeNumber);
    app.add_option("--elements", elements_, "spell out values of up to N numbers, or all")
        ->type_name("N")
        ->capture_default_str();
    app.add_option("--dataset", dataset_, "layout of an RLDS folder that is called otherwise")->type_name("NAME");
    app.add_option("--seed", seed_, "of what is drawn at random in a sample")->type_name("S")->capture_default_str();
    app.add_option("--set", settings_, "setting, such as data.image_size=256")
        ->type_name("KEY=VALUE")
        ->expected(1)
        ->take_all();
  }

  std::string examples() const override {
    return "  magma data show bridge_orig/1.0.0 --count 3\n"
           "  magma data show bridge_orig/1.0.0 --raw --count 1 --json\n"
           "  magma data show trace.pth --raw --elements all --json\n"
           "  magma data show magma_820k.yaml --from 100 --count 5\n";
  }

  int run(const Output& out) override {
    range_.most_elements = most_elements();
    raw_ ? show_stored() : show_samples(out);
    return 0;
  }

 private:
  int64_t most_elements() const {
    if (elements_ == "all") return -1;
    int64_t most = 0;
    const char* end = elements_.data() + elements_.size();
    const auto [stopped, failure] = std::from_chars(elements_.data(), end, most);
    if (failure == std::errc() && stopped == end && most >= 0) return most;
    throw Error(ErrorCode::Usage,
                {.where = "--elements", .what = "not a number", .expected = "0 or more, or all", .got = elements_});
  }

  void show_stored() const {
    find_stored_format(source_).format->show(source_, range_, [](const std::string& line) {
      Output::json_line(line);
      throw_if_interrupted();
      return true;
    });
  }

  void show_samples(const Output& out) const {
    const DataSource source = read_data_source(source_, {.settings = settings_,
                                                         .dataset = dataset_,
                                                         .split = range_.split.empty() ? "train" : range_.split,
                                                         .seed = seed_});
    int64_t left_out = range_.from, shown = 0;
    for (const DataEntry& entry : source.entries) {
      const std::unique_ptr<Reader> reader = open_reader(entry);
      for (int64_t i = std::min(left_out, reader->size()); i < reader->size(); ++i) {
        if (range_.count >= 0 && shown == range_.count) return;
        show_sample(out, reader->read(i));
        ++shown;
        throw_if_interrupted();
      }
      left_out -= std::min(left_out, reader->size());
    }
  }

  static void show_sample(const Output& out, const Sample& sample) {
    std::string line;
    if (out.json()) {
      append_json(line, sample);
      Output::json_line(line);
    } else {
      append_text(line, sample);
      Output::write(line + "\n");
    }
  }

  std::string source_, elements_ = "64", dataset_;
  std::vector<std::string> settings_;
  bool raw_ = false;
  uint64_t seed_ = 0;
  ShowRange range_;
};

MAGMA_REGISTER(DataVerbs, Show);

}  // namespace
}  // namespace magma
