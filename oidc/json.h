// JSON of a provider, read strictly and whole: UTF-8, nested 16 deep at most, no name twice in an object, since what reads the
// first and what reads the last would see different claims. Whoever calls bounds the size.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace tocsin::oidc {

struct Json {
  enum class Kind : std::uint8_t {
    kNull,
    kFlag,
    kNumber,
    kText,
    kList,
    kObject
  };
  struct Member;
  Kind kind = Kind::kNull;
  bool flag = false;
  double number = 0;
  std::string text;
  std::vector<Json> items;
  std::vector<Member> members;  // sorted by name

  // The member called `name`; null when there is none, or this is no object.
  const Json* Find(std::string_view name) const;
  // Its text; "" when it is absent or something else.
  std::string TextOf(std::string_view name) const;
  bool FlagOf(std::string_view name) const;
  // Seconds since 1970, with a fraction or without; nullopt when it is absent, something else, or beyond the year 9999.
  std::optional<absl::Time> TimeOf(std::string_view name) const;
  // A text, or the texts of a list; what is neither is left out.
  std::vector<std::string> TextsOf(std::string_view name) const;
};

struct Json::Member {
  std::string name;
  Json value;
};

// Invalid: it is no such object.
absl::StatusOr<Json> ParseObject(std::string_view text);

}  // namespace tocsin::oidc
