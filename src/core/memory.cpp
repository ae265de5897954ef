// SPDX-License-Identifier: Apache-2.0
#include "core/memory.h"

#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <fstream>

#if defined(__x86_64__)
#include <emmintrin.h>
#endif
#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace causeway {
namespace {

constexpr size_t kLine = 64;

#if defined(__x86_64__)
void stream_line(const std::byte* from, std::byte* to) {
  for (size_t i = 0; i < kLine; i += sizeof(__m128i))
    _mm_stream_si128(reinterpret_cast<__m128i*>(to + i),
                     _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + i)));
}
#endif

}  // namespace

PastCache::~PastCache() {
#if defined(__x86_64__)
  if (copied_) _mm_sfence();
#endif
}

void PastCache::copy(ByteSpan from, std::byte* to) {
  if (from.empty()) return;
  copied_ = true;
#if defined(__x86_64__)
  const size_t before = (kLine - reinterpret_cast<uintptr_t>(to) % kLine) % kLine;
  const size_t head = std::min(from.size(), before);
  std::memcpy(to, from.data(), head);
  from = from.subspan(head);
  to += head;
  for (; from.size() >= kLine; from = from.subspan(kLine), to += kLine)
    stream_line(from.data(), to);
  if (from.empty()) return;
#endif
  std::memcpy(to, from.data(), from.size());
}

void want_large_pages([[maybe_unused]] void* data, [[maybe_unused]] size_t size) {
#if defined(__linux__)
  constexpr size_t kPage = 4096;
  const size_t before = (kPage - reinterpret_cast<uintptr_t>(data) % kPage) % kPage;
  if (size < before + kPage) return;
  madvise(static_cast<std::byte*>(data) + before, (size - before) / kPage * kPage, MADV_HUGEPAGE);
#endif
}

int64_t resident_memory_bytes() {
  std::ifstream statm("/proc/self/statm");
  int64_t pages = 0, resident = 0;
  statm >> pages >> resident;
  return resident * ::sysconf(_SC_PAGESIZE);
}

}  // namespace causeway
