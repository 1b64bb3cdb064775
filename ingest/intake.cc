#include "ingest/intake.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

#include "base/hash.h"
#include "base/limits.h"
#include "base/status.h"
#include "base/strings.h"
#include "ingest/timestamps.h"

namespace tocsin {
namespace {

constexpr std::size_t kKeptBytes = 512 * 1024;  // of a batch: that of a thousand alerts is reused
constexpr std::size_t kDetailedReasons = 100;   // more would only make the answer too large
constexpr std::size_t kKeptKeyBytes = 900;      // of a dedup key that is too long; a hash of all of it follows
constexpr std::size_t kLabelBytes = 32 * 1024;  // of all labels of an alert: as much is left for its annotations
constexpr std::size_t kOverheadBytes = sizeof(EventHeader) + sizeof(TextLengths) * 2 * limits::kLabelsPerAlert + 64;

std::size_t BytesOf(std::span<const LabelView> texts) {
  std::size_t bytes = 0;
  for (const LabelView& text : texts)
    bytes += text.name.size() + text.value.size();
  return bytes;
}

bool Fits(const LabelView& label) {
  return !label.name.empty() && label.name.size() <= limits::kLabelNameBytes &&
         label.value.size() <= limits::kLabelValueBytes;
}

// Which label set it is, whatever becomes of its labels.
std::string IdentityOf(std::span<const LabelView> labels) {
  std::string all;
  for (const LabelView& label : labels) {
    if (!label.value.empty())
      absl::StrAppend(&all, label.name.size(), ":", ToAbsl(label.name), label.value.size(), ":", ToAbsl(label.value));
  }
  const Hash128 hash = HashTo128(all);
  return absl::StrFormat("labels#%016x%016x", hash.high, hash.low);
}

}  // namespace

void Intake::Begin(IntegrationIndex integration, const Labels* labels, absl::Time received, Manner manner) {
  batch_.Clear(integration);
  labels_ = labels;
  received_ = received;
  manner_ = manner;
  seen_ = 0;
  refused_.clear();
  labels_are_puttable_ = manner == Manner::kStrict;
  puttable_labels_.clear();
  if (labels_ != nullptr && labels_are_puttable_) MakePuttable(*labels_);
}

// Copies them to where whole blocks can be read.
void Intake::MakePuttable(const Labels& labels) {
  std::size_t bytes = NameOrder::kBlock;
  for (const Label& label : labels) {
    labels_are_puttable_ = labels_are_puttable_ && IsValidUtf8(label.value);
    bytes += label.name.size() + label.value.size();
  }
  puttable_text_.clear();
  puttable_text_.reserve(bytes);  // so that it stays where it is
  const auto copy = [this](const std::string& text) {
    puttable_text_ += text;
    return std::string_view(puttable_text_).substr(puttable_text_.size() - text.size());
  };
  for (const Label& label : labels) {
    const std::string_view name = copy(label.name);
    puttable_labels_.push_back({name, copy(label.value)});
  }
  puttable_text_.resize(bytes);
}

void Intake::Rest() {
  if (batch_.bytes().size() > kKeptBytes) batch_ = EventBatch(batch_.seed(), batch_.integration());
  if (refused_.size() > kDetailedReasons) std::vector<Refused>().swap(refused_);
  Begin(batch_.integration(), nullptr, received_, manner_);
}

void Intake::Refuse(std::string reason, Refused::Kind kind) {
  if (refused_.size() >= kDetailedReasons) reason = "as others before it";
  refused_.push_back({seen_++, std::move(reason), kind});
}

std::size_t Intake::rejected() const {
  return static_cast<std::size_t>(std::ranges::count(refused_, Refused::Kind::kRejected, &Refused::kind));
}

// Makes annotations of the labels that do not fit. Returns the identity of the whole set, since what is left of two may be the same; ""
// when all fit. In the order of the names, so that nothing depends on the order in which they came; an integration's own labels and
// the alert's name stay.
std::string Intake::FitLabels(LabelList& labels, LabelList& annotations) {
  if (labels.size() <= limits::kLabelsPerAlert && BytesOf(labels.all()) <= kLabelBytes &&
      std::ranges::all_of(labels.all(), Fits)) {
    return {};
  }
  const std::span<LabelView> sorted = label_order_.Sort(labels.all());
  std::string identity = IdentityOf(sorted);
  const auto stays = [&](const LabelView& label) {
    return label.name == "alertname" ||
           (labels_ != nullptr && std::ranges::find(*labels_, label.name, &Label::name) != labels_->end());
  };
  std::ranges::stable_partition(sorted, stays);
  std::size_t kept = 0;
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    const LabelView label = sorted[i];
    const std::size_t size = label.name.size() + label.value.size();
    if (kept < limits::kLabelsPerAlert && Fits(label) && bytes + size <= kLabelBytes) {
      bytes += size;
      sorted[kept++] = label;
    } else {
      annotations.Add(label);
    }
  }
  labels.Keep(kept);
  return identity;
}

