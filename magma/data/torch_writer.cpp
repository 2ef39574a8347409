#include "magma/data/torch_writer.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <limits>

#include <fmt/core.h>
#include <zlib.h>

#include "magma/core/check.h"
#include "magma/core/utf8.h"

namespace magma {
namespace {

static_assert(std::endian::native == std::endian::little, "storages are written as they lie in memory");

template <typename T>
void append(std::string& bytes, T value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
}

const char* storage_class(Element element) {
  switch (element) {
    case Element::Bool:
      return "BoolStorage";
    case Element::I8:
      return "CharStorage";
    case Element::I16:
      return "ShortStorage";
    case Element::I32:
      return "IntStorage";
    case Element::I64:
      return "LongStorage";
    case Element::U8:
      return "ByteStorage";
    case Element::F16:
      return "HalfStorage";
    case Element::BF16:
      return "BFloat16Storage";
    case Element::F32:
      return "FloatStorage";
    case Element::F64:
      return "DoubleStorage";
    default:
      MAGMA_CHECK(false, "no storage of torch holds {}", element_name(element));
  }
}

// Pickle, protocol 2, without a memo: nothing is written by reference but storages.
class Pickler {
 public:
  std::string pickle(const TorchValue& value) {
    bytes_ = "\x80\x02";
    put(value);
    return std::move(bytes_ += '.');
  }
  const std::vector<std::shared_ptr<const StoredValue>>& storages() const { return storages_; }

 private:
  using Kind = TorchValue::Kind;

  void put(const TorchValue& value) {
    switch (value.kind) {
      case Kind::None:
        bytes_ += 'N';
        return;
      case Kind::Bool:
        bytes_ += value.boolean ? '\x88' : '\x89';
        return;
      case Kind::Int:
        return put_digits(value.text);
      case Kind::Float:
        return put_real(value.real);
      case Kind::String:
        return put_text(value.text);
      case Kind::Bytes:
        return put_bytes(value.text);
      case Kind::List:
        bytes_ += "](";
        put_all(value.items);
        bytes_ += 'e';
        return;
      case Kind::Tuple:
        bytes_ += '(';
        put_all(value.items);
        bytes_ += 't';
        return;
      case Kind::Dict:
        return put_dict(value);
      case Kind::Tensor:
        return put_tensor(value.value);
      default:
        MAGMA_CHECK(false, "kind {} of a value is not written", static_cast<int>(value.kind));
    }
  }

  void put_all(const std::vector<TorchValue>& items) {
    for (const TorchValue& item : items) put(item);
  }

  void put_dict(const TorchValue& dict) {
    bytes_ += "}(";
    for (const auto& [key, content] : dict.entries) {
      put(key);
      put(content);
    }
    bytes_ += 'u';
  }

  void put_digits(const std::string& digits) {
    int64_t number = 0;
    const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    MAGMA_CHECK(failed == std::errc() && end == digits.data() + digits.size(), "'{}' is no number of 64 bits", digits);
    put_integer(number);
  }

  void put_integer(int64_t number) {
    if (number >= 0 && number <= std::numeric_limits<uint8_t>::max()) {
      bytes_ += 'K';
      append(bytes_, static_cast<uint8_t>(number));
    } else if (number >= std::numeric_limits<int32_t>::min() && number <= std::numeric_limits<int32_t>::max()) {
      bytes_ += 'J';
      append(bytes_, static_cast<int32_t>(number));
    } else {
      bytes_ += "\x8a\x08";
      append(bytes_, number);
    }
  }

  void put_real(double number) {
    auto bits = std::bit_cast<std::array<char, sizeof(double)>>(number);
    std::reverse(bits.begin(), bits.end());  // the one big-endian number of a pickle
    bytes_ += 'G';
    bytes_.append(bits.data(), bits.size());
  }

  void put_text(std::string_view text) {
    bytes_ += 'X';
    append(bytes_, static_cast<uint32_t>(text.size()));
    bytes_ += text;
  }

  // Protocol 2 has no bytes: they are text whose characters are encoded back.
  void put_bytes(std::string_view content) {
    std::string latin;
    for (const char byte : content) append_utf8(latin, static_cast<uint8_t>(byte));
    put_global("_codecs", "encode");
    bytes_ += '(';
    put_text(latin);
    put_text("latin1");
    bytes_ += "tR";
  }

  void put_global(std::string_view module, std::string_view name) { bytes_ += fmt::format("c{}\n{}\n", module, name); }

