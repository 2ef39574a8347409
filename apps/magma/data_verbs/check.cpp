// magma data check: reads everything and says what is wrong with it.
#include <algorithm>
#include <set>

#include <CLI/CLI.hpp>
#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "apps/magma/data_verbs/data_verb.h"
#include "magma/core/error.h"
#include "magma/core/interrupt.h"
#include "magma/core/json.h"
#include "magma/core/log.h"
#include "magma/core/progress.h"
#include "magma/data/data_source.h"
#include "magma/data/item_file.h"
#include "magma/data/openx_layout.h"
#include "magma/data/pictures.h"
#include "magma/data/rlds_dataset.h"
#include "magma/data/stored_format.h"

namespace magma {
namespace {

constexpr size_t kMostListed = 1000;

// What was found in one source.
struct Findings {
  std::string source, kind;
  int64_t records = 0, samples = 0, skipped = 0;
  std::vector<Error> errors{};          // the first kMostListed
  std::set<std::string> bad_records{};  // "FILE record N", so that a record is not blamed twice

  void add(const Error& error) {
    if (error.code() == ErrorCode::Bug || is_interruption(error.code())) throw error;
    ++skipped;
    if (errors.size() < kMostListed) errors.push_back(error);
    bad_records.insert(record_of(error.fields().file, error.fields().where));
  }
  static std::string record_of(const std::string& file, const std::string& where) {
    return Path(file).filename().string() + " " + where.substr(0, where.find(','));
  }
};

class Check final : public DataVerb {
 public:
  static constexpr const char* kSummary = "read everything, and say what is wrong with it";

  void options(CLI::App& app) override {
    app.add_option("SOURCE", sources_, "configurations, RLDS version folders or data files")->required();
    app.add_option("--skip-up-to", tolerated_, "this many bad records or samples are tolerated; they are still listed")
        ->type_name("N")
        ->check(CLI::NonNegativeNumber)
        ->capture_default_str();
    app.add_option("--split", split_, "of an RLDS folder: which samples are made")
        ->type_name("NAME")
        ->capture_default_str();
    app.add_option("--dataset", dataset_, "layout of an RLDS folder that is called otherwise")->type_name("NAME");
    app.add_option("--set", settings_, "setting, such as data.image_size=256")
        ->type_name("KEY=VALUE")
        ->expected(1)
        ->take_all();
  }

  std::string examples() const override {
    return "  magma data check magma_820k.yaml\n"
           "  magma data check bridge_orig/1.0.0 --skip-up-to 10 --json\n";
  }

  int run(const Output& out) override {
    std::vector<Findings> all;
    for (const std::string& source : sources_) {
      Findings& findings = all.emplace_back(Findings{.source = source, .kind = "unknown"});
      try {
        check(findings, out.progress());
      } catch (const Error& error) {
        findings.add(error);
      }
    }
    return show(out, all);
  }

 private:
  void check(Findings& findings, ProgressStyle style) const {
    const Path source(findings.source);
    const std::string extension = source.extension().string();
    if (extension == ".yaml" || extension == ".yml") {
      findings.kind = "config";
      const DataSource read = read_data_source(source, {.settings = settings_, .dataset = dataset_, .split = split_});
      for (const DataEntry& entry : read.entries) check_entry(findings, read, entry, style);
      return;
    }
    const FoundFormat found = find_stored_format(source);
    findings.kind = found.name;
    check_stored(findings, found, source, style);
    if (!has_samples(found.name, source)) {
      if (found.name == "rlds")
        log(LogLevel::Warning, "{}: no layout has this name, so only what is stored was checked; --dataset names one",
            escape_text(findings.source));
      return;
    }
    const DataSource read = read_data_source(source, {.settings = settings_, .dataset = dataset_, .split = split_});
    for (const DataEntry& entry : read.entries) read_samples(findings, read, entry, style);
  }

  // Items of unknown families are conversations when they look like it; robot folders when their layout is known.
  bool has_samples(const std::string& format, const Path& source) const {
    if (format == "rlds") return !dataset_.empty() || has_openx_layout(source);
    if (format != "json" && format != "torch") return false;
    if (!settings_.empty() || !tag_of_path(source.string()).empty()) return true;
    if (format == "torch") return false;
    const auto items = open_item_file(source);
    return items->size() > 0 && items->text(0).find("\"conversations\"") != std::string_view::npos;
  }

