#include "model/event.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/limits.h"
#include "base/status.h"
#include "base/strings.h"
#include "model/text_writer.h"

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

struct TextLimits {
  std::string_view what;
  std::size_t count;
  std::size_t value_bytes;
  bool empty_values;
};
constexpr TextLimits kLabelLimits{"labels", limits::kLabelsPerAlert, limits::kLabelValueBytes, false};
constexpr TextLimits kAnnotationLimits{"annotations", limits::kAnnotationsPerAlert, limits::kAnnotationBytes, true};

// What the limits are about, of some texts.
struct Extent {
  std::size_t bytes = 0;
  std::size_t longest_name = 0;
  std::size_t longest_value = 0;
  bool has_empty_name = false;
  bool has_empty_value = false;
};

Extent Measure(std::span<const LabelView> texts) {
  Extent extent;
  for (const LabelView& text : texts) {
    const std::size_t name = text.name.size();
    const std::size_t value = text.value.size();
    extent.bytes += name + value;
    extent.longest_name = std::max(extent.longest_name, name);
    extent.longest_value = std::max(extent.longest_value, value);
    extent.has_empty_name |= name == 0;
    extent.has_empty_value |= value == 0;
  }
  return extent;
}

absl::Status CheckEach(std::span<const LabelView> texts, const TextLimits& most) {
  if (texts.size() > most.count) return Invalid("%s: %d of them, at most %d", most.what, texts.size(), most.count);
  for (const LabelView& text : texts) {
    if (text.name.empty()) return Invalid("%s: a name is empty", most.what);
    if (text.name.size() > limits::kLabelNameBytes) {
      return Invalid("%s: name %s... has %d bytes, at most %d", most.what, JsonQuote(TruncateUtf8(text.name, 32)),
                     text.name.size(), limits::kLabelNameBytes);
    }
    if (text.value.size() > most.value_bytes) {
      return Invalid("%s: %s has %d bytes, at most %d", most.what, JsonQuote(text.name), text.value.size(),
                     most.value_bytes);
    }
  }
  return absl::OkStatus();
}

absl::Status CheckTexts(std::span<const LabelView> texts, const Extent& extent, const TextLimits& most) {
  const bool fit = texts.size() <= most.count && !extent.has_empty_name &&
                   extent.longest_name <= limits::kLabelNameBytes && extent.longest_value <= most.value_bytes;
  return fit ? absl::OkStatus() : CheckEach(texts, most);
}

absl::Status CheckUtf8(std::string_view what, std::span<const LabelView> texts) {
  for (const LabelView& text : texts) {
    if (!IsValidUtf8(text.name)) return Invalid("%s: name %s is not UTF-8", what, JsonQuote(text.name));
    if (!IsValidUtf8(text.value)) return Invalid("%s: value of %s is not UTF-8", what, JsonQuote(text.name));
  }
  return absl::OkStatus();
}

std::size_t SectionBytes(std::size_t count, const Extent& extent) {
  return Even(count * sizeof(TextLengths) + extent.bytes);
}

struct Written {
  std::byte* end;
  bool ascii;  // all of its text is
};

Written WriteSection(std::byte* start, std::span<const LabelView> texts) {
  std::byte* lengths_at = start;
  TextWriter writer(start + texts.size() * sizeof(TextLengths));
  for (const LabelView& text : texts) {
    const TextLengths lengths{static_cast<std::uint16_t>(text.name.size()),
                              static_cast<std::uint16_t>(text.value.size())};
    std::memcpy(lengths_at, &lengths, sizeof lengths);
    lengths_at += sizeof lengths;
    writer.Write(text.name);
    writer.Write(text.value);
  }
  std::byte* end = writer.at();
  if ((end - start) % 2 != 0) *end++ = std::byte{0};
  return {end, writer.ascii()};
}

// Returns the end.
std::byte* WriteSection(std::byte* start, const NameOrder& texts) {
  std::byte* lengths_at = start;
  char* to = reinterpret_cast<char*>(start + texts.count() * sizeof(TextLengths));
  texts.ForEach([&](std::string_view name, std::string_view value) {
    const TextLengths lengths{static_cast<std::uint16_t>(name.size()), static_cast<std::uint16_t>(value.size())};
    std::memcpy(lengths_at, &lengths, sizeof lengths);
    lengths_at += sizeof lengths;
    to = WriteBlocks(WriteBlocks(to, name), value);
  });
  auto* end = reinterpret_cast<std::byte*>(to);
  if ((end - start) % 2 != 0) *end++ = std::byte{0};
  return end;
}

