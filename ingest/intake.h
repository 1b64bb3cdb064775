// Where the alerts of one message go on their way into a batch: the integration's labels are added, what must be bounded is bounded,
// what cannot be taken is listed with its reason. One per message or reused by Begin; one thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"

#include "ingest/label_list.h"
#include "model/event.h"
#include "model/inlet.h"
#include "model/organisation.h"

namespace tocsin {

// An alert of a message that did not become an event.
struct Refused {
  enum class Kind : std::uint8_t {
    kRejected,  // not well formed
    kIgnored,   // well formed, but it says nothing about an alert's state
  };
  std::uint32_t index = 0;  // in the message
  std::string reason;
  Kind kind = Kind::kRejected;
  friend bool operator==(const Refused&, const Refused&) = default;
};

class Intake {
 public:
  enum class Manner : std::uint8_t {
    kStrict,  // what is too long is rejected: the sender reads our answer
    kLenient,  // texts for people are cut, long keys hashed, labels that are too many or too long become annotations: better a
               // shortened page than none
  };

  explicit Intake(std::uint64_t key_seed) : batch_(key_seed, 0) {}

  // Empties everything. `labels` are added to events that lack them; they must outlive the use of this.
  void Begin(IntegrationIndex integration, const Labels* labels, absl::Time received, Manner manner);

  // Empties everything, and gives up what a large message has taken: whoever keeps this may never see another one.
  void Rest();

  // The message's next alert, from views; `labels` and `annotations` are scratch space that is reordered and extended. An
  // event whose end is not in the future is a resolve, whatever it calls itself.
  void Add(EventHeader prototype,
           LabelList& labels,
           LabelList& annotations,
           std::string_view dedup_key,
           std::string_view link);
  void Add(const AlertEvent& event);
  // The same far cheaper, of texts that are put in one at a time, see EventBatch::BeginTexts. False: it must go through Add, nothing
  // has come of it.
  void BeginTexts() { batch_.BeginTexts(); }
  bool PutText(bool is_label, const LabelView& text) { return batch_.PutText(is_label, text); }
  [[gnu::always_inline]] bool PutShort(bool is_label, const char* name, std::size_t name_size, std::string_view value) {
    return batch_.PutShort(is_label, name, name_size, value);
  }
  bool AddTexts(EventHeader& prototype, std::string_view dedup_key, std::string_view link, EventBatch::TextsSize texts);
  // The message's next alert, of which Add has made `header` before (model/event.h, Form::kRepeat).
  void AddRepeat(const EventHeader& header, std::string_view came) {
    batch_.AppendRepeat(header, {came.data(), came.size(), labels_});
    ++seen_;
  }
  // The message's next alert cannot be taken.
  void Refuse(std::string reason, Refused::Kind kind = Refused::Kind::kRejected);

  const EventBatch& batch() const { return batch_; }
  absl::Time received() const { return received_; }
  const std::vector<Refused>& refused() const { return refused_; }
  std::uint32_t seen() const { return seen_; }
  std::size_t rejected() const;

  // One outcome for each of the `seen` alerts of a message, in order: what the receipt says of the accepted ones, kRejected for
  // the others. Static, because the answer comes when the Intake has long begun something else.
  static std::vector<Outcome> Merge(const Receipt& receipt, const std::vector<Refused>& refused, std::uint32_t seen);

 private:
  void ResolveWhatIsOver(EventHeader& prototype) const {
    if (prototype.ends_at_ns == EventHeader::kAbsent || prototype.kind != EventKind::kTrigger) return;
    if (prototype.ends_at_ns <= absl::ToUnixNanos(received_)) prototype.kind = EventKind::kResolve;
  }
  void MakePuttable(const Labels& labels);
  std::string FitLabels(LabelList& labels, LabelList& annotations);
  void TrimAnnotations(LabelList& annotations, std::size_t other_bytes);

  EventBatch batch_;
  NameOrder label_order_;  // of those that must be cut
  NameOrder annotation_order_;
  const Labels* labels_ = nullptr;
  std::vector<LabelView> puttable_labels_;  // the same, in puttable_text_
  std::string puttable_text_;
  bool labels_are_puttable_ = true;  // they are UTF-8, and nothing need be cut
  absl::Time received_;
  Manner manner_ = Manner::kStrict;
  std::uint32_t seen_ = 0;
  std::vector<Refused> refused_;
  LabelList label_scratch_;
  LabelList annotation_scratch_;
};

}  // namespace tocsin
