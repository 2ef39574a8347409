#include <gmock/gmock.h>

#include "tests/data/made_up_data.h"

namespace magma {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

const std::string kSystem = "system: You are agent that can see, talk and act.";

std::string item(const std::string& image, const std::string& value) {
  return R"({"id":1,)" + image + R"("conversations":[{"from":"human","value":")" + value +
         R"("},{"from":"gpt","value":"That."}]})";
}

Sample llava(const std::string& text) { return MadeUpData().sample("chat_json", "llava", text); }

std::string refusal(const std::string& text) {
  return error_line([&] { llava(text); });
}

TEST(ChatItem, PlaceholdersMoveToTheFrontAndAreOurs) {
  const Sample sample = llava(item(R"("image":"a/b.jpg",)", R"(What is <image>\nthis?\n)"));
  EXPECT_THAT(spoken(sample), ElementsAre(kSystem, "user: {<image>}\nWhat is this?\n", "assistant: That."));
  ASSERT_EQ(sample.images.size(), 1U);
  EXPECT_EQ(sample.images[0].name, "a/b.jpg");
  EXPECT_EQ(sample.num_crops, std::nullopt);
  EXPECT_EQ(sample.origin.file, "items.json");
  EXPECT_EQ(sample.origin.item, 0);
}

TEST(ChatItem, SpecialTokensInTheTextOfAFileStayText) {
  const Sample sample =
      llava(item(R"("image":["b","c"],)", R"(<image>\n<|eot_id|><action><ima<image>ge><trace_start>)"));
  EXPECT_EQ(spoken(sample)[1], "user: {<image>}\n{<image>}\n<|eot_id|><action><image><trace_start>");
}

TEST(ChatItem, ATextHasABlackPicture) {
  for (const char* image : {"", R"("image":null,)", R"("video":null,)", R"("video":[null],"image":null,)"}) {
    const Sample sample = llava(item(image, "你好 <image> <|eot_id|>"));
    EXPECT_EQ(spoken(sample)[1], "user: {<image>}\n你好 <image> <|eot_id|>");
    ASSERT_EQ(sample.images.size(), 1U);
    EXPECT_EQ(sample.images[0].pixels->size, (Size{512, 512}));
    EXPECT_EQ(sample.images[0].pixels->at(100, 100), Rgb{});
    EXPECT_EQ(sample.images[0].name, "");
    EXPECT_EQ(sample.num_crops, 1);
  }
}

TEST(ChatItem, StartAndEndTokensGoAroundEveryPicture) {
  MadeUpData data;
  data.options.config.image_start_end = true;
  const std::string wrapped = "<image_start><image><image_end>";
  EXPECT_EQ(spoken(data.sample("chat_json", "llava", item(R"("image":["a","b"],)", wrapped + R"(\nA <image>\nB)")))[1],
            "user: {" + wrapped + "}\n{" + wrapped + "}\nA B");
  EXPECT_EQ(spoken(data.sample("chat_json", "llava", item("", "Hello.")))[1], "user: {" + wrapped + "}\nHello.");
}

TEST(ChatItem, EveryoneButTheUserIsTheAssistant) {
  const Sample sample = llava(
      R"({"conversations":[{"from":"user","value":""},{"from":"Human","value":"b"},{"from":"system","value":"c"}]})");
  EXPECT_THAT(spoken(sample), ElementsAre(kSystem, "user: {<image>}\n", "assistant: b", "assistant: c"));
}

TEST(ChatItem, NamesOfPicturesAreThoseBelowTheFolder) {
  MadeUpData data;
  data.options.image_folder = "/pictures";
  const auto picture = [&](const std::string& name) {
    return data.sample("chat_json", "mind2web", item(R"("image":")" + name + R"(",)", "<image>")).images.at(0);
  };
  EXPECT_EQ(picture("/a/b.jpg").name, "a/b.jpg");
  EXPECT_EQ(picture("/a/b.jpg").path, "/pictures/a/b.jpg");
  EXPECT_EQ(picture("ming2web_images/é 1.jpg").path, "/pictures/mind2web_images/é 1.jpg");
  EXPECT_EQ(picture("a/../b.jpg").name, "a/../b.jpg");
}