void Intake::TrimAnnotations(LabelList& annotations, std::size_t other_bytes) {
  std::size_t left = limits::kEventBytes - std::min(limits::kEventBytes, other_bytes + kOverheadBytes);
  const auto fits = [](const LabelView& annotation) {
    return !annotation.name.empty() && annotation.name.size() <= limits::kLabelNameBytes &&
           annotation.value.size() <= limits::kAnnotationBytes;
  };
  if (annotations.size() <= limits::kAnnotationsPerAlert && BytesOf(annotations.all()) <= left &&
      std::ranges::all_of(annotations.all(), fits)) {
    return;
  }
  // In the order of the names, so that what is cut does not depend on the order in which they came.
  annotations.Keep(std::min(annotation_order_.Sort(annotations.all()).size(), limits::kAnnotationsPerAlert));
  for (LabelView& annotation : annotations.all()) {
    annotation.name = TruncateUtf8(annotation.name, std::min(left, limits::kLabelNameBytes));
    left -= annotation.name.size();
    annotation.value = TruncateUtf8(annotation.value, std::min(left, limits::kAnnotationBytes));
    left -= annotation.value.size();
  }
  const auto nameless = std::ranges::remove_if(annotations.all(), [](const LabelView& a) { return a.name.empty(); });
  annotations.Keep(annotations.size() - nameless.size());
}

void Intake::Add(EventHeader prototype,
                 LabelList& labels,
                 LabelList& annotations,
                 std::string_view dedup_key,
                 std::string_view link) {
  if (labels_ != nullptr) {
    for (const Label& extra : *labels_) {
      const std::span<LabelView> all = labels.all();
      const auto last = std::ranges::find(all.rbegin(), all.rend(), extra.name, &LabelView::name);
      if (last == all.rend() || last->value.empty()) labels.Add({extra.name, extra.value});
    }
  }
  std::string short_key;
  std::string identity;
  if (manner_ == Manner::kLenient) {
    identity = FitLabels(labels, annotations);
    if (dedup_key.empty()) dedup_key = identity;
    if (link.size() > limits::kLabelValueBytes) link = {};
    if (dedup_key.size() > limits::kDedupKeyBytes) {
      const Hash128 hash = HashTo128(dedup_key);
      short_key = absl::StrFormat("%s#%016x%016x", TruncateUtf8(dedup_key, kKeptKeyBytes), hash.high, hash.low);
      dedup_key = short_key;
    }
    TrimAnnotations(annotations, BytesOf(labels.all()) + dedup_key.size() + link.size());
  }
  ResolveWhatIsOver(prototype);
  const absl::Status appended = batch_.Append(prototype, labels.all(), annotations.all(), dedup_key, link);
  if (!appended.ok()) {
    Refuse(Message(appended));
    return;
  }
  ++seen_;
}

bool Intake::AddTexts(EventHeader& prototype,
                      std::string_view dedup_key,
                      std::string_view link,
                      EventBatch::TextsSize texts) {
  if (!labels_are_puttable_) return false;
  for (const LabelView& extra : puttable_labels_) {
    if (!batch_.HasLabel(extra.name) && !batch_.PutText(/*is_label=*/true, extra)) return false;
    texts.bytes += extra.name.size() + extra.value.size();
  }
  ResolveWhatIsOver(prototype);
  if (!batch_.AppendTexts(prototype, dedup_key, link, texts)) return false;
  ++seen_;
  return true;
}

void Intake::Add(const AlertEvent& event) {
  const auto view = [](const Labels& from, LabelList& to) {
    to.Clear();
    for (const Label& label : from)
      to.Add({label.name, label.value});
  };
  view(event.labels, label_scratch_);
  view(event.annotations, annotation_scratch_);
  EventHeader prototype;
  prototype.kind = event.kind;
  prototype.severity = event.severity;
  if (event.starts_at) prototype.starts_at_ns = ToEventNs(*event.starts_at);
  if (event.ends_at) prototype.ends_at_ns = ToEventNs(*event.ends_at);
  Add(prototype, label_scratch_, annotation_scratch_, event.dedup_key, event.link);
}

std::vector<Outcome> Intake::Merge(const Receipt& receipt, const std::vector<Refused>& refused, std::uint32_t seen) {
  std::vector<Outcome> outcomes(seen, Outcome::kRejected);
  auto next_refused = refused.begin();
  auto next_accepted = receipt.outcomes.begin();
  for (std::uint32_t i = 0; i < seen; ++i) {
    if (next_refused != refused.end() && next_refused->index == i) {
      ++next_refused;
    } else if (next_accepted != receipt.outcomes.end()) {
      outcomes[i] = *next_accepted++;
    }
  }
  return outcomes;
}

}  // namespace tocsin
