#include <algorithm>

#include <nlohmann/json.hpp>

#include "magma/core/json.h"
#include "magma/data/pickle_machine.h"
#include "magma/data/pickle_names.h"
#include "magma/data/torch_tree.h"
#include "magma/data/torch_value.h"
#include "magma/data/zip_archive.h"
#include "tests/data/torch_bytes.h"
#include "tests/fuzz/fuzz_target.h"

namespace magma {
namespace {

constexpr size_t kMostGrowth = 64, kAtLeast = size_t{1} << 20;

// Bytes of all tensors; what has no numbers is spelled out in JSON.
void demand_bounded(const TorchValue& value, size_t input_bytes, size_t& total) {
  if (value.value) {
    const auto count = static_cast<size_t>(value.value->count());
    const auto number_bytes = static_cast<size_t>(element_bytes(value.value->element));
    demand(number_bytes == 0 || value.value->bytes.size() == count * number_bytes, "numbers fill their shape");
    total += value.value->bytes.size();
  }
  ++total;
  demand(total <= kAtLeast + kMostGrowth * input_bytes, "values do not outgrow the file");
  for (const TorchValue& item : value.items) demand_bounded(item, input_bytes, total);
  for (const auto& [key, entry] : value.entries) {
    demand_bounded(key, input_bytes, total);
    demand_bounded(entry, input_bytes, total);
  }
}

void demand_plain(const TorchValue& value, size_t input_bytes) {
  size_t total = 0;
  demand_bounded(value, input_bytes, total);
  std::string text;
  append_json(text, value, 4);
  try {
    parse_json(text, JsonOrigin{.file = "shown.json"}, JsonLimits{.depth = 4096, .values = int64_t{1} << 24});
  } catch (const Error& error) {
    // Integers are shown with all their digits.
    const std::string& what = error.fields().what;
    const bool long_integer = what == "integer does not fit 64 bits" || what == "number too large";
    demand(long_integer || error.code() == ErrorCode::Refused, "what is shown is JSON: " + error.line());
  }
}

void read_archive(std::string_view bytes) {
  const Path path = fuzz_file("torch_file", "some.pth", bytes);
  if (const auto value = unless_refused([&] { return read_torch_file(path); })) demand_plain(*value, bytes.size());
  const auto archive = unless_refused([&] { return ZipArchive(path); });
  if (!archive) return;
  int64_t end = 0;
  for (const ZipEntry& entry : archive->entries()) {
    demand(entry.header >= end && entry.begin > entry.header, "entries do not overlap");
    end = entry.begin + entry.size;
    demand(entry.size >= 0 && end <= archive->bytes(), "entries lie in the file");
    demand(archive->find(entry.name) != nullptr && archive->find(entry.name)->begin == entry.begin, "names are unique");
    demand(
        entry.name.find("..") == std::string::npos || !Path(entry.name).lexically_normal().string().starts_with(".."),
        "names stay in the archive");
    unless_refused([&] { return archive->read(entry); });
  }
}

}  // namespace

void fuzz_torch_file(std::string_view bytes) {
  read_archive(bytes);
  // A pickle in an archive whose sums are right.
  if (!bytes.starts_with("PK")) read_archive(archive_of(std::string(bytes), {{"0", std::string(64, '\1')}}));
}

void fuzz_pickle(std::string_view bytes) {
  const std::string storage(64, '\1');
  const auto value = unless_refused([&] {
    PickleGraph graph(static_cast<int64_t>(bytes.size()));
    PickleMachine machine(bytes, 0, {.file = "f.pth", .entry = "data.pkl"}, graph);
    const uint32_t root = machine.run();
    demand(machine.position() <= static_cast<int64_t>(bytes.size()), "a pickle ends within its bytes");
    return build_torch_tree(graph, root,
                            {.file = "f.pth",
                             .entry = "data.pkl",
                             .file_bytes = static_cast<int64_t>(bytes.size() + storage.size()),
                             .storage = [&](const PickleStorage&) { return std::string_view(storage); }});
  });
  if (value) demand_plain(*value, bytes.size() + storage.size());
}

}  // namespace magma