TEST(ChatItem, NamesThatLeaveTheFolderAreRefused) {
  for (const char* name : {"../x.jpg", "a/../../x.jpg", "/../x.jpg", "//etc/x.jpg", "..", "a/b/../../.."}) {
    EXPECT_THAT(refusal(item(R"("image":")" + std::string(name) + R"(",)", "<image>")), StartsWith("error[refused]"))
        << name;
  }
  EXPECT_THAT(refusal(item(R"("image":"a\u0000.jpg",)", "<image>")), StartsWith("error[malformed]"));
}

TEST(ChatItem, WhatIsWrongIsNamedByItsPointer) {
  struct Row {
    std::string item, line;
  };
  const std::vector<Row> rows = {
      {R"({"image":"a"})", "item 0/conversations: missing (expected an array)"},
      {R"({"conversations":{}})", "item 0/conversations: wrong type (expected an array, got an object)"},
      {R"({"conversations":[]})", "item 0/conversations: a conversation without messages (expected at least one)"},
      {R"({"conversations":["x"]})", "item 0/conversations/0: wrong type (expected an object, got a string)"},
      {R"({"conversations":[{"from":"human"}]})", "item 0/conversations/0/value: missing (expected a string)"},
      {R"({"conversations":[{"from":null,"value":""}]})", "item 0/conversations/0/from: wrong type"},
      {item(R"("image":3,)", ""), "item 0/image: wrong type"},
      {item(R"("image":[],)", ""), "item 0/image: wrong type"},
      {item(R"("image":["a",null],)", "<image><image>"), "item 0/image/1: wrong type (expected a string, got null)"},
      {item(R"("image":"",)", "<image>"), "item 0: not the name of a file"},
      {item(R"("image":"a",)", "no picture"), "item 0: not as many pictures as <image> in the conversation"},
      {item(R"("image":["a","b"],)", "<image>"), "(expected 1 pictures, got 2)"},
      {item(R"("video":"v.mp4",)", "<image>"), "item 0/video: a video in a data set of pictures"},
      {"[]", "item 0: wrong type (expected an object, got an array)"},
      {"7", "item 0: wrong type"}};
  for (const Row& row : rows) {
    EXPECT_THAT(refusal(row.item), HasSubstr(row.line));
    EXPECT_THAT(refusal(row.item), HasSubstr("items.json: "));
  }
}

TEST(ChatItem, LlavaAndMagmaLeaveOutWhatHoldsThePadToken) {
  MadeUpData data;
  const std::string items = "[" + item("", "a") + "," + item("", "x<pad>y") + "," + item("", R"(\u003cpad>)") + "," +
                            R"({"conversations":"<pad>"},)" + item("", R"(\u00e9<pa)") + "]";
  data.write("items.json", items);
  for (const char* tag : {"llava", "magma"}) {
    const auto reader = data.open("chat_json", tag, "items.json");
    ASSERT_EQ(reader->size(), 3);
    EXPECT_EQ(reader->origin(2).item, 4);
    EXPECT_THAT(error_line([&] { reader->read(1); }), HasSubstr("item 3/conversations: wrong type"));
  }
  EXPECT_EQ(data.open("chat_json", "sharegpt4v", "items.json")->size(), 5);
}

