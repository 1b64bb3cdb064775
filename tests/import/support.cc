#include "tests/import/support.h"

#include <algorithm>
#include <memory>

#include "config/dump.h"
#include "config/load.h"

namespace tocsin::import {

Imported ImportFiles(std::string_view source,
                     const std::vector<File>& files,
                     absl::Time check_since,
                     absl::Duration check_span) {
  Options options;
  options.check_since = check_since;
  options.check_span = check_span;
  options.now = At(std::string(kNow));
  const absl::StatusOr<Imported> imported = Import(source, files, options);
  EXPECT_TRUE(imported.ok()) << imported.status();
  return imported.ok() ? *imported : Imported();
}

Imported ImportText(std::string_view source, const std::string& text) {
  Imported imported = ImportFiles(source, {
                                              {"export.json", text}
  });
  EXPECT_THAT(imported.problems, testing::IsEmpty());
  return imported;
}

Roster Compiled(const Imported& imported) {
  absl::StatusOr<Roster> roster = Roster::Compile(std::make_shared<Organisation>(imported.organisation));
  EXPECT_TRUE(roster.ok()) << roster.status();
  if (!roster.ok()) return *Roster::Compile(std::make_shared<Organisation>());
  return *std::move(roster);
}

void ExpectSame(
    const Imported& imported, const ScheduleId& schedule, absl::Time since, absl::Time until, const OnCall& naive) {
  const Roster roster = Compiled(imported);
  int wrong = 0;
  std::int64_t hour = 0;
  for (absl::Time at = since; at < until; at += absl::Hours(1), ++hour) {
    for (const absl::Time t : {at, at + absl::Minutes(1 + hour * 7 % 59)}) {
      std::vector<std::string> after;
      for (const UserId& user : roster.OnCall(schedule, t))
        after.push_back(user.value());
      const std::vector<std::string> before = naive(t);
      if (before == after) continue;
      ADD_FAILURE() << absl::FormatTime(t, absl::UTCTimeZone()) << ": the source says "
                    << testing::PrintToString(before) << ", the import " << testing::PrintToString(after);
      if (++wrong > 3) return;
    }
  }
}

std::vector<std::string> Told(const Imported& imported, Grade grade) {
  std::vector<std::string> told;
  for (const Loss& loss : imported.losses) {
    if (loss.grade == grade) told.push_back(loss.object + ": " + loss.lost);
  }
  return told;
}

std::vector<std::string> ProblemsWhenApplied(const Imported& imported) {
  std::vector<SourceFile> files = {
      {"org.yaml",     DumpWithSecrets(imported.organisation)                                          },
      {"senders.yaml",
       "twilio: {account_sid: AC1, auth_token: secret, from: '+15005550006'}\nslack: {token: xoxb-1}\n"}
  };
  if (imported.organisation.smtp.url.empty()) {
    files[1].text += "smtp: {url: 'smtp://127.0.0.1:25', from: 'tocsin@example.com', require_tls: false}\n";
  }
  const LoadResult loaded = Load(files);
  std::vector<std::string> problems;
  for (const Problem& problem : loaded.problems)
    problems.push_back(Format(problem));
  for (std::string& problem : Roster::Problems(loaded.organisation))
    problems.push_back(std::move(problem));
  return problems;
}

}  // namespace tocsin::import
