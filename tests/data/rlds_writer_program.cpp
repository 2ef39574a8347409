// For tests/parity/rlds_parity.py: writes a data set of seeded episodes to FOLDER/written/1.0.0.
#include <cstring>

#include "magma/core/random.h"
#include "magma/data/rlds_writer.h"
#include "magma/image/codec.h"

namespace magma {
namespace {

const std::vector<WrittenFeature> kFeatures = {
    {{"steps", "observation", "image"}, Element::Image, {12, 16, 3}, "jpeg"},
    {{"steps", "observation", "any/size"}, Element::Image, {-1, -1, 3}, "png"},
    {{"steps", "observation", "state"}, Element::F64, {2, 2}, ""},
    {{"steps", "observation", "counts"}, Element::I16, {3}, ""},
    {{"steps", "observation", "identity"}, Element::U64, {}, ""},
    {{"steps", "observation", "names"}, Element::String, {2}, ""},
    {{"steps", "action"}, Element::F32, {7}, ""},
    {{"steps", "is_first"}, Element::Bool, {}, ""},
    {{"steps", "is_last"}, Element::Bool, {}, ""},
    {{"steps", "language_instruction"}, Element::String, {}, ""},
    {{"episode_metadata", "file_path"}, Element::String, {}, ""},
    {{"episode_metadata", "preview"}, Element::Image, {-1, -1, 3}, "png"},
    {{"episode_metadata", "success"}, Element::Bool, {}, ""}};

Image random_image(Rng& rng, Size size) {
  Image image(size);
  for (uint8_t& value : image.pixels) value = static_cast<uint8_t>(rng.integer(0, 255));
  return image;
}

void append_number(std::string& bytes, Element element, Rng& rng) {
  const auto append = [&](auto value) { bytes.append(reinterpret_cast<const char*>(&value), sizeof value); };
  if (element == Element::F64) append(static_cast<double>(static_cast<float>(rng.normal())));
  if (element == Element::F32) append(static_cast<float>(rng.normal()));
  if (element == Element::I16) append(static_cast<int16_t>(rng.integer(-32768, 32767)));
  if (element == Element::U64) append(rng.next());
}

StoredValue random_value(const WrittenFeature& feature, int64_t steps, Rng& rng) {
  StoredValue value;
  value.element = feature.element;
  const bool per_step = feature.path.front() == "steps";
  if (per_step) value.shape.push_back(steps);
  if (feature.element != Element::Image) {
    value.shape.insert(value.shape.end(), feature.shape.begin(), feature.shape.end());
  }
  for (int64_t i = 0; i < value.count(); ++i) {
    if (feature.element == Element::Image) {
      const bool jpeg = feature.format == "jpeg";
      value.strings.push_back(jpeg ? encode_jpeg(random_image(rng, {16, 12}))
                                   : encode_png(random_image(rng, {static_cast<int>(rng.integer(1, 9)), 5})));
    } else if (feature.element == Element::String) {
      value.strings.push_back("text " + std::to_string(rng.integer(0, 999)) + " ü");
    } else if (feature.element == Element::Bool) {
      const bool marked =
          (feature.path.back() == "is_first" && i == 0) || (feature.path.back() == "is_last" && i == steps - 1);
      value.bytes += static_cast<char>(marked ? 1 : 0);
    } else {
      append_number(value.bytes, feature.element, rng);
    }
  }
  return value;
}

void write(const Path& folder) {
  RldsWriter writer(folder / "written" / "1.0.0", "written", kFeatures, 3);
  Rng rng(1);
  for (const auto& [split, episodes] : {std::pair("train", 8), std::pair("val", 2)}) {
    for (int i = 0; i < episodes; ++i) {
      const int64_t steps = rng.integer(1, 6);
      std::map<std::string, StoredValue> values;
      for (const WrittenFeature& feature : kFeatures) values[feature.key()] = random_value(feature, steps, rng);
      writer.add(split, values);
    }
  }
  writer.commit();
}

}  // namespace
}  // namespace magma

int main(int count, char** arguments) {
  if (count != 2) return 2;
  magma::write(arguments[1]);
  return 0;
}
