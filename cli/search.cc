// search.
#include <cstdio>

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"

#include "base/status.h"
#include "base/strings.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/session.h"
#include "cli/times.h"

namespace tocsin {
namespace {

using v1::SearchService;

std::string FormatLabels(const google::protobuf::RepeatedPtrField<v1::Label>& labels) {
  std::string text;
  for (const v1::Label& label : labels)
    absl::StrAppendFormat(&text, "%s%s=%s", text.empty() ? "" : " ", label.name(), label.value());
  return Printable(text);
}

// A row may have been closed and opened again: what counts is its state.
template <typename T>
std::string Closed(const T& row, bool is_closed) {
  return is_closed ? When(row.resolved_at()) : "-";
}

void AddRow(const v1::SearchHit& hit, Table& table) {
  if (hit.has_group()) {
    const v1::Group& group = hit.group();
    table.Add({absl::StrFormat("G%d", group.id()), StateCell(EnumWord(v1::Group::State_Name(group.state()), "STATE_")),
               When(group.opened_at()), Closed(group, group.state() == v1::Group::STATE_RESOLVED),
               Printable(group.service()), FormatLabels(group.labels())});
  } else {
    const v1::Incident& incident = hit.incident();
    table.Add({absl::StrFormat("I%d", incident.id()),
               StateCell(EnumWord(v1::Incident::State_Name(incident.state()), "STATE_")), When(incident.opened_at()),
               Closed(incident, incident.state() == v1::Incident::STATE_RESOLVED), Printable(incident.service()),
               Printable(incident.title())});
  }
}

// Each argument is a part of the query; one that the shell has stripped of its quotation marks gets them back.
std::string QueryOf(const std::vector<std::string>& arguments) {
  std::string query;
  for (const std::string& argument : arguments) {
    if (!query.empty()) query += ' ';
    const std::size_t colon = argument.find_first_of(":=");
    const bool is_one_value = arguments.size() > 1 && argument.find(' ') != std::string::npos &&
                              argument.find('"') == std::string::npos && colon < argument.find(' ');
    query += is_one_value ? argument.substr(0, colon + 1) + '"' + argument.substr(colon + 1) + '"' : argument;
  }
  return query;
}

absl::StatusOr<v1::SearchRequest> RequestOf(const Arguments& parsed) {
  v1::SearchRequest request;
  request.set_query(QueryOf(parsed.positional()));
  request.set_cursor(parsed.get("cursor"));
  const auto instant = [&](const char* option, google::protobuf::Timestamp& to) -> absl::Status {
    TOCSIN_ASSIGN(const absl::Time time, ParseSince(parsed.get(option)));
    to.set_seconds(absl::ToUnixSeconds(time));
    return absl::OkStatus();
  };
  if (parsed.has("from")) TOCSIN_TRY(Annotate(instant("from", *request.mutable_from()), "--from"));
  if (parsed.has("to")) TOCSIN_TRY(Annotate(instant("to", *request.mutable_until()), "--to"));
  if (parsed.has("limit")) {
    std::uint32_t limit = 0;
    if (!absl::SimpleAtoi(parsed.get("limit"), &limit) || limit < 1 || limit > 1000) {
      return Invalid("--limit: %s is not in 1..1000", parsed.get("limit"));
    }
    request.set_page_size(limit);
  }
  return request;
}

}  // namespace

int RunSearch(std::span<const std::string> arguments) {
  const OptionSpec own[] = {
      {"from",   0, true, "TIME",   "opened at or after; RFC 3339, or \"2026-11-21 09:00\" in the local zone"},
      {"to",     0, true, "TIME",   "opened before"                                                          },
      {"limit",  0, true, "N",      "at most so many (100)"                                                  },
      {"cursor", 0, true, "CURSOR", "go on where a former call ended"                                        },
  };
  return WithClient("search", arguments, own, [](const Arguments& parsed, const Client& client) -> absl::Status {
    TOCSIN_ASSIGN(const v1::SearchRequest request, RequestOf(parsed));
    TOCSIN_ASSIGN(const auto response, client.Call<SearchService>(&SearchService::Stub::Search, request));
    if (WantsJson(parsed)) {
      PrintJson(response);
      return absl::OkStatus();
    }
    Table table({"WHAT", "STATE", "OPENED", "CLOSED", "SERVICE", "LABELS OR TITLE"});
    for (const v1::SearchHit& hit : response.hits())
      AddRow(hit, table);
    if (table.empty()) {
      std::printf("nothing found%s\n", response.next_cursor().empty() ? "" : " so far");
    } else {
      table.Print();
    }
    if (!response.next_cursor().empty()) std::printf("... and more: --cursor %s\n", response.next_cursor().c_str());
    if (response.index_incomplete()) {
      std::printf("the index of this store is still being built: older ones may be missing\n");
    }
    return absl::OkStatus();
  });
}

}  // namespace tocsin
