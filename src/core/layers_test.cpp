// SPDX-License-Identifier: Apache-2.0
//
// Law 1: dependencies point down only, and LibTorch stays in four folders. Method: the include
// lines of every source file against the table below, which says what CMake links.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

namespace causeway {
namespace {

using Names = std::set<std::string>;

struct Layer {
  Names below;     // folders whose headers it may include, besides its own
  Names in_tests;  // and what its tests link besides
  bool torch = false;
};

const std::map<std::string, Layer>& layers() {
  static const std::map<std::string, Layer> table = {
      {"core", {}},
      {"kernel", {{"core"}, {}}},
      {"codec", {{"core"}, {}}},
      {"aggregate", {{"core"}, {}}},
      {"tokenizer", {{"core"}, {}}},
      {"data", {{"core", "tokenizer"}, {}}},
      {"prepare", {{"core", "tokenizer", "data"}, {}}},
      {"optim", {{"core"}, {}}},
      {"record", {{"core"}, {}}},
      {"store", {{"core"}, {"sim"}}},
      {"sync", {{"core", "codec", "aggregate"}, {"exchange"}}},
      {"exchange", {{"core", "codec", "aggregate", "sync"}, {}}},
      {"hub", {{"core", "codec", "aggregate", "store", "sync", "exchange"}, {}}},
      {"net", {{"core", "codec", "aggregate", "store", "sync", "exchange"}, {}}},
      {"web", {{"core", "record"}, {}}},
      {"site", {{"core"}, {}}},
      {"sim", {{"core", "codec", "aggregate", "store", "sync", "exchange", "hub"}, {}}},
      {"shape", {{"core", "tokenizer", "data", "sync"}, {}}},
      {"recipe",
       {{"core", "codec", "aggregate", "tokenizer", "data", "optim", "sync", "exchange", "shape"},
        {}}},
      {"service",
       {{"core", "codec", "aggregate", "tokenizer", "data", "optim", "store", "sync", "exchange",
         "hub", "net", "web", "site", "shape", "recipe"},
        {}}},
      {"tensor", {{"core", "sync"}, {}, true}},
      {"model", {{"core", "kernel", "tokenizer", "data", "sync", "shape", "tensor"}, {}, true}},
      {"train",
       {{"core", "codec", "aggregate", "tokenizer", "data", "prepare", "sync", "exchange", "sim",
         "net", "store", "site", "service", "optim", "record", "shape", "recipe", "tensor",
         "model"},
        {},
        true}},
      {"lab",
       {{"core", "codec", "aggregate", "tokenizer", "data", "prepare", "sync", "exchange", "optim",
         "record", "shape", "recipe", "tensor", "model", "train"},
        {},
        true}},
      {"cli",
       {{"core",  "codec",  "aggregate", "tokenizer", "data",   "prepare", "sync",  "exchange",
         "optim", "record", "shape",     "recipe",    "tensor", "model",   "train", "lab",
         "sim",   "hub",    "net",       "web",       "site",   "service"},
        {},
        true}},
      {"oracle",
       {{"core", "codec", "aggregate", "tokenizer", "data", "prepare", "sync", "exchange", "optim",
         "record", "shape", "recipe", "tensor", "model", "train"},
        {},
        true}},
  };
  return table;
}

// The header of an #include line between its quotes or angles, or "".
std::string included(const std::string& line, char open, char close) {
  const size_t hash = line.find_first_not_of(" \t");
  if (hash == line.npos || line[hash] != '#') return {};
  const size_t word = line.find_first_not_of(" \t", hash + 1);
  if (word == line.npos || line.compare(word, 7, "include") != 0) return {};
  const size_t start = line.find_first_not_of(" \t", word + 7);
  if (start == line.npos || line[start] != open) return {};
  return line.substr(start + 1, line.find(close, start + 1) - start - 1);
}

std::string first_folder(const std::string& path) { return path.substr(0, path.find('/')); }

/// What is wrong with the file at `path` under src/, a line each.
std::string violations(const std::string& path, std::istream& text) {
  const std::string folder = first_folder(path);
  const auto layer = layers().find(folder);
  if (layer == layers().end()) return path + ": the folder is in no layer\n";
  const bool test = path.ends_with("_test.cpp");
  std::string out, line;
  for (int number = 1; std::getline(text, line); ++number) {
    const std::string ours = included(line, '"', '"'), theirs = included(line, '<', '>');
    const std::string other = first_folder(ours);
    const bool allowed = ours.empty() || other == folder || layer->second.below.contains(other) ||
                         (test && layer->second.in_tests.contains(other));
    const bool torch =
        theirs.starts_with("torch/") || theirs.starts_with("ATen/") || theirs.starts_with("c10/");
    if (!allowed || (torch && !layer->second.torch))
      out += path + ":" + std::to_string(number) + ": " + line + "\n";
  }
  return out;
}

std::string violations_of(const std::string& path, const std::string& text) {
  std::istringstream in(text);
  return violations(path, in);
}

TEST(Layers, AreKeptByEverySourceFile) {
  const std::filesystem::path root = std::filesystem::path(CAUSEWAY_SOURCE) / "src";
  std::string all;
  int files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    const auto extension = entry.path().extension();
    if (extension != ".h" && extension != ".cpp") continue;
    std::ifstream in(entry.path());
    all += violations(std::filesystem::relative(entry.path(), root).generic_string(), in);
    ++files;
  }
  EXPECT_EQ(all, "");
  EXPECT_GT(files, 50);
}

TEST(Layers, HoldOnlyWhatIsInALayerThatIsBelow) {
  for (const auto& [folder, layer] : layers())
    for (const std::string& below : layer.below) {
      ASSERT_TRUE(layers().contains(below)) << below;
      EXPECT_FALSE(layers().at(below).below.contains(folder)) << folder << " and " << below;
      EXPECT_TRUE(layer.torch || !layers().at(below).torch) << folder << " has LibTorch";
    }
}

TEST(Layers, AreSeenWhenTheyAreBroken) {
  EXPECT_EQ(violations_of("codec/x.cpp", "#include \"core/a.h\"\n#include \"codec/b.h\"\n"), "");
  EXPECT_EQ(violations_of("codec/x.cpp", "\n#include \"sync/a.h\"\n"),
            "codec/x.cpp:2: #include \"sync/a.h\"\n");
  EXPECT_NE(violations_of("codec/plugins/x.h", "  # include \"aggregate/a.h\""), "");
  EXPECT_NE(violations_of("record/x.cpp", "#include \"sync/a.h\""), "");
  EXPECT_NE(violations_of("core/x.cpp", "#include <torch/torch.h>"), "");
  EXPECT_NE(violations_of("optim/x.cpp", "#include <ATen/ATen.h>"), "");
  EXPECT_NE(violations_of("sync/x_test.cpp", "#include <c10/core/Device.h>"), "");
  EXPECT_EQ(violations_of("model/x.cpp", "#include <torch/torch.h>"), "");
  EXPECT_EQ(violations_of("sync/x_test.cpp", "#include \"exchange/local.h\""), "");
  EXPECT_NE(violations_of("sync/x.cpp", "#include \"exchange/local.h\""), "");
  EXPECT_EQ(violations_of("core/x.cpp", "// #include \"sync/a.h\"\n#include <vector>\n"), "");
  EXPECT_EQ(violations_of("utils/x.cpp", ""), "utils/x.cpp: the folder is in no layer\n");
}

}  // namespace
}  // namespace causeway
