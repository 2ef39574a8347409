// What a pickle may not do: PK-1 to PK-5 of the catalogue.
#include <chrono>

#include <gtest/gtest.h>

#include "magma/core/error.h"
#include "magma/core/random.h"
#include "magma/data/pickle_machine.h"
#include "magma/data/pickle_names.h"
#include "magma/data/torch_tree.h"
#include "tests/data/torch_bytes.h"

namespace magma {
namespace {

TorchValue run(const std::string& bytes, const std::string& storage = "") {
  PickleGraph graph(static_cast<int64_t>(bytes.size()));
  PickleMachine machine(bytes, 0, {.file = "f.pth", .entry = "data.pkl"}, graph);
  const uint32_t root = machine.run();
  return build_torch_tree(graph, root,
                          {.file = "f.pth",
                           .entry = "data.pkl",
                           .file_bytes = static_cast<int64_t>(bytes.size() + storage.size()),
                           .storage = [&](const PickleStorage&) { return std::string_view(storage); }});
}

// 0: read.
int code_of(const std::string& bytes, const std::string& storage = "", std::string* line = nullptr) {
  try {
    run(bytes, storage);
    return 0;
  } catch (const Error& error) {
    if (line != nullptr) *line = error.line();
    EXPECT_EQ(error.fields().file, "f.pth") << error.line();
    return error.exit_code();
  }
}

const std::vector<std::string> kDangerousModules = {"os",
                                                    "posix",
                                                    "nt",
                                                    "subprocess",
                                                    "builtins",
                                                    "__builtin__",
                                                    "pip",
                                                    "importlib",
                                                    "runpy",
                                                    "ctypes",
                                                    "socket",
                                                    "shutil",
                                                    "webbrowser",
                                                    "pty",
                                                    "timeit",
                                                    "pdb",
                                                    "code",
                                                    "sys",
                                                    "torch.hub",
                                                    "torch.jit",
                                                    "numpy",
                                                    "functools",
                                                    "operator",
                                                    "types",
                                                    "pickle",
                                                    "marshal",
                                                    "codecs",
                                                    "_codecs",
                                                    "torch.utils.data",
                                                    "torch",
                                                    "io",
                                                    "pathlib",
                                                    "builtins"};
const std::vector<std::string> kDangerousNames = {
    "system",  "eval",       "exec",   "getattr",   "__import__",        "open", "load", "Popen", "run_module", "spawn",
    "partial", "attrgetter", "decode", "path.join", "__class__.__base__"};

TEST(Pickle, NoDangerousNameIsAllowedByAnyRoute) {
  int checked = 0;
  for (const std::string& module : kDangerousModules) {
    for (const std::string& name : kDangerousNames) {
      const std::string given = global(module, name), stacked = text(module) + text(name) + "\x93";
      const std::string argument = text("id") + "\x85";
      for (const std::string& body :
           {given + argument + "R", stacked + argument + "R", "(" + text("id") + "i" + given.substr(1),
            given + argument + "\x81", stacked + argument + "}\x92",
            global("collections", "OrderedDict") + ")R}" + text("a") + given + "sb"}) {
        for (const std::string& bytes :
             {pickle(body), "\x80\x04\x95" + bytes_of<uint64_t>(body.size() + 1) + body + ".", body + "."}) {
          std::string line;
          EXPECT_EQ(code_of(bytes, "", &line), 4) << module << " " << name;
          const bool named = line.find("module " + module + ", name " + name) != std::string::npos;
          EXPECT_TRUE(named && line.find("byte ") != std::string::npos) << line;
          ++checked;
        }
      }
    }
  }
  EXPECT_GT(checked, 8000);
  for (const char* extension : {"\x82\x01", "\x83\x01\x01", "\x84\x01\x01\x01\x01"}) {
    EXPECT_EQ(code_of(pickle(std::string(extension) + ")R")), 4);
  }
}

TEST(Pickle, NoNameBesideTheAllowedOnesIsTaken) {
  Rng rng(1, "pickle", "names");
  for (const PickleName& allowed : pickle_names()) {
    const std::string module(allowed.module), name(allowed.name);
    for (int i = 0; i < 40; ++i) {
      std::string changed = rng.integer(0, 1) == 0 ? module + "\n" + name : name + "\n" + module;
      const auto at = static_cast<size_t>(rng.integer(0, static_cast<int64_t>(changed.size()) - 1));
      if (changed[at] == '\n') continue;
      const auto letter = static_cast<char>(rng.integer('!', '~'));
      if (changed[at] == letter) continue;
      i % 2 == 0 ? void(changed[at] = letter) : void(changed.insert(at, 1, letter));
      const size_t newline = changed.find('\n');
      if (find_pickle_name(changed.substr(0, newline), changed.substr(newline + 1))) continue;
      EXPECT_EQ(code_of(pickle("c" + changed + "\n")), 4) << changed;
    }
    EXPECT_EQ(code_of(pickle(global(module, name + "\xCC\x81"))), 4);
    EXPECT_EQ(code_of(pickle(global(" " + module, name))), 4);
    EXPECT_EQ(code_of(pickle(global(module + ".", name))), 4);
  }
  EXPECT_EQ(code_of(pickle(global("torch", std::string(300, 'a')))), 4);
}

TEST(Pickle, AnOpcodeThatIsNotOursIsNamedWithItsByte) {
  const std::string allowed =
      "(NJKMGXU})]tuaseqrhjcRbQB\x43\x80\x81\x85\x86\x87\x88\x89\x8A\x8B\x8C\x8D\x8E\x8F\x90\x93\x94\x95\x96.";
  for (int opcode = 0; opcode < 256; ++opcode) {
    const auto byte = static_cast<char>(opcode);
    std::string line;
    const int alone = code_of(std::string(1, byte), "", &line);
    EXPECT_EQ(alone, 3) << opcode;
    EXPECT_NE(line.find("byte "), std::string::npos) << line;
    if (allowed.find(byte) != std::string::npos || byte == 'i' || (opcode >= 0x82 && opcode <= 0x84)) continue;
    EXPECT_EQ(code_of(pickle("N" + std::string(1, byte) + "N"), "", &line), 3) << opcode;
    EXPECT_NE(line.find("byte 3, opcode"), std::string::npos) << line;
  }
}

TEST(Pickle, WhatIsCutOrMissesItsStackIsMalformed) {
  const std::string whole =
      pickle("}(" + text("a") + "]" + "(" + small(1) + "M\x01\x02J\x01\x02\x03\x04" + "G" + std::string(8, '\x40') +
             "\x8A\x02\x01\x02" + "eq\x07" + text("b") + "h\x07" + "\x85u");
  EXPECT_EQ(run(whole).entries.size(), 2U);
  for (size_t length = 0; length < whole.size(); ++length) EXPECT_EQ(code_of(whole.substr(0, length)), 3) << length;
  for (const char* body : {"",    "NN",   "R",     "NR",      "N)R",  "a",     "Na",        "]a",    "s",     "}Ns",
                           "e",   "]e",   "u",     "(u",      "}(Nu", "t",     "\x85",      "N\x86", "(N",    "b",
                           "Nb",  "NNb",  "Q",     "NQ",      ")Q",   "h\x05", "q\x01",     "\x94",  "\x90",  "]NNs",
                           "}Na", "}(Ne", "](NNu", "](N\x90", "(N",   "(])a",  "\x80\x02N", "\x93",  "NN\x93"}) {
    EXPECT_EQ(code_of(pickle(body)), 3) << testing::PrintToString(body);
  }
  EXPECT_EQ(code_of("\x80\x01N."), 3);
  EXPECT_EQ(code_of("\x80\x06N."), 3);
  EXPECT_EQ(code_of("N."), 3);
  EXPECT_EQ(code_of(pickle("X\x02" + std::string(3, '\0') + "\xC3\x28")), 3);
}

TEST(Pickle, ChangesAfterRememberingAreSeen) {
  const TorchValue value = run(pickle("(]q\x01h\x01" + small(7) + "a}q\x02h\x02" + text("k") + "NsN" + "t"));
  ASSERT_EQ(value.items.size(), 5U);
  ASSERT_EQ(value.items[0].items.size(), 1U);
  EXPECT_EQ(value.items[0].items[0].text, "7");
  EXPECT_NE(value.items[2].find("k"), nullptr);
  const TorchValue repeated = run(pickle("}(" + text("a") + small(1) + text("b") + "N" + text("a") + small(2) + "u"));
  ASSERT_EQ(repeated.entries.size(), 2U);
  EXPECT_EQ(repeated.find("a")->text, "2");
}

TEST(Pickle, TensorsThatDoNotFitAreNamed) {
  const std::string four(16, '\1'), offset0 = small(0), shape4 = small(4) + "\x85", stride1 = small(1) + "\x85";
  ASSERT_EQ(code_of(pickle(tensor("FloatStorage", 4, offset0 + shape4 + stride1)), four), 0);
  std::string line;
  EXPECT_EQ(code_of(pickle("}" + text("k") + tensor("FloatStorage", 4, offset0 + small(5) + "\x85" + stride1) + "s"),
                    four, &line),
            3);
  EXPECT_NE(line.find("/k (tensor of storage 0)"), std::string::npos) << line;
  const std::string minus = "J\xFF\xFF\xFF\xFF";
  const std::string huge = "\x8A\x08" + std::string(7, '\xFF') + "\x7F";
  for (const std::string& places :
       {small(1) + shape4 + stride1, offset0 + shape4 + small(2) + "\x85", offset0 + shape4 + minus + "\x85",
        minus + shape4 + stride1, offset0 + minus + "\x85" + stride1, offset0 + shape4 + ")", offset0 + ")" + stride1,
        offset0 + "N" + stride1, "N" + shape4 + stride1, offset0 + shape4 + text("1") + "\x85"}) {
    EXPECT_EQ(code_of(pickle(tensor("FloatStorage", 4, places)), four), 3);
  }
  for (const std::string& places :
       {huge + shape4 + stride1, offset0 + shape4 + huge + "\x85", offset0 + huge + "\x85" + stride1,
        offset0 + huge + huge + "\x86" + small(0) + small(0) + "\x86",
        offset0 + "J\xFF\xFF\xFF\x7F\x85" + small(0) + "\x85"}) {
    EXPECT_EQ(code_of(pickle(tensor("FloatStorage", 4, places)), four), 4);
  }
  EXPECT_EQ(code_of(pickle(tensor("DoubleStorage", 4, offset0 + shape4 + stride1)), four), 3);
  EXPECT_EQ(code_of(pickle(tensor("FloatStorage", 5, offset0 + shape4 + stride1)), four), 3);
  EXPECT_EQ(code_of(pickle(tensor("BoolStorage", 16, offset0 + shape4 + stride1)), std::string(16, '\2')), 3);
  EXPECT_EQ(code_of(pickle(tensor("QInt8Storage", 4, offset0 + shape4 + stride1)), four), 4);
}

TEST(Pickle, ArraysThatDoNotFitAreRefused) {
  const auto type = [](const std::string& code, const std::string& order, const std::string& rest) {
    return global("numpy", "dtype") + text(code) + "\x89\x88\x87R(" + small(3) + text(order) + rest +
           "J\xFF\xFF\xFF\xFFJ\xFF\xFF\xFF\xFF" + small(0) + "tb";
  };
  const auto latin = [](const std::string& value) {
    return global("_codecs", "encode") + text(value) + text("latin1") + "\x86R";
  };
  const auto array = [&](const std::string& dtype, const std::string& shape, const std::string& data) {
    return global("numpy.core.multiarray", "_reconstruct") + global("numpy", "ndarray") + small(0) + "\x85" +
           latin("b") + "\x87R(" + small(1) + shape + dtype + "\x89" + data + "tb";
  };
  const std::string two = small(2) + "\x85", u1 = type("u1", "|", "NNN");
  EXPECT_EQ(run(pickle(array(u1, two, latin("\x01\xC3\xBF")))).value->bytes, "\x01\xFF");
  EXPECT_EQ(run(pickle(array(type("u2", ">", "NNN"), small(1) + "\x85", latin("\x01\x02")))).value->bytes, "\x02\x01");
  EXPECT_EQ(code_of(pickle(array(u1, two, latin("\x01")))), 3);
  EXPECT_EQ(code_of(pickle(array(u1, two, latin("\xC4\x80\x01")))), 3);
  EXPECT_EQ(code_of(pickle(array(u1, "J\xFF\xFF\xFF\xFF\x85", latin("\x01")))), 3);
  EXPECT_EQ(code_of(pickle(array(type("u1", "!", "NNN"), two, latin("\x01\x02")))), 3);
  EXPECT_EQ(code_of(pickle(array(u1, two, "]"))), 4);
  EXPECT_EQ(code_of(pickle(array(type("O8", "|", "NNN"), two, "]"))), 4);
  EXPECT_EQ(code_of(pickle(array(type("f4", "<", "N}N"), two, latin("\x01")))), 4);
  EXPECT_EQ(code_of(pickle(global("_codecs", "encode") + text("a") + text("utf-16") + "\x86R")), 4);
}

// PK-5: none may cost more than its own bytes.
TEST(Pickle, GrowthIsRefusedAtOnce) {
  std::vector<std::string> bombs;
  std::string doubling = small(1);
  for (int i = 0; i < 31; ++i) doubling += "q\x01h\x01\x86";
  bombs.push_back(pickle(doubling));
  std::string lists = "(]q\x01";
  for (int i = 0; i < 40; ++i)
    lists +=
        "](h\x01h\x01"
        "eq\x01";
  bombs.push_back(pickle(lists + "t"));
  std::string texts = text(std::string(1000, 'a'));
  for (int i = 0; i < 24; ++i) texts += "q\x01h\x01\x86";
  bombs.push_back(pickle(texts));
  bombs.push_back(pickle(std::string(1'000'000, ']') + std::string(999'999, 'a')));
  bombs.push_back(pickle("N" + std::string(1'000'000, '\x85')));
  bombs.push_back(pickle(std::string(1'000'000, '(')));
  bombs.push_back(
      pickle("]q\x01h\x01"
             "a"));
  bombs.push_back(pickle("}q\x01" + text("self") + "h\x01s"));
  bombs.push_back(pickle("X\xFF\xFF\xFF\xFF" + std::string(40, 'a')));
  bombs.push_back(pickle("\x8D" + std::string(7, '\xFF') + "\x7F"));
  bombs.push_back(
      pickle("\x8B\xFF\xFF\xFF\x7F"
             "abc"));
  bombs.push_back(pickle(std::string("Nr\0\0\0\x80", 6)));
  bombs.push_back(pickle(std::string("Nj\0\0\0\x80", 6)));
  for (const uint64_t length : {uint64_t{1}, uint64_t{3}, uint64_t{1} << 40U, ~uint64_t{0}}) {
    bombs.push_back("\x80\x04\x95" + bytes_of(length) + text("a") + ".");
  }
  std::string sets = "(](", reduces;
  for (int i = 0; i < 5000; ++i) sets += "N";
  for (int i = 0; i < 5000; ++i) reduces += global("builtins", "set") + "h\x01\x85R";
  bombs.push_back(pickle(sets + "eq\x01" + reduces + "t"));
  std::string encodes = "(" + text(std::string(100'000, 'a')) + "q\x01";
  for (int i = 0; i < 5000; ++i) encodes += global("_codecs", "encode") + "h\x01" + text("latin1") + "\x86R";
  bombs.push_back(pickle(encodes + "t"));
  for (size_t i = 0; i < bombs.size(); ++i) {
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_EQ(code_of(bombs[i]), 4) << i;
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(2)) << i;
  }
  const std::string wide = "(" + tensor("FloatStorage", 1, small(0) + "M\xFF\xFF\x85" + small(0) + "\x85") + "q\x09" +
                           [] {
                             std::string again;
                             for (int i = 0; i < 1000; ++i) again += "h\x09";
                             return again;
                           }() +
                           "t";
  EXPECT_EQ(code_of(pickle(wide), "abcd"), 4);
}

}  // namespace
}  // namespace magma