bool AreUtf8(const NameOrder& texts) {
  bool valid = true;
  texts.ForEach([&](std::string_view, std::string_view value) { valid = valid && IsValidUtf8(value); });
  return valid;
}

std::string_view AsText(std::span<const std::byte> bytes) {
  return {static_cast<const char*>(static_cast<const void*>(bytes.data())), bytes.size()};
}

// Keys of different integrations, and of the two kinds, never meet.
std::uint64_t ScopeSeed(std::uint64_t seed, IntegrationIndex integration, char kind) {
  return (seed ^ (std::uint64_t{integration} << 8U | static_cast<unsigned char>(kind))) * 0x9E3779B97F4A7C15;
}

// The key of an alert without a dedup key says all of its labels already: `from` is what follows them then, else the whole text.
std::uint64_t ContentOf(const EventHeader& header, const std::byte* from, const std::byte* to) {
  const std::uint64_t shape = static_cast<std::uint64_t>(header.severity) | std::uint64_t{header.label_count} << 8U |
                              std::uint64_t{header.annotation_count} << 16U |
                              std::uint64_t{header.dedup_key_bytes} << 24U | std::uint64_t{header.link_bytes} << 40U;
  return Hash64(AsText({from, to}), header.key.high ^ shape);
}

std::int64_t ToNs(const std::optional<absl::Time>& time) {
  return time ? absl::ToUnixNanos(*time) : EventHeader::kAbsent;
}

std::optional<absl::Time> FromNs(std::int64_t ns) {
  if (ns == EventHeader::kAbsent) return std::nullopt;
  return absl::FromUnixNanos(ns);
}

// OK: the section ends by `end` and is what WriteSection makes of texts in order and within the limits.
absl::Status CheckSection(const Section& section, const std::byte* end, const TextLimits& most) {
  const auto room = static_cast<std::size_t>(end - section.start);
  if (section.count > most.count || section.count * sizeof(TextLengths) > room) {
    return Invalid("%s: %d of them", most.what, section.count);
  }
  const char* at = section.text();
  std::size_t left = room - section.count * sizeof(TextLengths);
  std::string_view last;
  for (std::size_t i = 0; i < section.count; ++i) {
    const TextLengths lengths = section.lengths()[i];
    if (lengths.name == 0 || lengths.name > limits::kLabelNameBytes || lengths.value > most.value_bytes ||
        (lengths.value == 0 && !most.empty_values)) {
      return Invalid("%s: lengths %d and %d", most.what, lengths.name, lengths.value);
    }
    const std::size_t bytes = std::size_t{lengths.name} + lengths.value;
    if (bytes > left) return Invalid("%s: %d bytes where %d are left", most.what, bytes, left);
    const std::string_view name(at, lengths.name);
    if (last >= name) return Invalid("%s: not in order", most.what);  // the first is behind the empty one
    last = name;
    at += bytes;
    left -= bytes;
  }
  const auto text_bytes = static_cast<std::size_t>(at - section.text());
  if (text_bytes % 2 != 0 && (left == 0 || *at != 0)) return Invalid("%s: not padded", most.what);
  if (IsAscii({section.text(), text_bytes})) return absl::OkStatus();
  std::array<LabelView, std::max(limits::kLabelsPerAlert, limits::kAnnotationsPerAlert)> views;
  return CheckUtf8(most.what, ReadTexts(section, views));
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
  section.resize(SectionBytes(labels.size(), Measure(labels)));
  WriteSection(section.data(), labels);
  return HashTo128(AsText(section), ScopeSeed(seed, integration, 'l'));
}

