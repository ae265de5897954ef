// SPDX-License-Identifier: Apache-2.0
#include "core/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/plugin.h"
#include "core/toml.h"

namespace causeway {
namespace {

enum class Colour : uint8_t { kRed = 1, kBlue = 2 };

// One field of every kind.
struct Sample {
  bool flag = true;
  int64_t period = 32;
  double lr = 0.5;
  std::string title = "none";
  std::vector<int64_t> sizes = {1, 2};
  std::vector<double> betas = {0.9, 0.95};
  std::vector<std::string> paths;
  Plugin optimizer{"adamw", {}};
  std::vector<Plugin> stages;
  Value extra = Value::Table{};
  Colour colour = Colour::kBlue;

  template <class Visit>
  void each(Visit&& visit) {
    visit("flag", flag, Any{}, "", "A switch.");
    visit("period", period, Range<int64_t>{1, 1'000}, "steps", "Steps between rounds.");
    visit("lr", lr, Range<double>{0, 10}, "", "Step size.");
    visit("title", title, Any{}, "", "A text.");
    visit("sizes", sizes, Range<int64_t>{1, 9}, "values", "Small numbers.");
    visit("betas", betas, Range<double>{0, 1}, "", "Decays.");
    visit("paths", paths, Any{}, "", "Files.");
    visit("optimizer", optimizer, Any{}, "", "A plug-in.");
    visit("stages", stages, Any{}, "", "Plug-ins.");
    visit("extra", extra, Any{}, "", "A subtree.");
    visit("colour", colour, Choices<Colour>{{{"red", Colour::kRed}, {"blue", Colour::kBlue}}}, "",
          "A choice.");
  }
};

struct Needy {
  std::string path;
  std::vector<std::string> files;
  Plugin model;
  template <class Visit>
  void each(Visit&& visit) {
    visit("path", path, Required{}, "", "A file.");
    visit("files", files, Required{}, "", "Files.");
    visit("model", model, Required{}, "", "A model.");
  }
};

template <class Options>
Options read(std::string_view text, std::string* said) {
  Mistakes mistakes;
  Options options;
  const Value table = parse_toml(text, "r.toml", mistakes);
  read_options(table, options, mistakes);
  *said = mistakes.text();
  return options;
}

Sample read_well(std::string_view text) {
  std::string said;
  Sample options = read<Sample>(text, &said);
  EXPECT_EQ(said, "");
  return options;
}

template <class Options = Sample>
std::string said_of(std::string_view text) {
  std::string said;
  read<Options>(text, &said);
  return said;
}

TEST(Options, ReadEveryKindOfField) {
  const Sample got = read_well(
      "flag = false\nperiod = 1000\nlr = 1\ntitle = ''\nsizes = []\nbetas = [0, 0.5]\n"
      "paths = ['a']\noptimizer = 'sgd'\nstages = ['a', { name = 'b', k = 1 }]\n"
      "extra = [1]\ncolour = 'red'\n");
  EXPECT_FALSE(got.flag);
  EXPECT_EQ(got.period, 1000);
  EXPECT_EQ(got.lr, 1.0);
  EXPECT_EQ(got.title, "");
  EXPECT_TRUE(got.sizes.empty());
  EXPECT_EQ(got.betas, (std::vector<double>{0, 0.5}));
  EXPECT_EQ(got.paths, std::vector<std::string>{"a"});
  EXPECT_EQ(got.optimizer.name, "sgd");
  EXPECT_EQ(got.stages[1].options.text(), "{ k = 1 }");
  EXPECT_EQ(got.extra.text(), "[1]");
  EXPECT_EQ(got.colour, Colour::kRed);
}

TEST(Options, KeepDefaultsForWhatIsAbsentOrWrong) {
  const Sample got = read_well("");
  EXPECT_EQ(write_options(got).text(), write_options(Sample{}).text());
  std::string said;
  const Sample wrong = read<Sample>("period = 0\nsizes = [3, 0]\ncolour = 'x'\n", &said);
  EXPECT_EQ(write_options(wrong).text(), write_options(Sample{}).text());
  EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 3);
}

TEST(Options, NameTheNearestOfAnUnknownKey) {
  EXPECT_EQ(said_of("\nperoid = 3\n"),
            "r.toml:2: `peroid` is no option here; did you mean `period`?\n");
  EXPECT_EQ(
      said_of("zebras = 3\n"),
      "r.toml:1: `zebras` is no option here; there are: flag, period, lr, title, sizes, betas, "
      "paths, optimizer, stages, extra, colour\n");
  EXPECT_EQ(said_of<NoOptions>("x = 3\n"), "r.toml:1: `x` is no option here; there are none\n");
}

TEST(Options, RefuseTheWrongKind) {
  EXPECT_EQ(said_of("flag = 1"), "r.toml:1: `flag` is 1, an integer; wanted: true or false\n");
  EXPECT_EQ(said_of("period = 1.0"), "r.toml:1: `period` is 1.0, a number; wanted: integer\n");
  EXPECT_EQ(said_of("lr = '1'"), "r.toml:1: `lr` is \"1\", text; wanted: number\n");
  EXPECT_EQ(said_of("title = 1"), "r.toml:1: `title` is 1, an integer; wanted: text\n");
  EXPECT_EQ(said_of("sizes = 1"), "r.toml:1: `sizes` is 1, an integer; wanted: list of integer\n");
  EXPECT_EQ(said_of("betas = ['a']"),
            "r.toml:1: `betas` is [\"a\"], a list; wanted: list of number\n");
  EXPECT_EQ(said_of("optimizer = { lr = 1 }"),
            "r.toml:1: `optimizer` is { lr = 1 }, a table; wanted: name, or table with a name\n");
  EXPECT_EQ(said_of("optimizer = { name = 1 }"),
            "r.toml:1: `optimizer` is { name = 1 }, a table; wanted: name, or table with a name\n");
  EXPECT_EQ(said_of("colour = 1"), "r.toml:1: `colour` is 1; wanted one of: red, blue\n");
}

TEST(Options, RefuseWhatIsOutOfRange) {
  EXPECT_EQ(said_of("period = 0"), "r.toml:1: `period` is 0; wanted: 1 to 1000\n");
  EXPECT_EQ(said_of("period = 1001"), "r.toml:1: `period` is 1001; wanted: 1 to 1000\n");
  EXPECT_EQ(said_of("sizes = [1, 10]"), "r.toml:1: `sizes` is [1, 10]; wanted: 1 to 9\n");
  for (const char* bad : {"nan", "inf", "-inf", "-0.001", "10.5"})
    EXPECT_EQ(said_of(fmt::format("lr = {}", bad)),
              fmt::format("r.toml:1: `lr` is {}; wanted: 0 to 10\n", bad));
  EXPECT_EQ(said_of("betas = [0.5, nan]"), "r.toml:1: `betas` is [0.5, nan]; wanted: 0 to 1\n");
  EXPECT_EQ(said_of("lr = 0"), "");
  EXPECT_EQ(said_of("lr = 10"), "");
}

TEST(Options, NameTheNearestChoice) {
  EXPECT_EQ(said_of("colour = 'bleu'"),
            "r.toml:1: `colour` is \"bleu\"; wanted one of: red, blue; did you mean `blue`?\n");
}

TEST(Options, AskForWhatIsRequired) {
  EXPECT_EQ(said_of<Needy>("path = 'a'\nfiles = ['b']\nmodel = 'c'"), "");
  const std::string absent = said_of<Needy>("");
  EXPECT_THAT(absent, testing::HasSubstr("`path` is missing; wanted: text"));
  EXPECT_THAT(absent, testing::HasSubstr("`files` is missing; wanted: list of text"));
  EXPECT_THAT(absent, testing::HasSubstr("`model` is missing; wanted: name, or table with a name"));
  EXPECT_EQ(said_of<Needy>("path = ''\nfiles = []\nmodel = ''"),
            "r.toml:1: `path` is \"\"; wanted: something that is not empty\n"
            "r.toml:2: `files` is []; wanted: something that is not empty\n"
            "r.toml:3: `model` is \"\"; wanted: a name\n");
  Mistakes mistakes;
  Needy options;
  read_options(Value(), options, mistakes);
  EXPECT_EQ(mistakes.size(), 3u);
}

TEST(Options, ReportAllMistakesAtOnceInOrderOfLines) {
  EXPECT_EQ(said_of("lr = -1\nflag = 2\n\nnope_nope = 1\nperiod = 'x'\n[optimizer]\n"),
            "r.toml:1: `lr` is -1; wanted: 0 to 10\n"
            "r.toml:2: `flag` is 2, an integer; wanted: true or false\n"
            "r.toml:4: `nope_nope` is no option here; there are: flag, period, lr, title, sizes, "
            "betas, paths, optimizer, stages, extra, colour\n"
            "r.toml:5: `period` is \"x\", text; wanted: integer\n"
            "r.toml:6: `optimizer` is {}, a table; wanted: name, or table with a name\n");
}

TEST(Options, AreATable) {
  Mistakes mistakes;
  Sample options;
  read_options(Value(3), options, mistakes);
  EXPECT_EQ(mistakes.text(), "`this` is 3, an integer; wanted: a table\n");
}

TEST(Options, ReadAPluginAsTextAndAsTable) {
  for (const char* text :
       {"optimizer = { name = 'sgd', lr = 0.1 }", "[optimizer]\nlr = 0.1\nname = 'sgd'"}) {
    const Sample got = read_well(text);
    EXPECT_EQ(got.optimizer.name, "sgd");
    EXPECT_EQ(got.optimizer.options.text(), "{ lr = 0.1 }");
    EXPECT_EQ(got.optimizer.options.where.text(), "r.toml:1");
  }
  const Sample plain = read_well("\noptimizer = 'sgd'");
  EXPECT_EQ(plain.optimizer.name, "sgd");
  EXPECT_TRUE(plain.optimizer.options.is(Value::Kind::kNone));
  EXPECT_EQ(plain.optimizer.options.where.line, 2);
}

TEST(Options, SurviveBeingWrittenAndReadAgain) {
  Sample options;
  options.flag = false;
  options.lr = 0.1 + 0.2;
  options.title = "a \"b\"\n\\ ä";
  options.sizes = {};
  options.betas = {1e-300, 1};
  options.paths = {"x y", ""};
  options.optimizer.options.set("lr", 2e-3);
  options.optimizer.options.set("inner", Plugin{"z", {}}.name);
  options.stages = {{"a", {}}, options.optimizer};
  options.extra.set("deep", Value::Array{Value::Array{1, "two"}, 3.0});
  options.colour = Colour::kRed;
  const std::string document = to_toml(write_options(options));
  const Sample again = read_well(document);
  EXPECT_EQ(to_toml(write_options(again)), document);
  EXPECT_EQ(again.lr, options.lr);
  EXPECT_EQ(again.title, options.title);
  EXPECT_EQ(again.betas, options.betas);
  EXPECT_EQ(again.paths, options.paths);
  EXPECT_EQ(again.stages[1].options.text(), options.stages[1].options.text());
  EXPECT_EQ(again.extra.text(), options.extra.text());
  EXPECT_EQ(again.colour, options.colour);
}

TEST(Options, DescribeThemselves) {
  const auto lines = describe_options<Sample>();
  ASSERT_EQ(lines.size(), 11u);
  EXPECT_EQ(lines[1].name, "period");
  EXPECT_EQ(lines[1].type, "integer");
  EXPECT_EQ(lines[1].fallback, "32");
  EXPECT_EQ(lines[1].range, "1 to 1000");
  EXPECT_EQ(lines[1].unit, "steps");
  EXPECT_EQ(lines[1].meaning, "Steps between rounds.");
  EXPECT_EQ(lines[10].range, "red, blue");
  EXPECT_EQ(lines[10].fallback, "\"blue\"");
  EXPECT_EQ(describe_options<Needy>()[0].fallback, "(required)");
}

TEST(Options, StateOpenRanges) {
  using options_detail::range_text;
  constexpr int64_t kLow = INT64_MIN, kHigh = INT64_MAX;
  EXPECT_EQ(range_text(kLow, kHigh), "an integer");
  EXPECT_EQ(range_text(int64_t{1}, kHigh), "at least 1");
  EXPECT_EQ(range_text(kLow, int64_t{5}), "at most 5");
  EXPECT_EQ(range_text(Range<double>{}.low, Range<double>{}.high), "a number");
  EXPECT_EQ(range_text(0.5, Range<double>{}.high), "at least 0.5");
}

TEST(Mistakes, AreSortedAndCountedOnce) {
  Mistakes mistakes;
  EXPECT_TRUE(mistakes.empty());
  mistakes.add({"b", 1}, "third");
  mistakes.add({"a", 9}, "second");
  mistakes.add({"a", 2}, "first");
  mistakes.add({"a", 2}, "first");
  mistakes.add({}, "nowhere");
  EXPECT_EQ(mistakes.size(), 4u);
  EXPECT_EQ(mistakes.text(), "nowhere\na:2: first\na:9: second\nb:1: third\n");
}

TEST(Mistakes, CutLongValuesBetweenCharacters) {
  std::string text(58, 'x');
  text += "äöü";
  const std::string said = said_of("lr = '" + text + "'");
  EXPECT_EQ(said, "r.toml:1: `lr` is \"" + std::string(58, 'x') + "…, text; wanted: number\n");
}

TEST(Nearest, IsNearEnoughToBeMeant) {
  const std::vector<std::string> names = {"lr", "period", "weight_decay"};
  EXPECT_EQ(nearest("perod", names), "period");
  EXPECT_EQ(nearest("weight-dcay", names), "weight_decay");
  EXPECT_EQ(nearest("lrr", names), "lr");
  EXPECT_EQ(nearest("xy", names), "");
  EXPECT_EQ(nearest("momentum", names), "");
  EXPECT_EQ(nearest("", names), "");
  EXPECT_EQ(nearest("a", {"b"}), "");
}

struct Shape {
  virtual ~Shape() = default;
  virtual int64_t corners() const = 0;
};
class Polygon final : public Shape {
 public:
  struct Options {
    int64_t corners = 3;
    template <class Visit>
    void each(Visit&& visit) {
      visit("corners", corners, Range<int64_t>{3, 9}, "", "How many.");
    }
  };
  explicit Polygon(const Options& options) : corners_(options.corners) {}
  int64_t corners() const override { return corners_; }

