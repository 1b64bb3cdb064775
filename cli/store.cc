// verify, recover: on the store's files, with the server stopped.
#include "storage/store.h"

#include <cstdio>

#include "base/status.h"
#include "cli/commands.h"
#include "cli/session.h"
#include "storage/verify.h"

namespace tocsin {
namespace {

constexpr OptionSpec kData = {"data", 0, true, "DIR", "the store's folder (default ./data)"};

void Print(const Journal::Recovery& found) {
  std::printf("journal entries %llu to %llu, mark at %llu, %llu bytes of unsynced tail\n",
              static_cast<unsigned long long>(found.first.value()), static_cast<unsigned long long>(found.last.value()),
              static_cast<unsigned long long>(found.mark.value()), static_cast<unsigned long long>(found.torn_bytes));
}

}  // namespace

int RunVerify(std::span<const std::string> arguments) {
  const OptionSpec own[] = {kData};
  return WithArguments("verify", arguments, own, [](const Arguments& parsed) -> absl::Status {
    TOCSIN_ASSIGN(const StoreReport report, VerifyStore(PosixFileSystem(), parsed.get("data", "./data")));
    for (const std::string& line : Describe(report))
      std::printf("%s\n", line.c_str());
    std::printf("every checksum and link is right\n");
    return absl::OkStatus();
  });
}

int RunRecover(std::span<const std::string> arguments) {
  const OptionSpec own[] = {
      kData, {"accept-loss", 0, false, "", "cut the journal at the first damage; there is no way back"}
  };
  return WithArguments("recover", arguments, own, [](const Arguments& parsed) -> absl::Status {
    if (!parsed.has("accept-loss")) {
      return Invalid(
          "recovery cuts the journal at the first damage, and what came after it is lost; copy the folder first, "
          "then say --accept-loss");
    }
    Store::Options options;
    options.folder = parsed.get("data", "./data");
    options.journal.accept_loss = true;
    TOCSIN_ASSIGN(const std::unique_ptr<Store> store, Store::Open(PosixFileSystem(), options));
    Print(store->journal().recovery());
    std::printf("the store opens again; start the server\n");
    return absl::OkStatus();
  });
}

}  // namespace tocsin
