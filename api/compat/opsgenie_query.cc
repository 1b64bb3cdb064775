#include "api/compat/opsgenie_query.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

#include "api/compat/opsgenie_fields.h"
#include "base/status.h"
#include "base/strings.h"

namespace tocsin {

using opsgenie_query::Field;
using opsgenie_query::FindField;
using opsgenie_query::Kind;
using opsgenie_query::Reading;
using opsgenie_query::ReadSpan;
using opsgenie_query::Span;
using opsgenie_query::Texts;
using opsgenie_query::Wanted;

namespace {

constexpr int kMostDepth = 32;

enum class Compare : std::uint8_t {
  kEqual,
  kNotEqual,
  kLess,
  kAtMost,
  kGreater,
  kAtLeast
};

}  // namespace

struct OpsgenieQuery::Node {
  enum class Kind : std::uint8_t {
    kAnd,
    kOr,
    kNot,
    kTerm
  };
  Kind kind = Kind::kTerm;
  std::vector<std::shared_ptr<const Node>> parts = {};
  // Of a term; without a field it is looked for in all that people read.
  std::size_t number_of_term = 0;  // terms that are alike are one
  const Field* field = nullptr;
  Compare compare = Compare::kEqual;
  Wanted wanted = {};
  std::int64_t number = 0;
  Span span = {};
  bool flag = false;
};

namespace {

using Node = OpsgenieQuery::Node;
using NodePtr = std::shared_ptr<const Node>;

template <typename Value>
bool Holds(Compare compare, const Value& value, const Value& first, const Value& last) {
  switch (compare) {
    case Compare::kEqual: return first <= value && value < last;
    case Compare::kNotEqual: return value < first || last <= value;
    case Compare::kLess: return value < first;
    case Compare::kAtMost: return value < last;
    case Compare::kGreater: return value >= last;
    case Compare::kAtLeast: return value >= first;
  }
  return false;
}

bool MatchTexts(const Node& term, Reading& row) {
  // "field: *" asks whether there is anything.
  const bool anything = term.wanted.open_end && term.wanted.text.empty();
  bool found = false;
  if (term.field->kind == Kind::kText && !anything) {
    found = row.IsWithin(term.wanted, term.field);
  } else {
    Texts texts;
    term.field->texts(row.alert(), texts);
    found = std::ranges::any_of(
        texts, [&](std::string_view text) { return anything ? !text.empty() : term.wanted.IsWhole(text); });
  }
  return found == (term.compare == Compare::kEqual);
}

bool MatchTerm(const Node& term, Reading& row) {
  if (term.field == nullptr) return row.IsAnywhere(term.wanted);
  const OpsgenieAlert& alert = row.alert();
  switch (term.field->kind) {
    case Kind::kText:
    case Kind::kWhole: return MatchTexts(term, row);
    case Kind::kNumber: return Holds(term.compare, term.field->number(alert), term.number, term.number + 1);
    case Kind::kTime: return Holds(term.compare, term.field->time(alert), term.span.first, term.span.last);
    case Kind::kFlag: return (term.field->flag(alert) == term.flag) == (term.compare == Compare::kEqual);
  }
  return false;
}

// One row and what the terms have said of it so far.
struct Matching {
  Reading row;
  std::vector<std::optional<bool>> answers;

  bool Holds(const Node& node) {
    const auto holds = [&](const NodePtr& part) { return Holds(*part); };
    switch (node.kind) {
      case Node::Kind::kAnd: return std::ranges::all_of(node.parts, holds);
      case Node::Kind::kOr: return std::ranges::any_of(node.parts, holds);
      case Node::Kind::kNot: return !holds(node.parts.front());
      case Node::Kind::kTerm: break;
    }
    std::optional<bool>& answer = answers[node.number_of_term];
    if (!answer) answer = MatchTerm(node, row);
    return *answer;
  }
};

// ---- reading ----

struct Token {
  enum class Kind : std::uint8_t {
    kEnd,
    kOpen,
    kClose,
    kColon,
    kCompare,
    kAnd,
    kOr,
    kNot,
    kWord,
    kPhrase
  };
  Kind kind = Kind::kEnd;
  std::string text = {};
  std::size_t at = 0;
};

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  absl::StatusOr<Token> Next() {
    while (at_ < text_.size() && absl::ascii_isspace(static_cast<unsigned char>(text_[at_])))
      ++at_;
    const std::size_t start = at_;
    if (at_ == text_.size()) return Token{Token::Kind::kEnd, "", start};
    switch (text_[at_]) {
      case '(': ++at_; return Token{Token::Kind::kOpen, "(", start};
      case ')': ++at_; return Token{Token::Kind::kClose, ")", start};
      case ':': ++at_; return Token{Token::Kind::kColon, ":", start};
      case '"': return Phrase();
      default: break;
    }
    const std::size_t length = text_.substr(at_).find_first_not_of("<>=!");
    if (length > 0) {
      at_ += std::min(length, text_.size() - at_);
      return Token{Token::Kind::kCompare, std::string(text_.substr(start, at_ - start)), start};
    }
    return Word();
  }

