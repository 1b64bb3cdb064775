// Tells ThreadSanitizer of an order that it cannot see, because what makes it is not instrumented: gRPC calls the methods of
// one reactor one after the other, by locks of its own. Nothing in other builds.
#pragma once

#include <cstddef>  // in a build for it, makes libstdc++ say so

#ifdef _GLIBCXX_TSAN
extern "C" void __tsan_acquire(void* address);
extern "C" void __tsan_release(void* address);
#endif

namespace tocsin {

// While one lives, the thread has what those before it with the same address left.
class [[maybe_unused]] OrderedByGrpc {
 public:
#ifdef _GLIBCXX_TSAN
  explicit OrderedByGrpc(void* reactor) : reactor_(reactor) {
    __tsan_acquire(reactor_);
  }
  ~OrderedByGrpc() {
    __tsan_release(reactor_);
  }
#else
  explicit OrderedByGrpc(void* /*reactor*/) {}
#endif
  OrderedByGrpc(const OrderedByGrpc&) = delete;
  OrderedByGrpc& operator=(const OrderedByGrpc&) = delete;

#ifdef _GLIBCXX_TSAN
 private:
  void* reactor_;
#endif
};

}  // namespace tocsin
