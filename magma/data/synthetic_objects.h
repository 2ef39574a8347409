// Coloured things that made data sets are about: what they are called and how they look.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "magma/core/random.h"
#include "magma/image/paint.h"

namespace magma {

struct NamedColour {
  const char* name;
  Rgb rgb;
};
// Far from each other, from grey and from what is drawn around them, also after JPEG.
inline constexpr std::array<NamedColour, 6> kObjectColours = {{{"red", {220, 30, 30}},
                                                               {"green", {30, 160, 50}},
                                                               {"blue", {40, 70, 220}},
                                                               {"yellow", {240, 210, 30}},
                                                               {"purple", {150, 40, 180}},
                                                               {"orange", {245, 130, 20}}}};

enum class ObjectShape { Square, Disc, Triangle };
inline constexpr int kObjectShapes = 3;

struct ColouredObject {
  size_t colour = 0;  // of kObjectColours
  ObjectShape shape = ObjectShape::Square;
  Pixel centre{};
  int radius_px = 0;  // half the height

  std::string colour_name() const { return kObjectColours[colour].name; }
  std::string thing() const;   // on a table: "red block", "blue ball", "green cone"
  std::string figure() const;  // on paper: "red square", "blue circle", "green triangle"
  PixelBox bounds() const;
};
std::string figure_name(ObjectShape shape);  // "square"

void paint_object(Image& image, const ColouredObject& object);
void paint_object(Image& image, const ColouredObject& object, Rgb colour);

// `count` objects at {0, 0}, each of another colour.
std::vector<ColouredObject> distinct_objects(Rng& rng, int count, int radius_px);

inline int integer_of(Rng& rng, int low, int high) { return static_cast<int>(rng.integer(low, high)); }

}  // namespace magma
