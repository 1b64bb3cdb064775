#include "base/metrics.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <sstream>

#include <prometheus/check_names.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include "base/status.h"

namespace tocsin {

struct MetricRegistry::Metric {
  explicit Metric(MetricLabels fixed) : labels(std::move(fixed)) {}

  const MetricLabels labels;
  // One of them is in use.
  Counter counter;
  Gauge gauge;
  std::unique_ptr<Histogram> histogram;
  const Histogram* observed = nullptr;
  Sample sample;
};

struct MetricRegistry::Family {
  Family(std::string of_name, std::string of_help, Kind of_kind)
      : name(std::move(of_name)), help(std::move(of_help)), kind(of_kind) {}

  const std::string name;
  const std::string help;
  const Kind kind;
  std::vector<std::unique_ptr<Metric>> metrics;
};

namespace {

prometheus::MetricType TypeOf(MetricRegistry::Kind kind) {
  switch (kind) {
    case MetricRegistry::Kind::kCounter: return prometheus::MetricType::Counter;
    case MetricRegistry::Kind::kGauge: return prometheus::MetricType::Gauge;
    case MetricRegistry::Kind::kHistogram: return prometheus::MetricType::Histogram;
  }
  return prometheus::MetricType::Untyped;
}

prometheus::ClientMetric::Histogram CollectHistogram(const Histogram& histogram) {
  const Histogram::Snapshot snapshot = histogram.Read();
  prometheus::ClientMetric::Histogram collected;
  collected.sample_count = snapshot.total;
  collected.sample_sum = snapshot.sum;
  std::uint64_t below = 0;
  for (std::size_t i = 0; i < snapshot.counts.size(); ++i) {
    below += snapshot.counts[i];
    const bool last = i == histogram.bounds().size();
    collected.bucket.push_back({below, last ? std::numeric_limits<double>::infinity() : histogram.bounds()[i]});
  }
  return collected;
}

}  // namespace

prometheus::ClientMetric MetricRegistry::Collect(const Metric& metric, Kind kind) {
  prometheus::ClientMetric collected;
  for (const auto& [name, value] : metric.labels)
    collected.label.push_back({name, value});
  switch (kind) {
    case Kind::kCounter:
      collected.counter.value = metric.sample ? metric.sample() : static_cast<double>(metric.counter.value());
      break;
    case Kind::kGauge:
      collected.gauge.value = metric.sample ? metric.sample() : static_cast<double>(metric.gauge.value());
      break;
    case Kind::kHistogram:
      collected.histogram = CollectHistogram(metric.observed != nullptr ? *metric.observed : *metric.histogram);
      break;
  }
  return collected;
}

Histogram::Histogram(std::vector<double> bounds) : bounds_(std::move(bounds)), counts_(bounds_.size() + 1) {
  TOCSIN_CHECK(std::ranges::adjacent_find(bounds_, std::ranges::greater_equal()) == bounds_.end(), "bounds rise");
}

void Histogram::Observe(double value) {
  const auto bucket = std::ranges::lower_bound(bounds_, value) - bounds_.begin();
  counts_[static_cast<std::size_t>(bucket)].fetch_add(1, std::memory_order_relaxed);
  sum_.fetch_add(value, std::memory_order_relaxed);
}

Histogram::Snapshot Histogram::Read() const {
  Snapshot snapshot;
  for (const std::atomic<std::uint64_t>& count : counts_) {
    snapshot.counts.push_back(count.load(std::memory_order_relaxed));
    snapshot.total += snapshot.counts.back();
  }
  snapshot.sum = sum_.load(std::memory_order_relaxed);
  return snapshot;
}

std::vector<double> Histogram::Seconds() {
  return {1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100};
}

MetricRegistry::MetricRegistry() = default;
MetricRegistry::~MetricRegistry() = default;

MetricRegistry::Metric& MetricRegistry::Add(Kind kind,
                                            std::string_view name,
                                            std::string_view help,
                                            std::unique_ptr<Metric> metric) {
  TOCSIN_CHECK(prometheus::CheckMetricName(std::string(name)), std::string(name) + " is no metric name");
  for (const auto& [label, value] : metric->labels) {
    TOCSIN_CHECK(prometheus::CheckLabelName(label), label + " is no label name");
  }
  MutexLock lock(mutex_);
  auto place = std::ranges::lower_bound(families_, name, {}, &Family::name);
  if (place == families_.end() || (*place)->name != name) {
    place = families_.insert(place, std::make_unique<Family>(std::string(name), std::string(help), kind));
  }
  Family& family = **place;
  TOCSIN_CHECK(family.kind == kind, family.name + " has two kinds");
  for (const auto& other : family.metrics) {
    TOCSIN_CHECK(other->labels != metric->labels, family.name + " is there twice with the same labels");
  }
  family.metrics.push_back(std::move(metric));
  return *family.metrics.back();
}

Counter& MetricRegistry::AddCounter(std::string_view name, std::string_view help, MetricLabels labels) {
  return Add(Kind::kCounter, name, help, std::make_unique<Metric>(std::move(labels))).counter;
}

Gauge& MetricRegistry::AddGauge(std::string_view name, std::string_view help, MetricLabels labels) {
  return Add(Kind::kGauge, name, help, std::make_unique<Metric>(std::move(labels))).gauge;
}

Histogram& MetricRegistry::AddHistogram(std::string_view name,
                                        std::string_view help,
                                        std::vector<double> bounds,
                                        MetricLabels labels) {
  auto metric = std::make_unique<Metric>(std::move(labels));
  metric->histogram = std::make_unique<Histogram>(std::move(bounds));
  return *Add(Kind::kHistogram, name, help, std::move(metric)).histogram;
}

void MetricRegistry::AddObserved(std::string_view name, std::string_view help, const Histogram& histogram) {
  auto metric = std::make_unique<Metric>(MetricLabels());
  metric->observed = &histogram;
  Add(Kind::kHistogram, name, help, std::move(metric));
}

void MetricRegistry::AddSampled(
    Kind kind, std::string_view name, std::string_view help, Sample read, MetricLabels labels) {
  TOCSIN_CHECK(kind != Kind::kHistogram, "a sample is one number");
  auto metric = std::make_unique<Metric>(std::move(labels));
  metric->sample = std::move(read);
  Add(kind, name, help, std::move(metric));
}

std::string MetricRegistry::RenderText() const {
  std::vector<prometheus::MetricFamily> collected;
  {
    MutexLock lock(mutex_);
    for (const auto& family : families_) {
      prometheus::MetricFamily& out = collected.emplace_back();
      out.name = family->name;
      out.help = family->help;
      out.type = TypeOf(family->kind);
      for (const auto& metric : family->metrics)
        out.metric.push_back(Collect(*metric, family->kind));
    }
  }
  std::ostringstream text;
  prometheus::TextSerializer().Serialize(text, collected);
  return std::move(text).str();
}

}  // namespace tocsin
