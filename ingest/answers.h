// Private to ingest: what the doors on HTTP answer.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"

#include "ingest/intake.h"
#include "ingest/prometheus_reader.h"
#include "ingest/taken.h"
#include "model/inlet.h"
#include "net/http.h"

namespace tocsin {

// {"code":404,"message":"..."}
HttpResponse Problem(int status, std::string_view message);
HttpResponse CodedProblem(const PrometheusRefusal& refusal);
// Alertmanager's other kind of error: a bare JSON string.
HttpResponse ErrorString(int status, std::string_view message);
// The one kind of error of Alertmanager's first API.
HttpResponse BadData(std::string_view message);
HttpResponse Unauthorised(std::string_view message);
HttpResponse WithRetryAfter(HttpResponse response, absl::Duration after);
// Until an organisation is there.
HttpResponse NotReady();
// What became of it is not known: see Receipt.
HttpResponse Lost();
std::string_view RefusalText(Admission admission);

// A message's answer, but for what is known only when it is durable.
struct Summary {
  std::size_t accepted = 0;
  std::size_t rejected = 0;
  std::string rejected_list;
  std::string ignored_list;
  std::string warning_list;  // about what was taken
  std::string_view example;  // of what could have been read; empty: all was
};

// [{"index":0,"reason":"..."}], without its brackets.
std::string RefusedList(const std::vector<Refused>& refused, Refused::Kind kind);
std::string WebhookAnswer(const Summary& summary,
                          const Receipt& receipt,
                          const std::vector<Outcome>& outcomes,
                          const std::vector<TakenAlert>& explained = {});

}  // namespace tocsin