absl::Status CheckRecord(std::span<const std::byte> bytes, std::uint64_t seed) {
  if (bytes.size() < sizeof(EventHeader)) return Invalid("record: %d bytes", bytes.size());
  const EventView view(bytes.data());
  const EventHeader& header = view.header();
  if (header.size < sizeof(EventHeader) || header.size > std::min(bytes.size(), limits::kEventBytes) ||
      header.size % kAlignment != 0) {
    return Invalid("record: size %d of %d bytes", header.size, bytes.size());
  }
  // A repeat would name memory of another process.
  if ((header.form != EventHeader::Form::kWhole && header.form != EventHeader::Form::kUnchecked) ||
      std::ranges::any_of(header.unused, [](auto byte) { return byte != 0; })) {
    return Invalid("record: form %d", static_cast<int>(header.form));
  }
  if (header.kind > EventKind::kResolve) return Invalid("record: kind %d", static_cast<int>(header.kind));
  if (header.severity > Severity::kCritical) return Invalid("record: severity %d", static_cast<int>(header.severity));
  if (header.dedup_key_bytes > limits::kDedupKeyBytes || header.link_bytes > limits::kLabelValueBytes) {
    return Invalid("record: dedup_key of %d bytes, link of %d", header.dedup_key_bytes, header.link_bytes);
  }
  if (header.label_count == 0 && header.dedup_key_bytes == 0) return Invalid("record: nothing says which alert");
  const std::byte* const end = bytes.data() + header.size;
  const Section labels = LabelsOf(bytes.data(), header);
  TOCSIN_TRY(CheckSection(labels, end, kLabelLimits));
  const Section annotations = AnnotationsOf(bytes.data(), header);
  TOCSIN_TRY(CheckSection(annotations, end, kAnnotationLimits));
  const std::byte* const rest = annotations.end();
  const std::size_t text_end =
      static_cast<std::size_t>(rest - bytes.data()) + header.dedup_key_bytes + header.link_bytes;
  if (Aligned(text_end) != header.size) return Invalid("record: text of %d bytes in %d", text_end, header.size);
  if (std::any_of(bytes.data() + text_end, end, [](std::byte pad) { return pad != std::byte{0}; })) {
    return Invalid("record: not padded");
  }
  if (!IsValidUtf8(view.dedup_key()) || !IsValidUtf8(view.link())) return Invalid("record: not UTF-8");
  const AlertKey key = header.dedup_key_bytes > 0
                           ? KeyOf(seed, header.integration, view.dedup_key(), {})
                           : HashTo128(AsText({labels.start, labels.end()}), ScopeSeed(seed, header.integration, 'l'));
  if (header.key != key) return Invalid("record: the key is not that of its labels");
  const std::byte* const said = header.dedup_key_bytes > 0 ? labels.start : labels.end();
  if (header.content != ContentOf(header, said, bytes.data() + text_end)) {
    return Invalid("record: the content is not that of its text");
  }
  return absl::OkStatus();
}

std::byte* EventBatch::Grow(std::size_t size) {
  const std::size_t larger = std::max(used_ + size, 2 * capacity_);
  auto grown = std::make_unique_for_overwrite<std::byte[]>(larger);
  std::copy_n(buffer_.get(), used_, grown.get());
  buffer_ = std::move(grown);
  capacity_ = larger;
  return buffer_.get() + used_;
}

void EventBatch::Finish(const Sections& sections,
                        const EventHeader& prototype,
                        std::string_view dedup_key,
                        std::string_view link) {
  TextWriter rest(sections.end);
  rest.Write(dedup_key);
  rest.Write(link);
  std::byte* const end = rest.at();
  std::memset(end, 0, kAlignment);
  std::byte* const section = sections.record + sizeof(EventHeader);
  // Field by field: a copy would wait until what was written into the prototype a moment before has reached the cache.
  auto& header = *new (sections.record) EventHeader{
      .size = static_cast<std::uint32_t>(Aligned(static_cast<std::size_t>(end - sections.record))),
      .kind = prototype.kind,
      .severity = prototype.severity,
      .label_count = static_cast<std::uint8_t>(sections.label_count),
      .annotation_count = static_cast<std::uint8_t>(sections.annotation_count),
      // As KeyOf, without writing the section once more.
      .key = dedup_key.empty() ? HashTo128(AsText({section, sections.annotations}), ScopeSeed(seed_, integration_, 'l'))
                               : KeyOf(seed_, integration_, dedup_key, {}),
      .starts_at_ns = prototype.starts_at_ns,
      .ends_at_ns = prototype.ends_at_ns,
      .dedup_key_bytes = static_cast<std::uint16_t>(dedup_key.size()),
      .link_bytes = static_cast<std::uint16_t>(link.size()),
      .integration = integration_,
  };
  header.content = ContentOf(header, dedup_key.empty() ? sections.annotations : section, end);
  offsets_.push_back(static_cast<std::uint32_t>(used_));
  used_ += header.size;
}

