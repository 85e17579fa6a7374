// System: federations whose messages are compressed. Expectation: what a run does is what plain
// loops in double do, with residuals that know which uploads broke off; what is charged on the
// clock is the length of an encoded message.
#include <doctest/doctest.h>

#include <cmath>
#include <map>

#include "fed/compression/compressor.hpp"
#include "quadratic.hpp"

namespace polyclinic {
namespace {

using namespace testing;  // NOLINT: the vocabulary of these tests

// As in state_test.cpp: parameters of up to 4 are rounded by 2.4e-7 in each of three coordinates,
// and errors shrink by a share of .02; here a residual is rounded besides.
constexpr double kRounding = 2 * 3.6e-5;
constexpr double kRate = 0.15;
constexpr int kSteps = 3;

Part top_one() {
  return part("compression", "top_k", {{"count", 1}});
}

Fields fields_of(const Fields& more) {
  Fields fields{
      {"training",
       part("training", "sgd",
            {{"rate", kRate}, {"epochs", static_cast<double>(kSteps)}, {"batch", Value(All{})}})},
      {"aggregation", part("aggregation", "mean", {{"weights", "equal"}, {"max_share", 1.0}})}};
  fields.insert(fields.end(), more.begin(), more.end());
  return fields;
}

Fields calm(const Fields& more) {
  Fields fields{{"hospitals", part("hospitals", "", {{"overhead", seconds(60)}, {"jitter", 0.0}})},
                {"deadline", Value(None{})}};
  fields.insert(fields.end(), more.begin(), more.end());
  return fields_of(fields);
}

// Who sent an update in each round, whose broke off, and which transfers there were.
class Wires final : public Observer {
 public:
  struct Round {
    std::vector<std::size_t> invited;
    std::map<std::size_t, bool> sent;  // arrived
    bool failed = false;
  };
  void on(const Event& event) override {
    if (const auto* opened = std::get_if<RoundOpened>(&event)) {
      rounds.emplace_back();
      for (const HospitalId id : opened->participants) rounds.back().invited.push_back(id.value);
    }
    if (const auto* arrived = std::get_if<UpdateArrived>(&event)) {
      rounds.back().sent[arrived->hospital.value] = true;
    }
    if (const auto* dropped = std::get_if<HospitalDropped>(&event)) {
      if (dropped->detail.find("its update") != std::string::npos) {
        rounds.back().sent[dropped->hospital.value] = false;
      }
    }
    if (const auto* closed = std::get_if<RoundClosed>(&event)) {
      rounds.back().failed = closed->failed;
    }
    if (const auto* transfer = std::get_if<TransferEnded>(&event)) transfers.push_back(*transfer);
  }
  std::vector<Round> rounds;
  std::vector<TransferEnded> transfers;
};

struct Seen {
  RunResult result;
  Wires wires;
};

Seen observe(const WorldSpec& spec) {
  Seen seen;
  RunOptions options;
  options.threads = 2;
  options.observers.push_back(&seen.wires);
  seen.result = run(spec, std::move(options));
  return seen;
}

// The largest of three. A margin that rounding could close would make the comparison idle.
Point top(const Point& v) {
  std::size_t best = 0;
  for (std::size_t j = 1; j < 3; ++j) {
    if (std::fabs(v[j]) > std::fabs(v[best])) best = j;
  }
  for (std::size_t j = 0; j < 3; ++j) {
    const bool clear = j == best || std::fabs(std::fabs(v[best]) - std::fabs(v[j])) > 1e-5;
    REQUIRE((clear || std::fabs(v[best]) == 0));
  }
  Point out{};
  out[best] = v[best];
  return out;
}

Point plus(Point a, const Point& b, double factor = 1) {
  for (std::size_t j = 0; j < 3; ++j) a[j] += factor * b[j];
  return a;
}

Point trained(const QuadraticSite& site, Point y) {
  for (int s = 0; s < kSteps; ++s) y = plus(y, site.gradient(y), -kRate);
  return y;
}

// Error feedback with top_1 (Karimireddy et al. 2019, algorithm 2, each hospital a worker); what
// broke off goes back, what arrived in a round that failed is lost.
Point paper_feedback(const std::vector<QuadraticSite>& sites, const Wires& wires) {
  Point x{};
  std::vector<Point> residual(sites.size(), Point{});
  for (const Wires::Round& round : wires.rounds) {
    Point sum{};
    double arrived = 0;
    for (const auto& [k, whole] : round.sent) {
      const Point p = plus(plus(trained(sites[k], x), x, -1), residual[k]);
      const Point message = top(p);
      residual[k] = whole ? plus(p, message, -1) : p;
      if (whole) sum = plus(sum, message);
      arrived += whole ? 1 : 0;
    }
    if (!round.failed) x = plus(x, sum, 1 / arrived);
  }
  return x;
}

TEST_CASE("top_k with error feedback does what its paper writes down, whoever takes part") {
  const auto sites = mixed_sites();
  const QuadraticTable table(sites);
  for (const bool sampled : {false, true}) {
    const Seen seen = observe(
        table.world(calm({{"rounds", 25},
                          {"compression", top_one()},
                          {"participants", sampled ? Value(std::int64_t{2}) : Value(All{})}})));
    CHECK(distance(final_point(seen.result), paper_feedback(sites, seen.wires)) < kRounding);
    // one of three numbers: a place of two bits in a byte, and a float
    CHECK(seen.result.compressed_up->bytes == 1005);
    CHECK(seen.result.compressed_up->messages == (sampled ? 50 : 100));
  }
}

TEST_CASE("an upload that broke off is in a later one; one that nobody used is lost") {
  const auto sites = mixed_sites();
  const QuadraticTable table(sites);
  // a message takes 100 s of a line that is down one minute in eleven, and a round lasts 400 s
  const Part hospitals =
      part("hospitals", "",
           {{"overhead", seconds(60)},
            {"jitter", 0.6},
            {"uplink", mbit(8.04e-5)},
            {"availability",
             part("availability", "markov", {{"up", seconds(600)}, {"down", seconds(60)}})}});
  const Seen seen = observe(
      table.world(fields_of({{"rounds", 60},
                             {"hospitals", hospitals},
                             {"deadline", seconds(400)},
                             {"protocol", part("protocol", "sync", {{"minimum_replies", 3}})},
                             {"compression", top_one()}})));
  std::int64_t lost = 0;
  std::int64_t arrived = 0;
  std::int64_t unused = 0;
  for (const Wires::Round& round : seen.wires.rounds) {
    for (const auto& [k, whole] : round.sent) {
      lost += whole ? 0 : 1;
      arrived += whole ? 1 : 0;
      unused += whole && round.failed ? 1 : 0;
    }
  }
  CHECK(lost >= 5);
  CHECK(unused >= 5);
  CHECK(seen.result.compressed_up->lost == lost);
  CHECK(seen.result.compressed_up->messages == arrived);
  CHECK(distance(final_point(seen.result), paper_feedback(sites, seen.wires)) < kRounding);
}

TEST_CASE("whatever is cut off when, residuals hold what never arrived") {
  const auto sites = mixed_sites();
  const QuadraticTable table(sites);
  // a message takes 20 s, and a training 50 s
  const Part hospitals = part("hospitals", "",
                              {{"overhead", seconds(60)},
                               {"jitter", 0.0},
                               {"latency", seconds(1)},
                               {"uplink", mbit(4e-4)},
                               {"downlink", mbit(4e-4)}});
  const WorldSpec spec =
      table.world(fields_of({{"rounds", 5},
                             {"hospitals", hospitals},
                             {"deadline", seconds(150)},
                             {"protocol", part("protocol", "sync", {{"minimum_replies", 3}})},
                             {"compression", top_one()}}));
  std::int64_t lost = 0;
  for (const bool returns : {false, true}) {
    for (std::uint64_t at = 1;; ++at) {
      CAPTURE(at);
      CAPTURE(returns);
      Seen seen;
      RunOptions options;
      bool reached = false;
      options.observers.push_back(&seen.wires);
      options.before_event = [&](WorldControl& world, std::uint64_t dispatched) {
        reached = reached || dispatched >= at + 8;
        if (dispatched == at) world.disconnect("h1");
        if (dispatched == at + 8 && returns) world.reconnect("h1");
      };
      seen.result = run(spec, std::move(options));
      CHECK(distance(final_point(seen.result), paper_feedback(sites, seen.wires)) < kRounding);
      lost += seen.result.compressed_up->lost;
      if (!reached) break;
    }
  }
  CHECK(lost > 10);
}

TEST_CASE("the model comes down as a difference to what the hospitals have, missed ones at once") {
  const auto sites = mixed_sites();
  const QuadraticTable table(sites);
  const Part ways = part("compression", "each_way", {{"down", Value(top_one())}});
  const Seen seen = observe(table.world(
      calm({{"rounds", 30}, {"participants", std::int64_t{2}}, {"compression", ways}})));
  Point x{};
  Point held{};
  std::vector<std::int64_t> version(sites.size(), -1);
  std::int64_t bytes = 0;
  std::int64_t whole = 0;
  std::int64_t catching_up = 0;
  for (std::size_t t = 0; t < seen.wires.rounds.size(); ++t) {
    Point sum{};
    for (const std::size_t k : seen.wires.rounds[t].invited) {
      sum = plus(sum, plus(trained(sites[k], held), held, -1), 0.5);
      // a message has 5 bytes, three numbers as they are have 12
      const std::int64_t missed = static_cast<std::int64_t>(t) - version[k];
      const bool all = version[k] < 0 || 5 * missed > 12;
      bytes += 1000 + (all ? 12 : 5 * missed);
      whole += all ? 1 : 0;
      catching_up += !all && missed > 1 ? 1 : 0;
      version[k] = static_cast<std::int64_t>(t);
    }
    x = plus(x, sum);
    held = plus(held, top(plus(x, held, -1)));
  }
  CHECK(distance(final_point(seen.result), x) < kRounding);
  CHECK(seen.result.bytes_down == bytes);
  CHECK(seen.result.compressed_down->whole == whole);
  CHECK(seen.result.compressed_down->catching_up == catching_up);
  CHECK(whole > 4);
  CHECK(catching_up > 4);
}

TEST_CASE("the clock is charged the length of an encoded message") {
  const Fields base{{"model", part("model", "mlp", {{"hidden", list({Value(12)})}})},
                    {"rounds", 2},
                    {"measure", part("measure", "", {{"every", "end"}})}};
  for (const char* method : {"top_k", "random_k", "quantize", "sign", "low_rank", "bf16"}) {
    Fields fields = base;
    const Part compression = part("compression", method);
    fields.emplace_back("compression", compression);
    const Seen seen = observe(small_world(fields));
    auto layout = std::make_shared<ParameterLayout>();
    for (const auto& [name, shape] : seen.result.parameter_slices) {
      layout->add(name, shape, Role::weight);
    }
    const auto compressor = compression::make_compressor(compression);
    const std::vector<float> values(static_cast<std::size_t>(layout->size()), 0.5F);
    compression::Memory memory;
    Stream stream(RunKey{1}, Purpose::kTest, 0);
    const auto encoded = compressor->encode(values, *layout, stream, memory);
    std::int64_t uploads = 0;
    for (const TransferEnded& transfer : seen.wires.transfers) {
      const bool up = transfer.direction == TransferDirection::up;
      const std::int64_t payload =
          up ? static_cast<std::int64_t>(encoded.size()) : 4 * layout->size();
      CHECK(transfer.bytes == payload + 1000);
      uploads += up ? 1 : 0;
    }
    CHECK(uploads > 0);
  }
}

TEST_CASE("control vectors travel compressed, and both sides go on from what arrived") {
  const auto sites = mixed_sites();
  const QuadraticTable table(sites);
  const auto fields = [&](const Part& objective, const Part* compression) {
    Fields all = calm({{"rounds", 200}, {"objective", objective}});
    if (compression != nullptr) all.emplace_back("compression", *compression);
    return all;
  };
  const Part everything = part("compression", "top_k", {{"share", 1.0}});
  const Part one = top_one();
  const Point best = optimum(sites, {0.25, 0.25, 0.25, 0.25});
  for (const Part& objective : {part("objective", "control_variates", {{"update", "difference"}}),
                                part("objective", "control_variates", {{"update", "gradient"}}),
                                part("objective", "dynamic", {{"alpha", 0.5}})}) {
    const RunResult plain = run(table.world(fields(objective, nullptr)));
    const RunResult same = run(table.world(fields(objective, &everything)));
    CHECK(same.final_parameters == plain.final_parameters);
    CHECK(same.bytes_up == plain.bytes_up);
    // two vectors of 5 bytes for SCAFFOLD, one for FedDyn
    const RunResult shorter = run(table.world(fields(objective, &one)));
    const std::int64_t vectors = objective.name == "dynamic" ? 1 : 2;
    CHECK(shorter.bytes_up == 4 * 200 * (1000 + 5 * vectors));
    // control vectors take away drift, compressed or not: what is left is what rounds leave over
    if (objective.name != "dynamic") {
      CHECK(distance(final_point(shorter), best) < 0.01);
      CHECK(distance(final_point(run(table.world(calm({{"rounds", 200}})))), best) > 0.1);
    }
  }
}

}  // namespace
}  // namespace polyclinic
