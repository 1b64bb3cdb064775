// changes: deploys, flag flips and the like, shown beside alerts.
#include <cstdio>

#include "absl/strings/str_format.h"
#include "absl/time/clock.h"

#include "base/status.h"
#include "base/strings.h"
#include "cli/commands.h"
#include "cli/groups.h"
#include "cli/output.h"
#include "cli/session.h"
#include "cli/times.h"
#include "model/codec/common_proto.h"

namespace tocsin {
namespace {

using v1::ChangeService;

// Both ends of the stretch that is asked for.
absl::Status ReadTimes(const Arguments& arguments, v1::ListChangesRequest& request) {
  if (arguments.has("since") && arguments.has("from")) return Invalid("--since and --from say the same: give one");
  if (arguments.has("since")) {
    TOCSIN_ASSIGN(const absl::Duration back, ParseSpan(arguments.get("since")));
    ToProto(absl::Now() - back, *request.mutable_since());
  }
  if (arguments.has("from")) {
    TOCSIN_ASSIGN(const absl::Time from, ParseSince(arguments.get("from")));
    ToProto(from, *request.mutable_since());
  }
  if (arguments.has("to")) {
    TOCSIN_ASSIGN(const absl::Time to, ParseInstant(arguments.get("to")));
    ToProto(to, *request.mutable_until());
  }
  return absl::OkStatus();
}

absl::Status ListChanges(const Arguments& arguments, const Client& client) {
  v1::ListChangesRequest request;
  TOCSIN_TRY(ReadTimes(arguments, request));
  request.set_service(arguments.get("service"));
  for (std::size_t i = 1; i < arguments.positional().size(); ++i)
    request.add_matchers(arguments.positional()[i]);
  TOCSIN_ASSIGN(const std::uint32_t limit, NumberOf(arguments, "limit", 50, 1, 1000));
  request.set_limit(limit);
  TOCSIN_ASSIGN(const auto response, client.Call<ChangeService>(&ChangeService::Stub::ListChanges, request));
  if (WantsJson(arguments)) {
    PrintJson(response);
    return absl::OkStatus();
  }
  Table table({"CHANGE", "WHEN", "SERVICE", "SUMMARY", "SOURCE", "LABELS"});
  for (const v1::ChangeEvent& change : response.changes()) {
    table.Add({absl::StrFormat("%d", change.id()), When(change.at()), Printable(change.service()),
               Printable(change.summary()), Printable(change.source()), FormatLabels(change.labels())});
  }
  if (table.empty()) {
    std::printf("no changes; `tocsin changes record TEXT` tells of one\n");
  } else {
    table.Print();
    if (response.truncated()) std::printf("there are more: --limit %u\n", 2 * limit);
  }
  return absl::OkStatus();
}

absl::Status RecordOne(const Arguments& arguments, const Client& client) {
  if (arguments.positional().size() < 2) {
    return Invalid("what has changed? `tocsin changes record 'web 1.4.2 is out' env=prod --service web`");
  }
  v1::RecordChangeRequest request;
  v1::ChangeEvent& change = *request.mutable_change();
  change.set_summary(arguments.positional()[1]);
  for (std::size_t i = 2; i < arguments.positional().size(); ++i) {
    const std::string& text = arguments.positional()[i];
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0) return Invalid("%s is not NAME=VALUE", JsonQuote(text));
    v1::Label& label = *change.add_labels();
    label.set_name(text.substr(0, equals));
    label.set_value(text.substr(equals + 1));
  }
  change.set_service(arguments.get("service"));
  change.set_source(arguments.get("source"));
  change.set_details(arguments.get("details"));
  if (arguments.has("link")) change.add_links()->set_href(arguments.get("link"));
  if (arguments.has("at")) {
    TOCSIN_ASSIGN(const absl::Time at, ParseInstant(arguments.get("at")));
    ToProto(at, *change.mutable_at());
  }
  request.set_request_id(NewRequestId());
  TOCSIN_ASSIGN(const auto response, client.Call<ChangeService>(&ChangeService::Stub::RecordChange, request));
  if (WantsJson(arguments)) {
    PrintJson(response);
  } else {
    std::printf("recorded\n");
  }
  return absl::OkStatus();
}

}  // namespace

int RunChanges(std::span<const std::string> arguments) {
  constexpr OptionSpec kOwn[] = {
      {"service", 's', true, "NAME", "of this service"                                 },
      {"since",   0,   true, "SPAN", "list: of so long, such as 2h"                    },
      {"from",    0,   true, "TIME", "list: from then on"                              },
      {"to",      0,   true, "TIME", "list: up to then"                                },
      {"limit",   0,   true, "N",    "list: at most so many, newest first (default 50)"},
      {"at",      0,   true, "TIME", "record: when it happened (default now)"          },
      {"source",  0,   true, "NAME", "record: who or what did it (default: you)"       },
      {"details", 0,   true, "TEXT", "record: more about it"                           },
      {"link",    0,   true, "URL",  "record: where a person looks"                    }
  };
  return WithClient("changes", arguments, kOwn, [](const Arguments& parsed, const Client& client) -> absl::Status {
    const std::string verb = parsed.positional().empty() ? "list" : parsed.positional()[0];
    if (verb == "list") return ListChanges(parsed, client);
    if (verb == "record") return RecordOne(parsed, client);
    return Invalid("%s is none of list [MATCHER...], record TEXT [LABEL=VALUE...]", verb);
  });
}

}  // namespace tocsin
