#include "storage/dead_letters.h"

#include <algorithm>
#include <cinttypes>
#include <cstdio>

#include "base/hash.h"
#include "base/status.h"

namespace tocsin {
namespace {

constexpr std::string_view kTitle = "tocsin dead letters\n";
constexpr std::uint64_t kChecksumSeed = 0x44454144;
constexpr std::string_view kWhy = "why ";
constexpr std::string_view kSettled = "settled ";

std::string Checksum(std::string_view text) {
  return absl::StrFormat("checksum %016x\n", Hash64(text, kChecksumSeed));
}

std::string OnOneLine(std::string_view text) {
  std::string line(text);
  std::ranges::replace_if(
      line, [](char c) { return static_cast<unsigned char>(c) < ' '; }, ' ');
  return line;
}

std::optional<std::string_view> TakeLine(std::string_view& text) {
  const std::size_t end = text.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end + 1);
  return line;
}

std::optional<DeadLetter> Take(std::string_view& text) {
  const std::optional<std::string_view> head = TakeLine(text);
  if (!head) return std::nullopt;
  DeadLetter letter;
  std::uint64_t sequence = 0;
  std::uint64_t epoch = 0;
  std::uint64_t bytes = 0;
  std::int64_t wall = 0;
  std::int64_t engine = 0;
  std::int64_t put_aside = 0;
  unsigned kind = 0;
  const int taken =
      std::sscanf(std::string(*head).c_str(),  // NOLINT(cert-err34-c): the checksum has been checked
                  "entry %" SCNu64 " kind %u shard %" SCNu32 " epoch %" SCNu64 " wall %" SCNd64 " engine %" SCNd64
                  " put_aside %" SCNd64 " incident %" SCNu64 " bytes %" SCNu64,
                  &sequence, &kind, &letter.shard, &epoch, &wall, &engine, &put_aside, &letter.incident, &bytes);
  if (taken != 9) return std::nullopt;
  letter.sequence = Sequence(sequence);
  letter.kind = static_cast<EntryKind>(kind);
  letter.epoch = Epoch(epoch);
  letter.now = {absl::FromUnixNanos(wall), EngineTime(engine)};
  letter.put_aside_at = absl::FromUnixNanos(put_aside);
  const std::optional<std::string_view> why = TakeLine(text);
  const std::optional<std::string_view> settled = why ? TakeLine(text) : std::nullopt;
  if (!settled || !why->starts_with(kWhy) || !settled->starts_with(kSettled) || text.size() <= bytes)
    return std::nullopt;
  letter.why = why->substr(kWhy.size());
  letter.settled = settled->substr(kSettled.size());
  letter.body = text.substr(0, bytes);
  text.remove_prefix(bytes + 1);
  return letter;
}

}  // namespace

std::string EncodeDeadLetters(const std::vector<DeadLetter>& letters) {
  std::string text(kTitle);
  for (const DeadLetter& letter : letters) {
    text += absl::StrFormat("entry %d kind %d shard %d epoch %d wall %d engine %d put_aside %d incident %d bytes %d\n",
                            letter.sequence.value(), static_cast<int>(letter.kind), letter.shard, letter.epoch.value(),
                            absl::ToUnixNanos(letter.now.wall), letter.now.engine.ns(),
                            absl::ToUnixNanos(letter.put_aside_at), letter.incident, letter.body.size());
    text += absl::StrFormat("%s%s\n%s%s\n", kWhy, OnOneLine(letter.why), kSettled, OnOneLine(letter.settled));
    text += letter.body;
    text += '\n';
  }
  return text + Checksum(text);
}

absl::StatusOr<std::vector<DeadLetter>> DecodeDeadLetters(std::string_view text) {
  const std::size_t checksum_bytes = Checksum("").size();
  if (!text.starts_with(kTitle) || text.size() < kTitle.size() + checksum_bytes ||
      Checksum(text.substr(0, text.size() - checksum_bytes)) != text.substr(text.size() - checksum_bytes)) {
    return DataLoss(
        "damaged: its checksum does not fit. It says which journal entries recovery passes over: restore it from a "
        "backup of this "
        "store");
  }
  text.remove_suffix(checksum_bytes);
  text.remove_prefix(kTitle.size());
  std::vector<DeadLetter> letters;
  while (!text.empty()) {
    std::optional<DeadLetter> letter = Take(text);
    if (!letter) return DataLoss("damaged: letter %d cannot be read", letters.size() + 1);
    letters.push_back(*std::move(letter));
  }
  return letters;
}

