#include "bench/disk.h"

#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include <fcntl.h>
#include <unistd.h>

#include "bench/results.h"

namespace tocsin {

std::vector<absl::Duration> ProbeDisk(const Rig& rig, absl::Duration apart) {
  constexpr int kAppends = 2000;
  constexpr std::size_t kBytes = 4096;
  const std::string path = rig.scratch / "fsync";
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  const std::vector<char> block(kBytes, 'x');
  for (int i = 0; i < kAppends; ++i)
    if (write(fd, block.data(), kBytes) < 0) return {};
  fsync(fd);
  std::vector<absl::Duration> durations;
  for (int i = 0; i < kAppends; ++i) {
    const absl::Time start = absl::Now();
    if (pwrite(fd, block.data(), kBytes, static_cast<off_t>(i) * static_cast<off_t>(kBytes)) < 0) return {};
    fdatasync(fd);
    durations.push_back(absl::Now() - start);
    if (apart > absl::ZeroDuration()) absl::SleepFor(start + apart - absl::Now());
  }
  close(fd);
  return durations;
}

std::string DescribeDisk(const Rig& rig) {
  const std::vector<absl::Duration> durations = ProbeDisk(rig, absl::ZeroDuration());
  return absl::StrFormat("fsync p50 %.2g ms, p99 %.2g ms", absl::ToDoubleMilliseconds(Quantile(durations, 0.5)),
                         absl::ToDoubleMilliseconds(Quantile(durations, 0.99)));
}

}  // namespace tocsin
