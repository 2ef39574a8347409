// magma mark --check: no complaint about what the program makes, and no damage that goes unnoticed.
#include "magma/core/random.h"
#include "tests/apps/program_case.h"

namespace magma {
namespace {

namespace fs = std::filesystem;

class SlowMarkCheck : public ProgramCase {
 protected:
  void make_list() const {
    make("v.mp4", moving_box(8, "96x80"));
    write("text.mp4", "not a video");
    write("list.jsonl",
          "{\"id\":\"a\",\"video\":\"v.mp4\"}\n{\"id\":\"b\",\"video\":\"text.mp4\"}\n{\"id\":\"c\",\"video\":\"v."
          "mp4\"}\n");
    succeeds({"mark", "--list", "list.jsonl", "-o", "out", "--shards", "2"});
  }
  int check() const { return run({"mark", "--check", "out"}).status; }
  void put(const std::string& name, const std::string& bytes) const {
    write_file_atomically(path("out") / name, bytes, false);
  }
};

TEST_F(SlowMarkCheck, NoticesEveryFileThatIsCutChangedOrGone) {
  make_list();
  ASSERT_EQ(check(), 0);
  Rng rng(static_cast<uint64_t>(getpid()));
  for (const auto& [name, bytes] : files_below(path("out"))) {
    fs::remove(path("out") / name);
    EXPECT_EQ(check(), 3) << name << " removed";
    const auto last = static_cast<int64_t>(bytes.size()) - 1;
    if (last >= 0) {
      put(name, bytes.substr(0, static_cast<size_t>(rng.integer(0, last))));
      EXPECT_EQ(check(), 3) << name << " cut";
      std::string changed = bytes;
      const auto at = static_cast<size_t>(rng.integer(0, last));
      changed[at] = static_cast<char>(changed[at] ^ (1 << rng.integer(0, 7)));
      put(name, changed);
      EXPECT_EQ(check(), 3) << name << " changed at byte " << at;
    }
    put(name, bytes + "\n");
    EXPECT_EQ(check(), 3) << name << " longer";
    put(name, bytes);
  }
  EXPECT_EQ(check(), 0);
}

TEST_F(SlowMarkCheck, EveryBitOfTheSmallFilesCounts) {
  make_list();
  Rng rng(static_cast<uint64_t>(getpid()));
  for (const std::string name : {"manifest.json", "shards/00000.done", "shards/00001.done"}) {
    const std::string bytes = files_below(path("out"))[name];
    for (int i = 0; i < 60; ++i) {
      std::string changed = bytes;
      const auto at = static_cast<size_t>(rng.integer(0, static_cast<int64_t>(bytes.size()) - 1));
      changed[at] = static_cast<char>(changed[at] ^ (1 << rng.integer(0, 7)));
      put(name, changed);
      EXPECT_EQ(check(), 3) << name << " byte " << at;
    }
    put(name, bytes);
  }
}

TEST_F(SlowMarkCheck, StrangersAreNamedReportsAndLogsAreNot) {
  make_list();
  put("report.html", "edited");
  put("run.log", "lines");
  fs::remove(path("out/report.json"));
  EXPECT_EQ(check(), 0);
  put("images/extra.jpg", "x");
  fails(3, {"mark", "--check", "out"}, "images/extra.jpg");
  fs::remove(path("out/images/extra.jpg"));
  put(".hidden", "x");
  fails(3, {"mark", "--check", "out"}, ".hidden");
  fails(5, {"mark", "--check", "none"}, "none");
  fails(5, {"mark", "--check", "list.jsonl"}, "list.jsonl");
  fails(3, {"mark", "--check", "."}, "manifest.json");
}

TEST_F(SlowMarkCheck, EveryVariantPasses) {
  make("v.mp4", moving_box(40));
  for (const std::string variant : {"corrected", "demo", "video", "robot"}) {
    succeeds({"mark", "v.mp4", "-o", variant, "--variant", variant});
    succeeds({"mark", "--check", variant});
  }
  succeeds({"mark", "v.mp4", "-o", "without", "--no-video", "--set", "quant=1000"});
  succeeds({"mark", "--check", "without"});
  succeeds({"mark", "v.mp4", "-o", "dropped", "--set", "min_clip_frames=100"});
  succeeds({"mark", "--check", "dropped"});
}

TEST_F(SlowMarkCheck, DamagedShardIsMadeAgain) {
  make_list();
  const Files before = files_below(path("out"));
  for (const std::string name : {"shards/00000.done", "shards/00001.jsonl"}) {
    put(name, "x");
    succeeds({"mark", "--list", "list.jsonl", "-o", "out", "--shards", "2"});
    EXPECT_EQ(files_below(path("out")), before) << name;
  }
}

}  // namespace
}  // namespace magma
