// A first token out of llama.cpp: load, a prompt of 8 tokens, the best next one. Time the whole process.
// llama_start FILE.gguf THREADS [plain]    plain: weights stay as the file has them, not repacked for the CPU
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "llama.h"

int main(int count, char** words) {
  if (count < 3) return 2;
  llama_log_set([](ggml_log_level, const char*, void*) {}, nullptr);
  llama_backend_init();
  llama_model_params model_options = llama_model_default_params();
  model_options.n_gpu_layers = 0;
  model_options.use_extra_bufts = !(count > 3 && std::string(words[3]) == "plain");
  llama_model* model = llama_model_load_from_file(words[1], model_options);
  if (model == nullptr) return 1;
  llama_context_params options = llama_context_default_params();
  options.n_ctx = options.n_batch = options.n_ubatch = 512;
  options.n_threads = options.n_threads_batch = std::atoi(words[2]);
  options.flash_attn_type = LLAMA_FLASH_ATTN_TYPE_DISABLED;
  llama_context* context = llama_init_from_model(model, options);
  if (context == nullptr) return 1;
  std::vector<llama_token> prompt = {1, 2, 3, 4, 5, 6, 7, 8};
  if (llama_decode(context, llama_batch_get_one(prompt.data(), static_cast<int32_t>(prompt.size()))) != 0) return 1;
  const float* logits = llama_get_logits_ith(context, -1);
  const int32_t words_known = llama_vocab_n_tokens(llama_model_get_vocab(model));
  std::printf("%d\n", static_cast<int>(std::max_element(logits, logits + words_known) - logits));
  std::fflush(stdout);
  std::_Exit(0);  // no time for tidying up
}
