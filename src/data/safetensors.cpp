// SPDX-License-Identifier: Apache-2.0
#include "data/safetensors.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>

#include "core/options.h"
#include "data/safetensors_dtype.h"

namespace causeway {
namespace {

constexpr uint64_t kHeaderBytesMax = 100'000'000;
// A header of the largest size could otherwise ask for many times its size in memory.
constexpr size_t kTensorsMax = 1'000'000;
constexpr size_t kDimensionsMax = 32;

/// A name from a file, made safe for a terminal and a log line; cut between characters.
std::string shown(std::string_view name) {
  constexpr size_t kLengthMax = 80;
  size_t length = std::min(name.size(), kLengthMax);
  while (length < name.size() && length > 0 && (name[length] & 0xC0) == 0x80) --length;
  std::string out(name.substr(0, length));
  for (char& letter : out)
    if (static_cast<unsigned char>(letter) < 0x20 || letter == 0x7f) letter = '?';
  return length < name.size() ? out + "..." : out;
}

struct TensorEntry {
  std::string dtype;
  std::vector<uint64_t> shape, offsets;
  bool has_dtype = false, has_shape = false, has_offsets = false;
};

/// Takes the header's JSON event by event. A document's tree would drop the first of two equal keys
/// and be as deep as the file likes; here each event must be the one that the format has next.
class HeaderReader final : public nlohmann::json_sax<nlohmann::json> {
 public:
  std::map<std::string, TensorEntry, std::less<>> tensors;
  std::map<std::string, std::string, std::less<>> metadata;
  std::string problem;

  bool null() override { return refuse_value("null"); }
  bool boolean(bool) override { return refuse_value("true or false"); }
  bool number_integer(number_integer_t) override { return refuse_value("a negative number"); }
  bool number_float(number_float_t, const string_t&) override {
    return refuse_value("a number that is no 64-bit integer");
  }
  bool binary(binary_t&) override { return refuse_value("binary data"); }

  bool number_unsigned(number_unsigned_t value) override {
    if (place_ != Place::kShape && place_ != Place::kOffsets) return refuse_value("a number");
    const bool is_shape = place_ == Place::kShape;
    std::vector<uint64_t>& list = is_shape ? entry_->shape : entry_->offsets;
    if (list.size() == (is_shape ? kDimensionsMax : 2))
      return refuse("`{}` of tensor `{}` has more than {} entries", key_, shown(name_),
                    list.size());
    list.push_back(value);
    return true;
  }

  bool string(string_t& value) override {
    if (place_ == Place::kMetadata) {
      if (!metadata.emplace(key_, value).second)
        return refuse("metadata `{}` is given twice", shown(key_));
      return true;
    }
    if (place_ != Place::kTensor || key_ != "dtype") return refuse_value("text");
    entry_->dtype = value;
    return true;
  }

  bool start_object(size_t) override {
    if (place_ == Place::kStart) {
      place_ = Place::kRoot;
      return true;
    }
    if (place_ != Place::kRoot) return refuse_value("a table");
    if (name_ == "__metadata__") {
      if (has_metadata_) return refuse("`__metadata__` is given twice");
      has_metadata_ = true;
      place_ = Place::kMetadata;
      return true;
    }
    if (tensors.size() == kTensorsMax) return refuse("more than {} tensors", kTensorsMax);
    const auto [at, is_new] = tensors.try_emplace(name_);
    if (!is_new) return refuse("tensor `{}` is given twice", shown(name_));
    entry_ = &at->second;
    place_ = Place::kTensor;
    return true;
  }

  bool key(string_t& key) override {
    if (place_ == Place::kRoot) {
      name_ = key;
      key_.clear();
      return true;
    }
    key_ = key;
    if (place_ == Place::kMetadata) return true;
    bool* has = key == "dtype"          ? &entry_->has_dtype
                : key == "shape"        ? &entry_->has_shape
                : key == "data_offsets" ? &entry_->has_offsets
                                        : nullptr;
    if (has == nullptr)
      return refuse("tensor `{}` has the unknown key `{}`", shown(name_), shown(key));
    if (*has) return refuse("tensor `{}` has `{}` twice", shown(name_), key);
    *has = true;
    return true;
  }

  bool end_object() override {
    if (place_ == Place::kTensor &&
        !(entry_->has_dtype && entry_->has_shape && entry_->has_offsets))
      return refuse("tensor `{}` lacks one of dtype, shape and data_offsets", shown(name_));
    place_ = Place::kRoot;
    key_.clear();
    return true;
  }

  bool start_array(size_t) override {
    if (place_ != Place::kTensor || key_ == "dtype") return refuse_value("a list");
    place_ = key_ == "shape" ? Place::kShape : Place::kOffsets;
    return true;
  }

  bool end_array() override {
    if (place_ == Place::kOffsets && entry_->offsets.size() != 2)
      return refuse("`data_offsets` of tensor `{}` has {} entries, wanted 2", shown(name_),
                    entry_->offsets.size());
    place_ = Place::kTensor;
    return true;
  }

