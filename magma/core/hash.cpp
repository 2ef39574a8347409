#include "magma/core/hash.h"

#include <array>
#include <memory>
#include <vector>

#include <fmt/core.h>
#include <openssl/evp.h>
#include <xxhash.h>

#include "magma/core/check.h"

namespace magma {

namespace {

std::string digest_hex(std::string_view bytes, const EVP_MD* kind) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  const int done = EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, kind, nullptr);
  MAGMA_CHECK(done == 1, "this digest is not available");
  std::string text;
  for (unsigned int i = 0; i < size; ++i) text.append({kDigits[digest[i] >> 4U], kDigits[digest[i] & 15U]});
  return text;
}

}  // namespace

std::string sha1_hex(std::string_view bytes) { return digest_hex(bytes, EVP_sha1()); }
std::string sha256_hex(std::string_view bytes) { return digest_hex(bytes, EVP_sha256()); }

std::string sha1_of_first_mebibyte(const Path& path) {
  const FileReader file(path);
  std::string bytes(size_t{1} << 20U, '\0');
  bytes.resize(file.read_at(0, bytes));
  return sha1_hex(bytes);
}

std::string hex64(uint64_t value) { return fmt::format("{:016x}", value); }

uint64_t hash_file(const Path& path) {
  const FileReader file(path);
  const std::unique_ptr<XXH64_state_t, decltype(&XXH64_freeState)> state(XXH64_createState(), XXH64_freeState);
  MAGMA_CHECK(state != nullptr, "no memory for a hash state");
  XXH64_reset(state.get(), 0);
  std::vector<char> buffer(size_t{1} << 20U);
  int64_t offset = 0;
  while (const size_t got = file.read_at(offset, buffer)) {
    XXH64_update(state.get(), buffer.data(), got);
    offset += static_cast<int64_t>(got);
  }
  return XXH64_digest(state.get());
}

}  // namespace magma