  void put_tensor(const std::shared_ptr<const StoredValue>& tensor) {
    MAGMA_CHECK(tensor != nullptr, "a tensor has a value");
    const char* kind = storage_class(tensor->element);
    const int64_t count = tensor->count();
    MAGMA_CHECK(static_cast<int64_t>(tensor->bytes.size()) == count * element_bytes(tensor->element),
                "a tensor fills its shape");
    put_global("torch._utils", "_rebuild_tensor_v2");
    bytes_ += "((";
    put_text("storage");
    put_global("torch", kind);
    put_text(std::to_string(storage_of(tensor)));
    put_text("cpu");
    put_integer(count);
    bytes_ += "tQ";
    put_integer(0);
    put_places(tensor->shape);
    bytes_ += '\x89';
    put_global("collections", "OrderedDict");
    bytes_ += ")RtR";
  }

  // Shape and strides, as two tuples.
  void put_places(const std::vector<int64_t>& shape) {
    std::vector<int64_t> strides(shape.size(), 1);
    for (size_t i = shape.size(); i-- > 1;) strides[i - 1] = strides[i] * std::max<int64_t>(shape[i], 1);
    for (const std::vector<int64_t>& sides : {shape, strides}) {
      bytes_ += '(';
      for (const int64_t side : sides) put_integer(side);
      bytes_ += 't';
    }
  }

  size_t storage_of(const std::shared_ptr<const StoredValue>& tensor) {
    const auto found = std::find(storages_.begin(), storages_.end(), tensor);
    if (found != storages_.end()) return static_cast<size_t>(found - storages_.begin());
    storages_.push_back(tensor);
    return storages_.size() - 1;
  }

  std::string bytes_;
  std::vector<std::shared_ptr<const StoredValue>> storages_;
};

// A ZIP archive of stored entries, whose contents begin at multiples of 64 bytes, as torch wants to map them.
class StoredArchive {
 public:
  void add(const std::string& name, std::string_view content) {
    constexpr size_t kAlignment = 64, kLocalHeader = 30, kPaddingHeader = 4;
    MAGMA_CHECK(bytes_.size() + content.size() < std::numeric_limits<uint32_t>::max(), "archive below 4 GiB");
    const auto place = static_cast<uint32_t>(bytes_.size());
    const std::string facts = facts_of(name, content);
    const size_t unpadded = bytes_.size() + kLocalHeader + name.size() + kPaddingHeader;
    const size_t padding = (kAlignment - unpadded % kAlignment) % kAlignment;
    bytes_ += "PK\x03\x04" + facts;
    append(bytes_, static_cast<uint16_t>(kPaddingHeader + padding));
    bytes_ += name + "FB";
    append(bytes_, static_cast<uint16_t>(padding));
    bytes_.append(padding, 'Z');
    bytes_ += content;
    directory_ += "PK\x01\x02";
    append<uint16_t>(directory_, 0);
    directory_ += facts + std::string(12, '\0');  // extra, comment, disk and attributes: none
    append(directory_, place);
    directory_ += name;
    ++entries_;
  }

  std::string take() {
    MAGMA_CHECK(entries_ <= std::numeric_limits<uint16_t>::max(), "archive of at most 65535 entries");
    const auto place = static_cast<uint32_t>(bytes_.size());
    bytes_ += directory_ + "PK\x05\x06" + std::string(4, '\0');
    append(bytes_, static_cast<uint16_t>(entries_));
    append(bytes_, static_cast<uint16_t>(entries_));
    append(bytes_, static_cast<uint32_t>(directory_.size()));
    append(bytes_, place);
    append<uint16_t>(bytes_, 0);
    return std::move(bytes_);
  }

 private:
  // What both headers of an entry say of it, from the version needed to the length of its name.
  static std::string facts_of(const std::string& name, std::string_view content) {
    constexpr uint16_t kUtf8 = 0x0800, kStored = 0, kMidnight = 0, kFirstDay = 0x0021;  // of 1980: there is no clock
    const auto size = static_cast<uint32_t>(content.size());
    std::string facts;
    for (const uint16_t field : {uint16_t{0}, kUtf8, kStored, kMidnight, kFirstDay}) append(facts, field);
    append(facts, static_cast<uint32_t>(crc32(0, reinterpret_cast<const Bytef*>(content.data()), size)));
    append(facts, size);
    append(facts, size);
    append(facts, static_cast<uint16_t>(name.size()));
    return facts;
  }

  std::string bytes_, directory_;
  size_t entries_ = 0;
};

}  // namespace

std::string torch_archive(const TorchValue& value) {
  Pickler pickler;
  StoredArchive archive;
  archive.add("archive/data.pkl", pickler.pickle(value));
  archive.add("archive/byteorder", "little");
  for (size_t i = 0; i < pickler.storages().size(); ++i) {
    archive.add(fmt::format("archive/data/{}", i), pickler.storages()[i]->bytes);
  }
  archive.add("archive/version", "3\n");
  return archive.take();
}

}  // namespace magma
