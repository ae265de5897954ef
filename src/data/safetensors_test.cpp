// SPDX-License-Identifier: Apache-2.0
#include "data/safetensors.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bit>
#include <cmath>
#include <csignal>
#include <cstring>
#include <limits>

#include "data/test_files.h"

namespace causeway {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;
using testing::SizeIs;
using namespace std::string_literals;

ByteSpan bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

std::string file_of(const std::string& header, size_t data_bytes) {
  const uint64_t size = header.size();
  std::string file(sizeof(size), '\0');
  std::memcpy(file.data(), &size, sizeof(size));
  return file + header + std::string(data_bytes, '\1');
}

// Made by the safetensors package for Python:
//   save({"w": tensor([[1.5, -2.0, 0.1]]), "h": tensor([1.0, -65504.0, 6e-8], dtype=float16),
//         "b": tensor([3.140625, -1e30], dtype=bfloat16), "d": tensor(2.5, dtype=float64),
//         "i": tensor([[-7], [9]], dtype=int32), "n": zeros(0, 4)}, {"format": "pt"})
std::string package_file() {
  return "\x70\x01\0\0\0\0\0\0"s
         R"({"__metadata__":{"format":"pt"},"d":{"dtype":"F64","shape":[],"data_offsets":[0,8]},)"
         R"("n":{"dtype":"F32","shape":[0,4],"data_offsets":[8,8]},)"
         R"("w":{"dtype":"F32","shape":[1,3],"data_offsets":[8,20]},)"
         R"("i":{"dtype":"I32","shape":[2,1],"data_offsets":[20,28]},)"
         R"("b":{"dtype":"BF16","shape":[2],"data_offsets":[28,32]},)"
         R"("h":{"dtype":"F16","shape":[3],"data_offsets":[32,38]}}     )"
         "\0\0\0\0\0\0\x04\x40\0\0\xc0\x3f\0\0\0\xc0\xcd\xcc\xcc\x3d\xf9\xff\xff\xff\x09\0\0\0"
         "\x49\x40\x4a\xf1\0\x3c\xff\xfb\x01\0"s;
}

TEST(Safetensors, ReadsAFileOfThePythonPackage) {
  const std::string bytes = package_file();
  const auto file = Safetensors::parse(bytes_of(bytes), "package");
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_THAT(file->tensors(), SizeIs(6));
  EXPECT_THAT(file->metadata(), ElementsAre(Pair("format", "pt")));
  EXPECT_THAT(file->find("n")->shape, ElementsAre(0, 4));
  EXPECT_THAT(file->find("w")->shape, ElementsAre(1, 3));
  EXPECT_EQ(file->find("i")->dtype, DType::kI32);
  EXPECT_EQ(std::memcmp(file->find("i")->bytes.data(), "\xf9\xff\xff\xff\x09\0\0\0", 8), 0);

  std::vector<float> one(1), two(2), three(3);
  ASSERT_TRUE(file->read_floats("d", one));
  EXPECT_THAT(one, ElementsAre(2.5f));
  ASSERT_TRUE(file->read_floats("w", three));
  EXPECT_THAT(three, ElementsAre(1.5f, -2.0f, 0.1f));
  ASSERT_TRUE(file->read_floats("h", three));
  EXPECT_THAT(three, ElementsAre(1.0f, -65504.0f, 0x1p-24f));
  ASSERT_TRUE(file->read_floats("b", two));
  EXPECT_THAT(two, ElementsAre(3.140625f, -0x1.94p99f));
  EXPECT_TRUE(file->read_floats("n", {}));
}

TEST(Safetensors, SaysWhichTensorIsWrongAndHow) {
  const std::string bytes = package_file();
  const auto file = Safetensors::parse(bytes_of(bytes), "model.safetensors");
  ASSERT_TRUE(file);
  std::vector<float> out(2);
  const auto count = file->read_floats("w", out);
  ASSERT_FALSE(count);
  EXPECT_EQ(count.error().fault, Fault::kBadInput);
  EXPECT_EQ(count.error().message, "model.safetensors: tensor `w` is [1, 3], 3 values, wanted 2");
  const auto type = file->read_floats("i", out);
  ASSERT_FALSE(type);
  EXPECT_THAT(type.error().message, HasSubstr("`i` is I32, wanted F64, F32, F16 or BF16"));
  const auto name = file->find("ww");
  ASSERT_FALSE(name);
  EXPECT_EQ(name.error().fault, Fault::kBadInput);
  EXPECT_THAT(name.error().message, HasSubstr("model.safetensors: no tensor `ww`"));
  EXPECT_THAT(name.error().message, HasSubstr("did you mean `w`?"));
}

struct Damage {
  std::string bytes, message;
};

std::string one_tensor(const std::string& entry, size_t data_bytes) {
  return file_of(fmt::format(R"({{"a":{}}})", entry), data_bytes);
}

std::vector<Damage> damaged_headers() {
  const std::string good = R"({"dtype":"U8","shape":[4],"data_offsets":[0,4]})";
  return {
      {"", "0 bytes are too few"},
      {"1234567", "7 bytes are too few"},
      {"\xff\xff\xff\xff\xff\xff\xff\xff"s, "a header of 18446744073709551615 bytes"},
      {"\x01\xe1\xf5\x05\0\0\0\0"s + std::string(100, ' '), "at most 100000000"},
      {"\x03\0\0\0\0\0\0\0{}"s, "cut short"},
      {file_of("", 0), "does not begin with {"},
      {file_of(" {}", 0), "does not begin with {"},
      {file_of("\xef\xbb\xbf{}", 0), "does not begin with {"},
      {file_of("[]", 0), "does not begin with {"},
      {file_of("{} \0x"s, 0), "zero byte"},
      {file_of("{", 0), "no JSON at its byte"},
      {file_of("{}}", 0), "no JSON at its byte"},
      {file_of("{}{}", 0), "no JSON at its byte"},
      {file_of("{/**/}", 0), "no JSON at its byte"},
      {file_of(R"({"a":)" + good + ",}", 4), "no JSON at its byte"},
      {file_of("{\"\xff\":" + good + "}", 4), "no JSON at its byte"},
      {file_of(R"({"a":1})", 0), "`a` is a number, wanted a table"},
      {file_of(R"({"a":null})", 0), "`a` is null, wanted a table"},
      {file_of(R"({"a":[]})", 0), "`a` is a list, wanted a table"},
      {file_of(R"({"a":)" + good + R"(,"a":)" + good + "}", 4), "tensor `a` is given twice"},
      {file_of(R"({"__metadata__":{"x":"1","x":"1"}})", 0), "metadata `x` is given twice"},
      {file_of(R"({"__metadata__":{},"__metadata__":{}})", 0), "`__metadata__` is given twice"},
      {file_of(R"({"__metadata__":{"x":1}})", 0), "`__metadata__`, `x` is a number, wanted text"},
      {file_of(R"({"__metadata__":{"x":{}}})", 0), "`x` is a table, wanted text"},
      {file_of(R"({"__metadata__":"x"})", 0), "`__metadata__` is text, wanted a table"},
      {file_of(R"({"\u001b[31m":1})", 0), "`?[31m` is a number"},
      {file_of(R"({")" + std::string(5000, 'n') + R"(":1})", 0), std::string(80, 'n') + "...`"},
      {one_tensor("{}", 0), "tensor `a` lacks one of"},
      {one_tensor(R"({"dtype":"U8","shape":[4]})", 4), "tensor `a` lacks one of"},
      {one_tensor(R"({"dtype":"U8","shape":[4],"data_offsets":[0,4],"x":1})", 4),
       "unknown key `x`"},
      {one_tensor(R"({"dtype":"U8","dtype":"U8","shape":[4],"data_offsets":[0,4]})", 4),
       "tensor `a` has `dtype` twice"},
      {one_tensor(R"({"dtype":8})", 0), "`a`, `dtype` is a number, wanted text"},
      {one_tensor(R"({"dtype":["U8"]})", 0), "`dtype` is a list, wanted text"},
      {one_tensor(R"({"shape":4})", 0), "`shape` is a number, wanted a list"},
      {one_tensor(R"({"shape":"4"})", 0), "`shape` is text, wanted a list"},
      {one_tensor(R"({"shape":[-1]})", 0), "`shape` is a negative number, wanted a whole number"},
      {one_tensor(R"({"shape":[1.0]})", 0), "is a number that is no 64-bit integer"},
      {one_tensor(R"({"shape":[18446744073709551616]})", 0), "no 64-bit integer"},
      {one_tensor(R"({"shape":[true]})", 0), "`shape` is true or false"},
      {one_tensor(R"({"shape":)" + std::string(100'000, '['), 0), "`shape` is a list"},
      {file_of(R"({"a":)" + std::string(100'000, '{'), 0), "no JSON"},
      {one_tensor(
           R"({"shape":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]})", 1),
       "more than 32 entries"},
      {one_tensor(R"({"data_offsets":[0]})", 0), "has 1 entries, wanted 2"},
      {one_tensor(R"({"data_offsets":[0,1,2]})", 0), "more than 2 entries"},
  };
}

std::vector<Damage> damaged_tensors() {
  const auto u8 = [](const std::string& name, int begin, int end) {
    return fmt::format(R"("{}":{{"dtype":"U8","shape":[{}],"data_offsets":[{},{}]}})", name,
                       end - begin, begin, end);
  };
  return {
      {one_tensor(R"({"dtype":"F8_E4M3","shape":[4],"data_offsets":[0,4]})", 4),
       "dtype `F8_E4M3`, wanted one of F64, F32, F16, BF16, I64, I32, U8"},
      {one_tensor(R"({"dtype":"U8","shape":[9223372036854775808],"data_offsets":[0,4]})", 4),
       "beyond 64 bits"},
      {one_tensor(R"({"dtype":"F32","shape":[4611686018427387905],"data_offsets":[0,4]})", 4),
       "beyond 64 bits"},
      {one_tensor(R"({"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0]})", 0),
       "beyond 64 bits"},
      {one_tensor(R"({"dtype":"F32","shape":[2],"data_offsets":[0,4]})", 4),
       "tensor `a` has 4 bytes, its shape and dtype want 8"},
      {one_tensor(R"({"dtype":"F32","shape":[0],"data_offsets":[0,4]})", 4), "want 0"},
      {one_tensor(R"({"dtype":"U8","shape":[4],"data_offsets":[0,4]})", 3),
       "lies at bytes 0 to 4 of 3"},
      {one_tensor(R"({"dtype":"U8","shape":[4],"data_offsets":[4,0]})", 4),
       "lies at bytes 4 to 0 of 4"},
      {one_tensor(
           R"({"dtype":"U8","shape":[4],"data_offsets":[18446744073709551612,18446744073709551615]})",
           4),
       "lies at bytes"},
      {one_tensor(R"({"dtype":"U8","shape":[4],"data_offsets":[0,4]})", 5), "end at byte 4 of 5"},
      {file_of("{}", 1), "end at byte 0 of 1"},
      {file_of(fmt::format("{{{},{}}}", u8("a", 0, 4), u8("b", 5, 8)), 8), "a gap at byte 4"},
      {file_of(fmt::format("{{{}}}", u8("a", 1, 8)), 8), "a gap at byte 0"},
      {file_of(fmt::format("{{{},{}}}", u8("a", 0, 4), u8("b", 3, 8)), 8), "an overlap at byte 3"},
      {file_of(fmt::format("{{{},{}}}", u8("a", 0, 8), u8("b", 0, 8)), 8), "an overlap at byte 0"},
  };
}

TEST(Safetensors, RefusesEveryKindOfDamage) {
  std::vector<Damage> all = damaged_headers();
  for (Damage& damage : damaged_tensors()) all.push_back(std::move(damage));
  for (const Damage& damage : all) {
    const auto file = Safetensors::parse(bytes_of(damage.bytes), "broken.safetensors");
    ASSERT_FALSE(file) << damage.message;
    EXPECT_EQ(file.error().fault, Fault::kCorrupt);
    EXPECT_THAT(file.error().message, HasSubstr(damage.message));
    EXPECT_THAT(file.error().message, testing::StartsWith("broken.safetensors: "));
  }
}

// Goal: no prefix and no single changed byte of a good file does harm or passes as cut short.
TEST(Safetensors, SurvivesEveryCutAndEveryChangedByte) {
  const std::string good = package_file();
  for (size_t size = 0; size < good.size(); ++size) {
    const std::string part = good.substr(0, size);
    EXPECT_FALSE(Safetensors::parse(bytes_of(part), "part")) << size;
  }
  for (size_t at = 0; at < good.size(); ++at)
    for (const int mask : {1, 4, 0x20, 0x80, 0xff}) {
      std::string changed = good;
      changed[at] = static_cast<char>(changed[at] ^ mask);
      const auto file = Safetensors::parse(bytes_of(changed), "changed");
      if (!file) continue;
      for (const auto& [name, tensor] : file->tensors())
        EXPECT_EQ(static_cast<int64_t>(tensor.bytes.size()),
                  tensor.count() * dtype_bytes(tensor.dtype));
    }
}

TEST(Safetensors, ReadsEveryHalfAndEveryBfloatExactly) {
  std::vector<uint16_t> patterns(65'536);
  for (size_t i = 0; i < patterns.size(); ++i) patterns[i] = static_cast<uint16_t>(i);
  const std::string path = test_folder() + "/all.safetensors";
  const TensorToWrite tensors[] = {
      {"half", DType::kF16, {65'536}, std::as_bytes(std::span(patterns))},
      {"bfloat", DType::kBf16, {256, 256}, std::as_bytes(std::span(patterns))}};
  ASSERT_TRUE(write_safetensors(path, tensors));
  const auto file = Safetensors::open(path);
  ASSERT_TRUE(file) << file.error().message;
  for (const auto& [name, exponent_bits] : {std::pair{"half", 5}, {"bfloat", 8}}) {
    std::vector<float> values(patterns.size());
    ASSERT_TRUE(file->read_floats(name, values));
    const int fraction_bits = 15 - exponent_bits, bias = (1 << (exponent_bits - 1)) - 1;
    for (int i = 0; i < 65'536; ++i) {
      const int exponent = (i & 0x7fff) >> fraction_bits;
      const int fraction = i & ((1 << fraction_bits) - 1);
      const float value = values[static_cast<size_t>(i)];
      ASSERT_EQ(std::signbit(value), i >= 0x8000) << name << i;
      if (exponent == (1 << exponent_bits) - 1) {
        ASSERT_TRUE(fraction == 0 ? std::isinf(value) : std::isnan(value)) << name << i;
        continue;
      }
      const int units = exponent == 0 ? fraction : fraction + (1 << fraction_bits);
      const double expected = std::ldexp(units, std::max(exponent, 1) - bias - fraction_bits);
      ASSERT_EQ(std::abs(static_cast<double>(value)), expected) << name << i;
    }
  }
}

TEST(Safetensors, RefusesADoubleBeyondFloat) {
  const std::string path = test_folder() + "/doubles.safetensors";
  const double fine[] = {1.0 / 3, std::numeric_limits<double>::infinity(), 3.4028234663852886e38};
  const double large[] = {0.0, -1e39};
  const TensorToWrite tensors[] = {{"fine", DType::kF64, {3}, std::as_bytes(std::span(fine))},
                                   {"large", DType::kF64, {2}, std::as_bytes(std::span(large))}};
  ASSERT_TRUE(write_safetensors(path, tensors));
  const auto file = Safetensors::open(path);
  ASSERT_TRUE(file);
  std::vector<float> three(3), two(2);
  ASSERT_TRUE(file->read_floats("fine", three));
  EXPECT_THAT(three, ElementsAre(0x1.555556p-2f, std::numeric_limits<float>::infinity(),
                                 std::numeric_limits<float>::max()));
  const auto refused = file->read_floats("large", two);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("`large` has finite values beyond float32"));
}

TEST(WriteSafetensors, WritesTheBytesOfTheFormat) {
  const std::string path = test_folder() + "/out.safetensors";
  const std::string data = "12345678";
  const TensorToWrite tensors[] = {{"z\"", DType::kF32, {1, 1}, bytes_of(data).first(4)},
                                   {"scalar", DType::kU8, {}, bytes_of(data).subspan(4, 1)},
                                   {"none", DType::kI64, {0, 3}, {}}};
  const auto digest = write_safetensors(path, tensors, {{"k", "line\n"}});
  ASSERT_TRUE(digest) << digest.error().message;
  const std::string header = R"({"__metadata__":{"k":"line\n"},)"
                             R"("z\"":{"dtype":"F32","shape":[1,1],"data_offsets":[0,4]},)"
                             R"("scalar":{"dtype":"U8","shape":[],"data_offsets":[4,5]},)"
                             R"("none":{"dtype":"I64","shape":[0,3],"data_offsets":[5,5]}})";
  const std::string padded = header + std::string((8 - header.size() % 8) % 8, ' ');
  const std::string written = read_text(path);
  EXPECT_EQ(written, file_of(padded, 0) + "12345");
  EXPECT_EQ(*digest, digest_of(written));

  const auto file = Safetensors::open(path);
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(file->find("z\"")->count(), 1);
  EXPECT_EQ(file->find("scalar")->count(), 1);
  EXPECT_EQ(file->find("none")->count(), 0);
  EXPECT_THAT(file->metadata(), ElementsAre(Pair("k", "line\n")));
}

TEST(WriteSafetensors, WritesAFileWithoutTensors) {
  const std::string path = test_folder() + "/none.safetensors";
  ASSERT_TRUE(write_safetensors(path, {}));
  EXPECT_EQ(read_text(path), file_of("{}      ", 0));
  EXPECT_TRUE(Safetensors::open(path));
}

TEST(WriteSafetensors, RefusesTextThatIsNoUtf8) {
  const std::string path = test_folder() + "/bad.safetensors";
  const auto done = write_safetensors(path, {}, {{"k", "\xff"}});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().fault, Fault::kBadInput);
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(WriteSafetensors, ChecksItsCaller) {
  const std::string path = test_folder() + "/bug.safetensors";
  const std::string data = "1234";
  const TensorToWrite twice[] = {{"a", DType::kU8, {4}, bytes_of(data)},
                                 {"a", DType::kU8, {4}, bytes_of(data)}};
  const TensorToWrite size[] = {{"a", DType::kF32, {2}, bytes_of(data)}};
  const TensorToWrite reserved[] = {{"__metadata__", DType::kU8, {4}, bytes_of(data)}};
  EXPECT_DEATH((void)write_safetensors(path, twice), "check failed");
  EXPECT_DEATH((void)write_safetensors(path, size), "check failed");
  EXPECT_DEATH((void)write_safetensors(path, reserved), "check failed");
}

TEST(WriteSafetensors, SaysWhyAPathCannotBeWritten) {
  const auto missing = write_safetensors(test_folder() + "/no/such/file", {});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().fault, Fault::kIo);
  EXPECT_THAT(missing.error().message, HasSubstr("No such file or directory"));
}

// A pipe stands for a device here: it must neither be written nor removed.
TEST(WriteSafetensors, LeavesWhatIsNoFileAlone) {
  const std::string path = test_folder() + "/pipe";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  const int reader = ::open(path.c_str(), O_RDONLY | O_NONBLOCK);
  ASSERT_GE(reader, 0);
  const auto done = write_safetensors(path, {});
  char byte = 0;
  EXPECT_LE(::read(reader, &byte, 1), 0);
  ::close(reader);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().fault, Fault::kIo);
  EXPECT_THAT(done.error().message, HasSubstr("no regular file"));
  EXPECT_TRUE(std::filesystem::exists(path));
}

/// The largest file that this process may write, as a full disk would stop it.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    rlimit limit = before_;
    limit.rlim_cur = bytes;
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_{};
  void (*handler_)(int);
};

TEST(WriteSafetensors, LeavesNoFileWhenTheDiskIsFull) {
  const std::string path = test_folder() + "/large.safetensors";
  const std::string data(100'000, 'x');
  const TensorToWrite tensor{"a", DType::kU8, {100'000}, bytes_of(data)};
  {
    const FileSizeLimit limit(50'000);
    const auto done = write_safetensors(path, {&tensor, 1});
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().fault, Fault::kIo);
    EXPECT_THAT(done.error().message, HasSubstr("cannot be written: File too large"));
  }
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_TRUE(write_safetensors(path, {&tensor, 1}));
}

}  // namespace
}  // namespace causeway
