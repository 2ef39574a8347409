// What the tests of `magma data` share: made sets, batches, checks, and robot episodes written feature by feature.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "tests/apps/program_case.h"

namespace magma {

// One episode as it is stored, by the keys of its Example.
struct StoredEpisode {
  std::map<std::string, std::vector<std::string>> bytes{};
  std::map<std::string, std::vector<float>> floats{};
  std::map<std::string, std::vector<int64_t>> ints{};
  std::string example() const;
};

constexpr int kStoredSteps = 3;

// Three steps with actions of seven numbers, a picture of 6 x 4 px and an instruction.
StoredEpisode stored_episode(int number = 0);

struct CheckedSource {
  int status = -1;
  std::string err{};
  Json all{}, source{};  // what was printed, and its first source
};

class DataCase : public ProgramCase {
 protected:
  static std::string tokenizer();
  Json json_of(std::vector<std::string> words) const;  // what it prints with --json; demands success
  Json make_set(const std::string& name, const std::string& folder, int count) const;
  // set/mixed.yaml: robot episodes and questions about pictures, both made up.
  void make_mixed_set() const;
  // `magma data batch CONFIG`, pictures of 16 px; `more` are further words.
  std::vector<std::string> batch_words(const std::string& config, const std::vector<std::string>& more) const;
  Json batch(const std::string& config, const std::vector<std::string>& more) const;
  CheckedSource check(const std::string& source, const std::vector<std::string>& more = {}) const;

  // FOLDER/1.0.0 with one shard of these records; its layout is that of "dobbe" where FOLDER is called so.
  void write_episodes(const std::string& folder, const std::vector<StoredEpisode>& episodes) const;
  void write_shard(const std::string& folder, const std::string& shard, size_t records) const;
  void write_llava(const std::string& folder, const std::vector<std::string>& pictures) const;
};

}  // namespace magma
