#include "ingest/wire_decoder.h"

#include <algorithm>
#include <optional>

#include "base/limits.h"
#include "base/status.h"

namespace tocsin {
namespace {

constexpr int kDepth = 100;        // protobuf's own limit of messages and groups in each other
constexpr unsigned kTagBytes = 5;  // what the generated classes take, of sizes too
constexpr unsigned kNumberBytes = 10;
constexpr std::uint64_t kLargestSize = INT32_MAX - 16;    // theirs
constexpr std::int64_t kFirstSecond = -62'135'596'800;    // 0001-01-01, Go's zero time: unset
constexpr std::int64_t kLastSecond = 253'402'300'799;     // 9999-12-31
constexpr std::int64_t kLargestNsSecond = 9'223'372'035;  // what fits nanoseconds since 1970 (the year 2262)

enum class WireType : std::uint8_t {
  kVarint = 0,
  kFixed64 = 1,
  kBytes = 2,
  kStartGroup = 3,
  kEndGroup = 4,
  kFixed32 = 5
};

struct Tag {
  std::uint32_t field = 0;
  WireType type = WireType::kVarint;
};

// A cursor over the wire bytes of a message that lies in `depth` others. After a failure every read fails and at() is where
// it happened.
class Cursor {
 public:
  Cursor(std::string_view bytes, int depth)
      : begin_(bytes.data()), at_(begin_), end_(begin_ + bytes.size()), depth_(depth) {}

  bool done() const { return at_ == end_ || failed_; }
  bool failed() const { return failed_; }
  std::size_t at() const { return static_cast<std::size_t>(at_ - begin_); }

  bool ReadTag(Tag& tag) {
    std::uint64_t number = 0;
    if (!ReadVarint(number, kTagBytes)) return false;
    // 29 bits of field number and three of type; what is beyond them is cut, as generated code does.
    const auto raw = static_cast<std::uint32_t>(number);
    if ((raw >> 3U) == 0 || (raw & 7U) > 5) return Fail();
    tag = {raw >> 3U, static_cast<WireType>(raw & 7U)};
    return true;
  }

  bool ReadVarint(std::uint64_t& value, unsigned most_bytes = kNumberBytes) {
    if (at_ != end_ && (static_cast<std::uint8_t>(*at_) & 0x80U) == 0) [[likely]] {
      value = static_cast<std::uint8_t>(*at_++);
      return true;
    }
    value = 0;
    for (unsigned shift = 0; shift < 7 * most_bytes; shift += 7) {
      if (at_ == end_) return Fail();
      const auto byte = static_cast<std::uint8_t>(*at_++);
      value |= std::uint64_t{byte & 0x7FU} << shift;
      if ((byte & 0x80U) == 0) return true;
    }
    return Fail();
  }

  bool ReadBytes(std::string_view& bytes) {
    std::uint64_t size = 0;
    if (!ReadVarint(size, kTagBytes) || size > kLargestSize || size > static_cast<std::uint64_t>(end_ - at_)) {
      return Fail();
    }
    bytes = {at_, static_cast<std::size_t>(size)};
    at_ += size;
    return true;
  }

  // The field after `tag`, whatever it is. Groups are skipped without recursion.
  bool Skip(Tag tag) {
    if (tag.type != WireType::kStartGroup) return SkipScalar(tag.type);
    std::uint32_t open[kDepth];
    int depth = 0;
    open[depth++] = tag.field;
    while (depth > 0) {
      if (!ReadTag(tag)) return false;
      if (tag.type == WireType::kStartGroup) {
        if (depth == kDepth - depth_) return Fail();
        open[depth++] = tag.field;
      } else if (tag.type == WireType::kEndGroup) {
        if (open[--depth] != tag.field) return Fail();
      } else if (!SkipScalar(tag.type)) {
        return false;
      }
    }
    return true;
  }

