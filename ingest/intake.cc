#include "ingest/intake.h"

#include <algorithm>

#include "absl/strings/str_format.h"

#include "base/hash.h"
#include "base/limits.h"
#include "base/status.h"
#include "base/strings.h"
#include "ingest/timestamps.h"
#include "model/label_order.h"

namespace tocsin {
namespace {

constexpr std::size_t kDetailedReasons = 100;  // more would only make the answer too large
constexpr std::size_t kKeptKeyBytes = 900;     // of a dedup key that is too long; a hash of all of it follows
constexpr std::size_t kOverheadBytes = sizeof(EventHeader) + sizeof(TextLengths) * 2 * limits::kLabelsPerAlert + 64;

std::size_t BytesOf(const std::vector<LabelView>& texts) {
  std::size_t bytes = 0;
  for (const LabelView& text : texts)
    bytes += text.name.size() + text.value.size();
  return bytes;
}

}  // namespace

void KeepLastOfEqualNames(std::vector<LabelView>& texts) {
  constexpr std::size_t kFew = 32;
  if (texts.size() > kFew) {
    std::ranges::stable_sort(texts, {}, &LabelView::name);
  } else {
    InsertionSortByName(texts);
  }
  std::size_t kept = 0;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const bool superseded = i + 1 < texts.size() && texts[i + 1].name == texts[i].name;
    if (!superseded) texts[kept++] = texts[i];
  }
  texts.resize(kept);
}

void Intake::Begin(IntegrationIndex integration, const Labels* labels, absl::Time received, Manner manner) {
  batch_.Clear(integration);
  labels_ = labels;
  received_ = received;
  manner_ = manner;
  seen_ = 0;
  refused_.clear();
}

void Intake::Refuse(std::string reason, Refused::Kind kind) {
  if (refused_.size() >= kDetailedReasons) reason = "as others before it";
  refused_.push_back({seen_++, std::move(reason), kind});
}

std::size_t Intake::rejected() const {
  return static_cast<std::size_t>(std::ranges::count(refused_, Refused::Kind::kRejected, &Refused::kind));
}

void Intake::TrimAnnotations(std::vector<LabelView>& annotations, std::size_t other_bytes) {
  if (annotations.size() > limits::kAnnotationsPerAlert) annotations.resize(limits::kAnnotationsPerAlert);
  std::size_t left = limits::kEventBytes - std::min(limits::kEventBytes, other_bytes + kOverheadBytes);
  for (LabelView& annotation : annotations) {
    annotation.name = TruncateUtf8(annotation.name, std::min(left, limits::kLabelNameBytes));
    left -= annotation.name.size();
    annotation.value = TruncateUtf8(annotation.value, std::min(left, limits::kAnnotationBytes));
    left -= annotation.value.size();
  }
  std::erase_if(annotations, [](const LabelView& annotation) { return annotation.name.empty(); });
  KeepLastOfEqualNames(annotations);  // cut names may have become equal
}

void Intake::Add(EventHeader prototype,
                 std::vector<LabelView>& labels,
                 std::vector<LabelView>& annotations,
                 std::string_view dedup_key,
                 std::string_view link) {
  if (labels_ != nullptr) {
    for (const Label& extra : *labels_) {
      const bool has = std::ranges::any_of(
          labels, [&](const LabelView& label) { return label.name == extra.name && !label.value.empty(); });
      if (!has) labels.push_back({extra.name, extra.value});
    }
  }
  KeepLastOfEqualNames(annotations);
  std::string short_key;
  if (manner_ == Manner::kLenient) {
    if (link.size() > limits::kLabelValueBytes) link = {};
    if (dedup_key.size() > limits::kDedupKeyBytes) {
      const Hash128 hash = HashTo128(dedup_key);
      short_key = absl::StrFormat("%s#%016x%016x", TruncateUtf8(dedup_key, kKeptKeyBytes), hash.high, hash.low);
      dedup_key = short_key;
    }
    TrimAnnotations(annotations, BytesOf(labels) + dedup_key.size() + link.size());
  }
  if (prototype.kind == EventKind::kTrigger && prototype.ends_at_ns != EventHeader::kAbsent &&
      prototype.ends_at_ns <= absl::ToUnixNanos(received_)) {
    prototype.kind = EventKind::kResolve;
  }
  const absl::Status appended = batch_.Append(prototype, labels, annotations, dedup_key, link);
  if (!appended.ok()) {
    Refuse(Message(appended));
    return;
  }
  ++seen_;
}

void Intake::Add(const AlertEvent& event) {
  const auto view = [](const Labels& from, std::vector<LabelView>& to) {
    to.clear();
    for (const Label& label : from)
      to.push_back({label.name, label.value});
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
