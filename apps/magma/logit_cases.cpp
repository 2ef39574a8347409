#include "apps/magma/logit_cases.h"

#include <algorithm>
#include <charconv>
#include <functional>
#include <optional>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "magma/core/error.h"
#include "magma/core/json.h"
#include "magma/model/generate.h"
#include "magma/nn/safetensors.h"

namespace magma {
namespace {

Error usage(std::string where, std::string what, std::string expected, std::string got) {
  return {ErrorCode::Usage,
          {.where = std::move(where), .what = std::move(what), .expected = std::move(expected), .got = std::move(got)}};
}

int64_t parse_integer(std::string_view text, const char* where) {
  int64_t value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed == std::errc() && end == text.data() + text.size() && value >= 0) return value;
  throw usage(where, "not a number", "an integer >= 0", std::string(text));
}

ImageInput crops_of(const SafetensorsFile& file, const std::string& key, CropGrid grid) {
  return {Tensor::of(file.entry(key).shape, file.read_as<float>(key)), grid};
}

Ids ids_of(const Json& array, const std::string& where) {
  Ids ids;
  for (const Json& id : array) {
    if (!id.is_number_integer()) {
      throw Error(ErrorCode::Malformed, {.where = where, .what = "wrong type", .expected = "integers"});
    }
    ids.push_back(id.get<int64_t>());
  }
  return ids;
}

std::vector<ImageInput> images_of(const JsonObject& row, const SafetensorsFile* pixels, const std::string& where) {
  std::vector<ImageInput> images;
  if (!row.has("pixels")) return images;
  const Json& keys = row.array("pixels");
  const Json& sizes = row.array("image_sizes");
  for (size_t i = 0; i < keys.size(); ++i) {
    const Ids grid = i < sizes.size() && sizes[i].is_array() ? ids_of(sizes[i], where) : Ids();
    if (!keys[i].is_string() || grid.size() != 2) {
      throw Error(ErrorCode::Malformed, {.where = where, .what = "an image needs a key and its rows and columns"});
    }
    if (pixels == nullptr) throw usage(where, "images need --pixels", "a safetensors file with their crops", "none");
    images.push_back(crops_of(*pixels, keys[i].get<std::string>(), {grid[0], grid[1]}));
  }
  return images;
}

LogitCase case_of(const JsonObject& facts, const std::string& file, const SafetensorsFile* pixels) {
  LogitCase work;
  work.name = facts.string("name");
  work.strategy = facts.optional_string("strategy").value_or("");
  work.padding = facts.optional_string("padding").value_or("left") == "right" ? Padding::Right : Padding::Left;
  const bool plain = !work.name.empty() && work.name.front() != '.' && work.name.find('/') == std::string::npos;
  if (!plain) throw Error(ErrorCode::Malformed, {.what = "a case's name is no file name", .got = work.name});
  const Json& rows = facts.array("rows");
  for (size_t r = 0; r < rows.size(); ++r) {
    const std::string where = fmt::format("case {}, row {}", work.name, r);
    const JsonObject row(rows[r], file, where);
    work.rows.push_back(ids_of(row.array("input_ids"), where));
    work.images.push_back(images_of(row, pixels, where));
  }
  return work;
}

}  // namespace

Ids parse_ids(const std::string& text) {
  Ids ids;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    ids.push_back(parse_integer(std::string_view(text).substr(begin, end - begin), "--ids"));
    begin = end + 1;
  }
  return ids;
}

ImageInput read_crops(const std::string& text, const Path& pixels) {
  const size_t equals = text.rfind('='), cross = text.rfind('x');
  if (equals == std::string::npos || cross == std::string::npos || cross < equals) {
    throw usage("--image", "not an image", "KEY=ROWSxCOLS", text);
  }
  const CropGrid grid = {parse_integer(std::string_view(text).substr(equals + 1, cross - equals - 1), "--image"),
                         parse_integer(std::string_view(text).substr(cross + 1), "--image")};
  return crops_of(SafetensorsFile(pixels), text.substr(0, equals), grid);
}

std::vector<LogitCase> read_logit_cases(const Path& path, const Path& pixels) {
  const Json root = read_json(path);
  const std::string file = path.string();
  const Json& list = JsonObject(root, file).array("cases");
  std::optional<SafetensorsFile> crops;
  if (!pixels.empty()) crops.emplace(pixels);
  std::vector<LogitCase> cases;
  try {
    for (size_t i = 0; i < list.size(); ++i) {
      cases.push_back(case_of(JsonObject(list[i], file, fmt::format("/cases/{}", i)), file, crops ? &*crops : nullptr));
    }
  } catch (const Error& error) {
    throw error.with_file(file);
  }
  return cases;
}

namespace {

using TensorSink = std::function<void(const std::string& name, const Tensor& value)>;

void decode_greedily(Network& network, const std::vector<Prompt>& prompts, int64_t decoded, const TensorSink& add) {
  const auto rows = static_cast<int64_t>(prompts.size()), V = network.vocabulary();
  Tensor logits = Tensor::uninitialised({rows, decoded, V});
  int64_t step = 0;
  GenerateOptions options;
  options.max_new_tokens = decoded;
  options.on_logits = [&](const Tensor& values) {
    for (int64_t r = 0; r < rows; ++r) {
      std::copy_n(values.floats() + r * V, V, logits.mutable_floats() + (r * decoded + step) * V);
    }
    ++step;
  };
  Ids ids;
  for (const Generated& row : generate(network, prompts, options)) {
    ids.insert(ids.end(), row.ids.begin(), row.ids.end());
  }
  add("greedy_ids", Tensor::of({rows, decoded}, ids));
  add("greedy_logits", logits);
}

}  // namespace

void write_logits(Network& network, const LogitCase& work, int64_t decoded, const Path& output) {
  SafetensorsWriter writer(output);
  const auto add = [&](const std::string& name, const Tensor& value) {
    writer.add(name, value.dtype(), value.shape(),
               {static_cast<const char*>(value.data()), static_cast<size_t>(value.bytes())});
  };
  std::vector<ImageInput> images;
  for (const auto& row : work.images) images.insert(images.end(), row.begin(), row.end());
  const std::vector<Tensor> tokens = network.encode_images(images, {.strategy = work.strategy, .sink = add});
  std::vector<Prompt> prompts;
  auto next = tokens.begin();
  for (size_t r = 0; r < work.rows.size(); ++r) {
    const auto end = next + static_cast<std::ptrdiff_t>(work.images[r].size());
    prompts.push_back({work.rows[r], {next, end}});
    next = end;
  }
  add("logits", network.prefill(prompts, {.all_logits = true, .padding = work.padding, .sink = add}).logits);
  if (decoded > 0) decode_greedily(network, prompts, decoded, add);
  writer.finish();
}

}  // namespace magma
