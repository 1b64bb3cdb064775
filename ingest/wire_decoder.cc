#include "ingest/wire_decoder.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/limits.h"
#include "base/status.h"
#include "base/strings.h"
#include "ingest/wire_cursor.h"

namespace tocsin {
namespace {

constexpr std::int64_t kFirstSecond = -62'135'596'800;    // 0001-01-01, Go's zero time: unset
constexpr std::int64_t kLastSecond = 253'402'300'799;     // 9999-12-31
constexpr std::int64_t kLargestNsSecond = 9'223'372'035;  // what fits nanoseconds since 1970 (the year 2262)

struct WireTime {
  std::int64_t seconds = 0;
  std::int32_t nanos = 0;
  bool present = false;
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

constexpr std::size_t kPadding = 2 * NameOrder::kBlock;  // bytes after an alert that can be read, for PutPlainEntries

// Puts the labels and annotations that an alert begins with, as far as they are said as nearly all are: a short name and a value, in this
// order and nothing else, all of it in less than 128 bytes. Returns how many bytes they take. A function of its own, so that
// the loop has all registers.
[[gnu::noinline]] std::size_t PutPlainEntries(std::string_view body, Intake& intake) {
  // An entry begins with its tag (2 or 3, that is 0x12 or 0x1A), its size, the tag of the name and the size of the name.
  constexpr std::uint32_t kChecked = 0x00FF'80F7;
  constexpr std::uint32_t kEntry = 0x000A'0012;
  constexpr std::uint32_t kIsAnnotation = 0x08;
  constexpr char kValue = 0x12;
  const char* at = body.data();
  const char* const end = at + body.size();
  while (at < end) {
    std::uint32_t start = 0;
    std::memcpy(&start, at, sizeof start);
    const std::size_t name = start >> 24U;
    if ((start & kChecked) != kEntry || name > NameOrder::kBlock || at[4 + name] != kValue) break;
    const std::size_t size = start >> 8U & 0xFFU;
    const std::size_t value = static_cast<unsigned char>(at[5 + name]);
    const char* const next = at + 2 + size;
    if (value == 0 || name + 4 + value != size || next > end) break;
    if (!intake.PutShort((start & kIsAnnotation) == 0, at + 4, name, {at + 6 + name, value})) break;
    at = next;
  }
  return static_cast<std::size_t>(at - body.data());
}

bool ReadEntry(std::string_view bytes, LabelView& entry) {
  WireCursor cursor(bytes, 2);
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
  return !cursor.failed();
}

bool ReadTime(std::string_view bytes, WireTime& to) {
  WireCursor cursor(bytes, 2);
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

// `put` takes the labels and annotations, or refuses.
template <typename Put>
bool ReadAlertField(WireCursor& cursor, const Tag& tag, WireAlert& alert, const Put& put) {
  std::string_view bytes;
  LabelView entry;
  if (Is(tag, 1, WireType::kVarint)) return cursor.ReadVarint(alert.kind);
  if (tag.type != WireType::kBytes) return cursor.Skip(tag);
  switch (tag.field) {
    case 2: return cursor.ReadBytes(bytes) && ReadEntry(bytes, entry) && put(/*is_label=*/true, entry);
    case 3: return cursor.ReadBytes(bytes) && ReadEntry(bytes, entry) && put(/*is_label=*/false, entry);
    case 4: return cursor.ReadBytes(alert.dedup_key);
    case 5: return cursor.ReadBytes(alert.severity);
    case 6: return cursor.ReadBytes(bytes) && ReadTime(bytes, alert.starts_at);
    case 7: return cursor.ReadBytes(bytes) && ReadTime(bytes, alert.ends_at);
    case 8: return cursor.ReadBytes(alert.link);
    default: return cursor.Skip(tag);
  }
}

// nullopt: out of a Timestamp's range.
[[gnu::always_inline]] inline std::optional<std::int64_t> ToNs(const WireTime& time) {
  if (!time.present || time.seconds == kFirstSecond) return EventHeader::kAbsent;
  if (time.seconds < kFirstSecond || time.seconds > kLastSecond || time.nanos < 0 || time.nanos > 999'999'999) {
    return std::nullopt;
  }
  return std::clamp(time.seconds, -kLargestNsSecond, kLargestNsSecond) * 1'000'000'000 + time.nanos;
}

// Where in an alert its times lie, so that the rest can be told from other alerts without them; and what they say.
struct TimesOfAlert {
  std::size_t from = 0;
  std::size_t to = 0;
  std::int64_t starts_at_ns = EventHeader::kAbsent;
  std::int64_t ends_at_ns = EventHeader::kAbsent;
};

// How many bytes at the start of an alert are fields of text with less than 128 bytes, none of them a time.
std::size_t SkipPlainTexts(std::string_view body) {
  constexpr std::uint32_t kTexts = 1U << 2U | 1U << 3U | 1U << 4U | 1U << 5U | 1U << 8U;  // by their numbers
  std::size_t at = 0;
  while (at + 2 <= body.size()) {
    const auto tag = static_cast<unsigned char>(body[at]);
    const auto size = static_cast<unsigned char>(body[at + 1]);
    const bool plain = (tag & 0x87U) == static_cast<unsigned>(WireType::kBytes) && (kTexts >> (tag >> 3U) & 1U) != 0;
    if (!plain || size >= 0x80 || at + 2 + size > body.size()) break;
    at += std::size_t{2} + size;
  }
  return at;
}

// Nothing when it is no alert that goes on firing, said in the plain way: then it is better read whole.
std::optional<TimesOfAlert> FindTimes(std::string_view body, absl::Time received) {
  TimesOfAlert found{.from = body.size(), .to = body.size()};
  const std::size_t plain = SkipPlainTexts(body);
  if (plain == body.size()) return found;
  WireTime times[2];
  WireCursor cursor(body.substr(plain), 1);
  while (!cursor.done()) {
    const std::size_t start = plain + cursor.at();
    Tag tag;
    std::string_view bytes;
    if (!cursor.ReadTag(tag) || tag.type != WireType::kBytes || !cursor.ReadBytes(bytes)) return std::nullopt;
    if (tag.field != 6 && tag.field != 7) continue;
    WireTime& time = times[tag.field - 6];
    const bool first = found.from == body.size();
    if (time.present || !ReadTime(bytes, time) || (!first && found.to != start)) return std::nullopt;
    if (first) found.from = start;
    found.to = plain + cursor.at();
  }
  if (cursor.failed()) return std::nullopt;
  const std::optional<std::int64_t> starts_at = ToNs(times[0]);
  const std::optional<std::int64_t> ends_at = ToNs(times[1]);
  if (!starts_at || !ends_at) return std::nullopt;
  if (*ends_at != EventHeader::kAbsent && *ends_at <= absl::ToUnixNanos(received)) return std::nullopt;
  found.starts_at_ns = *starts_at;
  found.ends_at_ns = *ends_at;
  return found;
}

// Empty: the alert says `prototype` beside its texts. Else why it cannot be taken.
std::string Judge(const WireAlert& alert, EventHeader& prototype) {
  // An enumeration is 32 bits wide; more is cut, as generated code does.
  const auto kind = static_cast<std::int32_t>(alert.kind);
  if (kind < 0 || kind > 2) {
    return "kind: " + std::to_string(kind) + " is none of 0, 1, 2 (trigger, acknowledge, resolve)";
  }
  prototype.kind = static_cast<EventKind>(kind);
  prototype.severity = ParseSeverity(alert.severity);
  const std::optional<std::int64_t> starts_at = ToNs(alert.starts_at);
  const std::optional<std::int64_t> ends_at = ToNs(alert.ends_at);
  if (!starts_at) return "starts_at: not an instant between the years 1 and 9999";
  if (!ends_at) return "ends_at: not an instant between the years 1 and 9999";
  prototype.starts_at_ns = *starts_at;
  prototype.ends_at_ns = *ends_at;
  return {};
}

// As nearly every alert can be read, when kPadding bytes after it can be. False: it must be read in the other way, nothing has
// come of it.
bool ReadEasily(std::string_view body, Intake& intake) {
  const auto put = [&intake](bool is_label, const LabelView& entry) { return intake.PutText(is_label, entry); };
  static constexpr WireAlert kNothing;
  WireAlert alert = kNothing;  // to clear as much the compiler uses an instruction that takes far longer
  intake.BeginTexts();
  for (std::size_t at = PutPlainEntries(body, intake); at < body.size();
       at += PutPlainEntries(body.substr(at), intake)) {
    WireCursor cursor(body.substr(at), 1);
    Tag tag;
    if (!cursor.ReadTag(tag) || !ReadAlertField(cursor, tag, alert, put)) return false;
    at += cursor.at();
  }
  EventHeader prototype;
  return Judge(alert, prototype).empty() &&
         intake.AddTexts(prototype, alert.dedup_key, alert.link, {.bytes = body.size(), .are_utf8 = IsAscii(body)});
}

bool ReadRequestField(WireCursor& cursor, const Tag& tag, WireRequest& request) {
  std::uint64_t number = 0;
  if (tag.type != WireType::kVarint) return cursor.Skip(tag);
  if (!cursor.ReadVarint(number)) return false;
  switch (tag.field) {
    case 1: request.batch_id = number; break;
    case 3: request.want_outcomes = number != 0; break;
    case 4: request.want_explanations = number != 0; break;
    default: break;
  }
  return true;
}

absl::Status NotARequest(std::size_t offset) {
  return Invalid("not an IngestRequest: the bytes at offset %d cannot be read", offset);
}

}  // namespace

std::string_view WireDecoder::Padded(std::string_view body) {
  padded_.assign(body);
  padded_.append(kPadding, '\0');
  return std::string_view(padded_).substr(0, body.size());
}

absl::Status WireDecoder::ReadAlert(const Place& place, Intake& intake) {
  const std::string_view body = place.body;
  // Two bytes make an alert that is refused; an answer to millions of them would be far larger than the question.
  if (intake.seen() == limits::kEventsPerBatch) {
    return Invalid("alerts: more than %d in one message; 100 to 500 are a good number", limits::kEventsPerBatch);
  }
  if (body.size() <= limits::kEventBytes && ReadEasily(place.is_padded ? body : Padded(body), intake)) [[likely]]
    return absl::OkStatus();
  WireAlert alert;
  labels_.Clear();
  annotations_.Clear();
  const auto put = [this](bool is_label, const LabelView& entry) {
    (is_label ? labels_ : annotations_).Add(entry);
    return true;
  };
  WireCursor fields(body, 1);
  while (!fields.done()) {
    Tag tag;
    if (!fields.ReadTag(tag) || !ReadAlertField(fields, tag, alert, put)) return NotARequest(place.at + fields.at());
  }
  EventHeader prototype;
  if (std::string reason = Judge(alert, prototype); !reason.empty()) {
    intake.Refuse(std::move(reason));
  } else {
    intake.Add(prototype, labels_, annotations_, alert.dedup_key, alert.link);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::size_t> WireDecoder::ReadFields(
    std::string_view piece, std::size_t at, bool last, WireRequest& request, Intake& intake) {
  WireCursor cursor(piece, 0);
  while (!cursor.done()) {
    const std::size_t start = cursor.at();
    Tag tag;
    std::string_view body;
    bool complete = cursor.ReadTag(tag);
    const bool is_alert = complete && Is(tag, 2, WireType::kBytes);
    complete = complete && (is_alert ? cursor.ReadBytes(body) : ReadRequestField(cursor, tag, request));
    if (!complete && last) return NotARequest(at + cursor.at());
    if (!complete) return start;
    if (!is_alert) continue;
    const bool is_padded = piece.size() - cursor.at() >= kPadding;
    TOCSIN_TRY(Take({body, at + cursor.at() - body.size(), is_padded}, intake));
  }
  return piece.size();
}

absl::Status WireDecoder::Take(const Place& place, Intake& intake) {
  if (repeats_ == nullptr || !stays_ || !repeats_->Ask()) {
    if (asked_count_ > 0) TOCSIN_TRY(LookUpAll(intake));
    return ReadAlert(place, intake);
  }
  const std::string_view body = place.body;
  const std::optional<TimesOfAlert> times = FindTimes(body, intake.received());
  if (!times) {
    TOCSIN_TRY(LookUpAll(intake));
    return ReadAlert(place, intake);
  }
  Hash128 hash = HashTo128(body.substr(0, times->from), intake.batch().seed());
  if (times->to < body.size()) {
    const Hash128 rest = HashTo128(body.substr(times->to), hash.low);
    hash = {hash.high ^ rest.high, rest.low};
  }
  repeats_->Prefetch(hash);
  if (asked_count_ == kAhead) {
    --asked_count_;
    TOCSIN_TRY(Look(asked_[first_asked_++ % kAhead], intake));
  }
  asked_[(first_asked_ + asked_count_++) % kAhead] = {place, hash, times->starts_at_ns, times->ends_at_ns};
  return absl::OkStatus();
}

absl::Status WireDecoder::Look(const Asked& asked, Intake& intake) {
  const Repeats::Known* const known = repeats_->Find(asked.hash);
  // What is longer as it came than it may be as an event is no repeat: who reads it again need not read more than that. Its times, which are not
  // part of what is known, may make it so.
  const bool fits = asked.place.body.size() <= limits::kEventBytes;
  if (known != nullptr && fits && intake.seen() < limits::kEventsPerBatch) [[likely]] {
    EventHeader header;
    header.starts_at_ns = asked.starts_at_ns;
    header.ends_at_ns = asked.ends_at_ns;
    header.key = known->key;
    header.content = known->content;
    intake.AddRepeat(header, asked.place.body);
    return absl::OkStatus();
  }
  const std::size_t before = intake.batch().count();
  TOCSIN_TRY(ReadAlert(asked.place, intake));
  if (intake.batch().count() == before) return absl::OkStatus();
  const EventHeader& header = intake.batch().at(before).header();
  if (header.kind == EventKind::kTrigger && fits) repeats_->Learn(asked.hash, {header.key, header.content});
  return absl::OkStatus();
}

absl::Status WireDecoder::LookUpAll(Intake& intake) {
  while (asked_count_ > 0) {
    --asked_count_;
    TOCSIN_TRY(Look(asked_[first_asked_++ % kAhead], intake));
  }
  return absl::OkStatus();
}

absl::StatusOr<WireRequest> WireDecoder::Decode(std::string_view bytes, Intake& intake) {
  return Decode({&bytes, 1}, intake);
}

absl::StatusOr<WireRequest> WireDecoder::Decode(std::span<const std::string_view> pieces, Intake& intake) {
  constexpr std::size_t kStep = 1024;  // more than most alerts have
  labels_.Shrink();
  annotations_.Shrink();
  asked_count_ = 0;
  WireRequest request;
  std::size_t at = 0;      // in the message
  std::size_t index = 0;   // in pieces,
  std::size_t offset = 0;  // and in that piece
  while (index < pieces.size()) {
    const std::string_view piece = pieces[index].substr(offset);
    stays_ = true;
    TOCSIN_ASSIGN(std::size_t used, ReadFields(piece, at, index + 1 == pieces.size(), request, intake));
    at += used;
    across_.assign(piece.substr(used));
    stays_ = false;
    ++index;
    offset = 0;
    for (std::size_t step = kStep; !across_.empty(); step *= 2) {
      std::size_t tail = across_.size();
      for (std::size_t room = step; room > 0 && index < pieces.size();) {
        const std::string_view more = pieces[index].substr(offset, room);
        across_ += more;
        room -= more.size();
        offset += more.size();
        if (offset == pieces[index].size()) {
          ++index;
          offset = 0;
        }
      }
      TOCSIN_ASSIGN(used, ReadFields(across_, at, index == pieces.size(), request, intake));
      at += used;
      if (used < tail) {
        across_.erase(0, used);
        continue;
      }
      // What follows is read where it lies.
      std::size_t back = across_.size() - used;
      for (; back > offset; offset = pieces[index].size()) {
        back -= offset;
        --index;
      }
      offset -= back;
      across_.clear();
    }
  }
  TOCSIN_TRY(LookUpAll(intake));
  // A hostile message's memory is given up, and not with the next one only: its stream may never say anything again.
  if (across_.capacity() > limits::kEventBytes) std::string().swap(across_);
  labels_.Shrink();
  annotations_.Shrink();
  return request;
}

std::function<std::optional<EventView>(const EventHeader&, const CameBytes&, absl::Time)> ReadRepeatsAgain(
    std::uint64_t key_seed) {
  return [key_seed](const EventHeader& header, const CameBytes& came, absl::Time received) -> std::optional<EventView> {
    struct Reader {
      explicit Reader(std::uint64_t seed) : intake(seed) {}
      WireDecoder decoder;
      Intake intake;
    };
    thread_local std::optional<Reader> reader;
    if (!reader || reader->intake.batch().seed() != key_seed) reader.emplace(key_seed);
    reader->intake.Begin(header.integration, came.labels, received, Intake::Manner::kStrict);
    const absl::Status read = reader->decoder.DecodeAlert({came.data, came.size}, reader->intake);
    if (!read.ok() || reader->intake.batch().empty()) return std::nullopt;
    return reader->intake.batch().at(0);
  };
}

}  // namespace tocsin
