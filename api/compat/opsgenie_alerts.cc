// /v2/alerts and Netdata's path: what is asked of alerts, what became of it, lists and counts.
#include <algorithm>
#include <charconv>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

#include "api/compat/opsgenie_asked.h"
#include "api/compat/opsgenie_query.h"
#include "api/compat/opsgenie_search.h"
#include "base/limits.h"
#include "base/status.h"
#include "base/strings.h"
#include "engine/responder_opsgenie.h"
#include "model/command.h"

namespace tocsin {
namespace {

constexpr std::int64_t kMostListed = 20'000;
// From the request on: who waited that long for a worker has gone.
constexpr absl::Duration kLongestSearch = absl::Seconds(10);

AlertEvent EndOf(const std::string& alias) {
  AlertEvent event;
  event.kind = EventKind::kResolve;
  event.dedup_key = alias;
  return event;
}

// What the engine is to be told, as model/opsgenie.h says. `asked`: the alias that a request named, when there is no row.
std::vector<AlertEvent> EventsOf(const opsgenie::Action& action,
                                 const OpsgenieOutcome& outcome,
                                 const std::string& asked) {
  const OpsgenieAlert& alert = outcome.alert;
  const bool exists = alert.id.set();
  const auto of = [&](EventKind kind) { return OpsgenieEvent(alert, kind); };
  struct Chooser {
    const OpsgenieOutcome& outcome;
    const std::string& asked;
    bool exists;
    decltype(of)& event;
    using Events = std::vector<AlertEvent>;

    Events End() const {
      if (exists) return {event(EventKind::kResolve)};
      return asked.empty() ? Events() : Events{EndOf(asked)};
    }
    Events Again() const { return exists && !outcome.alert.closed ? Events{event(EventKind::kTrigger)} : Events(); }
    Events operator()(const opsgenie::Create&) const {
      if (!exists) return {};
      if (!outcome.opened) return {event(EventKind::kTrigger)};
      return {event(EventKind::kResolve), event(EventKind::kTrigger)};
    }
    Events operator()(const opsgenie::Close&) const { return End(); }
    Events operator()(const opsgenie::Delete&) const { return End(); }
    Events operator()(const opsgenie::Acknowledge&) const {
      return exists && !outcome.alert.closed ? Events{event(EventKind::kAcknowledge)} : Events();
    }
    Events operator()(const opsgenie::Unacknowledge&) const {
      if (!exists || !outcome.success) return {};
      return {event(EventKind::kResolve), event(EventKind::kTrigger)};
    }
    Events operator()(const opsgenie::Snooze&) const {
      return exists && outcome.success ? Events{event(EventKind::kAcknowledge)} : Events();
    }
    Events operator()(const opsgenie::AddTags&) const { return Again(); }
    Events operator()(const opsgenie::RemoveTags&) const { return Again(); }
    Events operator()(const opsgenie::AddDetails&) const { return Again(); }
    Events operator()(const opsgenie::RemoveDetails&) const { return Again(); }
    Events operator()(const opsgenie::SetMessage&) const { return Again(); }
    Events operator()(const opsgenie::SetDescription&) const { return Again(); }
    Events operator()(const opsgenie::SetPriority&) const { return Again(); }
    Events operator()(const opsgenie::Escalate&) const { return {}; }
    Events operator()(const opsgenie::Assign&) const { return {}; }
    Events operator()(const opsgenie::AddNote&) const { return {}; }
    Events operator()(const opsgenie::AddResponder&) const { return {}; }
    Events operator()(const opsgenie::RunAction&) const { return {}; }
  };
  return std::visit(Chooser{outcome, asked, exists, of}, action);
}

// A request about an alert that is under way: the command first, then its events, then the answer.
struct Ask {
  OpsgenieCall call;
  OpsgenieIdentifier identifier;
  std::string asked_alias;
  int accepted = 202;
  std::string result = "Request will be processed";
};

void Reply(const OpsgenieRooms& rooms, OpsgenieExchange& to, const Ask& ask, const EventDoor::Fate& fate) {
  if (fate.admission == Admission::kOverloaded)
    return to.Send(OpsgenieThrottled(to.asked(), rooms.events.RetryAfter()));
  if (fate.admission != Admission::kAccepted) {
    return to.Send(OpsgenieTrouble(to.asked(), absl::StrCat(ToAbsl(Name(fate.admission)), ": send it again later"),
                                   rooms.events.RetryAfter()));
  }
  to.Send(OpsgenieResult(to.asked(), ask.accepted, ask.result));
}

void SubmitEvents(const OpsgenieRooms& rooms,
                  const OpsgenieExchangePtr& exchange,
                  const Ask& ask,
                  const OpsgenieOutcome& outcome) {
  const std::vector<AlertEvent> events = EventsOf(ask.call.action, outcome, ask.asked_alias);
  // An alias counts across integrations: the alert may have come in by another door.
  std::optional<OpenDoor> door = exchange->door;
  if (outcome.alert.id.set() && outcome.alert.integration != door->integration->id)
    door = rooms.events.FindById(outcome.alert.integration);
  if (!door || door->integration == nullptr) door = exchange->door;
  rooms.events.Submit(*door, events, [rooms = &rooms, exchange, ask](const EventDoor::Fate& fate) {
    Reply(*rooms, *exchange, ask, fate);
  });
}

void Execute(const OpsgenieRooms& rooms, const OpsgenieExchangePtr& exchange, Ask ask) {
  OpsgenieCall& call = ask.call;
  const IntegrationId integration = exchange->door.integration->id;
  if (auto* create = std::get_if<opsgenie::Create>(&call.action)) {
    OpsgenieAlert& alert = create->alert;
    if (alert.source.empty()) alert.source = exchange->request.peer;
    alert.labels = OpsgenieLabels(alert, exchange->door.integration->labels);
  }
  ApplyToOpsgenieAlert apply{.integration = integration,
                             .request = exchange->id,
                             .identifier = ask.identifier,
                             .action = call.action,
                             .user = call.user,
                             .source = call.source,
                             .note = call.note};
  Command command{.request_id = {}, .actor = "integration:" + integration.value(), .body = std::move(apply)};
  command.origin = "http " + exchange->request.peer;
  rooms.api.engine.Execute(
      std::move(command), [rooms = &rooms, exchange, ask = std::move(ask)](const CommandResult& result) {
        if (result.status.ok() && result.opsgenie) return SubmitEvents(*rooms, exchange, ask, *result.opsgenie);
        if (absl::IsResourceExhausted(result.status))
          return exchange->Send(OpsgenieThrottled(exchange->asked(), rooms->events.RetryAfter()));
        exchange->Send(OpsgenieTrouble(exchange->asked(), Message(result.status), rooms->events.RetryAfter()));
      });
}

HttpResponse NoSuchAlert(const OpsgenieExchange& exchange, std::string_view identifier) {
  return OpsgenieProblem(
      exchange.asked(), 404,
      absl::StrCat("Alert with identifier [", ToAbsl(TruncateUtf8(identifier, 100)), "] does not exist"));
}

std::optional<OpsgenieAlert> FindAlert(const OpsgenieRooms& rooms, const OpsgenieIdentifier& identifier) {
  std::optional<OpsgenieAlert> found;
  rooms.api.engine.ReadResponderAndWait([&](const Responder& responder, const Now&) {
    if (const OpsgenieAlert* row = FindOpsgenieAlert(responder.state(), identifier)) found = *row;
  });
  return found;
}

HttpResponse ReadRequest(const OpsgenieRooms& rooms, const OpsgenieExchange& exchange, const std::string& id) {
  std::optional<OpsgenieRequest> found;
  rooms.api.engine.ReadResponderAndWait([&](const Responder& responder, const Now&) {
    const ResponderState& state = responder.state();
    const auto at = state.opsgenie_request_of.find(id);
    if (at != state.opsgenie_request_of.end()) found = state.opsgenie_requests.at(at->second);
  });
  if (found) return OpsgenieData(exchange.asked(), OpsgenieJson(*found));
  return OpsgenieProblem(exchange.asked(), 404, "Request not found. It was never made, or is no longer kept.");
}

// ---- notes, logs and the like ----

std::string EntryJson(const OpsgenieNote& entry, bool is_note) {
  JsonMembers json;
  json.Text(is_note ? "note" : "log", entry.text).Text("owner", entry.owner);
  json.Text("createdAt", OpsgenieTime(entry.at)).Text("offset", absl::StrCat(entry.offset));
  if (!is_note) json.Text("type", "system");
  return json.Object();
}

std::optional<std::int64_t> NumberOf(const OpsgenieExchange& exchange, std::string_view name, std::int64_t usual) {
  const std::string text = exchange.Query(name);
  if (text.empty()) return usual;
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < 0) return std::nullopt;
  return number;
}

HttpResponse BadParameter(const OpsgenieExchange& exchange, std::string_view name, std::string_view why) {
  return OpsgenieRefusal(exchange.asked(), {.status = 422, .field = std::string(name), .text = std::string(why)});
}

std::string BaseOf(const OpsgenieRooms& rooms, const OpsgenieExchange& exchange) {
  const RulesPtr rules = rooms.api.engine.rules();
  const std::string url = rules && rules->organisation ? rules->organisation->public_url : "";
  const std::string host(exchange.request.header("Host"));
  const bool is_ours = host.empty() || url.ends_with("//" + host);
  return is_ours && !url.empty() ? url : "http://" + host;
}

HttpResponse ListEntries(const OpsgenieRooms& rooms,
                         const OpsgenieExchange& exchange,
                         const OpsgeniePath& path,
                         const OpsgenieAlert& alert) {
  const bool is_note = path.verb == "notes";
  const std::optional<std::int64_t> limit = NumberOf(exchange, "limit", 100);
  const std::optional<std::int64_t> offset = NumberOf(exchange, "offset", 0);
  if (!limit || *limit == 0) return BadParameter(exchange, "limit", "limit should be a number from 1 to 100");
  if (!offset) return BadParameter(exchange, "offset", "offset should be the offset of an entry");
  const bool ascending = exchange.Query("order") == "asc";
  const bool forwards = (exchange.Query("direction") != "prev") == ascending;  // to higher offsets
  std::vector<OpsgenieNote> entries = is_note ? alert.notes : alert.log;
  std::erase_if(entries, [&](const OpsgenieNote& entry) {
    const auto at = static_cast<std::int64_t>(entry.offset);
    return *offset > 0 && (forwards ? at <= *offset : at >= *offset);
  });
  if (!forwards) std::ranges::reverse(entries);
  entries.resize(std::min<std::size_t>(entries.size(), static_cast<std::size_t>(std::min<std::int64_t>(*limit, 100))));
  const std::string text = absl::StrJoin(
      entries, ",", [&](std::string* out, const OpsgenieNote& each) { *out += EntryJson(each, is_note); });
  JsonMembers paging;
  const std::string base = absl::StrCat(BaseOf(rooms, exchange), exchange.request.raw_path,
                                        "?identifierType=", exchange.Query("identifierType"),
                                        "&order=", ascending ? "asc" : "desc", "&limit=", *limit);
  paging.Text("first", base);
  if (!entries.empty()) paging.Text("next", absl::StrCat(base, "&direction=next&offset=", entries.back().offset));
  return OpsgenieAnswer(
      exchange.asked(), 200,
      JsonMembers().Raw("data", absl::StrCat("[", text, "]")).Raw("paging", paging.Object()).members());
}

HttpResponse ListRecipients(const OpsgenieExchange& exchange, const OpsgenieAlert& alert) {
  std::vector<std::string> recipients;
  if (!alert.owner.empty()) {
    recipients.push_back(JsonMembers()
                             .Raw("user", JsonMembers().Text("id", alert.owner).Text("username", alert.owner).Object())
                             .Text("state", alert.acknowledged ? "action" : "active")
                             .Text("method", "")
                             .Text("createdAt", OpsgenieTime(alert.created_at))
                             .Text("updatedAt", OpsgenieTime(alert.updated_at))
                             .Object());
  }
  return OpsgenieData(exchange.asked(), absl::StrCat("[", absl::StrJoin(recipients, ","), "]"));
}

HttpResponse ReadOne(const OpsgenieRooms& rooms, const OpsgenieExchange& exchange, const OpsgeniePath& path) {
  const OpsgenieIdentifier identifier{KindOfIdentifier(exchange.request.query), path.identifier};
  const std::optional<OpsgenieAlert> alert = FindAlert(rooms, identifier);
  if (!alert) return NoSuchAlert(exchange, path.identifier);
  if (path.verb == "recipients") return ListRecipients(exchange, *alert);
  if (path.verb == "attachments") return OpsgenieData(exchange.asked(), "[]");
  if (!path.verb.empty()) return ListEntries(rooms, exchange, path, *alert);
  return OpsgenieData(exchange.asked(), OpsgenieJson(*alert, /*whole=*/true));
}

HttpResponse Read(const OpsgenieRooms& rooms, const OpsgenieExchange& exchange, const OpsgeniePath& path) {
  const std::string& rest = exchange.request.rest;
  if (rest.empty()) return ListOpsgenieAlerts(rooms, exchange, /*count_only=*/false);
  if (rest == "count") return ListOpsgenieAlerts(rooms, exchange, /*count_only=*/true);
  constexpr std::string_view kRequests = "requests/";
  if (rest.starts_with(kRequests)) return ReadRequest(rooms, exchange, rest.substr(kRequests.size()));
  return ReadOne(rooms, exchange, path);
}

// What follows /v2/alerts as it was sent; decoded when the path was not sent in the usual form.
std::string RawRest(const HttpRequest& request) {
  constexpr std::string_view kPrefix = "/v2/alerts";
  if (request.raw_path.starts_with(kPrefix)) return request.raw_path.substr(kPrefix.size());
  return request.rest;
}

bool IsSavedSearch(std::string_view rest) {
  return rest == "saved-searches" || rest.starts_with("saved-searches/");
}

}  // namespace