TEST(ChatItem, SeveralFilesAreOneList) {
  MadeUpData data;
  data.write("set/a.json", "[" + item("", "one") + "]");
  data.write("set/b.json",
             "[" + item("", "two") + "," + item(R"("image":"p.png",)", R"(<image>\nthree  words\u00a0here)") + "]");
  const auto reader = data.open("chat_json", "llava", "set/a+b");
  ASSERT_EQ(reader->size(), 3);
  EXPECT_EQ(reader->origin(1).file, "b.json");
  EXPECT_EQ(reader->read(2).images[0].path, data.path("set/p.png").string());
  EXPECT_EQ(reader->files(), (std::vector<Path>{data.path("set/a.json"), data.path("set/b.json")}));
  EXPECT_EQ(reader->length(0).words, 2);
  EXPECT_FALSE(reader->length(0).picture);
  EXPECT_EQ(reader->length(2).words, 5);
  EXPECT_TRUE(reader->length(2).picture);
}

// --- SeeClick ---

struct SomRow {
  bool marked, original;
  std::string image;
  std::vector<std::string> images;
  std::string question, answer;
};

TEST(SeeClick, ScreenshotsWithAndWithoutMarks) {
  const std::string mobile = "mobile/combined_image_processed/1.jpg", web = "seeclick_web_imgs_processed/1.jpg";
  const std::string bare = "mobile/combined/1.jpg", bare_web = "seeclick_web_imgs/1.jpg";
  const std::string ask = "user: {<image>}\nWhere?", both = "user: {<image>}\n{<image>}\nWhere?";
  const std::string answer = "assistant: (0.1,0.2) Mark: 12 mark: 7 \n", without = "assistant: (0.1,0.2)";
  const std::vector<SomRow> rows = {{true, false, mobile, {mobile}, ask, answer},
                                    {true, true, mobile, {bare, mobile}, both, answer},
                                    {false, false, mobile, {bare}, ask, without},
                                    {false, true, web, {bare_web}, ask, without},
                                    {true, true, web, {bare_web, web}, both, answer},
                                    {true, true, "other/1.jpg", {"other/1.jpg"}, ask, answer},
                                    {false, true, "other/1.jpg", {"other/1.jpg"}, ask, answer}};
  for (const SomRow& row : rows) {
    MadeUpData data;
    data.options.config.seeclick_marked = row.marked;
    data.options.config.seeclick_original = row.original;
    const Sample sample = data.sample(
        "seeclick", "seeclick",
        R"({"image":")" + row.image +
            R"(","conversations":[{"from":"user","value":"<image>\nWhere?"},{"from":"assistant","value":"(0.1,0.2) Mark: 12 mark: 7 \n"}]})");
    EXPECT_THAT(spoken(sample), ElementsAre(kSystem, row.question, row.answer));
    std::vector<std::string> names;
    for (const SampleImage& image : sample.images) names.push_back(image.name);
    EXPECT_EQ(names, row.images);
  }
}

TEST(SeeClick, PicturesMayStandInTheText) {
  const Sample sample = MadeUpData().sample(
      "seeclick", "seeclick",
      R"({"conversations":[{"from":"user","value":"Picture 1: <img>/shots/1.jpg</img>\nWhere?"},{"from":"assistant","value":"Picture x: <img>"}]})");
  EXPECT_THAT(spoken(sample), ElementsAre(kSystem, "user: {<image>}\nWhere?", "assistant: Picture x: <img>"));
  EXPECT_EQ(sample.images.at(0).name, "shots/1.jpg");
  EXPECT_THAT(error_line([] {
                MadeUpData().sample(
                    "seeclick", "seeclick",
                    R"({"conversations":[{"from":"user","value":"Picture 1: <img>/../1.jpg</img>\nWhere?"}]})");
              }),
              StartsWith("error[refused]"));
}

TEST(SeeClick, RawAnnotationsAreNoConversations) {
  EXPECT_THAT(error_line([] {
                MadeUpData().sample("seeclick", "seeclick",
                                    R"({"img_filename":"1.jpg","instruction":"x","bbox":[0,0,1,1]})");
              }),
              HasSubstr("item 0/conversations: missing"));
}

}  // namespace
}  // namespace magma
