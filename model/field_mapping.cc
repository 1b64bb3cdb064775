#include "model/field_mapping.h"

#include "base/status.h"
#include "base/strings.h"

namespace tocsin {
namespace {

constexpr std::size_t kMostParts = 100;

// Reads what stands between {{ and }}.
class PathReader {
 public:
  PathReader(std::string_view text, std::size_t offset) : text_(text), offset_(offset) {}

  absl::StatusOr<std::vector<TextTemplate::Path>> Alternatives() {
    std::vector<TextTemplate::Path> all;
    for (;;) {
      TOCSIN_ASSIGN(TextTemplate::Path path, One());
      all.push_back(std::move(path));
      SkipBlanks();
      if (at_ == text_.size()) return all;
      if (text_[at_] != '|') return Fail("expected | or }}");
      ++at_;
    }
  }
  absl::StatusOr<std::vector<std::string>> Steps() {
    TOCSIN_ASSIGN(TextTemplate::Path path, One());
    SkipBlanks();
    if (at_ != text_.size()) return Fail("expected the end of the path");
    if (path.steps.empty()) return Fail("expected a path, found text in quotes");
    return std::move(path.steps);
  }

 private:
  absl::Status Fail(std::string_view what) const { return Invalid("byte %d: %s", offset_ + at_, what); }
  void SkipBlanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t'))
      ++at_;
  }
  absl::StatusOr<std::string> Quoted(char quote) {
    const std::size_t end = text_.find(quote, at_ + 1);
    if (end == std::string_view::npos) return Fail("this quote is not closed");
    std::string inside(text_.substr(at_ + 1, end - at_ - 1));
    at_ = end + 1;
    return inside;
  }
  absl::StatusOr<TextTemplate::Path> One() {
    SkipBlanks();
    TextTemplate::Path path;
    if (at_ < text_.size() && text_[at_] == '\'') {
      TOCSIN_ASSIGN(path.literal, Quoted('\''));
      return path;
    }
    for (;;) {
      std::string step;
      if (at_ < text_.size() && text_[at_] == '"') {
        TOCSIN_ASSIGN(step, Quoted('"'));
      } else {
        const std::size_t end = std::min(text_.find_first_of(".| \t\"'{}", at_), text_.size());
        step = text_.substr(at_, end - at_);
        at_ = end;
      }
      if (step.empty()) return Fail("expected a name");
      path.steps.push_back(std::move(step));
      if (at_ >= text_.size() || text_[at_] != '.') return path;
      ++at_;
    }
  }

  std::string_view text_;
  std::size_t offset_;
  std::size_t at_ = 0;
};

}  // namespace

absl::StatusOr<TextTemplate> ParseTemplate(std::string_view text) {
  TextTemplate result;
  std::size_t at = 0;
  while (at < text.size()) {
    if (result.parts.size() >= kMostParts) return Invalid("more than %d parts", kMostParts);
    const std::size_t open = std::min(text.find("{{", at), text.size());
    if (open > at) result.parts.push_back({std::string(text.substr(at, open - at)), {}});
    if (open == text.size()) break;
    const std::size_t close = text.find("}}", open);
    if (close == std::string_view::npos) return Invalid("byte %d: {{ is not closed by }}", open);
    PathReader reader(text.substr(open + 2, close - open - 2), open + 2);
    TOCSIN_ASSIGN(std::vector<TextTemplate::Path> paths, reader.Alternatives());
    result.parts.push_back({"", std::move(paths)});
    at = close + 2;
  }
  return result;
}

absl::StatusOr<std::vector<std::string>> ParsePath(std::string_view text) {
  return PathReader(text, 0).Steps();
}

}  // namespace tocsin