 private:
  absl::StatusOr<Token> Phrase() {
    const std::size_t start = at_;
    std::string text;
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] == '"') {
        ++at_;
        return Token{Token::Kind::kPhrase, std::move(text), start};
      }
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
      text += text_[at_];
    }
    return Invalid("at %d: the phrase that begins here has no closing quote", start + 1);
  }

  Token Word() {
    const std::size_t start = at_;
    std::string text;
    // Of '=' and '!' only those at the beginning compare: a=b is a word.
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (absl::ascii_isspace(static_cast<unsigned char>(c)) ||
          std::string_view("():\"<>").find(c) != std::string_view::npos)
        break;
      if (c == '\\' && at_ + 1 < text_.size()) ++at_;
      text += text_[at_];
    }
    const std::string upper = absl::AsciiStrToUpper(text);
    if (upper == "AND") return {Token::Kind::kAnd, std::move(text), start};
    if (upper == "OR") return {Token::Kind::kOr, std::move(text), start};
    if (upper == "NOT") return {Token::Kind::kNot, std::move(text), start};
    return {Token::Kind::kWord, std::move(text), start};
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

std::optional<Compare> CompareOf(std::string_view text) {
  if (text == "=" || text == "==") return Compare::kEqual;
  if (text == "!=") return Compare::kNotEqual;
  if (text == "<") return Compare::kLess;
  if (text == "<=") return Compare::kAtMost;
  if (text == ">") return Compare::kGreater;
  if (text == ">=") return Compare::kAtLeast;
  return std::nullopt;
}

