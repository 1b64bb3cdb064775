// For tests of sources: a body read as it would be at the door, with what is expected of most of them said once.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/strings.h"
#include "ingest/source.h"

namespace tocsin {

inline const Now kSourceNow{.wall = absl::FromUnixSeconds(1'795'289'000), .engine = EngineTime(0)};

inline Readings ReadBody(std::string_view source,
                         std::string_view body,
                         std::string_view content_type = "",
                         std::string_view query = "") {
  return ReadPayload(*FindSource(source), {.body = body, .content_type = content_type, .query = query}, kSourceNow);
}

inline AlertEvent EventOf(std::string_view source,
                          std::string_view body,
                          std::string_view content_type = "",
                          std::string_view query = "") {
  const Readings readings = ReadBody(source, body, content_type, query);
  EXPECT_THAT(readings, ::testing::SizeIs(1));
  if (readings.empty() || !readings[0].event) {
    ADD_FAILURE() << body << ": " << (readings.empty() ? "nothing" : readings[0].reason);
    return {};
  }
  EXPECT_FALSE(readings[0].stands_in) << readings[0].reason;
  return *readings[0].event;
}

inline std::string WhyIgnored(std::string_view source, std::string_view body) {
  const Readings readings = ReadBody(source, body);
  EXPECT_THAT(readings, ::testing::SizeIs(1));
  if (readings.empty() || readings[0].event) {
    ADD_FAILURE() << body << " was read as an alert";
    return "";
  }
  return readings[0].reason;
}

// What an alert says of itself when its source could not read it.
inline std::string WhyUnreadable(std::string_view source, std::string_view body) {
  const Readings readings = ReadBody(source, body);
  EXPECT_THAT(readings, ::testing::SizeIs(1));
  return readings.empty() || !readings[0].stands_in ? "it was read" : readings[0].reason;
}

struct Step {
  std::string_view name;
  std::string_view source;
  std::string_view body;
  EventKind kind;
  std::string_view key;
};

inline void CheckSteps(std::span<const Step> steps) {
  for (const Step& step : steps) {
    SCOPED_TRACE(absl::StrCat(ToAbsl(step.source), ", ", ToAbsl(step.name)));
    const AlertEvent event = EventOf(step.source, step.body);
    EXPECT_EQ(Name(event.kind), Name(step.kind));
    EXPECT_EQ(event.dedup_key, step.key);
  }
}

inline constexpr EventKind kFires = EventKind::kTrigger;
inline constexpr EventKind kAcked = EventKind::kAcknowledge;
inline constexpr EventKind kOver = EventKind::kResolve;

}  // namespace tocsin
