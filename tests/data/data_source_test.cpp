// Published configurations as they are, and what is wrong with others.
#include "magma/data/data_source.h"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "magma/core/error.h"
#include "magma/data/mixtures.h"
#include "tests/support/temporary_folder.h"

namespace magma {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class DataSources : public testing::Test {
 protected:
  Path path(const std::string& name) const { return folder_.path() / name; }
  Path write(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories(path(name).parent_path());
    write_file_atomically(path(name), text, false);
    return path(name);
  }
  // A version folder, as far as it is looked at before anything is read.
  void make_version(const std::string& dataset) const {
    write("openx/" + dataset + "/1.0.0/features.json", "{}");
    write("openx/" + dataset + "/1.0.0/dataset_info.json", "{}");
  }
  static Error error_of(const Path& config, const std::vector<std::string>& settings = {}) {
    try {
      read_data_source(config, {.settings = settings});
    } catch (const Error& error) {
      return error;
    }
    throw std::logic_error("it was read");
  }

 private:
  TemporaryFolder folder_;
};

TEST_F(DataSources, OpenxYamlNamesAMixtureByItsExperiment) {
  const std::vector<MixtureEntry> soup = usable_entries(find_mixture("oxe_magic_soup"));
  for (const MixtureEntry& entry : soup) make_version(entry.dataset);
  const Path config = write("openx.yaml", "DATA_PATH:\n  - \"" + path("openx").string() +
                                              "\"\nIMAGE_FOLDER:\n  - \"siglip-224px+mx-oxe-magic-soup\"\n"
                                              "LANGUAGE_PATH:\n  - \"\"\n");
  const DataSource source = read_data_source(config, {});
  ASSERT_EQ(source.entries.size(), soup.size());
  for (size_t i = 0; i < soup.size(); ++i) {
    const DataEntry& entry = source.entries[i];
    EXPECT_TRUE(entry.stream);
    EXPECT_EQ(entry.reader, "openx");
    EXPECT_EQ(entry.options.dataset, soup[i].dataset);
    EXPECT_EQ(entry.weight, soup[i].weight);
    EXPECT_EQ(Path(entry.options.path), path("openx") / soup[i].dataset / "1.0.0");
  }
}

TEST_F(DataSources, Magma820kYamlNamesItsFamiliesByTheirPaths) {
  make_version("bridge_orig");
  for (const char* name : {"sft/magma_820k.json", "seeclick/web.json", "seeclick/ocr.json", "sft/vision2ui.jsonl",
                           "sft/mind2web.json", "sft/aitw.json", "sft/sharegpt4v.json", "openx_traces/a.pth",
                           "ego4d/a.pth", "sthv2/a.pth", "epic/a.pth", "exoego4d/a.pth"}) {
    write(name, "[]");
  }
  const Path config = write("magma_820k.yaml", R"(DATA_PATH:
  - ./sft/magma_820k.json
  - ./openx
  - ./seeclick/ocr+web
  - ./sft/vision2ui.jsonl
  - ./sft/mind2web.json
  - ./sft/aitw.json
  - ./sft/sharegpt4v.json
  - ./openx_traces/a.pth
  - ./ego4d/a.pth
  - ./sthv2/a.pth
  - ./epic/a.pth
  - ./exoego4d/a.pth
IMAGE_FOLDER: [./sft, siglip-224px+mx-bridge, ., ., ., ., ., ., ., ., ., .]
LANGUAGE_PATH:
DATA_PATH_VAL: [./sft/mind2web.json]
IMAGE_FOLDER_VAL: [./sft]
LANGUAGE_PATH_VAL: [x]
)");
  std::vector<std::string> tags, readers;
  for (const DataEntry& entry : read_data_source(config, {}).entries) {
    tags.push_back(entry.options.tag);
    readers.push_back(entry.reader);
  }
  EXPECT_THAT(tags, ElementsAre("magma", "openx", "seeclick_ocr", "vision2ui", "mind2web", "aitw", "sharegpt4v",
                                "openx_magma", "ego4d", "sthv2", "epic", "exoego4d"));
  EXPECT_THAT(readers,
              ElementsAre("chat_json", "openx", "chat_json", "chat_json", "chat_json", "chat_json", "chat_json",
                          "openx_traces", "video_traces", "video_traces", "video_traces", "video_traces"));
  const DataSource val = read_data_source(config, {.split = "val"});
  ASSERT_EQ(val.entries.size(), 1U);
  EXPECT_EQ(val.entries[0].options.tag, "mind2web");
}

TEST_F(DataSources, TagsAreThoseOfTheFirstRuleThatHolds) {
  const std::vector<std::pair<std::string, std::string>> rules = {{"a/EPIC/openx/x.json", "epic"},
                                                                  {"open-x/traces/x.pth", "openx_magma"},
                                                                  {"openx", "openx"},
                                                                  {"OpenX/llava", "llava"},
                                                                  {"sthv2_exoego4d.json", "sthv2"},
                                                                  {"ego4d_exoego4d.json", "exoego4d"},
                                                                  {"ego4d_aitw.json", "ego4d"},
                                                                  {"aitw_seeclick.json", "aitw"},
                                                                  {"SeeClick_OCR.json", "seeclick_ocr"},
                                                                  {"seeclick_mind2web", "seeclick"},
                                                                  {"mind2web_vision2ui", "mind2web"},
                                                                  {"vision2ui_llava", "vision2ui"},
                                                                  {"llava_magma", "llava"},
                                                                  {"magma_sharegpt4v", "magma"},
                                                                  {"ShareGPT4V.json", "sharegpt4v"},
                                                                  {"other.json", ""}};
  for (const auto& [given, tag] : rules) EXPECT_EQ(tag_of_path(given), tag) << given;
}

TEST_F(DataSources, AParentFolderDoesNotChangeAFamily) {
  write("epic_magma/conf/other.json", "[]");
  const Path config = write("epic_magma/conf/set.yaml", "DATA_PATH: [./other.json]\nIMAGE_FOLDER: [.]\n");
  EXPECT_THAT(error_of(config).line(), HasSubstr("does not say which family"));
  const DataSource named = read_data_source(config, {.settings = {"data.tags=[llava]"}});
  EXPECT_EQ(named.entries[0].options.tag, "llava");
}

TEST_F(DataSources, FaultsNameTheKey) {
  write("llava.json", "[]");
  const std::string good = "DATA_PATH: [./llava.json]\nIMAGE_FOLDER: [.]\n";
  const std::vector<std::array<std::string, 2>> faults = {
      {"DATA_PATH: []\nIMAGE_FOLDER: []\n", "DATA_PATH"},
      {"DATA_PATH: [./llava.json]\n", "IMAGE_FOLDER"},
      {"DATA_PATH: [./llava.json]\nIMAGE_FOLDER: [., .]\n", "IMAGE_FOLDER"},
      {"DATA_PATH: [\"\"]\nIMAGE_FOLDER: [.]\ndata: {tags: [llava]}\n", "DATA_PATH: empty path"},
      {good + "data: {tags: [llava, llava]}\n", "data.tags"},
      {good + "data: {tags: [lava]}\n", "data.tags"},
      {good + "data: {max_crops: 0}\n", "data.max_crops"},
      {good + "data: {image_size: 99999}\n", "data.image_size"},
      {good + "data: {normalisation: minmax}\n", "data.normalisation"},
      {good + "data: {mixture: {bridge_orig: -1}}\n", "data.mixture.bridge_orig"},
      {good + "data: {image_sizes: 4}\n", "data.image_size"},
      {good + "IMAGE_FOLDERS: [.]\n", "did you mean IMAGE_FOLDER"},
      {good + "Data: {image_size: 4}\n", "unknown setting"}};
  for (const auto& [text, part] : faults) {
    const Error error = error_of(write("bad.yaml", text));
    EXPECT_EQ(error.code(), ErrorCode::Usage) << text;
    EXPECT_THAT(error.line(), HasSubstr(part)) << text;
    EXPECT_THAT(error.fields().file, HasSubstr("bad.yaml")) << text;
  }
}

}  // namespace
}  // namespace magma