class Parser {
 public:
  explicit Parser(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  absl::StatusOr<NodePtr> Run() {
    if (Peek().kind == Token::Kind::kEnd) return NodePtr();
    TOCSIN_ASSIGN(NodePtr all, Either(nullptr));
    if (Peek().kind != Token::Kind::kEnd) return Unexpected("AND, OR or the end");
    return all;
  }
  std::size_t terms() const { return terms_.size(); }

 private:
  const Token& Peek(std::size_t ahead = 0) const { return tokens_[std::min(at_ + ahead, tokens_.size() - 1)]; }
  Token Take() { return tokens_[std::min(at_++, tokens_.size() - 1)]; }
  bool TakeIf(Token::Kind kind) {
    if (Peek().kind != kind) return false;
    ++at_;
    return true;
  }
  absl::Status Unexpected(std::string_view wanted) const {
    const Token& token = Peek();
    if (token.kind == Token::Kind::kEnd)
      return Invalid("at %d: the query ends where %s should be", token.at + 1, wanted);
    return Invalid("at %d: %s stands where %s should be", token.at + 1, JsonQuote(token.text), wanted);
  }

  static NodePtr Join(Node::Kind kind, std::vector<NodePtr> parts) {
    if (parts.size() == 1) return parts.front();
    return std::make_shared<Node>(Node{.kind = kind, .parts = std::move(parts)});
  }

  // `field`: whose values these are, in `field: (a OR b)`; else nullptr.
  absl::StatusOr<NodePtr> Either(const Field* field) {
    std::vector<NodePtr> parts;
    do {
      TOCSIN_ASSIGN(NodePtr part, Both(field));
      parts.push_back(std::move(part));
    } while (TakeIf(Token::Kind::kOr));
    return Join(Node::Kind::kOr, std::move(parts));
  }

  absl::StatusOr<NodePtr> Both(const Field* field) {
    std::vector<NodePtr> parts;
    for (;;) {
      TOCSIN_ASSIGN(NodePtr part, Single(field));
      parts.push_back(std::move(part));
      if (TakeIf(Token::Kind::kAnd)) continue;
      const Token::Kind next = Peek().kind;
      const bool goes_on = next == Token::Kind::kWord || next == Token::Kind::kPhrase || next == Token::Kind::kNot ||
                           next == Token::Kind::kOpen || next == Token::Kind::kCompare;
      if (!goes_on) return Join(Node::Kind::kAnd, std::move(parts));
    }
  }

  absl::StatusOr<NodePtr> Single(const Field* field) {
    if (++depth_ > kMostDepth) return Invalid("at %d: nested more than %d levels deep", Peek().at + 1, kMostDepth);
    absl::StatusOr<NodePtr> node = OneLevelDown(field);
    --depth_;
    return node;
  }

  absl::StatusOr<NodePtr> OneLevelDown(const Field* field) {
    if (TakeIf(Token::Kind::kNot)) {
      TOCSIN_ASSIGN(NodePtr part, Single(field));
      return std::make_shared<const Node>(Node{.kind = Node::Kind::kNot, .parts = {std::move(part)}});
    }
    if (TakeIf(Token::Kind::kOpen)) {
      TOCSIN_ASSIGN(NodePtr inside, Either(field));
      if (!TakeIf(Token::Kind::kClose)) return Unexpected("a closing parenthesis");
      return inside;
    }
    if (field == nullptr && Peek().kind == Token::Kind::kWord &&
        (Peek(1).kind == Token::Kind::kColon || Peek(1).kind == Token::Kind::kCompare)) {
      return OfField();
    }
    return Value(field);
  }

  absl::StatusOr<NodePtr> OfField() {
    const Token name = Take();
    const Field* field = FindField(name.text);
    if (field == nullptr)
      return Invalid("at %d: there is no field %s; status, priority, message, tag, createdAt and others are",
                     name.at + 1, JsonQuote(name.text));
    TakeIf(Token::Kind::kColon);
    if (TakeIf(Token::Kind::kOpen)) {
      TOCSIN_ASSIGN(NodePtr inside, Either(field));
      if (!TakeIf(Token::Kind::kClose)) return Unexpected("a closing parenthesis");
      return inside;
    }
    return Value(field);
  }

  absl::StatusOr<NodePtr> Value(const Field* field) {
    Node term{.kind = Node::Kind::kTerm, .parts = {}, .field = field};
    if (field != nullptr && Peek().kind == Token::Kind::kCompare) {
      const std::optional<Compare> compare = CompareOf(Peek().text);
      if (!compare) return Unexpected("one of < <= > >= = !=");
      term.compare = *compare;
      Take();
    }
    if (Peek().kind != Token::Kind::kWord && Peek().kind != Token::Kind::kPhrase) return Unexpected("a value");
    Token value = Take();
    // A time has colons of its own: 2026-11-21T10:00:00Z.
    while (field != nullptr && field->kind == Kind::kTime && Peek().kind == Token::Kind::kColon &&
           Peek(1).kind == Token::Kind::kWord) {
      Take();
      value.text += ":" + Take().text;
    }
    TOCSIN_TRY(Read(value, term));
    return One(value, std::move(term));
  }

  // All terms that are like this one are the same node: it is asked once of a row.
  absl::StatusOr<NodePtr> One(const Token& value, Node term) {
    TermKey key(term.field, term.compare, term.wanted.open_end, term.wanted.text);
    const auto [at, is_new] = terms_.try_emplace(std::move(key));
    if (!is_new) return at->second;
    term.number_of_term = terms_.size() - 1;
    if (terms_.size() > OpsgenieQuery::kMostTerms)
      return Invalid("at %d: more than %d different terms", value.at + 1, OpsgenieQuery::kMostTerms);
    at->second = std::make_shared<const Node>(std::move(term));
    return at->second;
  }

  static absl::Status Read(const Token& value, Node& term) {
    term.wanted = Wanted::Of(value.text, value.kind == Token::Kind::kPhrase);
    if (term.field == nullptr) return absl::OkStatus();
    switch (term.field->kind) {
      case Kind::kText:
      case Kind::kWhole:
        if (term.compare == Compare::kEqual || term.compare == Compare::kNotEqual) return absl::OkStatus();
        return Invalid("at %d: %s is a text: it can be = or !=, not more or less", value.at + 1, term.field->name);
      case Kind::kNumber: {
        const char* const end = value.text.data() + value.text.size();
        const auto [stop, error] = std::from_chars(value.text.data(), end, term.number);
        if (error == std::errc() && stop == end && term.number < INT64_MAX) return absl::OkStatus();
        return Invalid("at %d: %s is no number", value.at + 1, JsonQuote(value.text));
      }
      case Kind::kTime: {
        const std::optional<Span> span = ReadSpan(value.text);
        if (!span)
          return Invalid("at %d: %s is no time: Unix milliseconds or dd-MM-yyyy", value.at + 1, JsonQuote(value.text));
        term.span = *span;
        return absl::OkStatus();
      }
      case Kind::kFlag:
        if (term.wanted.lower != "true" && term.wanted.lower != "false")
          return Invalid("at %d: %s is neither true nor false", value.at + 1, JsonQuote(value.text));
        term.flag = term.wanted.lower == "true";
        return absl::OkStatus();
    }
    return absl::OkStatus();
  }

  using TermKey = std::tuple<const Field*, Compare, bool, std::string>;

  std::vector<Token> tokens_;
  std::map<TermKey, NodePtr> terms_;
  std::size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace

absl::StatusOr<OpsgenieQuery> OpsgenieQuery::Parse(std::string_view text) {
  if (text.size() > kMostBytes) return Invalid("the query has %d bytes, at most %d", text.size(), kMostBytes);
  std::vector<Token> tokens;
  Scanner scanner(text);
  do {
    TOCSIN_ASSIGN(Token token, scanner.Next());
    tokens.push_back(std::move(token));
  } while (tokens.back().kind != Token::Kind::kEnd);
  OpsgenieQuery query;
  Parser parser(std::move(tokens));
  TOCSIN_ASSIGN(query.root_, parser.Run());
  query.terms_ = parser.terms();
  return query;
}

bool OpsgenieQuery::Match(const OpsgenieAlert& alert) const {
  if (root_ == nullptr) return true;
  return Matching{Reading(alert), std::vector<std::optional<bool>>(terms_)}.Holds(*root_);
}

namespace {

using Less = bool (*)(const OpsgenieAlert&, const OpsgenieAlert&);
struct SortKey {
  std::string_view name;
  Less less;
};
template <auto kMember>
bool ByMember(const OpsgenieAlert& a, const OpsgenieAlert& b) {
  return a.*kMember < b.*kMember;
}
constexpr SortKey kSortKeys[] = {
    {"createdAt",                                ByMember<&OpsgenieAlert::created_at>},
    {"updatedAt",                                ByMember<&OpsgenieAlert::updated_at>},
    {"tinyId",                                   ByMember<&OpsgenieAlert::id>        },
    {"alias",                                    ByMember<&OpsgenieAlert::alias>     },
    {"message",                                  ByMember<&OpsgenieAlert::message>   },
    {"status",                                   [](const OpsgenieAlert& a,            const OpsgenieAlert& b) { return a.closed && !b.closed; }},
    {"acknowledged",                                          ByMember<&OpsgenieAlert::acknowledged>                                                                },
    {"isSeen",                                          ByMember<&OpsgenieAlert::seen>      },
    {"snoozed",                                          ByMember<&OpsgenieAlert::snoozed>                                                               },
    {"snoozedUntil",                                          ByMember<&OpsgenieAlert::snoozed_until> },
    {"count",                                          ByMember<&OpsgenieAlert::count>                                                                      },
    {"lastOccurredAt",                                          ByMember<&OpsgenieAlert::last_occurred_at>},
    {"source",                                          ByMember<&OpsgenieAlert::source>                                                                              },
    {"owner",                                          ByMember<&OpsgenieAlert::owner>},
    {"priority",                                          ByMember<&OpsgenieAlert::priority>                                                                           },
    {"integration.name",                                          ByMember<&OpsgenieAlert::integration>},
    {"integration.type",                                          [](const OpsgenieAlert&,                                                                            const OpsgenieAlert&) { return false; }},
    {"report.ackTime",   ByMember<&OpsgenieAlert::acknowledged_at>},
    {"report.closeTime",ByMember<&OpsgenieAlert::closed_at>                                                                       },
    {"report.acknowledgedBy",         ByMember<&OpsgenieAlert::acknowledged_by>},
    {"report.closedBy",ByMember<&OpsgenieAlert::closed_by>                                                       },
};

}  // namespace

bool IsOpsgenieSortKey(std::string_view key) {
  return std::ranges::find(kSortKeys, key, &SortKey::name) != std::end(kSortKeys);
}

bool SortsBefore(const OpsgenieAlert& a, const OpsgenieAlert& b, std::string_view key) {
  const auto* found = std::ranges::find(kSortKeys, key, &SortKey::name);
  return found != std::end(kSortKeys) && found->less(a, b);
}

}  // namespace tocsin