void AnswerOpsgenieAlerts(const OpsgenieRooms& rooms, const OpsgenieExchangePtr& exchange) {
  const HttpRequest& request = exchange->request;
  const OpsgeniePath path = SplitOpsgeniePath(request.method, RawRest(request));
  if (IsSavedSearch(request.rest)) {
    return exchange->Send(
        OpsgenieProblem(exchange->asked(), 404, "saved searches are not kept here: give the query itself (?query=)"));
  }
  if (request.method == HttpMethod::kGet || request.method == HttpMethod::kHead) {
    const bool taken = rooms.workers.Post(
        Workers::Lane::kAsking, [rooms = &rooms, exchange, path] { exchange->Send(Read(*rooms, *exchange, path)); });
    if (!taken) exchange->Send(OpsgenieThrottled(exchange->asked(), absl::Seconds(1)));
    return;
  }
  Ask ask;
  if (path.identifier.empty() && request.method == HttpMethod::kPost) {
    ask.call = ReadOpsgenieCreate(request.body);
  } else {
    std::optional<OpsgenieCall> call =
        path.identifier.empty() ? std::nullopt
                                : ReadOpsgenieVerb(request.method, path.verb, path.action, request.body, request.query);
    if (!call) {
      return exchange->Send(OpsgenieProblem(
          exchange->asked(), 405,
          absl::StrCat(request.method_name, " ", request.path, " is nothing that can be asked of an alert")));
    }
    ask.call = *std::move(call);
    ask.identifier = {KindOfIdentifier(request.query), path.identifier};
    if (ask.identifier.kind == OpsgenieIdentifier::Kind::kAlias) ask.asked_alias = path.identifier;
  }
  if (ask.call.fault.any()) {
    rooms.events.NoteUnreadable(
        absl::StrFormat("%s from %s: %s: %s", request.path, request.peer, ask.call.fault.field, ask.call.fault.text));
    return exchange->Send(OpsgenieRefusal(exchange->asked(), ask.call.fault));
  }
  Execute(rooms, exchange, std::move(ask));
}

