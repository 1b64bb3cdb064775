#include "model/event.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/limits.h"
#include "base/status.h"
#include "base/strings.h"
#include "model/label_order.h"

namespace tocsin {
namespace {

constexpr std::size_t kAlignment = 8;

std::size_t Aligned(std::size_t size) {
  return (size + kAlignment - 1) & ~(kAlignment - 1);
}

static_assert(alignof(TextLengths) == 2);
std::size_t Even(std::size_t size) {
  return (size + 1) & ~std::size_t{1};
}

// The labels or the annotations of a record, where they lie.
struct Section {
  const std::byte* start;
  std::size_t count;

  const TextLengths* lengths() const { return static_cast<const TextLengths*>(static_cast<const void*>(start)); }
  const char* text() const { return reinterpret_cast<const char*>(start + count * sizeof(TextLengths)); }
  std::size_t bytes() const {
    std::size_t size = count * sizeof(TextLengths);
    for (std::size_t i = 0; i < count; ++i)
      size += std::size_t{lengths()[i].name} + lengths()[i].value;
    return size;
  }
  const std::byte* end() const { return start + Even(bytes()); }
};

Section LabelsOf(const std::byte* record, const EventHeader& header) {
  return {record + sizeof(EventHeader), header.label_count};
}
Section AnnotationsOf(const std::byte* record, const EventHeader& header) {
  return {LabelsOf(record, header).end(), header.annotation_count};
}

std::span<const LabelView> ReadTexts(const Section& section, std::span<LabelView> out) {
  const char* text = section.text();
  for (std::size_t i = 0; i < section.count; ++i) {
    const TextLengths lengths = section.lengths()[i];
    out[i].name = {text, lengths.name};
    text += lengths.name;
    out[i].value = {text, lengths.value};
    text += lengths.value;
  }
  return out.first(section.count);
}

absl::Status CheckText(std::string_view what, const LabelView& text, std::size_t value_limit) {
  if (text.name.empty()) return Invalid("%s: a name is empty", what);
  if (text.name.size() > limits::kLabelNameBytes) {
    return Invalid("%s: name %s... has %d bytes, at most %d", what, JsonQuote(TruncateUtf8(text.name, 32)),
                   text.name.size(), limits::kLabelNameBytes);
  }
  if (text.value.size() > value_limit) {
    return Invalid("%s: %s has %d bytes, at most %d", what, JsonQuote(text.name), text.value.size(), value_limit);
  }
  return absl::OkStatus();
}

absl::Status CheckUtf8(std::string_view what, std::span<const LabelView> texts) {
  for (const LabelView& text : texts) {
    if (!IsValidUtf8(text.name)) return Invalid("%s: name %s is not UTF-8", what, JsonQuote(text.name));
    if (!IsValidUtf8(text.value)) return Invalid("%s: value of %s is not UTF-8", what, JsonQuote(text.name));
  }
  return absl::OkStatus();
}

absl::Status CheckTexts(std::string_view what,
                        std::span<const LabelView> texts,
                        std::size_t count_limit,
                        std::size_t value_limit) {
  if (texts.size() > count_limit) return Invalid("%s: %d of them, at most %d", what, texts.size(), count_limit);
  for (const LabelView& text : texts)
    TOCSIN_TRY(CheckText(what, text, value_limit));
  return absl::OkStatus();
}

// Whether no byte has its high bit set, and so all is UTF-8. Most texts are short: words are read where there are eight bytes,
// overlapping at the end, and one test is made for all of them.
std::uint64_t HighBits(std::string_view text) {
  std::uint64_t bits = 0;
  const char* at = text.data();
  std::size_t left = text.size();
  std::uint64_t word = 0;
  for (; left >= 8; left -= 8, at += 8) {
    std::memcpy(&word, at, 8);
    bits |= word;
  }
  if (left >= 4) {
    std::uint32_t half = 0;
    std::memcpy(&half, at, 4);
    bits |= half;
    at += 4;
    left -= 4;
  }
  for (; left > 0; --left, ++at)
    bits |= static_cast<unsigned char>(*at);
  return bits;
}

bool AreAscii(std::span<const LabelView> texts) {
  std::uint64_t bits = 0;
  for (const LabelView& text : texts)
    bits |= HighBits(text.name) | HighBits(text.value);
  return (bits & 0x8080'8080'8080'8080) == 0;
}

// Sorted by name, the last of equal names kept, empty values dropped; in place, without allocation.
std::span<LabelView> NormaliseInPlace(std::span<LabelView> labels) {
  InsertionSortByName(labels);
  std::size_t kept = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const bool superseded = i + 1 < labels.size() && labels[i + 1].name == labels[i].name;
    if (!superseded && !labels[i].value.empty()) labels[kept++] = labels[i];
  }
  return labels.first(kept);
}

std::byte* Write(std::byte* to, std::string_view text) {
  if (!text.empty()) std::memcpy(to, text.data(), text.size());
  return to + text.size();
}

std::size_t SectionBytes(std::span<const LabelView> texts) {
  std::size_t size = texts.size() * sizeof(TextLengths);
  for (const LabelView& text : texts)
    size += text.name.size() + text.value.size();
  return Even(size);
}

// `to` holds zeros.
std::byte* WriteSection(std::byte* to, std::span<const LabelView> texts) {
  std::byte* const end = to + SectionBytes(texts);
  for (const LabelView& text : texts) {
    const TextLengths lengths{static_cast<std::uint16_t>(text.name.size()),
                              static_cast<std::uint16_t>(text.value.size())};
    std::memcpy(to, &lengths, sizeof lengths);
    to += sizeof lengths;
  }
  for (const LabelView& text : texts)
    to = Write(Write(to, text.name), text.value);
  return end;
}

std::string_view AsText(std::span<const std::byte> bytes) {
  return {static_cast<const char*>(static_cast<const void*>(bytes.data())), bytes.size()};
}

// Keys of different integrations, and of the two kinds, never meet.
std::uint64_t ScopeSeed(std::uint64_t seed, IntegrationIndex integration, char kind) {
  return (seed ^ (std::uint64_t{integration} << 8U | static_cast<unsigned char>(kind))) * 0x9E3779B97F4A7C15;
}

std::int64_t ToNs(const std::optional<absl::Time>& time) {
  return time ? absl::ToUnixNanos(*time) : EventHeader::kAbsent;
}

std::optional<absl::Time> FromNs(std::int64_t ns) {
  if (ns == EventHeader::kAbsent) return std::nullopt;
  return absl::FromUnixNanos(ns);
}

Labels Owned(std::span<const LabelView> views) {
  Labels labels;
  labels.reserve(views.size());
  for (const LabelView& view : views)
    labels.push_back({std::string(view.name), std::string(view.value)});
  return labels;
}

}  // namespace

std::string_view Name(EventKind kind) {
  switch (kind) {
    case EventKind::kTrigger: return "trigger";
    case EventKind::kAcknowledge: return "acknowledge";
    case EventKind::kResolve: return "resolve";
  }
  return "unknown";
}

std::span<const LabelView> EventView::labels(std::span<LabelView> out) const {
  return ReadTexts(LabelsOf(record_, header()), out);
}

std::span<const LabelView> EventView::annotations(std::span<LabelView> out) const {
  return ReadTexts(AnnotationsOf(record_, header()), out);
}

std::string_view EventView::dedup_key() const {
  const std::byte* start = AnnotationsOf(record_, header()).end();
  return {reinterpret_cast<const char*>(start), header().dedup_key_bytes};
}

std::string_view EventView::link() const {
  const std::string_view key = dedup_key();
  return {key.data() + key.size(), header().link_bytes};
}

std::span<const std::byte> EventView::label_bytes() const {
  const Section labels = LabelsOf(record_, header());
  return {labels.start, labels.bytes()};
}

std::span<const std::byte> EventView::annotation_bytes() const {
  const Section annotations = AnnotationsOf(record_, header());
  return {annotations.start, annotations.bytes()};
}

std::span<const std::byte> EventView::text_bytes() const {
  const std::byte* start = record_ + sizeof(EventHeader);
  const std::byte* key = AnnotationsOf(record_, header()).end();
  return {start, static_cast<std::size_t>(key - start) + header().dedup_key_bytes + header().link_bytes};
}

AlertEvent EventView::ToEvent() const {
  std::array<LabelView, 256> views;
  AlertEvent event;
  event.kind = header().kind;
  event.severity = header().severity;
  event.dedup_key = dedup_key();
  event.labels = Owned(labels(views));
  event.annotations = Owned(annotations(views));
  event.starts_at = FromNs(header().starts_at_ns);
  event.ends_at = FromNs(header().ends_at_ns);
  event.link = link();
  return event;
}

AlertKey KeyOf(std::uint64_t seed,
               IntegrationIndex integration,
               std::string_view dedup_key,
               std::span<const LabelView> labels) {
  if (!dedup_key.empty()) return HashTo128(dedup_key, ScopeSeed(seed, integration, 'k'));
  thread_local std::vector<std::byte> section;
  section.assign(SectionBytes(labels), std::byte{0});
  WriteSection(section.data(), labels);
  return HashTo128(AsText(section), ScopeSeed(seed, integration, 'l'));
}

absl::Status EventBatch::Append(const EventHeader& prototype,
                                std::span<LabelView> labels,
                                std::span<const LabelView> annotations,
                                std::string_view dedup_key,
                                std::string_view link) {
  if (count() >= limits::kEventsPerBatch) return Exhausted("batch: more than %d events", limits::kEventsPerBatch);
  TOCSIN_TRY(CheckTexts("labels", labels, limits::kLabelsPerAlert, limits::kLabelValueBytes));
  TOCSIN_TRY(CheckTexts("annotations", annotations, limits::kAnnotationsPerAlert, limits::kAnnotationBytes));
  if (dedup_key.size() > limits::kDedupKeyBytes) {
    return Invalid("dedup_key: has %d bytes, at most %d", dedup_key.size(), limits::kDedupKeyBytes);
  }
  if (link.size() > limits::kLabelValueBytes) {
    return Invalid("link: has %d bytes, at most %d", link.size(), limits::kLabelValueBytes);
  }
  const bool plain = AreAscii(labels) && AreAscii(annotations);
  if (!plain) {
    TOCSIN_TRY(CheckUtf8("labels", labels));
    TOCSIN_TRY(CheckUtf8("annotations", annotations));
  }
  if (!IsValidUtf8(dedup_key) || !IsValidUtf8(link)) return Invalid("dedup_key or link is not UTF-8");
  const std::span<const LabelView> kept = NormaliseInPlace(labels);
  if (kept.empty() && dedup_key.empty()) return Invalid("labels: at least one label pair required");

  const std::size_t size =
      Aligned(sizeof(EventHeader) + SectionBytes(kept) + SectionBytes(annotations) + dedup_key.size() + link.size());
  if (size > limits::kEventBytes) return Invalid("event: %d bytes in all, at most %d", size, limits::kEventBytes);

  const std::size_t start = buffer_.size();
  buffer_.resize(start + size);
  std::byte* to = buffer_.data() + start;
  EventHeader header = prototype;
  header.size = static_cast<std::uint32_t>(size);
  header.label_count = static_cast<std::uint8_t>(kept.size());
  header.annotation_count = static_cast<std::uint8_t>(annotations.size());
  header.dedup_key_bytes = static_cast<std::uint16_t>(dedup_key.size());
  header.link_bytes = static_cast<std::uint16_t>(link.size());
  header.integration = integration_;
  std::byte* const section = to + sizeof header;
  std::byte* const section_end = WriteSection(section, kept);
  Write(Write(WriteSection(section_end, annotations), dedup_key), link);
  // As KeyOf, without writing the section once more.
  header.key = dedup_key.empty() ? HashTo128(AsText({section, section_end}), ScopeSeed(seed_, integration_, 'l'))
                                 : KeyOf(seed_, integration_, dedup_key, {});
  std::memcpy(to, &header, sizeof header);
  offsets_.push_back(static_cast<std::uint32_t>(start));
  return absl::OkStatus();
}

absl::Status EventBatch::Append(const AlertEvent& event) {
  if (event.labels.size() > limits::kLabelsPerAlert || event.annotations.size() > limits::kAnnotationsPerAlert) {
    return Invalid("labels or annotations: more than %d of them", limits::kLabelsPerAlert);
  }
  std::array<LabelView, limits::kLabelsPerAlert> labels;
  std::array<LabelView, limits::kAnnotationsPerAlert> annotations;
  const auto view = [](const Labels& from, std::span<LabelView> to) {
    std::ranges::transform(from, to.begin(), [](const Label& l) { return LabelView{l.name, l.value}; });
    return to.first(from.size());
  };
  EventHeader prototype;
  prototype.kind = event.kind;
  prototype.severity = event.severity;
  prototype.starts_at_ns = ToNs(event.starts_at);
  prototype.ends_at_ns = ToNs(event.ends_at);
  return Append(prototype, view(event.labels, labels), view(event.annotations, annotations), event.dedup_key,
                event.link);
}

void EventBatch::Clear(IntegrationIndex integration) {
  integration_ = integration;
  buffer_.clear();
  offsets_.clear();
}

}  // namespace tocsin
