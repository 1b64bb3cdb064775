// What a benchmark found: rows of a figure, what stood beside it in the same run, and what the ratio should be.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace tocsin {

struct Result {
  std::string id;    // "P1", "P1.gateway": stays the same from run to run
  std::string what;  // "durable gRPC stream"
  double value = 0;
  std::string unit;    // "alerts/s", "ms", "bytes"
  std::string beside;  // "no-op sink"; empty: the figure stands alone
  double beside_value = 0;
  // Of the ratio, or of the value when nothing stands beside it; nothing: a figure to know, with no target.
  struct Target {
    enum class Is {
      kAtLeast,
      kAtMost
    } is;
    double bound;
  };
  std::optional<Target> target;

  double ratio() const { return beside_value != 0 ? value / beside_value : 0; }
  bool reached() const;
};

class Results {
 public:
  Results();
  // Prints the row at once, so that a long run shows how it goes.
  void Add(Result result);
  // Says how much of the processors' time the machine's host took meanwhile: figures of a run in which that is much mean little. Appends
  // all rows, one JSON object a line, to the file that $TOCSIN_BENCH_RESULTS names; without it nothing.
  void Write() const;

 private:
  // Ticks of all processors since the machine started, as the kernel counts them.
  struct Ticks {
    double all = 0;
    double taken = 0;  // by the host
  };
  static Ticks Read();

  Ticks begin_;
  std::vector<Result> rows_;
};

// Of many durations.
absl::Duration Quantile(std::vector<absl::Duration> values, double q);

}  // namespace tocsin
