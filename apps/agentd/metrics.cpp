#include "agentd/metrics.h"

#include <mutex>
#include <sstream>
#include <variant>

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

namespace al::agentd {
namespace {

using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;
using prometheus::Histogram;

// Seconds. The steps surround what matters: 0.2 s is human, 0.8 s the aim, 1.5 s the promise.
const Histogram::BucketBoundaries kLatencyBuckets{0.01, 0.025, 0.05, 0.1, 0.2, 0.35, 0.5, 0.65,
                                                  0.8,  1.0,   1.25, 1.5, 2.0, 3.0,  5.0};

Family<Counter>& counter(prometheus::Registry& registry, const std::string& name, const std::string& help) {
  return prometheus::BuildCounter().Name("agentd_" + name).Help(help).Register(registry);
}

const dialog::Fact* find_fact(const dialog::CallEvent& event, std::string_view key) {
  for (const dialog::Fact& fact : event.facts) {
    if (fact.key == key) return &fact;
  }
  return nullptr;
}

double number(const dialog::Fact& fact) {
  if (const auto* whole = std::get_if<std::int64_t>(&fact.value)) return static_cast<double>(*whole);
  if (const auto* real = std::get_if<double>(&fact.value)) return *real;
  return 0;
}

constexpr double kMsPerSecond = 1000.0;

}  // namespace

struct Metrics::Impl {
  prometheus::Registry registry;
  Counter& started = counter(registry, "calls_started_total", "Calls whose media stream began").Add({});
  Gauge& calls = prometheus::BuildGauge().Name("agentd_calls").Help("Calls now").Register(registry).Add({});
  Family<Counter>& ended = counter(registry, "calls_ended_total", "Calls that ended, by how");
  Counter& turns = counter(registry, "turns_total", "Caller turns").Add({});
  Family<Counter>& barge_ins = counter(registry, "barge_ins_total", "Interruptions, by outcome");
  Counter& underruns =
      counter(registry, "playout_underruns_total", "Gaps inside a speech: sound came too late").Add({});
  Counter& fillers = counter(registry, "fillers_total", "Fillers said because an answer was slow").Add({});
  Family<Histogram>& latency = prometheus::BuildHistogram()
                                   .Name("agentd_turn_latency_seconds")
                                   .Help("From the caller's last voiced frame to our first played one, by stage")
                                   .Register(registry);
  Family<Counter>& provider_outcomes =
      counter(registry, "provider_requests_total", "Requests to providers, by outcome");
  Family<Histogram>& provider_latency = prometheus::BuildHistogram()
                                            .Name("agentd_provider_latency_seconds")
                                            .Help("Time until a provider's first useful answer")
                                            .Register(registry);
  Family<Counter>& faults = counter(registry, "stream_faults_total", "Messages of the media socket that broke a rule");
  Family<Counter>& webhooks = counter(registry, "webhooks_total", "Answered webhooks, by route and status class");

  struct Watched {
    bool is_counter;
    Gauge* gauge;
    Counter* count;
    std::function<double()> read;
    double last = 0;
  };
  std::mutex watched_mutex;
  std::vector<Watched> watched;
};

Metrics::Metrics(std::string_view version) : impl_(std::make_unique<Impl>()) {
  prometheus::BuildGauge()
      .Name("agentd_build_info")
      .Help("1, with the version as label")
      .Register(impl_->registry)
      .Add({{"version", std::string(version)}})
      .Set(1);
}
Metrics::~Metrics() = default;

void Metrics::call_started() {
  impl_->started.Increment();
  impl_->calls.Increment();
}

void Metrics::call_ended(std::string_view how) {
  impl_->calls.Decrement();
  impl_->ended.Add({{"how", std::string(how)}}).Increment();
}

void Metrics::on_event(const dialog::CallEvent& event) {
  if (event.name == "EOU") {
    impl_->turns.Increment();
  } else if (event.name == "BARGE_IN") {
    const dialog::Fact* what = find_fact(event, "what");
    const std::string* outcome = what != nullptr ? std::get_if<std::string>(&what->value) : nullptr;
    impl_->barge_ins.Add({{"what", outcome != nullptr ? *outcome : "confirmed"}}).Increment();
  } else if (event.name == "UNDERRUN") {
    impl_->underruns.Increment();
  } else if (event.name == "FILLER") {
    impl_->fillers.Increment();
  } else if (event.name == "LATENCY") {
    for (const dialog::Fact& fact : event.facts) {
      if (!fact.key.ends_with("_ms")) continue;
      const std::string stage = fact.key.substr(0, fact.key.size() - 3);
      impl_->latency.Add({{"stage", stage}}, kLatencyBuckets).Observe(number(fact) / kMsPerSecond);
    }
  }
}

void Metrics::provider_event(std::string_view provider, std::string_view stage, std::string_view outcome,
                             Duration took) {
  const std::map<std::string, std::string> labels{{"provider", std::string(provider)}, {"stage", std::string(stage)}};
  auto with_outcome = labels;
  with_outcome.emplace("outcome", outcome);
  impl_->provider_outcomes.Add(with_outcome).Increment();
  if (outcome == "ok") {
    impl_->provider_latency.Add(labels, kLatencyBuckets).Observe(static_cast<double>(took.count()) / 1e6);
  }
}

void Metrics::stream_fault(std::string_view fault, bool closed) {
  impl_->faults.Add({{"fault", std::string(fault)}, {"closed", closed ? "yes" : "no"}}).Increment();
}

void Metrics::webhook(std::string_view route, int status_class) {
  impl_->webhooks.Add({{"route", std::string(route)}, {"class", std::to_string(status_class) + "xx"}}).Increment();
}

void Metrics::watch(std::string name, std::string help, bool is_counter, std::function<double()> read,
                    std::string label_name, std::string label_value) {
  prometheus::Labels labels;
  if (!label_name.empty()) labels.emplace(std::move(label_name), std::move(label_value));
  Impl::Watched watched{is_counter, nullptr, nullptr, std::move(read)};
  if (is_counter) {
    watched.count = &counter(impl_->registry, name, help).Add(labels);
  } else {
    watched.gauge = &prometheus::BuildGauge().Name("agentd_" + name).Help(help).Register(impl_->registry).Add(labels);
  }
  const std::lock_guard lock(impl_->watched_mutex);
  impl_->watched.push_back(std::move(watched));
}

std::string Metrics::render() {
  {
    const std::lock_guard lock(impl_->watched_mutex);
    for (Impl::Watched& watched : impl_->watched) {
      const double value = watched.read();
      if (!watched.is_counter) {
        watched.gauge->Set(value);
      } else if (value > watched.last) {
        watched.count->Increment(value - watched.last);
        watched.last = value;
      }
    }
  }
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, impl_->registry.Collect());
  return out.str();
}

}  // namespace al::agentd
