// System: federations without common rounds, on quadratics. Expectation: with one hospital at work
// they are sequential gradient descent; where all are equally fast and all are waited for they are
// federated averaging, bit for bit; else each version is what the papers' formulas make of the
// updates that the run says it used, replayed in double. Threads change nothing, whatever is
// computed ahead.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "quadratic.hpp"

namespace polyclinic {
namespace {

using namespace testing;  // NOLINT: the vocabulary of these tests

// As in state_test.cpp: a step rounds three parameters of up to 4 by at most 2.4e-7 each, and
// earlier errors shrink by at least .02 with every step.
constexpr double kRounding = 3.6e-5;
constexpr double kRate = 0.1;

// Which updates each version was made of, as the run says.
class Uses final : public Observer {
 public:
  struct Use {
    std::size_t hospital = 0;
    std::int64_t staleness = 0;
  };
  void on(const Event& event) override {
    if (const auto* used = std::get_if<UpdateUsed>(&event)) {
      versions[used->version].push_back({used->hospital.value, used->staleness});
    }
    if (const auto* invited = std::get_if<HospitalInvited>(&event)) {
      invitations.push_back(invited->hospital.value);
    }
  }
  std::map<std::int64_t, std::vector<Use>> versions;
  std::vector<std::size_t> invitations;
};

struct Observed {
  RunResult result;
  Uses uses;
};

Observed observe(const WorldSpec& spec, int threads = 1) {
  Observed observed;
  RunOptions options;
  options.threads = threads;
  options.observers.push_back(&observed.uses);
  observed.result = run(spec, std::move(options));
  return observed;
}

// All rows in one batch, so that a training of e epochs is e steps of descent.
Fields fields(Part protocol, std::int64_t rounds, int epochs, bool alike = false) {
  Fields who{{"overhead", seconds(60)}, {"jitter", alike ? 0.0 : 0.7}};
  if (alike) {
    who.insert(who.end(), {{"speed", gflops(1)},
                           {"uplink", mbit(10)},
                           {"downlink", mbit(10)},
                           {"latency", seconds(0.1)}});
  }
  return {{"rounds", rounds},
          {"protocol", std::move(protocol)},
          {"training",
           part("training", "sgd", {{"rate", kRate}, {"epochs", epochs}, {"batch", Value(All{})}})},
          {"aggregation", part("aggregation", "mean", {{"weights", "equal"}})},
          {"deadline", Value(None{})},
          {"hospitals", part("hospitals", "", who)}};
}

Point descend(const QuadraticSite& site, Point w, int steps) {
  for (int s = 0; s < steps; ++s) {
    const Point g = site.gradient(w);
    for (std::size_t j = 0; j < 3; ++j) w[j] -= kRate * g[j];
  }
  return w;
}

using Aged = std::function<double(std::int64_t)>;

// The versions that the papers make of the same updates. mixing: alpha of FedAsync; 0: FedBuff.
Point replay(const std::vector<QuadraticSite>& sites, const Uses& uses, int steps, const Aged& s,
             double mixing, double server_rate = 1) {
  std::vector<Point> versions{Point{}};
  for (const auto& [version, used] : uses.versions) {
    Point next = versions.back();
    for (const Uses::Use& use : used) {
      const Point start = versions[versions.size() - 1 - static_cast<std::size_t>(use.staleness)];
      const Point end = descend(sites[use.hospital], start, steps);
      for (std::size_t j = 0; j < 3; ++j) {
        // FedBuff: w + rate / K sum s delta. FedAsync: (1 - alpha s) w + alpha s w'.
        const double step =
            mixing > 0 ? mixing * (end[j] - versions.back()[j])
                       : server_rate * (end[j] - start[j]) / static_cast<double>(used.size());
        next[j] += s(use.staleness) * step;
      }
    }
    versions.push_back(next);
  }
  return versions.back();
}

TEST_CASE("with one hospital at work and one update in a version it is sequential descent") {
  const std::vector<QuadraticSite> sites = mixed_sites();
  const QuadraticTable table(sites);
  const Part protocol = part("protocol", "buffered", {{"buffer", 1}, {"concurrency", 1}});
  const Observed observed = observe(table.world(fields(protocol, 60, 1)));
  REQUIRE(observed.uses.invitations.size() == 60);
  Point w{};
  for (const std::size_t hospital : observed.uses.invitations) w = descend(sites[hospital], w, 1);
  CHECK(distance(final_point(observed.result), w) < kRounding);
  CHECK(observed.result.staleness->most == 0);
  // nobody is left out of the draw
  for (std::size_t k = 0; k < 4; ++k) {
    CHECK(std::count(observed.uses.invitations.begin(), observed.uses.invitations.end(), k) > 0);
  }
}

TEST_CASE("where all are as fast and all are waited for it is federated averaging, bit for bit") {
  const QuadraticTable table(alike_sites());
  // several epochs of small batches: the orders of rows are the same too
  const auto world = [&](Part protocol) {
    Fields all = fields(std::move(protocol), 8, 1, true);
    for (auto& [name, value] : all) {
      if (name == "training") {
        value = Value(part("training", "sgd", {{"rate", 0.05}, {"epochs", 2}, {"batch", 4}}));
      }
    }
    return table.world(all);
  };
  // hospitals differ in rows, so in time; nobody may be invited before all have replied
  const RunResult sync = run(world(part("protocol", "sync")));
  const RunResult ticks = run(world(part("protocol", "semi_sync", {{"every", seconds(600)}})));
  CHECK(ticks.final_parameters == sync.final_parameters);
  CHECK(ticks.versions == 8);

  // with as many rows each they all reply in one nanosecond, and a buffer of all is a round
  std::vector<QuadraticSite> even = alike_sites();
  for (QuadraticSite& site : even) site.rows.resize(8, site.rows.front());
  const QuadraticTable equal(even);
  const auto even_world = [&](Part protocol) {
    return equal.world(fields(std::move(protocol), 8, 3, true));
  };
  const RunResult rounds = run(even_world(part("protocol", "sync")));
  const RunResult buffer = run(even_world(part("protocol", "buffered", {{"buffer", 4}})));
  CHECK(buffer.final_parameters == rounds.final_parameters);
  CHECK(buffer.ended == rounds.ended);
  CHECK(buffer.staleness->most == 0);
}

TEST_CASE("FedBuff makes the versions of its paper of the updates that it says it used") {
  const std::vector<QuadraticSite> sites = mixed_sites();
  const QuadraticTable table(sites);
  const auto polynomial = [](std::int64_t s) { return 1 / std::sqrt(1.0 + double(s)); };
  for (const std::int64_t buffer : {1, 2, 3, 5}) {
    const Part protocol = part("protocol", "buffered", {{"buffer", buffer}});
    const Observed observed = observe(table.world(fields(protocol, 40, 3)));
    const Point paper = replay(sites, observed.uses, 3, polynomial, 0);
    CHECK(distance(final_point(observed.result), paper) < kRounding);
    CHECK(observed.result.staleness->most > 0);
    CHECK(observed.result.staleness->updates == 40 * buffer);
  }
  const Part hinge = part("staleness", "hinge", {{"a", 2.0}, {"b", 1.0}});
  const Part protocol = part("protocol", "buffered", {{"buffer", 1}, {"staleness", hinge}});
  Fields all = fields(protocol, 60, 3);
  all.emplace_back("server", part("server", "sgd", {{"rate", 0.5}}));
  const Observed observed = observe(table.world(all));
  const auto hinged = [](std::int64_t s) { return s <= 1 ? 1.0 : 1 / (2 * double(s - 1) + 1); };
  CHECK(observed.result.staleness->most > 2);
  CHECK(distance(final_point(observed.result), replay(sites, observed.uses, 3, hinged, 0, 0.5)) <
        kRounding);
}

TEST_CASE("FedAsync mixes models as its paper writes") {
  const std::vector<QuadraticSite> sites = mixed_sites();
  const QuadraticTable table(sites);
  const auto polynomial = [](std::int64_t s) { return 1 / std::sqrt(1.0 + double(s)); };
  const Part protocol = part("protocol", "async", {{"alpha", 0.4}});
  const Observed observed = observe(table.world(fields(protocol, 80, 4)));
  CHECK(observed.result.staleness->most > 2);
  CHECK(distance(final_point(observed.result), replay(sites, observed.uses, 4, polynomial, 0.4)) <
        kRounding);
  // the same as if updates were added: another model
  CHECK(distance(final_point(observed.result),
                 replay(sites, observed.uses, 4, polynomial, 0, 0.4)) > 100 * kRounding);
}

TEST_CASE("semi-synchronous versions are made of whoever has arrived") {
  const std::vector<QuadraticSite> sites = mixed_sites();
  const QuadraticTable table(sites);
  const auto polynomial = [](std::int64_t s) { return 1 / std::sqrt(1.0 + double(s)); };
  const Part protocol = part("protocol", "semi_sync", {{"every", seconds(70)}});
  const Observed observed = observe(table.world(fields(protocol, 40, 3)));
  CHECK(observed.result.ended.seconds() == doctest::Approx(40 * 70));
  CHECK(observed.result.staleness->most > 0);
  CHECK(distance(final_point(observed.result), replay(sites, observed.uses, 3, polynomial, 0)) <
        kRounding);
}

// Batches are drawn, hospitals keep models of their own, outages interrupt: whatever is computed
// ahead by idle workers, the bits are the same.
TEST_CASE("threads change nothing") {
  const auto markov =
      part("availability", "markov", {{"up", seconds(900)}, {"down", seconds(200)}});
  const Fields who{{"count", 12}, {"availability", Value(markov)}, {"speed", gflops(1e-6)}};
  const auto of = [](Part made) { return Value(std::move(made)); };
  const std::vector<Fields> cases{
      {{"protocol", of(part("protocol", "async"))}},
      {{"protocol", of(part("protocol", "buffered", {{"buffer", 3}, {"concurrency", 7}}))}},
      {{"protocol", of(part("protocol", "semi_sync", {{"every", seconds(300)}}))}},
      {{"protocol", of(part("protocol", "async"))}, {"personal", of(part("personal", "ditto"))}},
      {{"protocol", of(part("protocol", "buffered", {{"buffer", 9}, {"concurrency", 3}}))},
       {"training", of(part("training", "momentum", {{"keep_state", true}}))}}};
  for (const Fields& one : cases) {
    Fields all{{"rounds", 25},
               {"hospitals", part("hospitals", "", who)},
               {"measure", part("measure", "", {{"metrics", list({"loss"})}, {"every", 5}})}};
    for (const auto& field : one) all.push_back(field);
    const WorldSpec spec = small_world(all);
    std::string bits;
    for (const int threads : {1, 2, 3, 8}) {
      RunOptions options;
      options.threads = threads;
      const RunResult result = run(spec, options);
      CHECK(result.versions > 10);
      if (threads == 1) bits = result.fingerprint;
      CHECK(result.fingerprint == bits);
    }
  }
}

// A hospital that trains twice from one version draws its batches anew.
TEST_CASE("no two trainings from one version are alike") {
  class Losses final : public Observer {
   public:
    void on(const Event& event) override {
      if (const auto* closed = std::get_if<RoundClosed>(&event)) {
        losses.push_back(closed->mean_loss);
      }
    }
    std::vector<double> losses;
  };
  // the second run makes its version of two trainings of the one hospital from the same version
  Losses losses;
  RunOptions options;
  options.observers.push_back(&losses);
  const Fields who{{"count", 1}};
  run(small_world({{"rounds", 1},
                   {"hospitals", part("hospitals", "", who)},
                   {"protocol", part("protocol", "buffered", {{"buffer", 1}})},
                   {"measure", part("measure", "", {{"metrics", list({"loss"})}})}}),
      options);
  run(small_world({{"rounds", 1},
                   {"hospitals", part("hospitals", "", who)},
                   {"protocol", part("protocol", "buffered", {{"buffer", 2}})},
                   {"measure", part("measure", "", {{"metrics", list({"loss"})}})}}),
      options);
  REQUIRE(losses.losses.size() == 2);
  // the mean of the first training's loss and of another's
  CHECK(losses.losses[0] != losses.losses[1]);
}

}  // namespace
}  // namespace polyclinic