void AnswerOpsgenieNetdata(const OpsgenieRooms& rooms, const OpsgenieExchangePtr& exchange) {
  OpsgenieNetdata read = ReadOpsgenieNetdata(exchange->request.body);
  if (read.fault.any()) {
    rooms.events.NoteUnreadable(
        absl::StrFormat("netdata from %s: %s: %s", exchange->request.peer, read.fault.field, read.fault.text));
    return exchange->Send(OpsgenieRefusal(exchange->asked(), read.fault));
  }
  Ask ask{
      .call = {.action = std::move(read.action), .user = {}, .source = "netdata", .note = {}, .fault = {}},
      .identifier = {OpsgenieIdentifier::Kind::kAlias,                      read.alias                    },
      .asked_alias = read.alias,
      .accepted = 200
  };
  Execute(rooms, exchange, std::move(ask));
}

// ---- lists ----

namespace {

// Calls `visit` with each row that matches. False: it took too long.
bool EachMatch(const OpsgenieRooms& rooms,
               const OpsgenieExchange& exchange,
               const OpsgenieQuery& query,
               absl::FunctionRef<void(OpsgenieAlert)> visit) {
  const auto copy = [&](OpsgenieAlertId from) {
    OpsgenieSlice slice;
    rooms.api.engine.ReadResponderAndWait([&](const Responder& responder, const Now&) {
      slice = CopyOpsgenieSlice(responder.state().opsgenie_alerts, from);
    });
    return slice;
  };
  return EachOpsgenieMatch(
      query, copy, [&] { return exchange.took() < kLongestSearch; }, visit);
}

HttpResponse TookTooLong(const OpsgenieExchange& exchange) {
  return OpsgenieTrouble(
      exchange.asked(),
      absl::StrCat("the search was given up after ", absl::ToInt64Seconds(kLongestSearch), " seconds: ask for less"),
      kLongestSearch);
}

struct Window {
  std::int64_t offset = 0;
  std::int64_t limit = 20;
  std::string sort = "createdAt";
  bool descending = true;
};

std::string PagingOf(const OpsgenieRooms& rooms,
                     const OpsgenieExchange& exchange,
                     const Window& window,
                     std::int64_t all) {
  const auto page = [&](std::int64_t offset) {
    std::string url = absl::StrCat(BaseOf(rooms, exchange), "/v2/alerts?limit=", window.limit, "&offset=", offset,
                                   "&sort=", window.sort, "&order=", window.descending ? "desc" : "asc");
    for (const std::string_view name : {"query", "searchIdentifierType"}) {
      if (const std::string value = exchange.Query(name); !value.empty())
        absl::StrAppend(&url, "&", ToAbsl(name), "=", PercentEncode(value));
    }
    return url;
  };
  JsonMembers paging;
  paging.Text("first", page(0));
  if (window.offset > 0) paging.Text("prev", page(std::max<std::int64_t>(0, window.offset - window.limit)));
  if (window.offset + window.limit < all) paging.Text("next", page(window.offset + window.limit));
  paging.Text("last", page(all == 0 ? 0 : (all - 1) / window.limit * window.limit));
  return paging.Object();
}

}  // namespace

