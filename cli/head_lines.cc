#include "cli/head_lines.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include "base/status.h"
#include "storage/audit_claim.h"

namespace tocsin {
namespace {

constexpr std::size_t kLineBytes = 1 << 20;  // of a log; a head has some 350
constexpr std::size_t kHeadBytes = 1000;     // no head of ours has more
constexpr std::size_t kUnreadableTold = 20;
constexpr std::string_view kHead = "tocsin-audit 1 ";

}  // namespace

absl::Status HeadLines::Read(std::istream& in) {
  std::array<char, 1 << 16> piece{};
  std::string line;
  while (in.read(piece.data(), piece.size()) || in.gcount() > 0) {
    std::string_view rest(piece.data(), static_cast<std::size_t>(in.gcount()));
    for (std::size_t end = rest.find('\n'); end != std::string_view::npos; end = rest.find('\n')) {
      line += rest.substr(0, end);
      rest.remove_prefix(end + 1);
      TOCSIN_TRY(Add(line));
      line.clear();
    }
    line += rest;
    if (line.size() > kLineBytes) return Precondition("a line has more than %d bytes: is it a log?", kLineBytes);
  }
  if (in.bad()) return Precondition("it cannot be read: is it a file?");
  return Add(line);
}

absl::Status HeadLines::Add(std::string_view line) {
  const std::size_t begin = line.find(kHead);
  if (begin == std::string_view::npos) return absl::OkStatus();
  const absl::StatusOr<ClaimedHead> claim = ReadClaim(line);
  if (!claim.ok() || claim->text.size() > kHeadBytes) {
    if (unreadable_.size() < kUnreadableTold) unreadable_.emplace_back(line.substr(begin, kHeadBytes));
    return absl::OkStatus();
  }
  const AuditHead& head = claim->head;
  Lines& lines = stores_[head.store];
  if (stores_.size() > most_) return Precondition("there are heads of more than %d stores: give those of one", most_);
  if (!lines.try_emplace(Key(head.entry, head.hash, head.key), claim->text).second) return absl::OkStatus();
  if (++count_ > 4 * most_) ThinAll(2 * most_);
  return absl::OkStatus();
}

// To each store its share.
void HeadLines::ThinAll(std::size_t most) {
  const std::size_t share = std::max<std::size_t>(1, most / std::max<std::size_t>(1, stores_.size()));
  count_ = 0;
  for (auto& [store, lines] : stores_) {
    Thin(lines, share);
    count_ += lines.size();
  }
}

// The newer half of `most` as they are, and of the others evenly: these find where it began.
void HeadLines::Thin(Lines& lines, std::size_t most) {
  if (lines.size() <= most) return;
  const std::size_t newest = (most + 1) / 2;
  const std::size_t older = lines.size() - newest;
  const std::size_t wanted = most - newest;
  std::size_t i = 0;
  for (auto at = lines.begin(); i < older; ++i)
    at = (i + 1) * wanted / older == i * wanted / older ? lines.erase(at) : std::next(at);
}

std::string HeadLines::Text() && {
  ThinAll(most_);
  std::string text;
  for (const auto& [store, lines] : stores_) {
    for (const auto& [key, line] : lines)
      text += line + "\n";
  }
  for (const std::string& line : unreadable_)
    text += line + "\n";
  return text;
}

}  // namespace tocsin
