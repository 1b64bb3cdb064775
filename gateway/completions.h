// What became of what a gateway has published, on its way back: records in the order of the journal, in a ring of bytes. One writer,
// the engine's committer, which never waits: what has no room is dropped. One reader, a thread of the gateway.
//
//   record   CompletionHead, then the outcomes of the part's events (a byte each) where they were asked for, padded to 8
//
// Pair: Flush's release store of completions_written with Read's acquire load (the records are seen). The reader's count is only a hint
// to the writer, which believes it as far as it is possible.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/limits.h"
#include "gateway/memory.h"
#include "model/inlet.h"

namespace tocsin {

struct CompletionHead {
  std::uint64_t sequence = 0;  // the journal entry; 0: the part was not taken, its sender is to come again
  std::uint32_t submission = 0;
  std::uint16_t shard = 0;  // whose part it was
  std::uint16_t outcomes = 0;
};
static_assert(sizeof(CompletionHead) == 16);
static_assert(limits::kEventsPerBatch <= UINT16_MAX, "as many outcomes as events");

class CompletionWriter {
 public:
  explicit CompletionWriter(const GatewayMemory& memory) : control_(memory.control()), bytes_(memory.completions()) {}
  // False: there is no room, or the reader has counted what cannot be.
  bool Write(const CompletionHead& head, std::span<const Outcome> outcomes);
  // Shows the reader what was written, and wakes it.
  void Flush();

 private:
  void Copy(const void* from, std::size_t size);

  GatewayControl& control_;
  const std::span<std::byte> bytes_;
  std::uint64_t written_ = 0;
  std::uint64_t flushed_ = 0;
};

class CompletionReader {
 public:
  explicit CompletionReader(const GatewayMemory& memory) : control_(memory.control()), bytes_(memory.completions()) {}
  // False: nothing is there.
  bool Read(CompletionHead& head, std::vector<Outcome>& outcomes);

 private:
  void Copy(void* to, std::size_t size);

  GatewayControl& control_;
  const std::span<const std::byte> bytes_;
  std::uint64_t written_ = 0;  // as last seen
  std::uint64_t read_ = 0;
};

}  // namespace tocsin
