// Numbers about the process for Prometheus: counters, gauges and histograms that cost an atomic addition, in a registry
// that is handed around by reference.
//
//   Counter& pages = metrics.AddCounter("tocsin_pages_total", "Pages that were started.", {{"urgency", "high"}});
//   pages.Add();
//
// Names and units follow Prometheus: base units (seconds, bytes), `_total` for counters. Labels are fixed when a metric is
// made and never hold anything from outside: a sender must not be able to make series.
//
// Updates: any thread, relaxed (a number about the past needs no order). Add...: any thread, at start. Metrics live as long
// as their registry.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/mutex.h"

namespace prometheus {
struct ClientMetric;
}

namespace tocsin {

class Counter {
 public:
  void Add(std::uint64_t n = 1) { value_.fetch_add(n, std::memory_order_relaxed); }
  std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  alignas(64) std::atomic<std::uint64_t> value_{0};  // a cache line each: neighbours are counted by other threads
};

class Gauge {
 public:
  void Set(std::int64_t value) { value_.store(value, std::memory_order_relaxed); }
  void Add(std::int64_t n) { value_.fetch_add(n, std::memory_order_relaxed); }
  std::int64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  alignas(64) std::atomic<std::int64_t> value_{0};
};

class Histogram {
 public:
  // Upper bounds of the buckets, rising; one for everything above is added.
  explicit Histogram(std::vector<double> bounds);
  void Observe(double value);

  struct Snapshot {
    std::vector<std::uint64_t> counts;  // per bucket, not cumulative; one more than bounds
    std::uint64_t total = 0;            // the sum of counts
    double sum = 0;                     // of the values; may be one observation ahead of or behind the counts
  };
  Snapshot Read() const;
  const std::vector<double>& bounds() const { return bounds_; }

  // 100 microseconds to 100 seconds, three a decade: fits everything that people or providers wait for.
  static std::vector<double> Seconds();

 private:
  const std::vector<double> bounds_;
  std::vector<std::atomic<std::uint64_t>> counts_;
  std::atomic<double> sum_{0};
};

using MetricLabels = std::vector<std::pair<std::string, std::string>>;

class MetricRegistry {
 public:
  enum class Kind : std::uint8_t {
    kCounter,
    kGauge,
    kHistogram,
  };

  MetricRegistry();
  ~MetricRegistry();

  // Metrics of one name form a family: one kind and one help text, which the first gives. The same name and labels twice, a
  // name or label that Prometheus would not take, or a family of another kind: a broken invariant.
  Counter& AddCounter(std::string_view name, std::string_view help, MetricLabels labels = {});
  Gauge& AddGauge(std::string_view name, std::string_view help, MetricLabels labels = {});
  Histogram& AddHistogram(std::string_view name,
                          std::string_view help,
                          std::vector<double> bounds = Histogram::Seconds(),
                          MetricLabels labels = {});

  // One that somebody else keeps and observes; it outlives the registry's use.
  void AddObserved(std::string_view name, std::string_view help, const Histogram& histogram);

  // Sampled by RenderText on its thread: for numbers that somebody counts already. `read` must be safe there, quick, and
  // valid as long as RenderText is called.
  using Sample = std::function<double()>;
  void AddSampled(Kind kind, std::string_view name, std::string_view help, Sample read, MetricLabels labels = {});

  // All metrics in the Prometheus text format 0.0.4 (Content-Type: text/plain; version=0.0.4; charset=utf-8), families in
  // the order of their names. Any thread.
  std::string RenderText() const;

 private:
  struct Family;
  struct Metric;

  Metric& Add(Kind kind, std::string_view name, std::string_view help, std::unique_ptr<Metric> metric);
  static prometheus::ClientMetric Collect(const Metric& metric, Kind kind);

  mutable Mutex mutex_;
  std::vector<std::unique_ptr<Family>> families_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace tocsin