  static void check_stored(Findings& findings, const FoundFormat& found, const Path& source, ProgressStyle style) {
    Progress progress("check " + escape_text(source.string()), -1, "records", style);
    const auto next = [&] {
      throw_if_interrupted();
      progress.advance();
    };
    findings.records += found.format->check(source, {.bad = [&](const Error& error) { findings.add(error); },
                                                     .record = next,
                                                     .expect = [&](int64_t total) { progress.set_total(total); }});
  }

  void check_entry(Findings& findings, const DataSource& source, const DataEntry& entry, ProgressStyle style) const {
    const std::vector<Path> files =
        entry.stream ? std::vector<Path>{entry.options.path} : annotation_files(entry.options.path);
    for (const Path& file : files) check_stored(findings, find_stored_format(file), file, style);
    read_samples(findings, source, entry, style);
  }

  void read_samples(Findings& findings, const DataSource& source, const DataEntry& entry, ProgressStyle style) const {
    const std::unique_ptr<Reader> reader = open_reader(entry);
    Progress progress("read " + escape_text(entry.path), reader->size(), "samples", style);
    for (int64_t i = 0; i < reader->size(); ++i) {
      throw_if_interrupted();
      progress.advance();
      const Origin origin = reader->origin(i);
      // What is stored wrongly was listed with its record, and is no sample.
      if (findings.bad_records.contains(Findings::record_of(origin.file, origin.where()))) continue;
      try {
        const Sample sample = reader->read(i);
        reader->check(i);
        // A robot's pictures were all decoded where the records were checked.
        for (const SampleImage& image : sample.images) {
          if (!entry.stream) decode_picture(image, source.config);
        }
        ++findings.samples;
      } catch (const Error& error) {
        findings.add(error.with_file(origin.file).with_where(origin.where()));
      }
    }
  }

  static Json error_json(const Error& error) {
    const ErrorFields& fields = error.fields();
    std::string what = fields.what;
    if (!fields.expected.empty() || !fields.got.empty())
      what += fmt::format(" (expected {}, got {})", fields.expected, fields.got);
    return {{"code", error_code_name(error.code())},
            {"file", escape_text(fields.file, 512)},
            {"where", escape_text(fields.where, 512)},
            {"what", escape_text(what, 512)},
            {"hint", escape_text(fields.hint, 512)}};
  }

  int show(const Output& out, const std::vector<Findings>& all) const {
    int64_t bad = 0;
    int code = 0;
    Json sources = Json::array();
    for (const Findings& findings : all) {
      bad += findings.skipped;
      Json errors = Json::array();
      out.line("{}: {}; {} records, {} samples, {} bad", findings.source, findings.kind, findings.records,
               findings.samples, findings.skipped);
      for (const Error& error : findings.errors) {
        if (code == 0) code = error.exit_code();
        errors.push_back(error_json(error));
        out.line("  {}", error.line());
      }
      const int64_t unlisted = findings.skipped - static_cast<int64_t>(findings.errors.size());
      if (unlisted > 0) out.line("  and {} more", unlisted);
      sources.push_back({{"source", findings.source},
                         {"kind", findings.kind},
                         {"records", findings.records},
                         {"samples", findings.samples},
                         {"skipped", findings.skipped},
                         {"errors", std::move(errors)}});
    }
    const bool ok = bad <= tolerated_;
    out.value({{"ok", ok}, {"sources", std::move(sources)}});
    if (!ok) std::fprintf(stderr, "%.512s\n", first_error(all).line().c_str());
    return ok ? 0 : code;
  }

  static const Error& first_error(const std::vector<Findings>& all) {
    return std::find_if(all.begin(), all.end(), [](const Findings& f) { return !f.errors.empty(); })->errors.front();
  }

  std::vector<std::string> sources_, settings_;
  std::string dataset_, split_ = "all";
  int64_t tolerated_ = 0;
};

MAGMA_REGISTER(DataVerbs, Check);

}  // namespace
}  // namespace magma
