// What the tests of the program share: a folder, videos in it, and the contract of a failure.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "magma/core/json.h"
#include "tests/apps/program.h"
#include "tests/image/video_inputs.h"
#include "tests/support/temporary_folder.h"

namespace magma {

// A box moves over a standing background, both textured; `filters` come after: ",crop=99:77".
inline std::string moving_box(int frames, const std::string& size = "160x120", const std::string& filters = "") {
  const std::string texture = "color=c=gray:rate=25:size=";
  return "-f lavfi -i \"" + texture + size + ",noise=alls=90:all_seed=5,gblur=1.5\" -f lavfi -i \"" + texture +
         "48x48,noise=alls=100:all_seed=9,gblur=1\" -filter_complex \"overlay=x='10+3*n':y=36" + filters +
         "\" -frames:v " + std::to_string(frames) + " -c:v libx264 -pix_fmt yuv420p -g 12";
}

class ProgramCase : public testing::Test {
 protected:
  // Temporary files would lie where a failure's leftovers are looked for.
  ProgramCase() { std::filesystem::create_directory(path("tmp")); }

  Path path(const std::string& name) const { return folder_.path() / name; }
  ProgramRun run(std::vector<std::string> words) const {
    words.insert(words.begin(), "magma");
    return run_words(words);
  }
  ProgramRun run_words(const std::vector<std::string>& words) const {
    return run_in(folder_.path(), words, {{"TMPDIR", path("tmp").string()}});
  }
  void make(const std::string& name, const std::string& arguments) const {
    make_video(folder_.path(), name, arguments);
  }
  void write(const std::string& name, const std::string& text) const { write_file_atomically(path(name), text); }
  std::string text_of(const std::string& name) const { return read_file(path(name), int64_t{64} << 20); }

  std::vector<Json> lines_of(const std::string& name) const {
    std::vector<Json> values;
    JsonLines lines(path(name));
    while (auto value = lines.next()) values.push_back(*value);
    return values;
  }

  void succeeds(const std::vector<std::string>& words) const {
    const ProgramRun done = run(words);
    EXPECT_EQ(done.status, 0) << words[0] << ": " << done.err;
  }

  // The contract: this exit code, one line of at most 512 bytes that says `part`, and nothing new in the folder.
  void fails(int status, std::vector<std::string> words, const std::string& part = "") const {
    words.insert(words.begin(), "magma");
    words_fail(status, words, part);
  }

  void words_fail(int status, const std::vector<std::string>& words, const std::string& part) const {
    const auto before = names_below(folder_.path());
    const ProgramRun done = run_words(words);
    std::string command;
    for (const std::string& word : words) command += word + " ";
    EXPECT_EQ(done.status, status) << command << done.err;
    expect_one_line(done.err, part, command);
    EXPECT_EQ(names_below(folder_.path()), before) << command << done.err;
  }

  static void expect_one_line(const std::string& text, const std::string& part, const std::string& command) {
    EXPECT_TRUE(text.starts_with("error[")) << command << text;
    EXPECT_TRUE(text.ends_with('\n')) << command << text;
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1) << command << text;
    EXPECT_LE(text.size(), 512U) << command;
    EXPECT_NE(text.find(part), std::string::npos) << command << text;
  }

 private:
  TemporaryFolder folder_;
};

}  // namespace magma
