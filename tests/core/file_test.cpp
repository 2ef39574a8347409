#include "magma/core/file.h"

#include <csignal>
#include <fstream>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "magma/core/error.h"
#include "magma/core/hash.h"
#include "magma/core/random.h"
#include "tests/support/temporary_folder.h"

namespace magma {
namespace {

namespace fs = std::filesystem;

class FileTest : public testing::Test {
 protected:
  size_t entries() const {
    return static_cast<size_t>(std::distance(fs::directory_iterator(folder_.path()), fs::directory_iterator()));
  }
  ErrorCode code_of_reading(const Path& path) {
    try {
      read_file(path, 100);
    } catch (const Error& error) {
      EXPECT_EQ(error.fields().file, path.string());
      return error.code();
    }
    return ErrorCode::Bug;
  }
  TemporaryFolder folder_;
};

TEST_F(FileTest, ReadsUpToTheLimitAndRefusesMore) {
  const Path path = folder_.path() / "f";
  write_file_atomically(path, std::string(100, 'x'));
  EXPECT_EQ(read_file(path, 100).size(), 100U);
  write_file_atomically(path, std::string(101, 'x'));
  EXPECT_EQ(code_of_reading(path), ErrorCode::Refused);
}

TEST_F(FileTest, FilesWithoutAStatedSizeAreReadWhole) {
  EXPECT_GT(read_file("/proc/self/status", 1 << 20).size(), 100U);
}

TEST_F(FileTest, MissingFileFolderAndPipeAreFileSystemErrors) {
  EXPECT_EQ(code_of_reading(folder_.path() / "none"), ErrorCode::FileSystem);
  EXPECT_EQ(code_of_reading(folder_.path()), ErrorCode::FileSystem);
  const Path pipe = folder_.path() / "pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_EQ(code_of_reading(pipe), ErrorCode::FileSystem);
}

TEST_F(FileTest, UncommittedFileLeavesNothing) {
  const Path path = folder_.path() / "out";
  {
    AtomicFile file(path);
    file.write("abc");
    EXPECT_EQ(entries(), 1U);
    EXPECT_FALSE(fs::exists(path));
  }
  EXPECT_EQ(entries(), 0U);
}

TEST_F(FileTest, CommitReplacesAsAWhole) {
  const Path path = folder_.path() / "out";
  write_file_atomically(path, "old");
  AtomicFile file(path);
  file.write("new ");
  file.write("text");
  file.write_at(0, "N");
  EXPECT_EQ(read_file(path, 100), "old");
  EXPECT_EQ(file.size(), 8);
  EXPECT_EQ(file.hash(), hash64("new text"));
  file.commit();
  EXPECT_EQ(read_file(path, 100), "New text");
  EXPECT_EQ(entries(), 1U);
}

TEST_F(FileTest, LongNamesFitTheTemporaryName) {
  const Path path = folder_.path() / std::string(255, 'n');
  write_file_atomically(path, "x");
  EXPECT_EQ(read_file(path, 10), "x");
}

TEST_F(FileTest, FullDeviceIsReportedAndLeavesNothing) {
  const pid_t child = fork();
  if (child == 0) {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{1000, 1000};
    setrlimit(RLIMIT_FSIZE, &limit);
    try {
      write_file_atomically(folder_.path() / "out", std::string(5000, 'x'));
    } catch (const Error& error) {
      _exit(error.code() == ErrorCode::FileSystem ? 0 : 1);
    }
    _exit(2);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(entries(), 0U);
}

TEST_F(FileTest, MissingParentNamesTheFinalFile) {
  try {
    AtomicFile file(folder_.path() / "none" / "out");
    FAIL();
  } catch (const Error& error) {
    EXPECT_TRUE(error.fields().file.ends_with("none/out"));
  }
}

TEST_F(FileTest, StagingDisappearsWithTheParentsItMade) {
  { const StagingFolder staging(folder_.path() / "a" / "b"); }
  EXPECT_EQ(entries(), 0U);
  fs::create_directory(folder_.path() / "kept");
  { const StagingFolder staging(folder_.path() / "kept"); }
  EXPECT_TRUE(fs::exists(folder_.path() / "kept"));
}

TEST_F(FileTest, StagingPublishesFilesAndFoldersOverOldOnes) {
  const Path out = folder_.path() / "out";
  fs::create_directories(out / "videos" / "v");
  std::ofstream(out / "videos" / "v" / "old");
  {
    StagingFolder staging(out);
    fs::create_directory(staging.path() / "v");
    std::ofstream(staging.path() / "v" / "new");
    std::ofstream(staging.path() / "f");
    staging.publish("v", "videos/v");
    staging.publish("f", "deep/er/f");
  }
  EXPECT_TRUE(fs::exists(out / "videos/v/new"));
  EXPECT_FALSE(fs::exists(out / "videos/v/old"));
  EXPECT_TRUE(fs::exists(out / "deep/er/f"));
  EXPECT_EQ(std::distance(fs::directory_iterator(out), fs::directory_iterator()), 2);
}

TEST_F(FileTest, StaleStagingGoesAndALiveOneStays) {
  const pid_t child = fork();
  if (child == 0) {
    const StagingFolder staging(folder_.path());
    std::ofstream(staging.path() / "half") << "x";
    kill(getpid(), SIGKILL);
  }
  waitpid(child, nullptr, 0);
  EXPECT_EQ(entries(), 1U);
  const StagingFolder alive(folder_.path());
  remove_stale_staging(folder_.path());
  EXPECT_EQ(entries(), 1U);
  EXPECT_TRUE(fs::exists(alive.path()));
}

TEST_F(FileTest, HashesEqualThoseOfTheCommandLineTools) {
  const Path path = folder_.path() / "f";
  write_file_atomically(path, "abc");
  EXPECT_EQ(sha1_hex("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");  // FIPS 180-1
  EXPECT_EQ(sha1_of_first_mebibyte(path), sha1_hex("abc"));
  EXPECT_EQ(hex64(hash_file(path)), "44bc2cf5ad770999");  // xxhsum -H64
  EXPECT_EQ(hex64(hash64("")), "ef46db3751d8e999");
}

}  // namespace
}  // namespace magma