HttpResponse ListOpsgenieAlerts(const OpsgenieRooms& rooms, const OpsgenieExchange& exchange, bool count_only) {
  const absl::StatusOr<OpsgenieQuery> query = OpsgenieQuery::Parse(exchange.Query("query"));
  if (!query.ok()) {
    return OpsgenieRefusal(exchange.asked(), {.status = 422,
                                              .field = "query",
                                              .text = Message(query.status()),
                                              .example = "status: open AND (priority: P1 OR tag: database)"});
  }
  if (count_only) {
    std::int64_t count = 0;
    if (!EachMatch(rooms, exchange, *query, [&](const OpsgenieAlert&) { ++count; })) return TookTooLong(exchange);
    return OpsgenieData(exchange.asked(), JsonMembers().Number("count", count).Object());
  }
  Window window;
  const std::optional<std::int64_t> limit = NumberOf(exchange, "limit", 20);
  const std::optional<std::int64_t> offset = NumberOf(exchange, "offset", 0);
  if (!limit || *limit == 0) return BadParameter(exchange, "limit", "limit should be a number from 1 to 100");
  window.limit = std::min<std::int64_t>(*limit, 100);
  if (!offset || *offset + window.limit > kMostListed)
    return BadParameter(exchange, "offset", "offset should be a number; offset and limit together at most 20000");
  window.offset = *offset;
  if (const std::string sort = exchange.Query("sort"); !sort.empty()) window.sort = sort;
  if (!IsOpsgenieSortKey(window.sort)) return BadParameter(exchange, "sort", "there is no such key to sort by");
  window.descending = exchange.Query("order") != "asc";

  std::vector<OpsgenieAlert> found;
  const auto keep = [&](OpsgenieAlert alert) { found.push_back(AsListed(std::move(alert))); };
  if (!EachMatch(rooms, exchange, *query, keep)) return TookTooLong(exchange);
  std::ranges::stable_sort(found, [&](const OpsgenieAlert& a, const OpsgenieAlert& b) {
    return window.descending ? SortsBefore(b, a, window.sort) : SortsBefore(a, b, window.sort);
  });
  const auto all = static_cast<std::int64_t>(found.size());
  const std::int64_t first = std::min(window.offset, all);
  const std::int64_t last = std::min(first + window.limit, all);
  const std::string data =
      absl::StrJoin(found.begin() + first, found.begin() + last, ",",
                    [](std::string* out, const OpsgenieAlert& each) { *out += OpsgenieJson(each, false); });
  return OpsgenieAnswer(exchange.asked(), 200,
                        JsonMembers()
                            .Raw("data", absl::StrCat("[", data, "]"))
                            .Raw("paging", PagingOf(rooms, exchange, window, all))
                            .members());
}

}  // namespace tocsin
