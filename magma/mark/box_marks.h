// Numbered boxes on a screenshot, as SeeClick's pictures with marks have them. Source: data_formats.md 5.9.
#pragma once

#include <vector>

#include "magma/image/paint.h"

namespace magma {

int box_mark_font_size(Size screen);
// Where the label of box `number` is best seen: around the box, inside the image, off other boxes and labels. Labels
// are of `label` px; `placed` are those set before. The top left corner inside the box where there is no room at all.
PixelBox box_label_place(const std::vector<PixelBox>& boxes, size_t number, Size label, Size screen,
                         const std::vector<PixelBox>& placed);
// Boxes are numbered from 0 in their order.
void draw_box_marks(Image& image, const std::vector<PixelBox>& boxes);

}  // namespace magma
