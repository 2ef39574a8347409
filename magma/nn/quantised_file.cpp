#include "magma/nn/quantised_file.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "magma/core/check.h"
#include "magma/core/error.h"
#include "magma/core/json.h"
#include "magma/core/limits.h"

namespace magma {
namespace {

constexpr int64_t kVersion = 1;
constexpr std::array<std::pair<const char*, QuantisedKind>, 3> kKinds = {
    {{"int8", QuantisedKind::Int8}, {"int4", QuantisedKind::Int4}, {"int4_offset", QuantisedKind::Int4Offset}}};

const char* stored_name(QuantisedKind kind) {
  const auto* found =
      std::find_if(kKinds.begin(), kKinds.end(), [&](const auto& known) { return known.second == kind; });
  MAGMA_CHECK(found != kKinds.end(), "a format that is not written to files");
  return found->first;
}

struct Place {
  std::string file, where;
  [[noreturn]] void fail(ErrorCode code, const std::string& what, const std::string& expected,
                         const std::string& got) const {
    throw Error(code, {.file = file, .where = where, .what = what, .expected = expected, .got = got});
  }
};

StoredMatrix read_matrix(const JsonObject& stored, const Place& place) {
  StoredMatrix matrix;
  const std::string kind = stored.string("format");
  bool known = false;
  for (const auto& [name, value] : kKinds) {
    if (kind == name) matrix.format.kind = value;
    known = known || kind == name;
  }
  matrix.format.group = stored.integer("group");
  if (!known || !is_known(matrix.format)) {
    place.fail(ErrorCode::Refused, "unknown format", "int8, int4 or int4_offset in groups of 32, 64 or 128",
               fmt::format("{} in groups of {}", kind, matrix.format.group));
  }
  matrix.rows = stored.integer("rows");
  matrix.columns = stored.integer("columns");
  constexpr int64_t kLargestSide = int64_t{1} << 24U;
  for (const int64_t side : {matrix.rows, matrix.columns}) {
    if (side >= 1 && side <= kLargestSide) continue;
    place.fail(ErrorCode::Malformed, "sides of a matrix", fmt::format("1 to {}", kLargestSide), std::to_string(side));
  }
  return matrix;
}

void require_tensor(const SafetensorsFile& file, const std::string& name, const StoredMatrix& matrix,
                    const Place& place) {
  const auto found = file.tensors().find(name);
  if (found == file.tensors().end()) place.fail(ErrorCode::Malformed, "is not in the file", "a tensor", "none");
  const QuantisedMatrix layout{matrix.rows, matrix.columns, matrix.format};
  const std::vector<int64_t> shape = {layout.panel_count(), layout.panel_bytes()};
  if (found->second.dtype == DType::U8 && found->second.shape == shape) return;
  place.fail(ErrorCode::Malformed, "differs from its description", fmt::format("U8 [{}, {}]", shape[0], shape[1]),
             std::string(dtype_name(found->second.dtype)));
}

}  // namespace

std::string quantised_metadata(const std::map<std::string, StoredMatrix>& matrices) {
  Json tensors = Json::object();
  for (const auto& [name, matrix] : matrices) {
    tensors[name] = {{"format", stored_name(matrix.format.kind)},
                     {"group", matrix.format.group},
                     {"rows", matrix.rows},
                     {"columns", matrix.columns}};
  }
  return dump_json({{"version", kVersion}, {"tensors", tensors}});
}

std::map<std::string, StoredMatrix> read_quantised_metadata(const SafetensorsFile& file, const std::string& name) {
  const auto found = file.metadata().find(kQuantisedKey);
  if (found == file.metadata().end()) return {};
  const std::string where = fmt::format("metadata {}", kQuantisedKey);
  const Json root = parse_json(found->second, fmt::format("{}: {}", name, where));
  const JsonObject object(root, name);
  if (object.integer("version") != kVersion) {
    Place{name, where}.fail(ErrorCode::Refused, "written in another version of the layout", std::to_string(kVersion),
                            std::to_string(object.integer("version")));
  }
  std::map<std::string, StoredMatrix> result;
  const JsonObject tensors = object.object("tensors");
  for (const auto& [tensor, value] : tensors.raw().items()) {
    const Place place{name, "quantised tensor " + tensor};
    const StoredMatrix matrix = read_matrix(tensors.object(tensor), place);
    require_tensor(file, tensor, matrix, place);
    result.emplace(tensor, matrix);
  }
  return result;
}

}  // namespace magma
