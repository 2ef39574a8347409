// magma chat: a conversation with a model about pictures and video, streamed.
#include <iostream>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "apps/magma/command.h"
#include "apps/magma/model_options.h"
#include "magma/core/error.h"
#include "magma/core/interrupt.h"
#include "magma/core/limits.h"
#include "magma/image/codec.h"
#include "magma/image/input_file.h"
#include "magma/model/conversation.h"

namespace magma {
namespace {

constexpr const char* kUnset = "(the model's)";

class Chat final : public Command {
 public:
  static constexpr const char* kSummary = "ask a model, about pictures and video or without";

  void options(CLI::App& app) override {
    app.add_option("QUESTION", questions_, "one turn each; without: lines of standard input");
    model_.add_to(app);
    app.add_option("--image", images_, "picture the first question is about (PNG, JPEG); repeatable")
        ->type_name("FILE")
        ->allow_extra_args(false);
    app.add_option("--video", video_, "video the first question is about")->type_name("FILE");
    app.add_option("--frames", frames_, "frames taken from the video, evenly")
        ->check(CLI::Range(1, 256))
        ->type_name("N")
        ->capture_default_str();
    app.add_option("--crops", crops_, "most crops of one picture; 0: as the model's configuration says")
        ->check(CLI::Range(0, 64))
        ->type_name("N")
        ->capture_default_str();
    app.add_option("--strategy", strategy_, "crop or global; without: as the model's configuration says")
        ->check(CLI::IsMember({"crop", "global"}))
        ->type_name("NAME");
    app.add_option("--system", system_, "system message; \"\" for none")->type_name("TEXT")->capture_default_str();
    app.add_option("--as", as_, "answer as text, mark, point, trace or action; parsed, or why there is none")
        ->check(CLI::IsMember({"text", "mark", "point", "trace", "action"}))
        ->type_name("KIND");
    app.add_option("--statistics", statistics_, "with --as action: the data set whose units the action is in")
        ->type_name("KEY");
    answer_.add_to(app);
  }

  std::string examples() const override {
    return "  magma chat --model DIR --image shot.png \"What is on the screen?\"\n"
           "  magma chat --model DIR --video clip.mp4 --frames 8 \"What happens?\" \"And then?\"\n"
           "  magma chat --model DIR --image view.png --as action \"What action should the robot take to lift the "
           "can?\"\n"
           "  magma chat --model SmolLM2.gguf               a conversation, a line each\n";
  }

  int run(const Output& out) override {
    generate_ = answer_.generate_options();
    const Pretrained model = load_pretrained(model_.model, model_.load_options());
    const bool sees = model.images.has_value();
    Conversation conversation(model, {.system = system_ != kUnset ? system_
                                                : sees            ? kSystemMessage
                                                                  : "",
                                      .strategy = strategy_,
                                      .num_crops = crops_ == 0 ? std::nullopt : std::optional<int64_t>(crops_),
                                      .threads = model_.load_options().threads});
    constrain(model);
    context_ = answer_context(model);
    pictures_ = read_pictures();
    Json answers = Json::array();
    if (questions_.empty()) {
      for (std::string line; ask_for(line, out);) {
        if (!line.empty()) answers.push_back(turn(conversation, line, out));
      }
    }
    for (const std::string& question : questions_) answers.push_back(turn(conversation, question, out));
    out.value({{"answers", answers}});
    return found_ ? 0 : static_cast<int>(ErrorCode::Malformed);
  }

 private:
  static bool ask_for(std::string& line, const Output& out) {
    throw_if_interrupted();
    if (!out.json() && ::isatty(STDIN_FILENO) != 0) Output::write("> ");
    return static_cast<bool>(std::getline(std::cin, line));
  }

  std::vector<Image> read_pictures() const {
    std::vector<Image> pictures;
    for (const std::string& file : images_) {
      pictures.push_back(decode_image(read_file(file, limits().image_bytes), file));
    }
    if (video_.empty()) return pictures;
    for (Image& frame : read_frames(video_, frames_, model_.load_options().threads)) {
      pictures.push_back(std::move(frame));
    }
    return pictures;
  }

  void constrain(const Pretrained& model) {
    if (as_.empty()) return;
    const AnswerKind kind = answer_kind(as_);
    answer_constraint(kind, model.actions);  // refused at once
    generate_.constraint = [kind, &model](int64_t) { return answer_constraint(kind, model.actions); };
  }

  // What the answer is in; the action's statistics are looked up before anything is computed.
  AnswerContext answer_context(const Pretrained& model) const {
    AnswerContext context{.bins = model.actions, .stop_ids = model.stop_ids};
    if (statistics_.empty()) return context;
    if (as_ != "action") throw Error(ErrorCode::Usage, {.where = "--statistics", .what = "needs --as action"});
    const auto table = ActionStatisticsTable::read(model_.model);
    context.statistics_key = table.resolve(statistics_);
    context.statistics = table.at(statistics_);
    return context;
  }

  Json turn(Conversation& conversation, const std::string& question, const Output& out) {
    conversation.say(question, std::exchange(pictures_, {}));
    const bool streams = !out.json() && (as_.empty() || as_ == "text");
    const Turn turn = conversation.answer(generate_, [streams](std::string_view piece) {
      if (streams) Output::write(std::string(piece));
      return true;
    });
    Json result = {
        {"text", turn.reply.text},
        {"ids", turn.reply.ids},
        {"stopped", turn.stopped},
        {"prompt_tokens", turn.prompt_tokens},
        {"seconds",
         {{"encode", turn.encode_seconds}, {"prefill", turn.prefill_seconds}, {"decode", turn.decode_seconds}}}};
    if (answer_.lookup > 0) result["lookup"] = {{"drafted", turn.drafted}, {"accepted", turn.accepted}};
    if (!as_.empty()) {
      context_.frames = conversation.frames();
      const Answer answer = parse_answer(answer_kind(as_), turn.reply, context_);
      found_ = found_ && answer.found();
      result["answer"] = answer_json(answer, context_);
      if (!streams) out.line("{}", dump_json(result["answer"]));
    }
    if (streams) out.line("{}", "");
    return result;
  }

  ModelOptions model_;
  AnswerLength answer_;
  std::vector<std::string> questions_, images_;
  std::vector<Image> pictures_;
  GenerateOptions generate_;
  AnswerContext context_;
  bool found_ = true;  // every answer of the kind that was asked for
  std::string as_, statistics_, video_, strategy_, system_ = kUnset;
  int64_t frames_ = 8, crops_ = 0;
};

MAGMA_REGISTER(Commands, Chat);

}  // namespace
}  // namespace magma
