#include "magma/data/synthetic_objects.h"

#include <numeric>

#include "magma/core/check.h"

namespace magma {
namespace {

std::string thing_name(ObjectShape shape) {
  switch (shape) {
    case ObjectShape::Square:
      return "block";
    case ObjectShape::Disc:
      return "ball";
    case ObjectShape::Triangle:
      return "cone";
  }
  MAGMA_CHECK(false, "shape {} has no name", static_cast<int>(shape));
}

}  // namespace

std::string figure_name(ObjectShape shape) {
  switch (shape) {
    case ObjectShape::Square:
      return "square";
    case ObjectShape::Disc:
      return "circle";
    case ObjectShape::Triangle:
      return "triangle";
  }
  MAGMA_CHECK(false, "shape {} has no name", static_cast<int>(shape));
}

std::string ColouredObject::thing() const { return colour_name() + " " + thing_name(shape); }
std::string ColouredObject::figure() const { return colour_name() + " " + figure_name(shape); }

PixelBox ColouredObject::bounds() const {
  return {centre.x - radius_px, centre.y - radius_px, centre.x + radius_px + 1, centre.y + radius_px + 1};
}

void paint_object(Image& image, const ColouredObject& object, Rgb colour) {
  const Pixel c = object.centre;
  const int r = object.radius_px;
  switch (object.shape) {
    case ObjectShape::Square:
      return paint_box(image, object.bounds(), colour);
    case ObjectShape::Disc:
      return paint_disc(image, c, r, colour);
    case ObjectShape::Triangle:
      return paint_triangle(image, {{{c.x, c.y - r}, {c.x - r, c.y + r}, {c.x + r, c.y + r}}}, colour);
  }
}

void paint_object(Image& image, const ColouredObject& object) {
  paint_object(image, object, kObjectColours[object.colour].rgb);
}

std::vector<ColouredObject> distinct_objects(Rng& rng, int count, int radius_px) {
  std::vector<size_t> colours(kObjectColours.size());
  std::iota(colours.begin(), colours.end(), size_t{0});
  rng.shuffle(colours);
  std::vector<ColouredObject> objects;
  for (int i = 0; i < count; ++i) {
    objects.push_back({.colour = colours.at(static_cast<size_t>(i)),
                       .shape = static_cast<ObjectShape>(rng.integer(0, kObjectShapes - 1)),
                       .radius_px = radius_px});
  }
  return objects;
}

}  // namespace magma