  bool parse_error(size_t position, const std::string&, const nlohmann::json::exception&) override {
    return refuse("the header is no JSON at its byte {}", position);
  }

 private:
  enum class Place : uint8_t { kStart, kRoot, kMetadata, kTensor, kShape, kOffsets };

  template <class... Args>
  bool refuse(fmt::format_string<Args...> format, Args&&... args) {
    problem = fmt::format(format, std::forward<Args>(args)...);
    return false;
  }
  bool refuse_value(std::string_view got) {
    const bool in_list = place_ == Place::kShape || place_ == Place::kOffsets;
    const std::string_view wanted = place_ == Place::kMetadata ? "text"
                                    : in_list                  ? "a whole number, 0 or more"
                                    : place_ != Place::kTensor ? "a table"
                                    : key_ == "dtype"          ? "text"
                                                               : "a list";
    const std::string where = key_.empty() ? "" : fmt::format(", `{}`", shown(key_));
    return refuse("`{}`{} is {}, wanted {}", shown(name_), where, got, wanted);
  }

  Place place_ = Place::kStart;
  std::string name_, key_;  ///< key of the root, and the key inside its table
  TensorEntry* entry_ = nullptr;
  bool has_metadata_ = false;
};

/// The header's text, checked for what the JSON reader would let pass.
Result<std::string_view> header_of(ByteSpan bytes, const std::string& name) {
  ByteReader reader(bytes);
  const Result<uint64_t> size = reader.get<uint64_t>();
  if (!size)
    return failure(Fault::kCorrupt, "{}: {} bytes are too few for a safetensors file", name,
                   bytes.size());
  if (*size > kHeaderBytesMax)
    return failure(Fault::kCorrupt,
                   "{}: no safetensors file: a header of {} bytes, at most {} wanted", name, *size,
                   kHeaderBytesMax);
  const Result<ByteSpan> part = reader.take(static_cast<size_t>(*size));
  if (!part)
    return failure(Fault::kCorrupt,
                   "{}: a header of {} bytes in a file of {}; the file is cut short", name, *size,
                   bytes.size());
  const std::string_view header(reinterpret_cast<const char*>(part->data()), part->size());
  if (!header.starts_with('{'))
    return failure(Fault::kCorrupt, "{}: the header does not begin with {{", name);
  // The JSON reader takes a zero byte for the end, and would not look at what follows.
  if (header.find('\0') != std::string_view::npos)
    return failure(Fault::kCorrupt, "{}: the header has a zero byte", name);
  return header;
}

/// The entry as a view of `data`. What is wrong is said without the file's name.
Result<TensorView> view_of(const std::string& name, const TensorEntry& entry, ByteSpan data) {
  const DTypeInfo* info = find_dtype(entry.dtype);
  if (info == nullptr)
    return failure(Fault::kCorrupt, "tensor `{}` has dtype `{}`, wanted one of {}", shown(name),
                   shown(entry.dtype), dtype_names());
  int64_t size = info->bytes;
  for (const uint64_t extent : entry.shape)
    if (extent > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()) ||
        __builtin_mul_overflow(size, static_cast<int64_t>(extent), &size))
      return failure(Fault::kCorrupt, "tensor `{}` has a shape [{}] beyond 64 bits", shown(name),
                     fmt::join(entry.shape, ", "));
  const uint64_t begin = entry.offsets[0], end = entry.offsets[1];
  if (begin > end || end > data.size())
    return failure(Fault::kCorrupt, "tensor `{}` lies at bytes {} to {} of {}", shown(name), begin,
                   end, data.size());
  if (end - begin != static_cast<uint64_t>(size))
    return failure(Fault::kCorrupt, "tensor `{}` has {} bytes, its shape and dtype want {}",
                   shown(name), end - begin, size);
  return TensorView{info->dtype,
                    {entry.shape.begin(), entry.shape.end()},
                    data.subspan(static_cast<size_t>(begin), static_cast<size_t>(size))};
}

/// Whether the tensors, end to end, are the whole data.
Result<void> check_cover(const std::map<std::string, TensorEntry, std::less<>>& tensors,
                         size_t size) {
  std::vector<std::pair<uint64_t, uint64_t>> parts;
  for (const auto& [name, entry] : tensors) parts.emplace_back(entry.offsets[0], entry.offsets[1]);
  std::sort(parts.begin(), parts.end());
  uint64_t reached = 0;
  for (const auto& [begin, end] : parts) {
    if (begin != reached)
      return failure(Fault::kCorrupt, "the data has {} at byte {}",
                     begin > reached ? "a gap" : "an overlap", std::min(begin, reached));
    reached = end;
  }
  if (reached != size)
    return failure(Fault::kCorrupt, "the tensors end at byte {} of {} bytes of data", reached,
                   size);
  return {};
}

template <class Stored, class Convert>
void convert_each(ByteSpan bytes, std::span<float> out, Convert convert) {
  for (size_t i = 0; i < out.size(); ++i) {
    Stored stored;
    std::memcpy(&stored, bytes.data() + i * sizeof(Stored), sizeof(Stored));
    out[i] = convert(stored);
  }
}

/// False if a finite value is beyond float32.
bool convert_doubles(ByteSpan bytes, std::span<float> out) {
  bool fits = true;
  convert_each<double>(bytes, out, [&](double value) {
    const bool beyond = std::isfinite(value) && std::abs(value) > std::numeric_limits<float>::max();
    fits = fits && !beyond;
    return beyond ? 0.0f : static_cast<float>(value);
  });
  return fits;
}

/// IEEE binary16 to binary32, exactly.
float from_half(uint16_t half) {
  const uint32_t sign = static_cast<uint32_t>(half & 0x8000) << 16;
  const uint32_t exponent = (half >> 10) & 0x1f, fraction = half & 0x3ff;
  if (exponent == 0) {
    const float small = static_cast<float>(fraction) * 0x1p-24f;
    return sign != 0 ? -small : small;
  }
  const uint32_t wide = exponent == 0x1f ? 0xff : exponent + 112;
  return std::bit_cast<float>(sign | wide << 23 | fraction << 13);
}

}  // namespace

