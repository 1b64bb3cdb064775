// Events: what a source says about one alert, and the flat form in which batches of them travel to the shards.
//
// Two forms of the same thing:
//   AlertEvent   owns its text; what the webhook sources and the tests build.
//   EventView    a record in a batch: offsets only, no pointers, so it can lie in memory that processes share.
//
// Record layout (little endian, 8-byte aligned, this machine only, never on disk):
//   EventHeader, then labels, annotations, dedup key and link without gaps, then padding to 8.
//   A repeat (see Form) has CameBytes in their place.
//   Labels and annotations each: a TextLengths per label, then the bytes of name, value, name, value ..., then one zero
//   byte if that is needed to end at an even place.
// Labels are normalised: sorted, unique, none empty. Annotations are sorted and unique, so that a sender that iterates a hash
// map does not seem to change the alert each time. EventBatch::Append guarantees it; readers rely on it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"

#include "model/ids.h"
#include "model/labels.h"
#include "model/name_order.h"
#include "model/severity.h"

namespace tocsin {

enum class EventKind : std::uint8_t {
  kTrigger = 0,
  kAcknowledge = 1,
  kResolve = 2
};
std::string_view Name(EventKind kind);

struct AlertEvent {
  EventKind kind = EventKind::kTrigger;
  Severity severity = Severity::kUnknown;  // kUnknown: the `severity` label decides
  std::string dedup_key;                   // empty: the whole label set is the key
  Labels labels;
  Labels annotations;                   // summary, description, runbook_url ...; empty values are kept
  std::optional<absl::Time> starts_at;  // the sender's clock: shown, never trusted to suppress a page
  std::optional<absl::Time> ends_at;    // <= receipt: resolved; later: the alert's lease
  std::string link;                     // where a person looks: generatorURL and the like
  friend bool operator==(const AlertEvent&, const AlertEvent&) = default;
};

struct EventHeader {
  enum class Form : std::uint8_t {
    kWhole = 0,
    // The sender has said the same of this alert before, as far as it can be told from its bytes: key, content and times are those
    // of then, the text is still in the sender's bytes. Whoever finds the alert firing with this content need not read them.
    kRepeat = 1,
    // As kWhole, but written by somebody who is not believed: who finds the alert firing with this content need not look at the text either,
    // anybody else has to call CheckRecord first.
    kUnchecked = 2
  };
  std::uint32_t size = 0;  // of the whole record, padding included
  EventKind kind = EventKind::kTrigger;
  Severity severity = Severity::kUnknown;
  std::uint8_t label_count = 0;
  std::uint8_t annotation_count = 0;
  AlertKey key;
  std::int64_t starts_at_ns = kAbsent;  // Unix
  std::int64_t ends_at_ns = kAbsent;    // Unix
  std::uint16_t dedup_key_bytes = 0;
  std::uint16_t link_bytes = 0;
  std::uint32_t integration = 0;  // index into the organisation's integrations, see IntegrationIndex
  // With the key it says what the alert says: equal for equal labels, annotations, dedup key, link and severity.
  std::uint64_t content = 0;
  Form form = Form::kWhole;
  std::uint8_t unused[7] = {};
  static constexpr std::int64_t kAbsent = INT64_MIN;
};
static_assert(sizeof(EventHeader) == 64);

// Bytes of a sender that outlive the batch's way to the shard: the Inlet's Done holds what keeps them.
struct CameBytes {
  const char* data = nullptr;
  std::uint64_t size = 0;
  const Labels* labels = nullptr;  // of its integration
};

struct TextLengths {
  std::uint16_t name = 0;
  std::uint16_t value = 0;
};

// A record, read in place. Valid as long as the memory it lies in. Trivially copyable.
class EventView {
 public:
  explicit EventView(const std::byte* record) : record_(record) {}
  const EventHeader& header() const { return *static_cast<const EventHeader*>(static_cast<const void*>(record_)); }
  // Fills `out` with views of the labels (annotations); returns the filled part. Capacity limits::kLabelsPerAlert.
  std::span<const LabelView> labels(std::span<LabelView> out) const;
  std::span<const LabelView> annotations(std::span<LabelView> out) const;
  std::string_view dedup_key() const;
  std::string_view link() const;
  // Labels and annotations as they lie: lengths and text. Equal bytes mean equal labels, and the other way round.
  std::span<const std::byte> label_bytes() const;
  std::span<const std::byte> annotation_bytes() const;
  // Labels, annotations, dedup key and link as they lie: with equal counts and lengths in the header, equal bytes mean
  // equal text, and the other way round.
  std::span<const std::byte> text_bytes() const;
  AlertEvent ToEvent() const;
  // Of a repeat; nothing above but the header may be asked of one.
  CameBytes came() const {
    return *static_cast<const CameBytes*>(static_cast<const void*>(record_ + sizeof(EventHeader)));
  }

