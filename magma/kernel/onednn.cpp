#include "magma/kernel/onednn.h"

#include <array>
#include <cstring>
#include <map>
#include <mutex>
#include <vector>

#include <dlfcn.h>
#include <oneapi/dnnl/dnnl.h>

#include "magma/core/error.h"

#if defined(__SANITIZE_ADDRESS__)
// The library's own pieces of the kernels that live until the program ends.
extern "C" const char* __lsan_default_suppressions() { return "leak:libdnnl.so"; }
#endif

namespace magma {
namespace {

constexpr const char* kLibrary = "libdnnl.so.2";
constexpr int64_t kProbe = 128;

using Shape3 = std::array<int64_t, 3>;  // M, N, K

// The functions of the library that are used, by their own names.
class Library {
 public:
  Library() : handle_(dlopen(kLibrary, RTLD_LAZY | RTLD_LOCAL)) {}
  bool loaded() const { return handle_ != nullptr; }

  template <typename Function, typename... Arguments>
  auto call(Function*, const char* name, Arguments... arguments) const {
    auto* function = reinterpret_cast<Function*>(dlsym(handle_, name));
    if (function == nullptr) fail(name);
    return function(arguments...);
  }
  [[noreturn]] static void fail(const char* what) {
    throw Error(ErrorCode::Resource, {.file = kLibrary, .where = what, .what = "oneDNN does not do what it should"});
  }

