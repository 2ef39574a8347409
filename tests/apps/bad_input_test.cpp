// What the program says of input that it cannot use, and that nothing is left of the attempt.
#include <csignal>

#include <unistd.h>

#include "tests/apps/program_case.h"
#include "tests/support/sanitizers.h"

namespace magma {
namespace {

namespace fs = std::filesystem;

class BadInput : public ProgramCase {
 protected:
  void both_fail(int status, const std::string& video, const std::string& part) const {
    fails(status, {"track", video, "-o", "new/out"}, part);
    fails(status, {"mark", video, "-o", "new/out"}, part);
  }
  void both_fail(int status, const std::string& video) const { both_fail(status, video, video); }
  void both_succeed(const std::string& video) const {
    succeeds({"track", video, "-o", "t-" + video});
    succeeds({"mark", video, "-o", "m-" + video});
    succeeds({"mark", "--check", "m-" + video});
  }
};

TEST_F(BadInput, MissingFoldersAndDevicesAreNoFiles) {
  both_fail(5, "none.mp4");
  both_fail(5, "no/such/folder.mp4");
  fs::create_directory(path("folder.mp4"));
  both_fail(5, "folder.mp4");
  both_fail(4, "/dev/zero");
  both_fail(4, "https://example.org/v.mp4");
  both_fail(5, std::string(300, 'x') + ".mp4", "xxx");
}

TEST_F(BadInput, NamesAreToldAsGiven) {
  both_fail(5, "./a/../none.mp4");
  both_fail(5, "line\nbreak.mp4", "line\\nbreak.mp4");
  both_fail(5, "\xC3\xA9t\xC3\xA9.mp4", "\xC3\xA9t\xC3\xA9.mp4");
  both_fail(5, "\xFF.mp4", "\\xff.mp4");
}

TEST_F(BadInput, WhatIsNoVideoIsMalformed) {
  for (const auto& [name, bytes] :
       std::vector<std::pair<std::string, std::string>>{{"empty.mp4", ""},
                                                        {"byte.mp4", "x"},
                                                        {"text.mp4", "hello, this is no video\n"},
                                                        {"zeros.avi", std::string(5000, '\0')},
                                                        {"riff.avi", "RIFF\x10\0\0\0AVI LIST"},
                                                        {"head.mkv", "\x1A\x45\xDF\xA3\x84"}}) {
    write(name, bytes);
    both_fail(3, name);
  }
  make("picture.png", "-f lavfi -i testsrc2=size=64x64 -frames:v 1");
  both_fail(3, "picture.png");
  make("sound.mp4", "-f lavfi -i sine=duration=1 -c:a aac");
  both_fail(3, "sound.mp4");
  make("sound.mkv", "-f lavfi -i sine=duration=1 -c:a aac");
  both_fail(3, "sound.mkv");
}

TEST_F(BadInput, VideosWithoutFramesAreMalformed) {
  for (const std::string name : {"none.mp4", "none.avi", "none.mkv"}) {
    make(name, moving_box(5) + " -t 0");
    both_fail(3, name);
  }
  // An AVI header may promise what the file does not hold.
  make("clip.avi", moving_box(5) + " -t 0");
  std::string bytes = text_of("clip.avi");
  const size_t main_header = bytes.find("avih");
  ASSERT_NE(main_header, std::string::npos);
  bytes.replace(main_header + 24, 4, std::string("\xE8\x03\0\0", 4));  // dwTotalFrames: 1000
  write("claims.avi", bytes);
  both_fail(3, "claims.avi");
}

TEST_F(BadInput, FrameSidesBeyondTheLimitAreRefused) {
  make("wide.mkv", "-f lavfi -i color=size=16384x64 -frames:v 2 -c:v ffv1");
  both_fail(4, "wide.mkv", "16384");
  make("high.mkv", "-f lavfi -i color=size=32x16384 -frames:v 2 -c:v ffv1");
  both_fail(4, "high.mkv", "16384");
  make("dot.mkv", "-f rawvideo -pix_fmt gray -video_size 1x1 -i /dev/zero -frames:v 2 -c:v ffv1");
  both_fail(4, "dot.mkv", "frame width");
  write("list.m3u8", "#EXTM3U\n#EXTINF:1\nclip.mp4\n");
  both_fail(4, "list.m3u8");
}

TEST_F(BadInput, OrdinaryThoughUnusual) {
  make("vfr.mp4", moving_box(20, "160x120", ",settb=1/1000,setpts='40*N+20*gt(mod(N,3),1)'") +
                      " -vsync vfr -enc_time_base 1:1000");
  both_succeed("vfr.mp4");
  make("odd.mkv", moving_box(6, "160x120", ",format=yuv444p,crop=99:77") + " -pix_fmt yuv444p");
  both_succeed("odd.mkv");
  make("deep.mp4", moving_box(6) + " -pix_fmt yuv420p10le");
  both_succeed("deep.mp4");
  make("one.mp4", moving_box(1));
  both_succeed("one.mp4");
  make("plain.mp4", moving_box(6));
  make("turned.mp4", "-i '" + path("plain.mp4").string() + "' -c copy -metadata:s:v rotate=90");
  both_succeed("turned.mp4");
  EXPECT_EQ(lines_of("t-turned.mp4/tracks.jsonl")[0]["source"]["w"], 120);
  EXPECT_EQ(lines_of("t-turned.mp4/tracks.jsonl")[0]["source"]["rotation"], 270);  // FFmpeg counts against the clock
}

TEST_F(BadInput, DirOfTheUsersThatCannotBe) {
  make("clip.mp4", moving_box(3));
  write("file", "mine");
  fails(2, {"track", "clip.mp4", "-o", "file"}, "file");
  fails(2, {"mark", "clip.mp4", "-o", "file"}, "file");
  fails(5, {"track", "clip.mp4", "-o", "file/below"}, "file/below");
  fails(5, {"mark", "clip.mp4", "-o", "file/below"}, "file/below");
  fails(5, {"mark", "clip.mp4", "-o", "/proc/none/out"}, "/proc/none");
}

// As a user who may not read everything.
class Unprivileged : public BadInput {
 protected:
  void SetUp() override {
    fs::permissions(path(""), fs::perms::all);
    fs::permissions(path("tmp"), fs::perms::all);
    if (run_words(as_user({"track", "--help"})).status != 0) GTEST_SKIP() << "no other user can be taken on";
  }
  static std::vector<std::string> as_user(std::vector<std::string> words) {
    words.insert(words.begin(), "magma");
    if (getuid() != 0) return words;
    words.insert(words.begin(), {"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"});
    return words;
  }
};

TEST_F(Unprivileged, WhatMayNotBeReadOrWrittenIsAFileSystemFailure) {
  make("clip.mp4", moving_box(3));
  make("secret.mp4", moving_box(3));
  fs::permissions(path("secret.mp4"), fs::perms::none);
  fs::create_directory(path("closed"));
  fs::permissions(path("closed"),
                  fs::perms::owner_read | fs::perms::owner_exec | fs::perms::others_read | fs::perms::others_exec);
  for (const char* verb : {"track", "mark"}) {
    words_fail(5, as_user({verb, "secret.mp4", "-o", "out"}), "secret.mp4: open: permission denied");
    words_fail(5, as_user({verb, "clip.mp4", "-o", "closed"}), "closed");
    words_fail(5, as_user({verb, "clip.mp4", "-o", "closed/out"}), "closed/out");
  }
  words_fail(5, as_user({"split", "secret.mp4"}), "secret.mp4");
  words_fail(5, as_user({"info", "secret.mp4"}), "secret.mp4");
  write("list.jsonl", "{\"id\":\"a\",\"video\":\"secret.mp4\"}\n");
  fs::permissions(path("list.jsonl"), fs::perms::none);
  words_fail(5, as_user({"mark", "--list", "list.jsonl", "-o", "out"}), "list.jsonl");
}

// A small file system of its own at `full`; gone with the process.
class FullDisk : public BadInput {
 protected:
  void SetUp() override {
    fs::create_directory(path("full"));
    if (run_words(inside("64k", {"true"})).status != 0) GTEST_SKIP() << "no file system can be mounted";
    make("clip.mp4", moving_box(40));
  }
  static std::vector<std::string> inside(const std::string& size, std::vector<std::string> words) {
    words.insert(words.begin(), {"unshare", "-m", "sh", "-c",
                                 "mount -t tmpfs -o size=" + size +
                                     " none full && \"$@\"; status=$?; find full -mindepth 1 >&2; exit $status",
                                 "sh"});
    return words;
  }
};

TEST_F(FullDisk, NothingStaysOnADiskThatIsFull) {
  MAGMA_NOT_UNDER_THREAD_SANITIZER("its reports need room on the full disk");
  for (const char* size : {"8k", "40k", "120k", "200k"}) {
    for (const char* verb : {"track", "mark"}) {
      words_fail(5, inside(size, {"magma", verb, "clip.mp4", "-o", "full/out"}), "full/out: ");
      words_fail(5, inside(size, {"magma", verb, "clip.mp4", "-o", "full"}), "full: ");
    }
  }
}

TEST_F(FullDisk, AListKeepsWhatIsFinishedAndNothingElse) {
  write("list.jsonl", "{\"id\":\"a\",\"video\":\"clip.mp4\"}\n");
  const ProgramRun done = run_words(inside("120k", {"magma", "mark", "--list", "list.jsonl", "-o", "full/out"}));
  EXPECT_EQ(done.status, 5);
  EXPECT_TRUE(done.err.starts_with("error[file-system] full/out: ")) << done.err;
  EXPECT_EQ(done.err.find(".staging"), std::string::npos) << done.err;
}

TEST_F(FullDisk, TemporaryFilesNeedNoRoom) {
  std::vector<std::string> words = inside("4k", {"env", "TMPDIR=full", "magma", "mark", "clip.mp4", "-o", "out"});
  const ProgramRun done = run_words(words);
  EXPECT_EQ(done.status, 0) << done.err;
}

class SlowTruncation : public BadInput {
 protected:
  // Cut at `cuts` places, the first and last bytes among them.
  void cut(const std::string& name, int cuts) const {
    const std::string whole = text_of(name);
    succeeds({"track", name, "-o", "whole-" + name});
    for (int i = 0; i < cuts; ++i) {
      const size_t bytes = i == 0 ? whole.size() - 1 : (whole.size() - 1) * static_cast<size_t>(i) / cuts;
      write("cut-" + name, whole.substr(0, bytes));
      SCOPED_TRACE(name + " cut at " + std::to_string(bytes) + " of " + std::to_string(whole.size()));
      fails(3, {i % 2 == 0 ? "track" : "mark", "cut-" + name, "-o", "out"}, "cut-" + name);
    }
  }
};

TEST_F(SlowTruncation, AnyCutOfAnMp4IsSeen) {
  make("a.mp4", moving_box(20));
  cut("a.mp4", 25);
  make("b.mp4", moving_box(20) + " -movflags +faststart");
  cut("b.mp4", 25);
}

TEST_F(SlowTruncation, AnyCutOfAnAviIsSeen) {
  make("a.avi", moving_box(20) + " -c:v mpeg4");
  cut("a.avi", 25);
}

TEST_F(SlowTruncation, AnyCutOfAMatroskaFileIsSeen) {
  make("a.mkv", moving_box(20));
  cut("a.mkv", 25);
  make("a.webm", moving_box(8) + " -c:v libvpx -deadline realtime");
  cut("a.webm", 12);
}

TEST_F(BadInput, DamageInTheMiddleIsCountedAgainstALimit) {
  make("clip.mkv", moving_box(60));
  std::string bytes = text_of("clip.mkv");
  const size_t from = bytes.size() / 4, to = bytes.size() * 3 / 4;
  for (size_t i = from; i < to; i += 7) bytes[i] = static_cast<char>(bytes[i] ^ 0x55);
  write("noise.mkv", bytes);
  both_fail(3, "noise.mkv");
}

}  // namespace
}  // namespace magma
