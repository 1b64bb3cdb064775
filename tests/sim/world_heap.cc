// The heap of simulate_model: a world lives in one thread and makes and ends millions of small things, a fifth of all that
// it did with the C library's heap. Blocks are kept by size for each thread and never given back; what is large goes to the C library. Not in
// what a sanitizer watches, which has a heap of its own.
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

namespace {

constexpr std::size_t kUnit = 16;
constexpr std::size_t kLargest = 4096;  // of what is kept
constexpr std::size_t kClasses = kLargest / kUnit + 1;
constexpr std::size_t kPieceBytes = 256 << 10;  // that the C library is asked for at once

// Stands before each block. Free ones of a class are a list.
struct alignas(kUnit) Head {
  std::size_t size_class = 0;  // in units; 0: the C library's
  Head* next = nullptr;
};
static_assert(sizeof(Head) == kUnit);

struct Heap {
  std::array<Head*, kClasses> free;
  std::byte* piece;  // what is left of it
  std::size_t left;
};
constinit thread_local Heap heap = {};  // NOLINT: zero, and without a destructor that could come before a last delete

Head* FromLibrary(std::size_t bytes) {
  void* const memory = std::malloc(bytes);
  if (memory == nullptr) std::abort();  // no world is so large
  return static_cast<Head*>(memory);
}

// The slow ones are functions of their own, so that the usual way saves no registers.
[[gnu::noinline]] void* Large(std::size_t size) {
  Head* const head = new (FromLibrary(sizeof(Head) + size)) Head();
  return head + 1;
}

[[gnu::noinline]] void* Cut(std::size_t size_class) {
  const std::size_t bytes = sizeof(Head) + size_class * kUnit;
  if (heap.left < bytes) {
    heap.piece = reinterpret_cast<std::byte*>(FromLibrary(kPieceBytes));
    heap.left = kPieceBytes;
  }
  Head* const head = new (heap.piece) Head{size_class, nullptr};
  heap.piece += bytes;
  heap.left -= bytes;
  return head + 1;
}

}  // namespace

void* operator new(std::size_t size) {
  if (size > kLargest) return Large(size);
  const std::size_t size_class = size == 0 ? 1 : (size + kUnit - 1) / kUnit;
  Head* const head = heap.free[size_class];
  if (head == nullptr) return Cut(size_class);
  heap.free[size_class] = head->next;
  return head + 1;
}

void operator delete(void* block) noexcept {
  if (block == nullptr) return;
  Head* const head = static_cast<Head*>(block) - 1;
  if (head->size_class == 0) return std::free(head);
  head->next = heap.free[head->size_class];
  heap.free[head->size_class] = head;
}

void operator delete(void* block, std::size_t /*size*/) noexcept {
  ::operator delete(block);
}

#endif
