// How pages end from outside: somebody has answered, or is asked anew, or nobody need be asked any more.
#include <vector>

#include "absl/strings/str_cat.h"

#include "base/strings.h"
#include "engine/responder_groups.h"
#include "engine/responder_outbox.h"
#include "engine/responder_pages.h"
#include "engine/responder_rewrites.h"

namespace tocsin {

void SupersedePages(Turn& turn, const Escalation& escalation, const UserId& user) {
  for (const PageId id : turn.About(escalation.subject).pages.Copy()) {
    const Page* before = turn.Find<Page>(id);
    if (before == nullptr || before->escalation != escalation.id || before->user != user) continue;
    // Who was not reached may be tried on.
    if (before->state != Page::State::kActive && before->state != Page::State::kUnreachable) continue;
    const std::vector<NotificationId> notifications = before->notifications;
    if (before->state == Page::State::kActive) ClosePage(turn, turn.Edit<Page>(id), Page::State::kCancelled);
    for (const NotificationId notification : notifications)
      Cancel(turn, notification, "a later pass pages again");
  }
}

void CancelPages(Turn& turn, const Subject& subject, std::string_view reason, bool besides) {
  const auto stays = [&](const Page* page) { return !besides && page != nullptr && !page->escalation.set(); };
  for (const PageId id : turn.About(subject).pages.Copy()) {
    const Page* page = turn.Find<Page>(id);
    if (page == nullptr || page->state != Page::State::kActive || stays(page)) continue;
    ClosePage(turn, turn.Edit<Page>(id), Page::State::kCancelled);
  }
  if (besides) {
    CancelAbout(turn, subject, reason);
    return;
  }
  for (const NotificationId id : turn.About(subject).notifications.Copy()) {
    const Notification* row = turn.Find<Notification>(id);
    const bool notice = row == nullptr || row->purpose == Notification::Purpose::kResolved || IsRewriting(*row);
    if (!notice && !stays(turn.Find<Page>(row->page))) Cancel(turn, id, reason);
  }
}

bool AnswerPages(Turn& turn, const Subject& subject, std::string_view by) {
  const UserId person = PersonBehind(by);
  const auto ends = [&](const Page& page) {
    return page.until == Page::Until::kAnybody || (person.set() && page.user == person);
  };
  const RowsAbout rows = turn.About(subject);
  bool own = false;
  for (const PageId id : rows.pages.Copy()) {
    const Page* page = turn.Find<Page>(id);
    if (page == nullptr || page->state != Page::State::kActive || !ends(*page)) continue;
    own |= page->user == person && person.set();
    ClosePage(turn, turn.Edit<Page>(id), Page::State::kCancelled);
  }
  for (const NotificationId id : rows.notifications.Copy()) {
    const Notification* row = turn.Find<Notification>(id);
    if (row == nullptr || row->purpose == Notification::Purpose::kResolved || IsRewriting(*row)) continue;
    const Page* page = turn.Find<Page>(row->page);
    if (page != nullptr ? ends(*page) : !row->goes_on) Cancel(turn, id, absl::StrCat("acknowledged by ", ToAbsl(by)));
  }
  return own;
}

}  // namespace tocsin
