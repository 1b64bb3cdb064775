#include "base/metrics.h"

#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tocsin {
namespace {

using ::testing::HasSubstr;

TEST(MetricRegistryTest, RendersThePrometheusTextFormat) {
  MetricRegistry metrics;
  Counter& high = metrics.AddCounter("tocsin_pages_total", "Pages that were started.",
                                     {
                                         {"urgency", "high"}
  });
  metrics
      .AddCounter("tocsin_pages_total", "",
                  {
                      {"urgency", "low"}
  })
      .Add();
  Gauge& rows = metrics.AddGauge("tocsin_outbox_rows", "Rows in the outbox.");
  high.Add(3);
  rows.Set(5);
  rows.Add(-7);
  EXPECT_EQ(metrics.RenderText(),
            "# HELP tocsin_outbox_rows Rows in the outbox.\n"
            "# TYPE tocsin_outbox_rows gauge\n"
            "tocsin_outbox_rows -2\n"
            "# HELP tocsin_pages_total Pages that were started.\n"
            "# TYPE tocsin_pages_total counter\n"
            "tocsin_pages_total{urgency=\"high\"} 3\n"
            "tocsin_pages_total{urgency=\"low\"} 1\n");
}

TEST(MetricRegistryTest, SamplesAreReadWhenTheyAreRendered) {
  MetricRegistry metrics;
  double value = 1;
  metrics.AddSampled(MetricRegistry::Kind::kGauge, "tocsin_ring_bytes", "Bytes in the rings.", [&] { return value; });
  metrics.AddSampled(MetricRegistry::Kind::kCounter, "tocsin_commits_total", "Commits.", [&] { return value * 2; });
  value = 40;
  EXPECT_THAT(metrics.RenderText(), HasSubstr("\ntocsin_ring_bytes 40\n"));
  EXPECT_THAT(metrics.RenderText(), HasSubstr("\ntocsin_commits_total 80\n"));
}

TEST(MetricRegistryTest, HistogramsRenderCumulativeBuckets) {
  MetricRegistry metrics;
  Histogram& waits = metrics.AddHistogram("tocsin_wait_seconds", "Waiting.", {0.1, 1});
  for (const double seconds : {0.05, 0.1, 0.5, 3.0})
    waits.Observe(seconds);
  EXPECT_EQ(metrics.RenderText(),
            "# HELP tocsin_wait_seconds Waiting.\n"
            "# TYPE tocsin_wait_seconds histogram\n"
            "tocsin_wait_seconds_count 4\n"
            "tocsin_wait_seconds_sum 3.65\n"
            "tocsin_wait_seconds_bucket{le=\"0.1\"} 2\n"
            "tocsin_wait_seconds_bucket{le=\"1\"} 3\n"
            "tocsin_wait_seconds_bucket{le=\"+Inf\"} 4\n");
}

TEST(MetricRegistryTest, ObservedHistogramsAreReadWhenTheyAreRendered) {
  MetricRegistry metrics;
  Histogram waits({1});
  metrics.AddObserved("tocsin_wait_seconds", "Waiting.", waits);
  waits.Observe(0.5);
  waits.Observe(2);
  EXPECT_THAT(metrics.RenderText(), HasSubstr("tocsin_wait_seconds_bucket{le=\"1\"} 1\n"));
  EXPECT_THAT(metrics.RenderText(), HasSubstr("tocsin_wait_seconds_count 2\n"));
}

TEST(MetricRegistryTest, LabelValuesAreEscaped) {
  MetricRegistry metrics;
  metrics.AddCounter("tocsin_odd_total", "Odd.",
                     {
                         {"path", "a\"b\\c\nd"}
  });
  EXPECT_THAT(metrics.RenderText(), HasSubstr("{path=\"a\\\"b\\\\c\\nd\"} 0\n"));
}

TEST(MetricRegistryTest, CountsFromManyThreadsAddUpWhileSomebodyReads) {
  MetricRegistry metrics;
  Counter& counter = metrics.AddCounter("tocsin_things_total", "Things.");
  Histogram& histogram = metrics.AddHistogram("tocsin_thing_seconds", "Things.");
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 2'000; ++i) {
        counter.Add();
        histogram.Observe(0.5);
      }
    });
  }
  for (int i = 0; i < 20; ++i)
    metrics.RenderText();
  for (std::thread& t : threads)
    t.join();
  EXPECT_EQ(counter.value(), 6'000U);
  EXPECT_EQ(histogram.Read().total, 6'000U);
  EXPECT_DOUBLE_EQ(histogram.Read().sum, 3'000);
}

TEST(HistogramTest, AValueOnABoundBelongsBelowIt) {
  Histogram histogram({1, 2});
  for (const double value : {-5.0, 1.0, 1.5, 2.0, 2.5})
    histogram.Observe(value);
  EXPECT_THAT(histogram.Read().counts, ::testing::ElementsAre(2, 2, 1));
}

TEST(MetricRegistryDeathTest, MistakesInTheProgramAreFoundAtOnce) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  MetricRegistry metrics;
  metrics.AddCounter("tocsin_a_total", "A.",
                     {
                         {"x", "1"}
  });
  EXPECT_DEATH(metrics.AddCounter("tocsin_a_total", "A.",
                                  {
                                      {"x", "1"}
  }),
               "twice with the same labels");
  EXPECT_DEATH(metrics.AddGauge("tocsin_a_total", "A."), "two kinds");
  EXPECT_DEATH(metrics.AddCounter("not a name", "A."), "no metric name");
  EXPECT_DEATH(metrics.AddCounter("tocsin_b_total", "B.",
                                  {
                                      {"0x", "1"}
  }),
               "no label name");
  EXPECT_DEATH(metrics.AddHistogram("tocsin_c", "C.", {2, 1}), "bounds rise");
}

}  // namespace
}  // namespace tocsin