int64_t TensorView::count() const {
  int64_t count = 1;
  for (const int64_t extent : shape)
    CW_CHECK(extent >= 0 && !__builtin_mul_overflow(count, extent, &count));
  return count;
}

Result<Safetensors> Safetensors::open(const std::string& path) {
  CW_ASSIGN(std::shared_ptr<const MappedFile> file, MappedFile::open(path));
  CW_ASSIGN(Safetensors parsed, parse(file->bytes(), path));
  parsed.file_ = std::move(file);
  return parsed;
}

Result<Safetensors> Safetensors::parse(ByteSpan bytes, const std::string& name) {
  CW_ASSIGN(const std::string_view header, header_of(bytes, name));
  HeaderReader reader;
  if (!nlohmann::json::sax_parse(header.begin(), header.end(), &reader))
    return failure(Fault::kCorrupt, "{}: {}", name, reader.problem);
  const ByteSpan data = bytes.subspan(sizeof(uint64_t) + header.size());
  Safetensors parsed;
  for (const auto& [tensor, entry] : reader.tensors) {
    Result<TensorView> view = view_of(tensor, entry, data);
    if (!view) return failure(Fault::kCorrupt, "{}: {}", name, view.error().message);
    parsed.tensors_.emplace(tensor, std::move(*view));
  }
  if (const auto covered = check_cover(reader.tensors, data.size()); !covered)
    return failure(Fault::kCorrupt, "{}: {}", name, covered.error().message);
  parsed.name_ = name;
  parsed.metadata_ = std::move(reader.metadata);
  return parsed;
}

Result<TensorView> Safetensors::find(std::string_view name) const {
  if (const auto found = tensors_.find(name); found != tensors_.end()) return found->second;
  std::vector<std::string> names;
  for (const auto& [tensor, view] : tensors_) names.push_back(tensor);
  const std::string near = nearest(name, names);
  const std::string hint = near.empty() ? "" : fmt::format("; did you mean `{}`?", shown(near));
  return failure(Fault::kBadInput, "{}: no tensor `{}` among its {}{}", name_, shown(name),
                 names.size(), hint);
}

Result<void> Safetensors::read_floats(std::string_view name, std::span<float> out) const {
  CW_ASSIGN(const TensorView tensor, find(name));
  if (tensor.count() != static_cast<int64_t>(out.size()))
    return failure(Fault::kBadInput, "{}: tensor `{}` is [{}], {} values, wanted {}", name_,
                   shown(name), fmt::join(tensor.shape, ", "), tensor.count(), out.size());
  switch (tensor.dtype) {
    case DType::kF64:
      if (convert_doubles(tensor.bytes, out)) return {};
      return failure(Fault::kBadInput, "{}: tensor `{}` has finite values beyond float32", name_,
                     shown(name));
    case DType::kF32:
      if (!out.empty()) std::memcpy(out.data(), tensor.bytes.data(), out.size_bytes());
      return {};
    case DType::kF16:
      convert_each<uint16_t>(tensor.bytes, out, from_half);
      return {};
    case DType::kBf16:
      convert_each<uint16_t>(tensor.bytes, out, [](uint16_t v) {
        return std::bit_cast<float>(static_cast<uint32_t>(v) << 16);
      });
      return {};
    case DType::kI64:
    case DType::kI32:
    case DType::kU8:
      break;
  }
  return failure(Fault::kBadInput, "{}: tensor `{}` is {}, wanted F64, F32, F16 or BF16", name_,
                 shown(name), dtype_name(tensor.dtype));
}

}  // namespace causeway
