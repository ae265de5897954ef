// SPDX-License-Identifier: Apache-2.0
//
// A checkpoint comes back from a disk that may have changed it: any content gives a Result.
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "train/checkpoint.h"
#include "train/test_recipe.h"

namespace causeway {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

class DamageTest : public testing::Test {
 protected:
  /// Written once: a checkpoint is synced to disk, which takes a while. Each test has a copy.
  static void SetUpTestSuite() {
    // Tests may run in processes of their own, side by side.
    folder_ = fmt::format("{}/causeway_damage_test-{}", testing::TempDir(), ::getpid());
    fs::remove_all(folder_);
    fs::create_directories(folder_ + "/copy");
    TinyTeam team({}, folder_);
    team.run_to(4);
    Arena mean(team->placement());
    team->mean_parameters(mean);
    written_ = write_checkpoint(folder_, *team, mean).value();
  }
  void SetUp() override {
    path_ = folder_ + "/copy/" + testing::UnitTest::GetInstance()->current_test_info()->name();
    fs::copy(written_, path_);
    manifest_ = read_text(path_ + "/manifest.json");
    reader_ = std::make_unique<TinyTeam>(std::vector<std::string>{}, folder_);
  }

  Result<void> read() { return read_checkpoint(path_, **reader_); }

  /// Reads with the manifest changed.
  Result<void> read_with(const std::string& manifest) {
    write_text(path_ + "/manifest.json", manifest);
    return read();
  }
  template <class Change>
  Result<void> read_changed(Change&& change) {
    json manifest = json::parse(manifest_);
    change(manifest);
    return read_with(manifest.dump());
  }

