// A program that sends, for tests that kill it: SERVER SPOOL PROGRESS. Every alert fires, every third recovers 150 alerts later. After each hundred that
// are on disk it writes how many into the file PROGRESS, which also names the alerts.
#include <cstdio>
#include <filesystem>
#include <string>

#include "absl/strings/str_cat.h"

#include "client/client.h"

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  tocsin::SenderOptions options;
  options.servers = {argv[1]};
  options.key = "stream-key";
  options.spool = argv[2];
  options.batch_alerts = 20;
  options.batch_age = absl::Milliseconds(1);
  const auto sender = tocsin::Sender::Open(options);
  if (!sender.ok()) return 3;
  const std::string run = std::filesystem::path(argv[3]).filename();
  for (int i = 0;; ++i) {
    tocsin::AlertEvent alert;
    alert.labels = {{"alertname", absl::StrCat(run, "/", i)}};
    if (!(*sender)->Send(alert).ok()) return 4;
    alert.labels.front().value = absl::StrCat(run, "/", i - 150);
    alert.kind = tocsin::EventKind::kResolve;
    if (i >= 150 && i % 3 == 0 && !(*sender)->Send(alert).ok()) return 4;
    if (i % 100 != 99) continue;
    if (!(*sender)->Sync(absl::Seconds(60)).ok()) return 5;
    std::FILE* const progress = std::fopen(argv[3], "w");
    if (progress == nullptr) return 6;
    std::fprintf(progress, "%d\n", i + 1);
    std::fclose(progress);
  }
}