 private:
  bool SkipScalar(WireType type) {
    std::uint64_t number = 0;
    std::string_view bytes;
    switch (type) {
      case WireType::kVarint: return ReadVarint(number);
      case WireType::kFixed64: return Advance(8);
      case WireType::kBytes: return ReadBytes(bytes);
      case WireType::kFixed32: return Advance(4);
      case WireType::kStartGroup:
      case WireType::kEndGroup: break;
    }
    return Fail();
  }
  bool Advance(std::ptrdiff_t bytes) {
    if (end_ - at_ < bytes) return Fail();
    at_ += bytes;
    return true;
  }
  bool Fail() {
    failed_ = true;
    return false;
  }

  const char* begin_;
  const char* at_;
  const char* end_;
  int depth_;
  bool failed_ = false;
};

bool Is(const Tag& tag, std::uint32_t field, WireType type) {
  return tag.field == field && tag.type == type;
}

struct WireTime {
  bool present = false;
  std::int64_t seconds = 0;
  std::int32_t nanos = 0;
};

// An alert as its fields say, before anything is judged.
struct WireAlert {
  std::uint64_t kind = 0;
  std::string_view dedup_key;
  std::string_view severity;
  std::string_view link;
  WireTime starts_at;
  WireTime ends_at;
};

// What nearly every entry is: a name and a value of less than 128 bytes each, in this order, and nothing else.
bool ReadPlainEntry(std::string_view bytes, LabelView& entry) {
  constexpr char kName = 1 << 3 | static_cast<char>(WireType::kBytes);
  constexpr char kValue = 2 << 3 | static_cast<char>(WireType::kBytes);
  if (bytes.size() < 4 || bytes[0] != kName) return false;
  const std::size_t name = static_cast<unsigned char>(bytes[1]);
  if (name >= 0x80 || name + 4 > bytes.size() || bytes[2 + name] != kValue) return false;
  const std::size_t value = static_cast<unsigned char>(bytes[3 + name]);
  if (value >= 0x80 || name + 4 + value != bytes.size()) return false;
  entry = {bytes.substr(2, name), bytes.substr(4 + name)};
  return true;
}

bool ReadEntry(std::string_view bytes, LabelList& to) {
  if (LabelView plain; ReadPlainEntry(bytes, plain)) [[likely]] {
    to.Add(plain);
    return true;
  }
  Cursor cursor(bytes, 2);
  LabelView entry;
  while (!cursor.done()) {
    Tag tag;
    if (!cursor.ReadTag(tag)) return false;
    if (Is(tag, 1, WireType::kBytes)) {
      if (!cursor.ReadBytes(entry.name)) return false;
    } else if (Is(tag, 2, WireType::kBytes)) {
      if (!cursor.ReadBytes(entry.value)) return false;
    } else if (!cursor.Skip(tag)) {
      return false;
    }
  }
  if (cursor.failed()) return false;
  to.Add(entry);
  return true;
}

bool ReadTime(std::string_view bytes, WireTime& to) {
  Cursor cursor(bytes, 2);
  to.present = true;
  while (!cursor.done()) {
    Tag tag;
    std::uint64_t number = 0;
    if (!cursor.ReadTag(tag)) return false;
    if (Is(tag, 1, WireType::kVarint)) {
      if (!cursor.ReadVarint(number)) return false;
      to.seconds = static_cast<std::int64_t>(number);
    } else if (Is(tag, 2, WireType::kVarint)) {
      if (!cursor.ReadVarint(number)) return false;
      to.nanos = static_cast<std::int32_t>(number);
    } else if (!cursor.Skip(tag)) {
      return false;
    }
  }
  return !cursor.failed();
}

bool ReadAlertField(Cursor& cursor, const Tag& tag, WireAlert& alert, LabelList& labels, LabelList& annotations) {
  std::string_view bytes;
  if (Is(tag, 1, WireType::kVarint)) return cursor.ReadVarint(alert.kind);
  if (tag.type != WireType::kBytes) return cursor.Skip(tag);
  switch (tag.field) {
    case 2: return cursor.ReadBytes(bytes) && ReadEntry(bytes, labels);
    case 3: return cursor.ReadBytes(bytes) && ReadEntry(bytes, annotations);
    case 4: return cursor.ReadBytes(alert.dedup_key);
    case 5: return cursor.ReadBytes(alert.severity);
    case 6: return cursor.ReadBytes(bytes) && ReadTime(bytes, alert.starts_at);
    case 7: return cursor.ReadBytes(bytes) && ReadTime(bytes, alert.ends_at);
    case 8: return cursor.ReadBytes(alert.link);
    default: return cursor.Skip(tag);
  }
}

// nullopt: out of a Timestamp's range.
std::optional<std::int64_t> ToNs(const WireTime& time) {
  if (!time.present || time.seconds == kFirstSecond) return EventHeader::kAbsent;
  if (time.seconds < kFirstSecond || time.seconds > kLastSecond || time.nanos < 0 || time.nanos > 999'999'999) {
    return std::nullopt;
  }
  return std::clamp(time.seconds, -kLargestNsSecond, kLargestNsSecond) * 1'000'000'000 + time.nanos;
}

void Judge(const WireAlert& alert, LabelList& labels, LabelList& annotations, Intake& intake) {
  EventHeader prototype;
  // An enumeration is 32 bits wide; more is cut, as generated code does.
  const auto kind = static_cast<std::int32_t>(alert.kind);
  if (kind < 0 || kind > 2)
    return intake.Refuse("kind: " + std::to_string(kind) + " is none of 0, 1, 2 (trigger, acknowledge, resolve)");
  prototype.kind = static_cast<EventKind>(kind);
  prototype.severity = ParseSeverity(alert.severity);
  const std::optional<std::int64_t> starts_at = ToNs(alert.starts_at);
  const std::optional<std::int64_t> ends_at = ToNs(alert.ends_at);
  if (!starts_at) return intake.Refuse("starts_at: not an instant between the years 1 and 9999");
  if (!ends_at) return intake.Refuse("ends_at: not an instant between the years 1 and 9999");
  prototype.starts_at_ns = *starts_at;
  prototype.ends_at_ns = *ends_at;
  intake.Add(prototype, labels, annotations, alert.dedup_key, alert.link);
}

absl::Status NotARequest(std::size_t offset) {
  return Invalid("not an IngestRequest: the bytes at offset %d cannot be read", offset);
}

}  // namespace

absl::StatusOr<WireRequest> WireDecoder::Decode(std::string_view bytes, Intake& intake) {
  labels_.Shrink();
  annotations_.Shrink();
  WireRequest request;
  Cursor cursor(bytes, 0);
  while (!cursor.done()) {
    Tag tag;
    if (!cursor.ReadTag(tag)) return NotARequest(cursor.at());
    std::uint64_t number = 0;
    std::string_view body;
    if (Is(tag, 2, WireType::kBytes)) {
      if (!cursor.ReadBytes(body)) return NotARequest(cursor.at());
      const std::size_t start = cursor.at() - body.size();
      // Two bytes make an alert that is refused; an answer to millions of them would be far larger than the question.
      if (intake.seen() == limits::kEventsPerBatch) {
        return Invalid("alerts: more than %d in one message; 100 to 500 are a good number", limits::kEventsPerBatch);
      }
      WireAlert alert;
      labels_.Clear();
      annotations_.Clear();
      Cursor fields(body, 1);
      while (!fields.done()) {
        Tag field;
        if (!fields.ReadTag(field) || !ReadAlertField(fields, field, alert, labels_, annotations_)) {
          return NotARequest(start + fields.at());
        }
      }
      Judge(alert, labels_, annotations_, intake);
    } else if (Is(tag, 1, WireType::kVarint)) {
      if (!cursor.ReadVarint(request.batch_id)) return NotARequest(cursor.at());
    } else if (Is(tag, 3, WireType::kVarint)) {
      if (!cursor.ReadVarint(number)) return NotARequest(cursor.at());
      request.want_outcomes = number != 0;
    } else if (Is(tag, 4, WireType::kVarint)) {
      if (!cursor.ReadVarint(number)) return NotARequest(cursor.at());
      request.want_explanations = number != 0;
    } else if (!cursor.Skip(tag)) {
      return NotARequest(cursor.at());
    }
  }
  return request;
}

}  // namespace tocsin