absl::Status EventBatch::Append(const EventHeader& prototype,
                                std::span<LabelView> labels,
                                std::span<LabelView> annotations,
                                std::string_view dedup_key,
                                std::string_view link) {
  if (count() >= limits::kEventsPerBatch) return Exhausted("batch: more than %d events", limits::kEventsPerBatch);
  labels = label_order_.Sort(labels);
  annotations = annotation_order_.Sort(annotations);
  Extent label_extent = Measure(labels);
  const Extent annotation_extent = Measure(annotations);
  TOCSIN_TRY(CheckTexts(labels, label_extent, kLabelLimits));
  TOCSIN_TRY(CheckTexts(annotations, annotation_extent, kAnnotationLimits));
  if (dedup_key.size() > limits::kDedupKeyBytes) {
    return Invalid("dedup_key: has %d bytes, at most %d", dedup_key.size(), limits::kDedupKeyBytes);
  }
  if (link.size() > limits::kLabelValueBytes) {
    return Invalid("link: has %d bytes, at most %d", link.size(), limits::kLabelValueBytes);
  }
  if (label_extent.has_empty_value) {
    const auto is_empty = [](const LabelView& label) { return label.value.empty(); };
    labels = {labels.begin(), std::ranges::remove_if(labels, is_empty).begin()};
    label_extent = Measure(labels);
  }
  if (labels.empty() && dedup_key.empty()) return Invalid("labels: at least one label pair required");

  const std::size_t text_end = sizeof(EventHeader) + SectionBytes(labels.size(), label_extent) +
                               SectionBytes(annotations.size(), annotation_extent) + dedup_key.size() + link.size();
  const std::size_t size = Aligned(text_end);
  if (size > limits::kEventBytes) return Invalid("event: %d bytes in all, at most %d", size, limits::kEventBytes);

  std::byte* const to = Reserve(size + kAlignment);
  const Written label_part = WriteSection(to + sizeof(EventHeader), labels);
  const Written annotation_part = WriteSection(label_part.end, annotations);
  if (!label_part.ascii) TOCSIN_TRY(CheckUtf8("labels", labels));
  if (!annotation_part.ascii) TOCSIN_TRY(CheckUtf8("annotations", annotations));
  if (!IsValidUtf8(dedup_key) || !IsValidUtf8(link)) return Invalid("dedup_key or link is not UTF-8");
  Finish({to, label_part.end, annotation_part.end, labels.size(), annotations.size()}, prototype, dedup_key, link);
  return absl::OkStatus();
}

bool EventBatch::AppendTexts(const EventHeader& prototype,
                             std::string_view dedup_key,
                             std::string_view link,
                             const TextsSize& texts) {
  static_assert(NameOrder::kNames <= limits::kLabelsPerAlert && NameOrder::kNames <= limits::kAnnotationsPerAlert);
  static_assert(NameOrder::kNameBytes <= limits::kLabelNameBytes);
  static_assert(kEasyBytes <= limits::kLabelValueBytes && kEasyBytes <= limits::kAnnotationBytes);
  constexpr std::size_t kOverhead =
      sizeof(EventHeader) + 2 * NameOrder::kNames * sizeof(TextLengths) + NameOrder::kBlock + 2 * kAlignment;
  const std::size_t most = kOverhead + texts.bytes + dedup_key.size() + link.size();
  if (count() >= limits::kEventsPerBatch || most > limits::kEventBytes || dedup_key.size() > limits::kDedupKeyBytes ||
      link.size() > limits::kLabelValueBytes || (label_order_.count() == 0 && dedup_key.empty())) {
    return false;
  }
  const auto are_utf8 = [&] {
    return AreUtf8(label_order_) && AreUtf8(annotation_order_) && IsValidUtf8(dedup_key) && IsValidUtf8(link);
  };
  if (!texts.are_utf8 && !are_utf8()) return false;
  std::byte* const to = Reserve(most);
  std::byte* const annotations = WriteSection(to + sizeof(EventHeader), label_order_);
  std::byte* const end = WriteSection(annotations, annotation_order_);
  Finish({to, annotations, end, label_order_.count(), annotation_order_.count()}, prototype, dedup_key, link);
  return true;
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
  used_ = 0;
  offsets_.clear();
}

}  // namespace tocsin
