#include "magma/mark/work_source.h"

#include <cstdlib>
#include <system_error>

#include <dlfcn.h>

#include "magma/core/error.h"
#include "magma/core/file.h"

namespace magma {
namespace {

constexpr const char* kRanksLibrary = "mpi_ranks.so";
constexpr const char* kOpenRanks = "open_mpi_work_source";

class LocalWorkSource : public WorkSource {
 public:
  bool is_first() const override { return true; }
  void offer(std::vector<int64_t> shards) override { shards_ = std::move(shards); }
  std::optional<int64_t> next_shard() override {
    if (next_ == shards_.size()) return std::nullopt;
    return shards_[next_++];
  }
  void finish(const Error* /*failure*/) override {}

 private:
  std::vector<int64_t> shards_;
  size_t next_ = 0;
};

bool several_ranks() {
  for (const char* name : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE"}) {
    const char* size = std::getenv(name);
    if (size != nullptr && std::atoi(size) > 1) return true;
  }
  return false;
}

[[noreturn]] void fail(const char* what) {
  throw Error(ErrorCode::Resource, {.file = kRanksLibrary,
                                    .what = what,
                                    .expected = "the library that was built with this program, in the program's folder",
                                    .hint = "without it, use --shard I/N on each machine"});
}

}  // namespace

std::unique_ptr<WorkSource> local_work_source() { return std::make_unique<LocalWorkSource>(); }

std::unique_ptr<WorkSource> ranked_work_source() {
  if (!several_ranks()) return nullptr;
  std::error_code error;
  const Path program = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) fail("the program's own folder cannot be found");
  // RTLD_GLOBAL: the MPI library opens plug-ins of its own that look for its names.
  void* library = dlopen((program.parent_path() / kRanksLibrary).c_str(), RTLD_NOW | RTLD_GLOBAL);
  if (library == nullptr) fail("the library for several ranks cannot be loaded");
  const auto open = reinterpret_cast<WorkSource* (*)()>(dlsym(library, kOpenRanks));
  if (open == nullptr) fail("the library for several ranks is of another version");
  return std::unique_ptr<WorkSource>(open());
}

}  // namespace magma
