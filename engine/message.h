// What messages say. Pure text from rows: plain UTF-8, bounded, without control characters but the body's line breaks;
// channels render it for their medium.
//
// Label and annotation values come from strangers: they are cut, and never start a line of their own.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "model/organisation.h"
#include "model/response.h"

namespace tocsin {

struct MessageText {
  std::string title;
  std::string body;
};

// Why this person is being paged, and what happens otherwise.
struct PageContext {
  std::string reason;           // "step 1 of 3: schedule db-primary: layer weekly"
  std::vector<UserId> others;   // paged by the same step
  std::string next;             // "step 2 of 3 at 2024-01-01 10:05 UTC unless somebody acknowledges"; may be empty
  std::string acknowledge_url;  // may be empty
};

// What the group is about, in a word: DatabaseDown, "DatabaseDown and others".
std::string ShortName(const Group& group);
// [CRITICAL] DatabaseDown (12 alerts) payments
std::string GroupTitle(const Group& group);
MessageText PageMessage(const Group& group, const PageContext& context, const Now& now);
MessageText PageMessage(const Incident& incident, const PageContext& context, const Now& now);
// Of a group to a route's receiver. `why`: "2 new alerts", "repeated after 4h".
MessageText UpdateMessage(const Group& group, std::string_view why, const Now& now);
// What there is to be said of it now, whoever was told what before: for messages that are rewritten.
MessageText PresentMessage(const Group& group, const Now& now);
MessageText PresentMessage(const Incident& incident, const Now& now);
MessageText ResolvedMessage(const Group& group, const Now& now);
MessageText ResolvedMessage(const Incident& incident, const Now& now);
// `confirms`: the message carries a link by which the person says that it has come.
MessageText TestMessage(const UserId& user, std::string_view asked_by, bool confirms, const Now& now);
// `method`: what it goes to, as people call it.
MessageText SelfTestMessage(const UserId& user, std::string_view method, std::string_view why, const Now& now);

// One of several things that one message tells.
struct BundleItem {
  std::string reference;  // G17
  std::string title;
  Notification::Lane lane = Notification::Lane::kNormal;
  bool resolved = false;
  bool notice = false;  // about a schedule
};
// "[CRITICAL] DatabaseDown (12 alerts) payments, +37 more"; the body lists them up to a bound and counts the rest.
// `bundle`: its name, "B52".
MessageText BundleMessage(const std::vector<BundleItem>& items, std::string_view bundle);

// 2024-01-01 10:05 UTC, with seconds where they are not zero.
std::string Instant(absl::Time at);
// One line: control characters become spaces, at most `bytes`, cut text ends in "...".
std::string OneLine(std::string_view text, std::size_t bytes);

}  // namespace tocsin
