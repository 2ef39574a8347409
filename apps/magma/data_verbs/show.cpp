// magma data show: what is stored, record by record, or the samples made of it.
#include <algorithm>
#include <charconv>
#include <optional>

#include <CLI/CLI.hpp>

#include "apps/magma/data_verbs/data_verb.h"
#include "magma/core/error.h"
#include "magma/core/interrupt.h"
#include "magma/core/progress.h"
#include "magma/data/data_source.h"
#include "magma/data/labels.h"
#include "magma/data/sample_page.h"
#include "magma/data/sample_text.h"
#include "magma/data/stored_format.h"
#include "magma/data/stored_text.h"

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
    app.add_option("--count", range_.count, "show this many; default: all, on a page 20")
        ->type_name("N")
        ->check(CLI::NonNegativeNumber);
    app.add_option("--elements", elements_, "spell out values of up to N numbers, or all")
        ->type_name("N")
        ->capture_default_str();
    app.add_option("--dataset", dataset_, "layout of an RLDS folder that is called otherwise")->type_name("NAME");
    app.add_option("--tokenizer", tokenizer_, "model folder: also show the tokens, and which carry loss")
        ->type_name("DIR");
    app.add_option("--html", page_, "write a page with the pictures instead")->type_name("FILE");
    app.add_option("--colour", colour_, "tokens with loss: auto (on a terminal), always or never")
        ->type_name("WHEN")
        ->check(CLI::IsMember({"auto", "always", "never"}))
        ->capture_default_str();
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
           "  magma data show magma_820k.yaml --from 100 --count 5 --tokenizer DIR\n"
           "  magma data show openx.yaml --html page.html --tokenizer DIR\n";
  }

  int run(const Output& out) override {
    range_.most_elements = most_elements();
    require_together(out);
    Output::only_results();
    raw_ ? show_stored(out) : show_samples(out);
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

  void show_stored(const Output& out) const {
    find_stored_format(source_).format->show(source_, range_, [&](const std::string& line) {
      std::string text;
      if (!out.json()) append_stored_text(text, line);
      out.json() ? Output::json_line(line) : Output::write(text + "\n");
      throw_if_interrupted();
      return true;
    });
  }

  void require_together(const Output& out) const {
    const bool for_people = !page_.empty() || !tokenizer_.empty();
    if (raw_ && for_people) {
      throw Error(ErrorCode::Usage, {.where = "--raw", .what = "not together with --html or --tokenizer"});
    }
    if (out.json() && for_people) {
      throw Error(ErrorCode::Usage, {.where = "--json",
                                     .what = "not together with --html or --tokenizer",
                                     .hint = "tokens as numbers: magma data batch --dump"});
    }
  }

  void show_samples(const Output& out) const {
    const DataSource source = read_data_source(source_, {.settings = settings_,
                                                         .dataset = dataset_,
                                                         .split = range_.split.empty() ? "train" : range_.split,
                                                         .seed = seed_});
    std::optional<TrainingTokens> tokens;
    if (!tokenizer_.empty()) tokens = read_training_tokens(tokenizer_, source.config);
    if (!page_.empty()) return write_page(out, source, tokens ? &*tokens : nullptr);
    const bool coloured = colour_ == "always" || (colour_ == "auto" && Output::shows_colour());
    for_samples(source, range_.count, [&](const Sample& sample) {
      std::string line;
      if (out.json()) {
        append_json(line, sample);
        return Output::json_line(line);
      }
      append_text(line, sample);
      if (tokens) {
        append_tokens(line, label_tokens(sample, *tokens, source.config.max_length), tokens->tokenizer, coloured);
      }
      Output::write(line + "\n");
    });
  }

  void write_page(const Output& out, const DataSource& source, const TrainingTokens* tokens) const {
    constexpr int64_t kOnPage = 20;
    const int64_t count = range_.count >= 0 ? range_.count : kOnPage;
    SamplePage page(page_, "Samples of " + source_, source.config, tokens);
    int64_t shown = 0;
    {
      Progress progress("show", count, "samples", out.progress());
      for_samples(source, count, [&](const Sample& sample) {
        page.add(sample);
        progress.advance();
        ++shown;
      });
    }
    page.finish();
    out.line("{}: {} samples", page_, shown);
  }

  template <typename Take>
  void for_samples(const DataSource& source, int64_t count, const Take& take) const {
    int64_t left_out = range_.from, shown = 0;
    for (const DataEntry& entry : source.entries) {
      const std::unique_ptr<Reader> reader = open_reader(entry);
      for (int64_t i = std::min(left_out, reader->size()); i < reader->size(); ++i) {
        if (count >= 0 && shown == count) return;
        take(reader->read(i));
        ++shown;
        throw_if_interrupted();
      }
      left_out -= std::min(left_out, reader->size());
    }
  }

  std::string source_, elements_ = "64", dataset_, tokenizer_, page_, colour_ = "auto";
  std::vector<std::string> settings_;
  bool raw_ = false;
  uint64_t seed_ = 0;
  ShowRange range_;
};

MAGMA_REGISTER(DataVerbs, Show);

}  // namespace
}  // namespace magma