absl::StatusOr<std::vector<DeadLetter>> DeadLetters::Read() const {
  const std::string path = absl::StrFormat("%s/%s", folder_, kDeadLettersFile);
  const absl::StatusOr<std::string> text = ReadWholeFile(files_, path);
  if (absl::IsNotFound(text.status())) return std::vector<DeadLetter>();
  if (!text.ok()) return text.status();
  absl::StatusOr<std::vector<DeadLetter>> letters = DecodeDeadLetters(*text);
  if (!letters.ok()) return Annotate(letters.status(), path);
  return letters;
}

std::uint64_t DeadLetters::Waiting() const {
  const absl::StatusOr<std::vector<DeadLetter>> letters = Read();
  if (!letters.ok()) return 1;
  return static_cast<std::uint64_t>(
      std::ranges::count_if(*letters, [](const DeadLetter& letter) { return letter.settled.empty(); }));
}

absl::Status DeadLetters::Write(const std::vector<DeadLetter>& letters) {
  TOCSIN_TRY(WriteFileAtomically(files_, folder_, std::string(kDeadLettersFile), EncodeDeadLetters(letters)));
  held_.clear();
  for (const DeadLetter& letter : letters)
    held_.push_back(letter.sequence);
  std::ranges::sort(held_);
  return absl::OkStatus();
}

absl::Status DeadLetters::Open() {
  TOCSIN_ASSIGN(const std::vector<DeadLetter> letters, Read());
  MutexLock lock(mutex_);
  for (const DeadLetter& letter : letters)
    held_.push_back(letter.sequence);
  std::ranges::sort(held_);
  return absl::OkStatus();
}

bool DeadLetters::Holds(Sequence sequence) const {
  MutexLock lock(mutex_);
  return std::ranges::binary_search(held_, sequence);
}

absl::Status DeadLetters::PutAside(const Entry& entry, std::string_view body, std::string_view why, absl::Time now) {
  MutexLock lock(mutex_);
  if (put_aside_ >= kMostAtOnce) {
    return DataLoss(
        "entry %d: %s. It is the %dth that this start cannot apply: that is no accident of one entry, so nothing more "
        "is passed "
        "over. Is this the program that wrote the store? Else restore a backup",
        entry.sequence.value(), why, put_aside_ + 1);
  }
  TOCSIN_ASSIGN(std::vector<DeadLetter> letters, Read());
  if (std::ranges::any_of(letters, [&](const DeadLetter& letter) { return letter.sequence == entry.sequence; })) {
    return absl::OkStatus();
  }
  ++put_aside_;
  letters.push_back({.sequence = entry.sequence,
                     .kind = entry.kind,
                     .shard = entry.shard,
                     .epoch = entry.epoch,
                     .now = entry.now,
                     .put_aside_at = now,
                     .why = OnOneLine(why),
                     .body = std::string(body)});
  std::ranges::sort(letters, {}, &DeadLetter::sequence);  // shards and decisions are recovered at the same time
  return Write(letters);
}

absl::Status DeadLetters::SetIncident(Sequence sequence, std::uint64_t incident) {
  MutexLock lock(mutex_);
  TOCSIN_ASSIGN(std::vector<DeadLetter> letters, Read());
  const auto letter = std::ranges::find(letters, sequence, &DeadLetter::sequence);
  if (letter == letters.end()) return NotFound("entry %d was not put aside", sequence.value());
  letter->incident = incident;
  return Write(letters);
}

absl::Status DeadLetters::Settle(Sequence sequence, std::string_view by, std::string_view reason) {
  MutexLock lock(mutex_);
  TOCSIN_ASSIGN(std::vector<DeadLetter> letters, Read());
  const auto letter = std::ranges::find(letters, sequence, &DeadLetter::sequence);
  if (letter == letters.end()) return NotFound("entry %d was not put aside", sequence.value());
  if (!letter->settled.empty())
    return Precondition("entry %d was settled before: %s", sequence.value(), letter->settled);
  letter->settled = absl::StrFormat("%s: %s", by, OnOneLine(reason));
  letter->body.clear();
  return Write(letters);
}

}  // namespace tocsin
