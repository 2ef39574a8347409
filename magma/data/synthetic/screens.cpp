// Made set "screens": screenshots with and without numbered boxes, in SeeClick's files: where to click, and what stands
// there. Source: data_formats.md 5.9.
#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "magma/core/json.h"
#include "magma/data/synthetic_screen.h"
#include "magma/data/synthetic_set.h"
#include "magma/image/codec.h"
#include "magma/mark/box_marks.h"
#include "magma/text/prompts.h"

namespace magma {
namespace {

// The reader finds one by the name of the other.
constexpr const char* kPlain = "seeclick_web_imgs";
constexpr const char* kMarked = "seeclick_web_imgs_processed";
constexpr int64_t kQuestions = 3;  // where to click, and one more what stands there

ScreenPlace centre_of(const PixelBox& box) {
  return {0.5 * (box.left + box.right) / kScreenSize.w, 0.5 * (box.top + box.bottom) / kScreenSize.h};
}

Json item_of(const std::string& id, const std::string& image, const std::string& question, const std::string& answer) {
  return {{"id", id},
          {"image", fmt::format("{}/{}", kMarked, image)},
          {"conversations",
           Json::array({{{"from", "user"}, {"value", question}}, {{"from", "assistant"}, {"value", answer}}})}};
}

// As SeeClick's own files have it: box as shares of the picture.
Json elements_of(const std::string& image, const SyntheticScreen& screen) {
  Json elements = Json::array();
  for (const ScreenElement& element : screen.elements) {
    const PixelBox& box = element.box;
    const double w = kScreenSize.w, h = kScreenSize.h;
    elements.push_back({{"instruction", element.task()},
                        {"bbox", {box.left / w, box.top / h, box.right / w, box.bottom / h}},
                        {"data_type", "text"}});
  }
  return {{"img_filename", image}, {"url", "made.example"}, {"elements", elements}};
}

class Screens final : public SyntheticSet {
 public:
  static constexpr const char* kSummary = "SeeClick screenshots: where to click for a task, and what stands at a place";

  std::string unit() const override { return "screens"; }
  int64_t usual_count() const override { return 200; }
  std::string config() const override { return "screens.yaml"; }

  int64_t make(const SyntheticRun& run) const override {
    for (const char* folder : {kPlain, kMarked}) std::filesystem::create_directory(run.folder / folder);
    ItemWriter items(run.folder / "seeclick.json"), elements(run.folder / "seeclick_web.json");
    for (int64_t i = 0; i < run.count; ++i) {
      Rng rng = run.random(i);
      const SyntheticScreen screen = draw_screen(rng);
      const std::string image = fmt::format("{:06}.png", i);
      write_pictures(run.folder, image, screen);
      elements.add(elements_of(image, screen));
      add_items(items, image, screen, rng);
      run.made();
    }
    items.finish();
    elements.finish();
    write_synthetic_config(run.folder / config(),
                           {.data_path = "./seeclick.json", .image_folder = ".", .tag = "seeclick"});
    return run.count * (kQuestions + 1);
  }

 private:
  static void write_pictures(const Path& folder, const std::string& image, const SyntheticScreen& screen) {
    Image marked = screen.picture;
    std::vector<PixelBox> boxes;
    for (const ScreenElement& element : screen.elements) boxes.push_back(element.box);
    draw_box_marks(marked, boxes);
    write_file_atomically(folder / kPlain / image, encode_png(screen.picture), false);
    write_file_atomically(folder / kMarked / image, encode_png(marked), false);
  }

  static void add_items(ItemWriter& items, const std::string& image, const SyntheticScreen& screen, Rng& rng) {
    std::vector<int> order;
    for (size_t i = 0; i < screen.elements.size(); ++i) order.push_back(static_cast<int>(i));
    rng.shuffle(order);
    const std::string stem = image.substr(0, image.find('.'));
    for (int64_t i = 0; i <= kQuestions; ++i) {
      const int number = order[static_cast<size_t>(i)];
      const ScreenElement& element = screen.elements[static_cast<size_t>(number)];
      const ScreenPlace place = centre_of(element.box);
      if (i < kQuestions) {
        items.add(item_of(fmt::format("loca_point_{}_{}", stem, i), image, click_question(element.task()),
                          click_answer(place, number)));
      } else {
        items.add(item_of(fmt::format("ocr_point_{}", stem), image,
                          brief_question(fmt::format("What is the text at {}?", place_text(place))), element.text));
      }
    }
  }
};

MAGMA_REGISTER(SyntheticSets, Screens);

}  // namespace
}  // namespace magma