  static inline std::string folder_, written_;
  std::string path_, manifest_;
  std::unique_ptr<TinyTeam> reader_;
};

#define EXPECT_FAULT(result, wanted)                               \
  do {                                                             \
    const auto got_ = (result);                                    \
    ASSERT_FALSE(got_.ok());                                       \
    EXPECT_EQ(got_.error().fault, wanted) << got_.error().message; \
  } while (false)

TEST_F(DamageTest, AnIntactOneReads) {
  const auto intact = read();
  EXPECT_TRUE(intact.ok()) << intact.error().message;
}

TEST_F(DamageTest, OneChangedByteOfAnyPartIsSeen) {
  for (const char* part : {"worker-0.safetensors", "worker-2.safetensors", "exchange.safetensors",
                           "model.safetensors"}) {
    const std::string intact = read_text(path_ + "/" + part);
    for (const size_t at : {size_t{0}, intact.size() / 2, intact.size() - 1}) {
      std::string damaged = intact;
      damaged[at] = static_cast<char>(damaged[at] ^ 1);
      write_text(path_ + "/" + part, damaged);
      EXPECT_FAULT(read(), Fault::kCorrupt);
    }
    write_text(path_ + "/" + part, intact.substr(0, intact.size() / 2));
    EXPECT_FAULT(read(), Fault::kCorrupt);
    write_text(path_ + "/" + part, intact);
  }
  EXPECT_TRUE(read().ok());
}

TEST_F(DamageTest, AMissingPartIsSeen) {
  for (const char* part : {"worker-1.safetensors", "exchange.safetensors", "manifest.json"}) {
    fs::rename(path_ + "/" + part, path_ + "/away");
    EXPECT_FAULT(read(), Fault::kCorrupt);
    fs::rename(path_ + "/away", path_ + "/" + part);
  }
}

TEST_F(DamageTest, AnotherRecipeIsRefused) {
  TinyTeam other({"run.seed=99"}, folder_);
  EXPECT_FAULT(read_checkpoint(path_, *other), Fault::kBadInput);
}

TEST_F(DamageTest, AManifestThatIsNoObjectIsSeen) {
  for (const char* text :
       {"", "{", "[]", "7", "null", "\"format\"", "{\"format\": 1,}", "\xff\xfe", "{\"format\": 1}",
        "{\"format\": 2}", "{\"format\": \"1\"}", "{\"format\": null}", "{\"format\": {}}"})
    EXPECT_FAULT(read_with(text), Fault::kCorrupt);
  EXPECT_FAULT(read_with(std::string(100'000, '[')), Fault::kCorrupt);
}

TEST_F(DamageTest, EveryKeyOfTheManifestIsNeededAndHasItsKind) {
  for (const char* key : {"format", "step", "recipe", "workers", "parts"}) {
    EXPECT_FAULT(read_changed([&](json& m) { m.erase(key); }), Fault::kCorrupt);
    for (const json& value :
         {json(nullptr), json(true), json(-1), json::array({1, 2}), json::object({{"a", 1}})})
      EXPECT_FALSE(read_changed([&](json& m) { m[key] = value; }).ok()) << key << value;
  }
  for (const char* key : {"steps", "tokens", "updates", "cursor", "round", "versions", "tokens_at",
                          "up_bytes", "down_bytes", "rounds"}) {
    EXPECT_FAULT(read_changed([&](json& m) { m["workers"][1].erase(key); }), Fault::kCorrupt);
    EXPECT_FAULT(read_changed([&](json& m) { m["workers"][1][key] = "text"; }), Fault::kCorrupt);
  }
  EXPECT_FAULT(read_changed([](json& m) { m["workers"].erase(2); }), Fault::kCorrupt);
  EXPECT_FAULT(read_changed([](json& m) { m["workers"][0]["versions"].push_back(1); }),
               Fault::kCorrupt);
}

TEST_F(DamageTest, CountersThatNoRunHasAreSeen) {
  for (const char* key : {"steps", "tokens", "updates", "round"}) {
    EXPECT_FAULT(read_changed([&](json& m) { m["workers"][1][key] = -1; }), Fault::kCorrupt);
  }
  // Workers of unlike steps or rounds would wait for one another for ever.
  EXPECT_FAULT(read_changed([](json& m) { m["workers"][1]["steps"] = 5; }), Fault::kCorrupt);
  EXPECT_FAULT(read_changed([](json& m) { m["workers"][1]["round"] = 7; }), Fault::kCorrupt);
}

TEST_F(DamageTest, APartsNameIsNoPath) {
  const std::string outside = folder_ + "/outside";
  write_text(outside, "x");
  for (const char* name : {"../../outside", "/etc/passwd", "", ".", ".."})
    EXPECT_FAULT(read_changed([&](json& m) {
                   m["parts"][name] = {{"xxh3", digest_of("x").hex()}, {"bytes", 1}};
                 }),
                 Fault::kCorrupt);
}

TEST_F(DamageTest, APartThatTheManifestDoesNotNameIsSeen) {
  for (const char* part : {"worker-1.safetensors", "exchange.safetensors"})
    EXPECT_FAULT(read_changed([&](json& m) { m["parts"].erase(part); }), Fault::kCorrupt);
}

// Goal: any manifest gives a Result. Method: 2,000 manifests with a few bytes changed, dropped or
// doubled at places drawn from a seed.
TEST_F(DamageTest, AnyManifestGivesAResult) {
  const Random random(17, Stream::kSample);
  uint64_t draw = 0;
  int refused = 0;
  for (int i = 0; i < 2'000; ++i) {
    std::string text = manifest_;
    for (uint64_t edits = 1 + random.below(draw++, 3); edits > 0; --edits) {
      const auto at = static_cast<size_t>(random.below(draw++, text.size()));
      const uint64_t kind = random.below(draw++, 3);
      if (kind == 0) text[at] = "0123456789-.\"{}[],:ex \x80"[random.below(draw++, 24)];
      if (kind == 1) text.erase(at, 1 + random.below(draw++, 20));
      if (kind == 2) text.insert(at, text.substr(at, 1 + random.below(draw++, 40)));
    }
    refused += !read_with(text).ok();
  }
  EXPECT_GT(refused, 1'000);
}

}  // namespace
}  // namespace causeway