 private:
  int64_t corners_;
};

TEST(Plugins, AreFoundMadeAndResolved) {
  const Entry<Shape> polygon = entry<Shape, Polygon>("polygon", "corners and edges");
  const Entry<Shape>* const table[] = {&polygon};
  const Entries<Shape> shapes = table;

  Mistakes mistakes;
  Plugin plugin{"polygon", Value::Table{}};
  EXPECT_EQ(make_plugin(shapes, "shape", plugin, mistakes)->corners(), 3);
  EXPECT_EQ(polygon.resolve(Value()).text(), "{ corners = 3 }");
  plugin.options.set("corners", 5);
  EXPECT_EQ(make_plugin(shapes, "shape", plugin, mistakes)->corners(), 5);
  EXPECT_TRUE(mistakes.empty());

  plugin.options.set("corners", 2);
  EXPECT_EQ(make_plugin(shapes, "shape", plugin, mistakes)->corners(), 3);
  EXPECT_EQ(mistakes.text(), "`corners` is 2; wanted: 3 to 9\n");

  Mistakes unknown;
  plugin = {"poligon", {}};
  plugin.options.where = {"r.toml", 4};
  EXPECT_EQ(make_plugin(shapes, "shape", plugin, unknown), nullptr);
  EXPECT_EQ(
      unknown.text(),
      "r.toml:4: no shape is called `poligon`; did you mean `polygon`?; there are: polygon\n");
}

}  // namespace
}  // namespace causeway
