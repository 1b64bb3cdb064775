// Pages: one person to be reached because of one step, by the person's own rules. A method that fails is followed by the
// next at once; a person of whom all methods fail is unreachable, which the escalation is told.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/message.h"
#include "engine/responder_turn.h"

namespace tocsin {

struct PageRequest {
  EscalationId escalation = {};  // none: a test page, on every method, or a person asked for besides
  Subject subject = {};
  UserId user = {};
  Urgency urgency = Urgency::kHigh;
  std::int32_t step = 0;
  std::int32_t pass = 0;
  std::string reason = {};
  bool important = false;
  Page::Until until = Page::Until::kAnybody;
};

// Starts them all, so that each can name the others. A person without any contact method is unreachable from the start;
// the escalation is not told, the caller sees it in the rows.
std::vector<PageId> StartPages(Turn& turn, std::span<const PageRequest> requests);

// Tells a person something that asks for nothing, by the first method that works. See engine/responder_notices.h.
// `alarm`: by all methods at once and before all else, since it must not be missed; it is the page's reason.
// `by`: by this method, and others only when it fails.
PageId StartNotice(Turn& turn,
                   const UserId& user,
                   const MessageText& message,
                   std::string_view alarm = {},
                   const ContactMethod* by = nullptr);

// Asks the person to confirm that it reaches them; behind all else. `why`: "it was never tested".
PageId StartSelfTest(Turn& turn, const UserId& user, const ContactMethod& method, std::string_view why);

// The rules that are due; overdue ones collapse to one message for each method.
void RunDueRules(Turn& turn, PageId id);
// The person's methods were chosen for a low urgency; now it is high: adds those of its rules that were not used yet.
void RaiseUrgency(Turn& turn, PageId id);
// A later step asks for the person's important rules: the same.
void MakeImportant(Turn& turn, PageId id);
// What it waited for, the person's morning or the hours of its next rule, is here.
void EndPageWait(Turn& turn, PageId id);
// The person's night, or the rule's hours, may be others now. Harmless for a page that does not wait.
void ReviewPageWait(Turn& turn, PageId id);
// Its group has come back since: whoever is to be told now has a page of the present episode.
bool IsOfEarlierEpisode(const Turn& turn, const Page& page);
// A notification of the page has ended without reaching the person: the next method at once, its delay skipped.
void MethodFailed(Turn& turn, const Notification& failed);
// Its timers end with it.
void ClosePage(Turn& turn, Page& page, Page::State state);
// Nothing is left to be done for the page: it is done, or the person is unreachable.
void SettlePage(Turn& turn, PageId id);
// A later pass pages the person again: what is left of the earlier pages ends.
void SupersedePages(Turn& turn, const Escalation& escalation, const UserId& user);
// Ends all active pages about `subject`, with their open notifications.
// `besides`: also those of people who were asked besides the escalation.
void CancelPages(Turn& turn, const Subject& subject, std::string_view reason, bool besides = true);
// Somebody has acknowledged: ends those that this ends, and all that is under way to receivers for them. True: a page of
// the person's own was ended.
bool AnswerPages(Turn& turn, const Subject& subject, std::string_view by);

}  // namespace tocsin