 private:
  void* handle_;
};

const Library& library() {
  static const Library loaded;
  return loaded;
}

#define MAGMA_DNNL(function, ...) library().call(&function, #function, __VA_ARGS__)
#define MAGMA_DNNL_OK(function, ...) \
  if (MAGMA_DNNL(function, __VA_ARGS__) != dnnl_success) Library::fail(#function)

// One thread each: the team's threads are the parallel ones. The count is the calling thread's own.
void use_one_thread() {
  thread_local bool done = false;
  if (done) return;
  auto* set = reinterpret_cast<void (*)(int)>(dlsym(RTLD_DEFAULT, "omp_set_num_threads"));
  void* openmp = set == nullptr ? dlopen("libgomp.so.1", RTLD_LAZY | RTLD_LOCAL) : nullptr;
  if (openmp != nullptr) set = reinterpret_cast<void (*)(int)>(dlsym(openmp, "omp_set_num_threads"));
  if (set != nullptr) set(1);
  done = true;
}

dnnl_engine_t engine() {
  static const dnnl_engine_t made = [] {
    dnnl_engine_t result = nullptr;
    MAGMA_DNNL_OK(dnnl_engine_create, &result, dnnl_cpu, size_t{0});
    return result;
  }();
  return made;
}

dnnl_stream_t stream() {
  thread_local const dnnl_stream_t made = [] {
    dnnl_stream_t result = nullptr;
    MAGMA_DNNL_OK(dnnl_stream_create, &result, engine(), static_cast<unsigned>(dnnl_stream_default_flags));
    return result;
  }();
  return made;
}

struct Kernel {
  dnnl_memory_desc_t x, weight, y, scratchpad;
  dnnl_primitive_t primitive = nullptr;  // nullptr: oneDNN has none that is fast
};

dnnl_memory_desc_t description(int64_t rows, int64_t columns, dnnl_data_type_t type, dnnl_format_tag_t tag) {
  dnnl_memory_desc_t result;
  const dnnl_dims_t dims = {rows, columns};
  MAGMA_DNNL_OK(dnnl_memory_desc_init_by_tag, &result, 2, static_cast<const dnnl_dim_t*>(dims), type, tag);
  return result;
}

// Kernels live until the program ends; there are a few for each shape of a matrix.
Kernel make_kernel(const Shape3& shape) {
  const auto [M, N, K] = shape;
  use_one_thread();
  Kernel kernel;
  kernel.x = description(M, K, dnnl_bf16, dnnl_ab);
  kernel.weight = description(K, N, dnnl_bf16, dnnl_BA16a64b2a);
  kernel.y = description(M, N, dnnl_f32, dnnl_ab);
  dnnl_matmul_desc_t matmul;
  MAGMA_DNNL_OK(dnnl_matmul_desc_init, &matmul, &kernel.x, &kernel.weight, nullptr, &kernel.y);
  // Its own scratchpad belongs to a primitive, not to a thread: two threads in one primitive would share it.
  dnnl_primitive_attr_t attributes = nullptr;
  MAGMA_DNNL_OK(dnnl_primitive_attr_create, &attributes);
  MAGMA_DNNL_OK(dnnl_primitive_attr_set_scratchpad_mode, attributes, dnnl_scratchpad_mode_user);
  dnnl_primitive_desc_t chosen = nullptr;
  const auto found = MAGMA_DNNL(dnnl_primitive_desc_create, &chosen, &matmul, attributes, engine(), nullptr);
  MAGMA_DNNL(dnnl_primitive_attr_destroy, attributes);
  if (found != dnnl_success) return kernel;
  kernel.scratchpad = *MAGMA_DNNL(dnnl_primitive_desc_query_md, chosen, dnnl_query_scratchpad_md, 0);
  const char* name = nullptr;
  MAGMA_DNNL_OK(dnnl_primitive_desc_query, chosen, dnnl_query_impl_info_str, 0, static_cast<void*>(&name));
  // Others take the layout too, through loops without any of the instructions.
  if (std::strncmp(name, "brg", 3) == 0) MAGMA_DNNL_OK(dnnl_primitive_create, &kernel.primitive, chosen);
  MAGMA_DNNL(dnnl_primitive_desc_destroy, chosen);
  return kernel;
}

const Kernel& kernel_of(const Shape3& shape) {
  static std::mutex mutex;
  static std::map<Shape3, Kernel> kernels;
  const std::lock_guard lock(mutex);
  const auto found = kernels.find(shape);
  return found != kernels.end() ? found->second : kernels.emplace(shape, make_kernel(shape)).first->second;
}

// Asked before the library is opened, which takes some seventy milliseconds.
bool processor_multiplies_bf16() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512bf16") != 0;
#else
  return false;
#endif
}

std::string find_instructions() {
  if (!processor_multiplies_bf16() || !library().loaded()) return "";
  const unsigned isa = library().call(&dnnl_get_effective_cpu_isa, "dnnl_get_effective_cpu_isa");
  const auto has = [isa](unsigned wanted) { return (isa & wanted) == wanted; };
  if (!has(dnnl_cpu_isa_avx512_core_bf16)) return "";
  if (kernel_of({kProbe, kProbe, kProbe}).primitive == nullptr) return "";
  return has(dnnl_cpu_isa_avx512_core_amx) ? "amx" : "avx512_bf16";
}

dnnl_memory_t memory_of(const dnnl_memory_desc_t& description, const void* data) {
  dnnl_memory_t result = nullptr;
  MAGMA_DNNL_OK(dnnl_memory_create, &result, &description, engine(), const_cast<void*>(data));
  return result;
}

}  // namespace

const std::string& onednn_bf16_instructions() {
  static const std::string found = find_instructions();
  return found;
}

void onednn_product(const OnednnProduct& job) {
  use_one_thread();
  const Kernel& kernel = kernel_of({job.M, job.N, job.K});
  if (kernel.primitive == nullptr) Library::fail("matmul");
  struct alignas(64) CacheLine {
    std::array<char, 64> bytes;
  };
  thread_local std::vector<CacheLine> scratchpad;
  const size_t lines = MAGMA_DNNL(dnnl_memory_desc_get_size, &kernel.scratchpad) / sizeof(CacheLine) + 1;
  if (scratchpad.size() < lines) scratchpad.resize(lines);
  const std::array<dnnl_exec_arg_t, 4> arguments = {
      {{DNNL_ARG_SRC, memory_of(kernel.x, job.x)},
       {DNNL_ARG_WEIGHTS, memory_of(kernel.weight, job.panels)},
       {DNNL_ARG_DST, memory_of(kernel.y, job.y)},
       {DNNL_ARG_SCRATCHPAD, memory_of(kernel.scratchpad, scratchpad.data())}}};
  MAGMA_DNNL_OK(dnnl_primitive_execute, kernel.primitive, stream(), 4, arguments.data());
  MAGMA_DNNL_OK(dnnl_stream_wait, stream());
  for (const dnnl_exec_arg_t& argument : arguments) MAGMA_DNNL(dnnl_memory_destroy, argument.memory);
}

}  // namespace magma
