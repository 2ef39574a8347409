// magma info: what a file or folder is, from its content.
#include <algorithm>
#include <cstring>
#include <filesystem>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "apps/magma/command.h"
#include "apps/magma/data_facts.h"
#include "magma/core/error.h"
#include "magma/core/json.h"
#include "magma/core/limits.h"
#include "magma/image/codec.h"
#include "magma/image/video_reader.h"
#include "magma/mark/output_folder.h"
#include "magma/model/model_facts.h"
#include "magma/nn/gguf.h"
#include "magma/nn/safetensors.h"

namespace magma {
namespace {

Json video_facts(const Path& path) {
  const auto video = open_video(path);
  const VideoInfo& info = video->info();
  return {{"kind", "video"},
          {"container", info.container},
          {"codec", info.codec},
          {"pixel_format", info.pixel_format},
          {"w", info.size.w},
          {"h", info.size.h},
          {"rotation", info.rotation},
          {"fps", info.fps.value()},
          {"timebase", fmt::format("{}/{}", info.timebase.num, info.timebase.den)},
          {"claimed_frames", info.claimed_frames},
          {"claimed_duration_s", info.claimed_duration_s},
          {"audio", info.has_audio}};
}

Json safetensors_facts(const Path& path) {
  const SafetensorsFile file(path);
  Json tensors = Json::object();
  int64_t bytes = 0, tracks = 0;
  for (const auto& [name, entry] : file.tensors()) {
    bytes += entry.end - entry.begin;
    tracks += name.ends_with("/tracks") ? 1 : 0;
    if (tensors.size() < 32) tensors[name] = {{"dtype", dtype_name(entry.dtype)}, {"shape", entry.shape}};
  }
  return {{"kind", tracks > 0 ? "tracks" : "tensors"},
          {"tensors", file.tensors().size()},
          {"bytes", bytes},
          {"sets_of_tracks", tracks},
          {"first", tensors},
          {"metadata", file.metadata()}};
}

Json gguf_facts(const Path& path) {
  const GgufFile file(path);
  const GgufMetadata& metadata = file.metadata();
  const std::string architecture = metadata.optional_text("general.architecture").value_or("");
  Json types = Json::object();
  int64_t parameters = 0, bytes = 0;
  for (const auto& [name, tensor] : file.tensors()) {
    const std::string type(gguf_type_facts(tensor.type).name);
    types[type] = types.value(type, 0) + 1;
    parameters = checked_add(parameters, tensor.count(), "parameters");
    bytes += tensor.end - tensor.begin;
  }
  const auto tokenizer = metadata.optional_text("tokenizer.ggml.model");
  const auto pre = metadata.optional_text("tokenizer.ggml.pre");
  return {
      {"kind", fmt::format("GGUF model, version {}", file.header().version)},
      {"architecture", architecture},
      {"name", metadata.optional_text("general.name").value_or("")},
      {"parameters", parameters},
      {"tensors_by_type", types},
      {"bits_per_weight", parameters == 0 ? 0.0 : 8.0 * static_cast<double>(bytes) / static_cast<double>(parameters)},
      {"context_length", metadata.optional_integer(architecture + ".context_length").value_or(0)},
      {"tokenizer", tokenizer.value_or("none") + (pre ? ", " + *pre : "")}};
}

std::string line_kind(const Json& line) {
  if (line.contains("conversations")) return "training samples";
  if (line.contains("frames") && line.contains("status")) return "clip records";
  if (line.contains("video") && line.contains("id")) return "list of clips";
  return "JSON lines";
}

Json json_lines_facts(const Path& path) {
  JsonLines lines(path);
  int64_t count = 0;
  std::string kind = "empty JSON lines";
  Json keys = Json::array();
  while (const auto line = lines.next()) {
    if (++count > 1) continue;
    kind = line_kind(*line);
    if (!line->is_object()) continue;
    for (const auto& [key, value] : line->items()) keys.push_back(key);
  }
  return {{"kind", kind}, {"lines", count}, {"keys_of_first", keys}};
}

Json image_facts(const Path& path) {
  const Image image = decode_image(read_file(path, limits().image_bytes), path.string());
  return {{"kind", "image"}, {"w", image.size.w}, {"h", image.size.h}};
}

Json folder_facts(const Path& path, int64_t context) {
  std::error_code absent;
  if (std::filesystem::exists(path / "manifest.json", absent)) {
    Json facts = read_manifest(path);
    facts["kind"] = "output folder of magma mark";
    return facts;
  }
  if (std::filesystem::exists(path / "tracks.jsonl", absent)) {
    JsonLines lines(path / "tracks.jsonl");
    Json facts = lines.next().value_or(Json::object());
    facts["kind"] = "output folder of magma track";
    return facts;
  }
  if (std::filesystem::exists(path / "config.json", absent)) return model_folder_facts(path, context);
  throw Error(ErrorCode::Malformed,
              {.file = path.string(),
               .what = "a folder without manifest.json, tracks.jsonl, config.json or features.json",
               .hint = "name a file, a model folder, an RLDS version folder or an output folder of magma"});
}

// A header length that fits the file, then the header's brace.
bool looks_like_safetensors(std::string_view head, int64_t file_bytes) {
  constexpr size_t kLengthBytes = 8;
  if (head.size() <= kLengthBytes || head[kLengthBytes] != '{') return false;
  uint64_t length = 0;
  std::memcpy(&length, head.data(), kLengthBytes);
  return length < static_cast<uint64_t>(file_bytes);
}

bool looks_like_json(std::string_view head) {
  const size_t first = head.find_first_not_of(" \t\r\n");
  return first != head.npos && (head[first] == '{' || head[first] == '[');
}

Json file_facts(const Path& path) {
  const FileReader file(path);
  std::string head(64, '\0');
  head.resize(file.read_at(0, head));
  if (head.starts_with("\x89PNG") || head.starts_with("\xFF\xD8\xFF")) return image_facts(path);
  const std::string extension = path.extension().string();
  if (extension == ".gguf" || head.starts_with("GGUF")) return gguf_facts(path);
  if (looks_like_video(path)) return video_facts(path);
  if (extension == ".safetensors" || looks_like_safetensors(head, file.size())) return safetensors_facts(path);
  if (extension == ".json") return {{"kind", "JSON"}, {"value", read_json(path)}};
  if (extension == ".jsonl" || looks_like_json(head)) return json_lines_facts(path);
  throw Error(
      ErrorCode::Malformed,
      {.file = path.string(),
       .what = head.empty() ? "the file is empty" : "nothing that magma knows",
       .expected = "a video, PNG or JPEG picture, safetensors, GGUF, JSON, JSON lines, TFRecord, torch or YAML file"});
}

Json facts_of(const Path& path, int64_t context) {
  std::error_code absent;
  if (auto facts = data_facts(path)) return *facts;
  return std::filesystem::is_directory(path, absent) ? folder_facts(path, context) : file_facts(path);
}

// {"element": "float32", "shape": [7]} -> "element float32, shape [7]"
std::string one_line(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_object()) return dump_json(value);
  std::string line;
  for (const auto& [key, member] : value.items()) {
    line +=
        (line.empty() ? "" : ", ") + key + " " + (member.is_string() ? member.get<std::string>() : dump_json(member));
  }
  return line;
}

// What does not fit beside its name stands below it, a line for each of its parts.
bool is_long(const Json& value) {
  constexpr size_t kFits = 80;
  if (!value.is_structured() || value.empty()) return false;
  return (value.is_array() && value[0].is_object()) || dump_json(value).size() > kFits;
}

void show_parts(const Output& out, const std::string& name, const Json& value) {
  out.line("{}", name);
  size_t wide = 18;
  for (const auto& [key, part] : value.items()) wide = std::max(wide, value.is_object() ? key.size() : 0);
  for (const auto& [key, part] : value.items()) {
    value.is_object() ? out.line("  {:<{}}  {}", key, wide, one_line(part)) : out.line("  {}", one_line(part));
  }
}

// What it is, then what fits on a line, then the rest.
void show(const Output& out, const Json& facts) {
  const auto line = [&](const std::string& name, const Json& value) {
    out.line("{:<20}{}", name, value.is_string() ? value.get<std::string>() : dump_json(value));
  };
  if (facts.contains("kind")) line("kind", facts["kind"]);
  for (const auto& [name, value] : facts.items()) {
    if (name != "kind" && !is_long(value)) line(name, value);
  }
  for (const auto& [name, value] : facts.items()) {
    if (is_long(value)) show_parts(out, name, value);
  }
}

class Info final : public Command {
 public:
  static constexpr const char* kSummary =
      "what a file or folder is: video, image, tracks, model, training data, output folder";

  void options(CLI::App& app) override {
    app.add_option("FILE", path_, "file, model folder, RLDS version folder or output folder")->required();
    app.add_option("--context", context_, "of a model folder: memory for so many tokens; 0: for the longest context")
        ->check(CLI::Range(0, 1 << 24))
        ->type_name("N")
        ->capture_default_str();
  }
  std::string examples() const override {
    return "  magma info clip.mp4\n  magma info out --json\n  magma info bridge_orig/1.0.0\n  magma info MODEL "
           "--context 4096             parameters "
           "and memory\n";
  }
  int run(const Output& out) override {
    const Json facts = facts_of(path_, context_);
    show(out, facts);
    out.value(facts);
    return 0;
  }

 private:
  std::string path_;
  int64_t context_ = 0;
};

MAGMA_REGISTER(Commands, Info);

}  // namespace
}  // namespace magma
