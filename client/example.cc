// How a program sends: tocsin_client_example SERVERS KEY SPOOL. It reads names of alerts from standard input, one a line, a minus in
// front of what is over:
//
//   printf 'DiskFull\nBackupFailed\n-DiskFull\n' | tocsin_client_example 127.0.0.1:8912 KEY ./spool
#include <cstdio>
#include <iostream>
#include <string>

#include "absl/strings/str_split.h"

#include "base/status.h"
#include "client/client.h"

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: %s HOST:PORT[,HOST:PORT] KEY SPOOL\n", argv[0]);
    return 2;
  }
  tocsin::SenderOptions options;
  options.servers = absl::StrSplit(argv[1], ',');
  options.key = argv[2];
  options.spool = argv[3];
  options.on_rejected = [](const tocsin::AlertEvent&, std::string_view reason) {
    std::fprintf(stderr, "never taken: %.*s\n", static_cast<int>(reason.size()), reason.data());
  };
  auto sender = tocsin::Sender::Open(std::move(options));
  if (!sender.ok()) {
    std::fprintf(stderr, "%s\n", tocsin::Message(sender.status()).c_str());
    return 1;
  }
  for (std::string line; std::getline(std::cin, line);) {
    tocsin::AlertEvent alert;
    if (line.starts_with('-')) {
      alert.kind = tocsin::EventKind::kResolve;
      line.erase(0, 1);
    }
    alert.labels = {{"alertname", line}};
    // Full, or not well formed: the caller knows best what to leave out.
    if (const absl::Status sent = (*sender)->Send(alert); !sent.ok())
      std::fprintf(stderr, "%s: %s\n", line.c_str(), tocsin::Message(sent).c_str());
  }
  const absl::Status stopped = (*sender)->Stop(absl::Seconds(5));
  const tocsin::Sender::Statistics statistics = (*sender)->ReadStatistics();
  std::printf("%llu acknowledged, %llu rejected, %llu left for the next start%s%s\n",
              static_cast<unsigned long long>(statistics.durable), static_cast<unsigned long long>(statistics.rejected),
              static_cast<unsigned long long>(statistics.given_up), statistics.trouble.empty() ? "" : ": ",
              statistics.trouble.c_str());
  return stopped.ok() ? 0 : 1;
}
