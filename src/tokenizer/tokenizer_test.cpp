// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/tokenizer.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "tokenizer/example_tokenizer.h"

namespace causeway {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string refusal(const std::string& text) {
  const auto made = parse_tokenizer(text, "test.json");
  if (made) return "";
  EXPECT_EQ(made.error().fault, Fault::kBadInput);
  EXPECT_THAT(made.error().message, testing::StartsWith("test.json"));
  return made.error().message;
}

std::string refusal(const json& value) { return refusal(value.dump()); }

/// The example with a change.
template <class Change>
json changed(Change&& change) {
  json value = example_json();
  change(value);
  return value;
}

TEST(Tokenizer, EncodesAndDecodes) {
  const auto tokenizer = parsed(example_json());
  EXPECT_EQ(tokenizer->vocabulary(), 261);
  EXPECT_TRUE(tokenizer->is_complete());
  const auto tokens = encode(*tokenizer, "the the hell 1123");
  EXPECT_THAT(tokens, ElementsAre(257, 258, ' ', 256, 259, ' ', '1', 260, '3'));
  EXPECT_EQ(decode(*tokenizer, tokens), "the the hell 1123");
  EXPECT_THAT(encode(*tokenizer, ""), IsEmpty());
  EXPECT_EQ(tokenizer->bytes_of(258), " the");
  EXPECT_EQ(tokenizer->bytes_of(-1), "");
  EXPECT_EQ(tokenizer->bytes_of(261), "");
  EXPECT_THAT(tokenizer->before(), IsEmpty());
  EXPECT_EQ(tokenizer->end_of_text(), std::nullopt);
}

TEST(Tokenizer, MergesWithinWordsOnly) {
  const auto tokenizer = parsed(example_json());
  EXPECT_THAT(encode(*tokenizer, "t he"), ElementsAre('t', ' ', 256));
}

TEST(Tokenizer, GivesAnyBytesBack) {
  const auto tokenizer = parsed(example_json());
  std::mt19937 draw(1);
  for (int i = 0; i < 500; ++i) {
    std::string bytes = random_text(draw, draw() % 20);
    for (unsigned j = draw() % 10; j > 0; --j)
      bytes.insert(draw() % (bytes.size() + 1), 1, static_cast<char>(draw()));
    ASSERT_EQ(decode(*tokenizer, encode(*tokenizer, bytes)), bytes);
  }
  // A run of ill-formed bytes is a word; text begins anew behind it.
  EXPECT_THAT(encode(*tokenizer, "the\xFF\xFEthe the"), ElementsAre(257, 0xFF, 0xFE, 257, 258));
}

TEST(Tokenizer, RemembersNothingThatChangesAResult) {
  const auto tokenizer = parsed(example_json());
  const auto old = tokenizer->encoder();
  std::mt19937 draw(2);
  for (int i = 0; i < 300; ++i) {
    const std::string text = random_text(draw, draw() % 60);
    std::vector<int32_t> tokens;
    old->encode(text, tokens);
    ASSERT_EQ(tokens, encode(*tokenizer, text));
  }
}

TEST(Tokenizer, TakesWholeWordsFirstIfMergesAreIgnored) {
  const json value = changed([](json& v) {
    v["model"]["vocab"]["hello"] = 261;
    v["model"]["vocab"][byte_symbol(0xC3) + byte_symbol(0xA9) + "l"] = 262;
  });
  EXPECT_THAT(encode(*parsed(value), "hello"), ElementsAre(256, 259, 'o'));
  json ignoring = value;
  ignoring["model"]["ignore_merges"] = true;
  EXPECT_THAT(encode(*parsed(ignoring), "hello hello"), ElementsAre(261, ' ', 256, 259, 'o'));
  EXPECT_THAT(encode(*parsed(ignoring), "\u00E9l"), ElementsAre(262));
}

TEST(Tokenizer, FindsAddedTokens) {
  const auto tokenizer = parsed(changed([](json& v) {
    v["added_tokens"] = {added_token(261, "<eos>"), added_token(262, "<|endoftext|>"),
                         added_token(259, "ll")};
    v["added_tokens"][2]["special"] = false;
  }));
  EXPECT_EQ(tokenizer->vocabulary(), 263);
  EXPECT_THAT(encode(*tokenizer, "a<|endoftext|>the"), ElementsAre('a', 262, 257));
  EXPECT_EQ(tokenizer->bytes_of(262), "<|endoftext|>");
  EXPECT_EQ(tokenizer->end_of_text(), 262) << "the first of the known marks";
  EXPECT_EQ(tokenizer->find_added("<eos>"), 261);
  EXPECT_EQ(tokenizer->find_added("the"), std::nullopt) << "a token, but not an added one";
  EXPECT_TRUE(tokenizer->is_special(261));
  EXPECT_FALSE(tokenizer->is_special(259));
  EXPECT_FALSE(tokenizer->is_special(5));
}

TEST(Tokenizer, LooksForNormalizedTokensInNormalizedText) {
  json value = changed([](json& v) {
    v["normalizer"] = {{"type", "NFC"}};
    v["added_tokens"] = json::array({added_token(261, "e\u0301")});
  });
  EXPECT_THAT(encode(*parsed(value), "e\u0301\u00E9"), ElementsAre(261, 0xC3, 0xA9));
  value["added_tokens"][0]["normalized"] = true;
  EXPECT_THAT(encode(*parsed(value), "e\u0301\u00E9"), ElementsAre(261, 261));
}

TEST(Tokenizer, ReadsWhatThePostProcessorPutsAround) {
  json value = changed([](json& v) {
    v["post_processor"] = {
        {"type", "Sequence"},
        {"processors",
         {{{"type", "ByteLevel"}, {"add_prefix_space", true}, {"trim_offsets", false}},
          {{"type", "TemplateProcessing"},
           {"single",
            {{{"SpecialToken", {{"id", "<s>"}, {"type_id", 0}}}},
             {{"Sequence", {{"id", "A"}, {"type_id", 0}}}},
             {{"SpecialToken", {{"id", "end"}, {"type_id", 0}}}}}},
           {"pair", json::array()},
           {"special_tokens",
            {{"<s>", {{"id", "<s>"}, {"ids", {7}}, {"tokens", {"x"}}}},
             {"end", {{"id", "end"}, {"ids", {8, 9}}, {"tokens", {"y", "z"}}}}}}}}}};
  });
  EXPECT_THAT(parsed(value)->before(), ElementsAre(7));
  EXPECT_THAT(parsed(value)->after(), ElementsAre(8, 9));
  value["post_processor"] = {{"type", "RobertaProcessing"},
                             {"cls", json::array({"<s>", 1})},
                             {"sep", json::array({"</s>", 2})},
                             {"trim_offsets", true},
                             {"add_prefix_space", false}};
  EXPECT_THAT(parsed(value)->before(), ElementsAre(1));
  EXPECT_THAT(parsed(value)->after(), ElementsAre(2));
  value["post_processor"]["sep"][1] = 9999;
  EXPECT_THAT(refusal(value), HasSubstr("9999 is no token"));
  value["post_processor"] = {{"type", "TemplateProcessing"}, {"single", json::array()}};
  EXPECT_THAT(refusal(value), HasSubstr("no text"));
}

TEST(Tokenizer, HasTheSameDigestWhateverTheLayout) {
  const json value = example_json();
  const Digest digest = parsed(value)->digest();
  EXPECT_EQ((*parse_tokenizer(value.dump(2), "other"))->digest(), digest);
  const json spaced = changed([](json& v) {
    for (json& merge : v["model"]["merges"])
      merge = merge[0].get<std::string>() + " " + merge[1].get<std::string>();
    v["truncation"] = {{"max_length", 3}};
    v["decoder"] = {{"type", "ByteLevel"}};
    v["model"]["type"] = "BPE";
  });
  EXPECT_EQ(parsed(spaced)->digest(), digest);
  EXPECT_EQ(parsed(spaced)->json(), spaced.dump());
  for (const json& other :
       {changed([](json& v) { v["normalizer"] = {{"type", "NFC"}}; }),
        changed([](json& v) { v["pre_tokenizer"]["use_regex"] = false; }),
        changed([](json& v) { v["model"]["ignore_merges"] = true; }),
        changed([](json& v) { std::swap(v["model"]["merges"][0], v["model"]["merges"][3]); }),
        changed([](json& v) { std::swap(v["model"]["vocab"]["a"], v["model"]["vocab"]["b"]); }),
        changed([](json& v) { v["added_tokens"] = json::array({added_token(261, "x y")}); })})
    EXPECT_NE(parsed(other)->digest(), digest);
}

TEST(Tokenizer, RefusesWhatIsNotByteLevelBpe) {
  EXPECT_THAT(refusal(changed([](json& v) { v["model"]["type"] = "Unigram"; })),
              HasSubstr("\"Unigram\" is not supported; only byte-level BPE"));
  EXPECT_THAT(refusal(changed([](json& v) { v["model"]["dropout"] = 0.1; })),
              HasSubstr("`dropout`"));
  EXPECT_THAT(refusal(changed([](json& v) { v["model"]["byte_fallback"] = true; })),
              HasSubstr("`byte_fallback`"));
  EXPECT_THAT(refusal(changed([](json& v) { v["model"]["end_of_word_suffix"] = "</w>"; })),
              HasSubstr("`end_of_word_suffix`"));
  EXPECT_THAT(refusal(changed([](json& v) { v["normalizer"] = {{"type", "Lowercase"}}; })),
              HasSubstr("\"Lowercase\""));
  EXPECT_THAT(refusal(changed([](json& v) { v["pre_tokenizer"] = {{"type", "Metaspace"}}; })),
              HasSubstr("\"Metaspace\""));
  EXPECT_EQ(refusal(changed([](json& v) {
              v["model"]["end_of_word_suffix"] = "";
              v["model"]["dropout"] = nullptr;
              v["model"]["byte_fallback"] = false;
            })),
            "")
      << "as GPT-2's file has it";
}

TEST(Tokenizer, RefusesHostileVocabularies) {
  const auto vocabulary = [](const char* token, const json& id) {
    return refusal(changed([&](json& v) { v["model"]["vocab"][token] = id; }));
  };
  EXPECT_THAT(vocabulary("zz", INT32_MAX), HasSubstr("is the limit"));
  EXPECT_THAT(vocabulary("zz", int64_t{1} << 40), HasSubstr("too large"));
  EXPECT_THAT(vocabulary("zz", -1), HasSubstr("must be a number, not a number below 0"));
  EXPECT_THAT(vocabulary("zz", 1.5), HasSubstr("a fraction"));
  EXPECT_THAT(vocabulary("zz", json::object()), HasSubstr("an object"));
  EXPECT_THAT(vocabulary("zz", 7), HasSubstr("both have number 7"));
  EXPECT_EQ(vocabulary("zz", 66'000), "") << "holes are no mistake";
  EXPECT_THAT(refusal(changed([](json& v) { v["model"]["vocab"] = json::array(); })),
              HasSubstr("no `vocab`"));
  EXPECT_THAT(refusal(changed([](json& v) { v["model"]["vocab"] = json::object(); })),
              HasSubstr("no `vocab`"));
  EXPECT_THAT(refusal(std::string(R"({"model": {"vocab": {"a": 0, "a": 1}}})")),
              HasSubstr("twice"));
}

TEST(Tokenizer, RefusesHostileMerges) {
  const auto merges = [](const json& merge) {
    return refusal(changed([&](json& v) { v["model"]["merges"].push_back(merge); }));
  };
  EXPECT_THAT(merges(json::array({"no", "token"})),
              HasSubstr("merges[5], \"no\" and \"token\": \"no\" is no token"));
  EXPECT_THAT(merges(json::array({"h", "h"})), HasSubstr("\"hh\" is no token")) << "what results";
  EXPECT_THAT(merges(json::array({"h"})), HasSubstr("merges[5] has 1 texts, not 2"));
  EXPECT_THAT(merges("h e"), HasSubstr("otherwise than those before"));
  EXPECT_THAT(merges(3), HasSubstr("merges[5] must be text or a pair"));
  EXPECT_THAT(merges(json::array({json::array({"h"}), "e"})),
              HasSubstr("merges[5] must be text or a pair"));
  EXPECT_THAT(refusal(changed([](json& v) { v["model"]["merges"] = json::array({"h e x"}); })),
              HasSubstr("one space"));
  EXPECT_THAT(refusal(changed([](json& v) { v["model"].erase("merges"); })), HasSubstr("`merges`"));
  EXPECT_THAT(refusal(changed([](json& v) {
                v["model"]["vocab"][""] = 261;
                v["model"]["merges"].push_back(json::array({"", "h"}));
              })),
              HasSubstr("merges with nothing"));
}

TEST(Tokenizer, RefusesHostileAddedTokens) {
  const auto added = [](json tokens) {
    return refusal(changed([&](json& v) { v["added_tokens"] = std::move(tokens); }));
  };
  EXPECT_THAT(added(json::array({added_token(999, "x y")})),
              HasSubstr("tokenizers would give it number 261"));
  EXPECT_THAT(added(json::array({added_token(3, "the")})),
              HasSubstr("tokenizers would give it number 257"));
  EXPECT_THAT(added(json::array({added_token(261, "")})), HasSubstr("0 bytes"));
  EXPECT_THAT(added({added_token(257, "the"), added_token(257, "the")}), HasSubstr("twice"));
  EXPECT_THAT(added(json::array({{{"id", 261}}})), HasSubstr("`content`"));
  EXPECT_THAT(added(3), HasSubstr("must be a list"));
  json composed = added_token(261, "\u00E9x"), decomposed = added_token(262, "e\u0301x");
  composed["normalized"] = decomposed["normalized"] = true;
  EXPECT_EQ(added({composed, decomposed}), "");
  EXPECT_THAT(refusal(changed([&](json& v) {
                v["normalizer"] = {{"type", "NFC"}};
                v["added_tokens"] = {composed, decomposed};
              })),
              HasSubstr("once normalised"));
}

TEST(Tokenizer, RefusesHostileJson) {
  EXPECT_THAT(refusal(std::string()), HasSubstr("no JSON"));
  EXPECT_THAT(refusal(std::string("[]")), HasSubstr("must be an object"));
  EXPECT_THAT(refusal(std::string("7")), HasSubstr("must be an object"));
  EXPECT_THAT(refusal(std::string("{} {}")), HasSubstr("no JSON"));
  EXPECT_THAT(refusal(std::string("{\"model\": {\"vocab\": {\"\xFF\": 1}}}")),
              HasSubstr("no JSON"));
  EXPECT_THAT(refusal(std::string("{}")), HasSubstr("no model"));
  EXPECT_THAT(refusal(std::string(R"({"version": "2.0", "model": 3})")), HasSubstr("version"));
  EXPECT_THAT(refusal(std::string(R"({"model": 3})")), HasSubstr("must be an object"));
  EXPECT_THAT(refusal(std::string(1'000'000, '[')), HasSubstr("must be an object"));
  EXPECT_THAT(refusal("{\"model\": " + std::string(1'000'000, '[')), HasSubstr("64 deep"));
  EXPECT_THAT(refusal("{\"other\": " + std::string(1'000'000, '[')), HasSubstr("64 deep"));
  EXPECT_THAT(refusal(std::string(R"({"model": {}, "model": {}})")), HasSubstr("`model` twice"));
  std::string many = R"({"added_tokens": [0)";
  for (int i = 0; i < 1'000'001; ++i) many += ",0";
  EXPECT_THAT(refusal(many + "]}"), HasSubstr("1000000 values"));
  // Each beginning of a file is no file.
  const std::string whole = example_json().dump();
  for (size_t bytes = 0; bytes < whole.size(); bytes += 97)
    ASSERT_NE(refusal(whole.substr(0, bytes)), "") << bytes;
}

TEST(Tokenizer, NeedsAnUnknownTokenOnlyWhereBytesLackOne) {
  const json value = changed([](json& v) {
    v["model"]["vocab"].erase("z");
    v["model"]["vocab"]["zzz"] = 'z';
  });
  EXPECT_FALSE(parsed(value)->is_complete());
  EXPECT_THAT(encode(*parsed(value), "azb"), ElementsAre('a', 'b'));
  json unknown = value;
  unknown["model"]["unk_token"] = "zzz";
  EXPECT_THAT(encode(*parsed(unknown), "azb"), ElementsAre('a', 'z', 'b'));
  unknown["model"]["unk_token"] = "gone";
  EXPECT_THAT(refusal(unknown), HasSubstr("unk_token \"gone\""));
  EXPECT_EQ(refusal(changed([](json& v) { v["model"]["unk_token"] = "gone"; })), "");
}

TEST(Tokenizer, OpensFilesAndFolders) {
  const std::filesystem::path folder = std::filesystem::path(testing::TempDir()) / "open_tokenizer";
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "tokenizer.json") << example_json();
  for (const std::filesystem::path& path : {folder, folder / "tokenizer.json"}) {
    const auto opened = open_tokenizer(path.string());
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    EXPECT_EQ((*opened)->vocabulary(), 261);
  }
  EXPECT_EQ(open_tokenizer((folder / "none").string()).error().fault, Fault::kIo);
  EXPECT_EQ((*open_tokenizer("bytes"))->vocabulary(), 256);
}

TEST(Tokenizer, BytesEqualTheirJson) {
  const auto bytes = bytes_tokenizer();
  const auto read = parse_tokenizer(bytes->json(), "bytes");
  ASSERT_TRUE(read.ok()) << read.error().message;
  const std::string text = "any \xFF bytes\u00E9";
  EXPECT_EQ(encode(**read, text), encode(*bytes, text));
  EXPECT_EQ(decode(*bytes, encode(*bytes, text)), text);
}

}  // namespace
}  // namespace causeway
