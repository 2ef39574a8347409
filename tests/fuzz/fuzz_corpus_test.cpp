// Every fuzz target over its corpus and over seeded changes of it, so that targets and findings cannot rot.
#include <algorithm>
#include <array>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "magma/core/random.h"
#include "tests/fuzz/fuzz_target.h"

namespace magma {
namespace {

struct NamedTarget {
  const char* name;
  void (*check)(std::string_view bytes);
  int changes;  // fewer where one costs milliseconds
};

const std::vector<NamedTarget> kTargets = {{"json", fuzz_json, 4000},
                                           {"json_lines", fuzz_json_lines, 3000},
                                           {"work_list", fuzz_work_list, 3000},
                                           {"query_points", fuzz_query_points, 3000},
                                           {"config", fuzz_config, 3000},
                                           {"safetensors", fuzz_safetensors, 3000},
                                           {"gguf", fuzz_gguf, 3000},
                                           {"track_file", fuzz_track_file, 3000},
                                           {"clip_records", fuzz_clip_records, 400},
                                           {"samples", fuzz_samples, 200},
                                           {"shard_done", fuzz_shard_done, 200},
                                           {"manifest", fuzz_manifest, 200},
                                           {"tokenizer", fuzz_tokenizer, 4000},
                                           {"tokenizer_text", fuzz_tokenizer_text, 4000},
                                           {"chat_template", fuzz_chat_template, 2000},
                                           {"answer", fuzz_answer, 4000},
                                           {"image_processor_config", fuzz_image_processor_config, 3000},
                                           {"action_statistics", fuzz_action_statistics, 3000},
                                           {"chat_items", fuzz_chat_items, 2000},
                                           {"video_items", fuzz_video_items, 3000},
                                           {"trace_file", fuzz_trace_file, 2000},
                                           {"tfrecord", fuzz_tfrecord, 2000},
                                           {"example", fuzz_example, 4000},
                                           {"tfds_features", fuzz_tfds_features, 3000},
                                           {"tfds_info", fuzz_tfds_info, 4000},
                                           {"torch_file", fuzz_torch_file, 2000},
                                           {"pickle", fuzz_pickle, 4000}};

std::vector<Path> sorted_entries(const Path& folder) {
  std::vector<Path> entries;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) entries.push_back(entry.path());
  std::sort(entries.begin(), entries.end());
  return entries;
}

const Path kCorpus = Path(MAGMA_SOURCE_DIR) / "tests/fuzz/corpus";

std::vector<std::string> corpus_of(const std::string& target) {
  std::vector<std::string> corpus = {""};
  for (const Path& file : sorted_entries(kCorpus / target)) corpus.push_back(read_file(file, int64_t{1} << 20));
  return corpus;
}

// Small changes, and pieces of other inputs in the middle of this one.
class Changer {
 public:
  Changer(const std::vector<std::string>& corpus, Rng& rng) : corpus_(corpus), rng_(rng) {}

  std::string change() {
    std::string bytes = corpus_[below(corpus_.size())];
    for (size_t left = 1 + below(4); left > 0; --left) change_once(bytes);
    return bytes;
  }

 private:
  size_t below(size_t count) { return static_cast<size_t>(rng_.integer(0, static_cast<int64_t>(count) - 1)); }

  void change_once(std::string& bytes) {
    static const std::array<std::string, 12> kPieces = {"{",     "]",    "\"", "-1",   "9223372036854775807",
                                                        "1e999", "null", "\n", "\xff", std::string(8, '\0'),
                                                        "[[[[",  "../"};
    const size_t at = below(bytes.size() + 1);
    const size_t length = std::min(bytes.size() - at, 1 + below(16));
    const std::string& other = corpus_[below(corpus_.size())];
    const size_t from = below(other.size() + 1);
    switch (below(6)) {
      case 0:
        if (at < bytes.size()) bytes[at] = static_cast<char>(bytes[at] ^ (1 << below(8)));
        break;
      case 1:
        bytes.erase(at, length);
        break;
      case 2:
        bytes.insert(at, bytes.substr(at, length));
        break;
      case 3:
        bytes.replace(at, length, kPieces[below(kPieces.size())]);
        break;
      case 4:
        bytes.replace(at, length, other.substr(from, 64));
        break;
      default:
        bytes.resize(at);
    }
  }

  const std::vector<std::string>& corpus_;
  Rng& rng_;
};

class FuzzCorpus : public testing::TestWithParam<NamedTarget> {
 protected:
  void check(const std::string& bytes, const std::string& which) const {
    try {
      GetParam().check(bytes);
    } catch (const std::exception& error) {
      FAIL() << which << ": " << error.what() << "\n" << testing::PrintToString(bytes.substr(0, 2000));
    }
  }
};

TEST_P(FuzzCorpus, HoldsForEveryInput) {
  const std::vector<std::string> corpus = corpus_of(GetParam().name);
  ASSERT_GE(corpus.size(), 3U);
  for (size_t i = 0; i < corpus.size(); ++i) check(corpus[i], "corpus " + std::to_string(i));
}

TEST_P(FuzzCorpus, HoldsForChangedInputs) {
  const std::vector<std::string> corpus = corpus_of(GetParam().name);
  Rng rng(1, GetParam().name, "changes");
  Changer changer(corpus, rng);
  for (int i = 0; i < GetParam().changes && !HasFailure(); ++i) check(changer.change(), "change " + std::to_string(i));
}

INSTANTIATE_TEST_SUITE_P(Targets, FuzzCorpus, testing::ValuesIn(kTargets),
                         [](const auto& target) { return std::string(target.param.name); });

TEST(FuzzTargets, EveryFolderOfTheCorpusHasATarget) {
  std::set<std::string> folders, targets;
  for (const Path& folder : sorted_entries(kCorpus)) folders.insert(folder.filename().string());
  for (const NamedTarget& target : kTargets) targets.insert(target.name);
  EXPECT_EQ(folders, targets);
}

}  // namespace
}  // namespace magma
