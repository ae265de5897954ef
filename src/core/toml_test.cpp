// SPDX-License-Identifier: Apache-2.0
#include "core/toml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <limits>

namespace causeway {
namespace {

using testing::HasSubstr;

Value parsed(std::string_view text) {
  Mistakes mistakes;
  Value value = parse_toml(text, "r.toml", mistakes);
  EXPECT_TRUE(mistakes.empty()) << mistakes.text();
  return value;
}

std::string mistakes_of(std::string_view text) {
  Mistakes mistakes;
  EXPECT_TRUE(parse_toml(text, "r.toml", mistakes).is(Value::Kind::kTable));
  return mistakes.text();
}

// Equal kinds, numbers, texts and entries, in any order of keys.
bool same(const Value& a, const Value& b) {
  if (a.kind() != b.kind()) return false;
  if (a.is(Value::Kind::kArray))
    return std::equal(a.array().begin(), a.array().end(), b.array().begin(), b.array().end(), same);
  if (!a.is(Value::Kind::kTable)) return a.text() == b.text();
  if (a.table().size() != b.table().size()) return false;
  for (const auto& [key, value] : a.table())
    if (const Value* other = b.find(key); other == nullptr || !same(value, *other)) return false;
  return true;
}

TEST(Toml, KnowsTheLineOfEveryValue) {
  const Value root = parsed(
      "whole = 1\n"
      "real = 2.5\n"
      "yes = true\n"
      "text = 'a'\n"
      "list = [\n  1,\n  'b',\n]\n"
      "inline = { x = 1 }\n"
      "\n[section]\ndotted.key = 3\n"
      "[[site]]\nname = 'a'\n"
      "[[site]]\nname = 'b'\n[site.inner]\n");
  const auto line = [](const Value* value) { return value == nullptr ? -1 : value->where.line; };
  EXPECT_EQ(line(root.find("whole")), 1);
  EXPECT_EQ(line(root.find("real")), 2);
  EXPECT_EQ(line(root.find("yes")), 3);
  EXPECT_EQ(line(root.find("text")), 4);
  EXPECT_EQ(line(root.find("list")), 5);
  EXPECT_EQ(line(&root.find("list")->array()[0]), 6);
  EXPECT_EQ(line(&root.find("list")->array()[1]), 7);
  EXPECT_EQ(line(root.find("inline")), 9);
  EXPECT_EQ(line(root.find("inline")->find("x")), 9);
  EXPECT_EQ(line(root.find("section")), 11);
  EXPECT_EQ(line(root.find("section")->find("dotted")->find("key")), 12);
  const auto& sites = root.find("site")->array();
  EXPECT_EQ(line(&sites[0]), 13);
  EXPECT_EQ(line(sites[0].find("name")), 14);
  EXPECT_EQ(line(&sites[1]), 15);
  EXPECT_EQ(line(sites[1].find("name")), 16);
  EXPECT_EQ(line(sites[1].find("inner")), 17);
  EXPECT_EQ(sites[1].where.text(), "r.toml:15");
}

TEST(Toml, KeepsTheOrderOfTheFile) {
  const Value root = parsed("z = 1\na = 2\n[m]\n[b]\n");
  std::string keys;
  for (const auto& [key, value] : root.table()) keys += key;
  EXPECT_EQ(keys, "zamb");
}

TEST(Toml, SaysWhereItIsNotValid) {
  EXPECT_THAT(mistakes_of("a = 1\nb = = 2\n"), HasSubstr("r.toml:2: not valid TOML: "));
  EXPECT_THAT(mistakes_of("a = 1\n\na = 2\n"), HasSubstr("r.toml:3: not valid TOML: "));
  EXPECT_THAT(mistakes_of("a = '\xff'\n"), HasSubstr("r.toml:1: not valid TOML: "));
}

TEST(Toml, ReportsAllDatesAtOnce) {
  const std::string text = mistakes_of("a = 2024-01-01\nb = 1\nc = [10:00:00]\n");
  EXPECT_EQ(text,
            "r.toml:1: dates and times have no meaning here\n"
            "r.toml:3: dates and times have no meaning here\n");
}

TEST(Toml, BoundsWhatItParses) {
  std::string deep;
  for (int i = 0; i < 200'000; ++i) deep += "a.";
  EXPECT_THAT(mistakes_of(deep + "a = 1"), HasSubstr("has 200000 dots; wanted: at most 4000"));
  EXPECT_THAT(mistakes_of(std::string(3 << 20, '\n')), HasSubstr("bytes long; wanted: at most"));
  EXPECT_THAT(mistakes_of("a = " + std::string(100'000, '[')), HasSubstr("not valid TOML"));
  const auto nested = [](int depth) {
    std::string key = "\na";
    for (int i = 1; i < depth; ++i) key += ".a";
    return key + " = 1";
  };
  EXPECT_EQ(mistakes_of(nested(100)), "");
  EXPECT_EQ(mistakes_of(nested(101)),
            "r.toml:2: nested too deep; wanted: at most 100 tables or lists\n");
  EXPECT_EQ(mistakes_of(nested(4000)),
            "r.toml:2: nested too deep; wanted: at most 100 tables or lists\n");
}

TEST(TomlFile, IsRead) {
  const std::string path = testing::TempDir() + "toml_test_recipe.toml";
  std::ofstream(path) << "x = 1\ny = 2\n";
  Mistakes mistakes;
  const Value root = parse_toml_file(path, mistakes);
  EXPECT_TRUE(mistakes.empty());
  EXPECT_EQ(root.find("y")->where.text(), path + ":2");
  std::ofstream(path, std::ios::trunc).flush();
  EXPECT_TRUE(parse_toml_file(path, mistakes).table().empty());
  EXPECT_TRUE(mistakes.empty()) << mistakes.text();
  std::filesystem::remove(path);
}

TEST(TomlFile, IsAMistakeIfItCannotBeRead) {
  const std::string directory = testing::TempDir() + "toml_test_directory";
  std::filesystem::create_directory(directory);
  for (const std::string& path : {directory + "/missing.toml", directory}) {
    Mistakes mistakes;
    parse_toml_file(path, mistakes);
    EXPECT_THAT(mistakes.text(), HasSubstr(path + ": cannot be read: ")) << path;
  }
  std::filesystem::remove(directory);
}

TEST(ToToml, RoundTrips) {
  const char* const documents[] = {
      "",
      "a = 1\nb = -0.0\nc = 1e22\nd = 1e-7\ne = inf\nf = 0.1\ng = 9223372036854775807\nh = false",
      R"(s = "quote \" slash \\ line \n tab \t bell \u0007 delete \u007f ä € 😀 # = [x]")",
      R"("a key" = 1)"
      "\n"
      R"("" = 2)"
      "\n"
      R"("dot.ted" = { "x y" = 1 })",
      "[a]\n[a.b]\nx = 1\n[a.b.c]\ny = 2\n[d]",
      "[run]\nname = 'x'\nsteps = 3\n[run.inner]\nname = 'y'\nlist = [{ z = 1 }]",
      "[[site]]\nname = 'a'\ntrain = ['1', '2']\n[[site.part]]\nn = 1\n[[site.part]]\n[[site]]",
      "mixed = [1, 'a', [2.5, []], { k = [] }]\nempty = {}\nnone = []",
      "p = { name = 'adamw', nested = { name = 'z', deep = { a = 1 } } }",
  };
  for (const char* document : documents) {
    const Value first = parsed(document);
    const std::string written = to_toml(first);
    const Value second = parsed(written);
    EXPECT_TRUE(same(first, second)) << document << "\n---\n" << written;
    EXPECT_EQ(to_toml(second), written);
  }
}

TEST(ToToml, IsAsAPersonWouldWriteIt) {
  EXPECT_EQ(to_toml(parsed("top = 1\nrun = { name = 'x' }\n"
                           "train = { steps = 3, optimizer = { name = 'adamw', lr = 0.1 } }\n"
                           "data = { site = [{ name = 'a' }] }\n")),
            "top = 1\n"
            "\n[run]\nname = \"x\"\n"
            "\n[train]\nsteps = 3\noptimizer = { name = \"adamw\", lr = 0.1 }\n"
            "\n[data]\n"
            "\n[[data.site]]\nname = \"a\"\n");
}

TEST(ToToml, LeavesOutWhatIsNone) {
  Value root = Value::Table{};
  root.set("a", Value());
  root.set("b", 1);
  EXPECT_EQ(to_toml(root), "b = 1\n");
}

class SetPath : public testing::Test {
 protected:
  // Sets, and returns what was said.
  std::string set(std::string_view assignment) {
    Mistakes mistakes;
    set_path(root_, assignment, mistakes);
    return mistakes.text();
  }
  std::string text() const { return root_.text(); }

  Value root_ = parsed("sync = { period = 3 }\nsites = [{ name = 'a' }, { name = 'b' }]\n");
};

TEST_F(SetPath, ReplacesAndMakes) {
  EXPECT_EQ(set("sync.period=64"), "");
  EXPECT_EQ(set(" new.deep.key = 0.5 "), "");
  EXPECT_EQ(set("sites.1.name=c"), "");
  EXPECT_EQ(text(),
            "{ sync = { period = 64 }, sites = [{ name = \"a\" }, { name = \"c\" }], "
            "new = { deep = { key = 0.5 } } }");
}

TEST_F(SetPath, TakesTomlElseText) {
  EXPECT_EQ(set("a=true"), "");
  EXPECT_EQ(set("b=\"3\""), "");
  EXPECT_EQ(set("c=[1, 2]"), "");
  EXPECT_EQ(set("d={ name = 'x' }"), "");
  EXPECT_EQ(set("e=two words = #"), "");
  EXPECT_EQ(set("f="), "");
  EXPECT_EQ(set("g=2024-01-01"), "");
  // Not a way to smuggle in other keys.
  EXPECT_EQ(set("h=1\nsync = 2"), "");
  EXPECT_EQ(root_.find("a")->boolean(), true);
  EXPECT_EQ(root_.find("b")->string(), "3");
  EXPECT_EQ(root_.find("c")->array().size(), 2u);
  EXPECT_EQ(root_.find("d")->find("name")->string(), "x");
  EXPECT_EQ(root_.find("e")->string(), "two words = #");
  EXPECT_EQ(root_.find("f")->string(), "");
  EXPECT_EQ(root_.find("g")->string(), "2024-01-01");
  EXPECT_EQ(root_.find("h")->text(), "\"1\\nsync = 2\"");
}

TEST_F(SetPath, RemembersWhereAValueCameFrom) {
  EXPECT_EQ(set("sync.period=[1, 2]"), "");
  EXPECT_EQ(root_.find("sync")->find("period")->where.text(), "--set sync.period=[1, 2]");
  EXPECT_EQ(root_.find("sync")->find("period")->array()[1].where.line, 0);
  EXPECT_EQ(root_.find("sync")->where.text(), "r.toml:1");
}

TEST_F(SetPath, RefusesABadPathAndChangesNothing) {
  const std::string before = text();
  const char* const wanted = "wanted: key=value, for example sync.period=64\n";
  for (const char* bad : {"", "=", "=1", "period", "a..b=1", ".a=1", "a.=1", " =1"})
    EXPECT_EQ(set(bad), "--set " + std::string(bad) + ": " + wanted) << bad;
  EXPECT_EQ(set("sync.period.x=1"),
            "--set sync.period.x=1: `sync.period` is an integer; it has no entry `x`\n");
  for (const char* index : {"2", "-1", "x", "99999999999999999999"})
    EXPECT_THAT(set(fmt::format("sites.{}.name=c", index)),
                HasSubstr(fmt::format(
                    "`sites` is a list of 2, counted from 0; it has no entry `{}`", index)));
  EXPECT_THAT(set("a=\xff"), HasSubstr("not UTF-8"));
  EXPECT_EQ(text(), before);
}

}  // namespace
}  // namespace causeway
