// Fuzz targets: each gives bytes from outside to one reader and demands that it refuses them with an Error of the
// contract, or that what it made of them holds together. libFuzzer runs them (tools/fuzz.sh), and so does a test.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "magma/core/error.h"
#include "magma/core/file.h"

namespace magma {

void fuzz_json(std::string_view bytes);
void fuzz_json_lines(std::string_view bytes);
void fuzz_work_list(std::string_view bytes);
void fuzz_query_points(std::string_view bytes);
void fuzz_config(std::string_view bytes);
void fuzz_safetensors(std::string_view bytes);
void fuzz_gguf(std::string_view bytes);
void fuzz_track_file(std::string_view bytes);
// One file of an output folder of `magma mark`; the folder is whole but for it.
void fuzz_clip_records(std::string_view bytes);
void fuzz_samples(std::string_view bytes);
void fuzz_shard_done(std::string_view bytes);
void fuzz_manifest(std::string_view bytes);
// A tokenizer.json; the texts and ids given to a whole one; the text of a chat template.
void fuzz_tokenizer(std::string_view bytes);
void fuzz_tokenizer_text(std::string_view bytes);
void fuzz_chat_template(std::string_view bytes);
// The text of an answer, read as every kind; files of a model folder that say how pictures and actions are scaled.
void fuzz_answer(std::string_view bytes);
void fuzz_image_processor_config(std::string_view bytes);
void fuzz_action_statistics(std::string_view bytes);
// Items of annotation files, read as samples; one item about a video; a file of tracks.
void fuzz_chat_items(std::string_view bytes);
void fuzz_video_items(std::string_view bytes);
void fuzz_trace_file(std::string_view bytes);
// Stored formats of training data. `tfds_features`: a features.json, a zero byte, an Example that it describes.
void fuzz_tfrecord(std::string_view bytes);
void fuzz_example(std::string_view bytes);
void fuzz_tfds_features(std::string_view bytes);
void fuzz_tfds_info(std::string_view bytes);
void fuzz_torch_file(std::string_view bytes);
void fuzz_pickle(std::string_view bytes);

// Throws std::logic_error naming what does not hold.
void demand(bool holds, const std::string& what);
void demand_contract(const Error& error);

// A folder of this process for files of `target`, and a file in it that holds `bytes`.
Path fuzz_folder(const std::string& target);
Path fuzz_file(const std::string& target, const std::string& name, std::string_view bytes);

// What `read` returns; nullopt when it refused.
template <typename Read>
std::optional<std::invoke_result_t<Read>> unless_refused(const Read& read) {
  try {
    return read();
  } catch (const Error& error) {
    demand_contract(error);
    return std::nullopt;
  }
}

}  // namespace magma