 private:
  const std::byte* record_;
};

// Names an integration in records by a number that stays the same as long as the name does (it is journalled).
using IntegrationIndex = std::uint32_t;

// The key of an alert: `scope` is the integration's hash scope, `dedup_key` empty means the label set.
// Deterministic for a store's `seed`; labels must be normalised.
AlertKey KeyOf(std::uint64_t seed,
               IntegrationIndex integration,
               std::string_view dedup_key,
               std::span<const LabelView> labels);

// OK: `bytes`, aligned to 8, begin with a record as EventBatch::Append makes them for `seed`, and may be viewed and applied. For
// records that somebody else has written, who may mean harm; they must not change any more.
absl::Status CheckRecord(std::span<const std::byte> bytes, std::uint64_t seed);

// A growing buffer of records; reuse it to stay free of allocation. One thread.
class EventBatch {
 public:
  EventBatch(std::uint64_t seed, IntegrationIndex integration) : seed_(seed), integration_(integration) {}

  // Appends one event; of equal names the last counts. Checks every limit of base/limits.h and UTF-8; on an error nothing was appended and the message
  // names the field: `labels: name "a-b...": value has 5000 bytes, at most 4096`.
  absl::Status Append(const AlertEvent& event);
  // The same from views, which are reordered in place. No allocation once the buffer has grown and the names are known.
  absl::Status Append(const EventHeader& prototype,
                      std::span<LabelView> labels,
                      std::span<LabelView> annotations,
                      std::string_view dedup_key,
                      std::string_view link);

  static constexpr std::size_t kEasyBytes = 4096;
  // The same at a fraction of the cost, of texts that are put in one at a time in any order: for nearly every alert, whose names are
  // known, whose labels are not empty, and of which nothing is long. False, and nothing appended: Append knows what is wrong, or comes
  // to know the names. After the start of each block (NameOrder::kBlock) of a value a whole block can be read.
  void BeginTexts() {
    label_order_.Begin();
    annotation_order_.Begin();
  }
  bool PutText(bool is_label, const LabelView& text) {
    if (text.value.size() > kEasyBytes || (is_label && text.value.empty())) return false;
    return (is_label ? label_order_ : annotation_order_).Put(text);
  }
  // The same of a name of at most NameOrder::kBlock bytes and a value that is neither empty nor longer than kEasyBytes.
  [[gnu::always_inline]] bool PutShort(bool is_label, const char* name, std::size_t name_size, std::string_view value) {
    return (is_label ? label_order_ : annotation_order_).PutShort(name, name_size, value);
  }
  bool HasLabel(std::string_view name) const { return label_order_.Has(name); }
  struct TextsSize {
    std::size_t bytes = 0;  // of all names and values that were put, at most
    bool are_utf8 = false;  // that all is, dedup key and link too, is known; else it is looked at
  };
  bool AppendTexts(const EventHeader& prototype,
                   std::string_view dedup_key,
                   std::string_view link,
                   const TextsSize& texts);

  // A repeat: `header` with key, content and times of an event that was appended for the same bytes.
  void AppendRepeat(const EventHeader& header, const CameBytes& came) {
    constexpr std::size_t kSize = sizeof(EventHeader) + sizeof(CameBytes);
    static_assert(kSize % alignof(EventHeader) == 0);
    std::byte* const to = Reserve(kSize);
    auto* const record = new (to) EventHeader(header);
    record->size = kSize;
    record->form = EventHeader::Form::kRepeat;
    record->integration = integration_;
    new (to + sizeof(EventHeader)) CameBytes(came);
    offsets_.push_back(static_cast<std::uint32_t>(used_));
    used_ += kSize;
  }

  void Clear(IntegrationIndex integration);
  std::size_t count() const { return offsets_.size(); }
  bool empty() const { return offsets_.empty(); }
  std::span<const std::byte> bytes() const { return {buffer_.get(), used_}; }
  EventView at(std::size_t i) const { return EventView(buffer_.get() + offsets_[i]); }
  IntegrationIndex integration() const { return integration_; }
  std::uint64_t seed() const { return seed_; }

 private:
  // Room for `size` bytes after what is used; stays unused until the caller says so.
  std::byte* Reserve(std::size_t size) { return capacity_ - used_ >= size ? buffer_.get() + used_ : Grow(size); }
  std::byte* Grow(std::size_t size);
  // A record whose labels and annotations are written already.
  struct Sections {
    std::byte* record;
    std::byte* annotations;
    std::byte* end;
    std::size_t label_count;
    std::size_t annotation_count;
  };
  void Finish(const Sections& sections,
              const EventHeader& prototype,
              std::string_view dedup_key,
              std::string_view link);

  std::uint64_t seed_;
  IntegrationIndex integration_;
  NameOrder label_order_;
  NameOrder annotation_order_;
  std::unique_ptr<std::byte[]> buffer_;
  std::size_t used_ = 0;
  std::size_t capacity_ = 0;
  std::vector<std::uint32_t> offsets_;
};

}  // namespace tocsin
