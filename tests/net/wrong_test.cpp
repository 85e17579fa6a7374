// System: the network where it is wrong, measured on whole transfers against better models in
// closed form. Expectation: the tables of docs/wrong.md, digit for digit. Reason: a page that says
// how wrong a model is must not be wrong itself.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cmath>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "transfers.hpp"

using namespace polyclinic;
using namespace polyclinic::testing;

namespace {

constexpr auto kUp = TransferDirection::up;
// A hospital as the defaults draw it at the median: 20 Mbit/s, 40 ms one way.
constexpr double kRate = 2.5e6;
constexpr double kLatency_s = 0.04;

const std::string& page() {
  static const std::string text = [] {
    std::ifstream in(std::string(POLYCLINIC_SOURCE_DIR) + "/docs/wrong.md");
    return std::string(std::istreambuf_iterator<char>(in), {});
  }();
  return text;
}

void check_row(const std::string& row) {
  CAPTURE(row);
  CHECK(page().find(row + "\n") != std::string::npos);
}

double alone_s(const char* model, std::int64_t bytes) {
  Transfers transfers(part("network", "star", {{"flow", part("flow", model, {})}}));
  transfers.send(transfers.hospital(access(kRate, kRate, kLatency_s)), kUp, bytes);
  return static_cast<double>(transfers.run().front()) / 1e9;
}

// TCP without loss: `handshakes` round trips before the first byte, then windows that begin at ten
// segments of 1460 bytes (RFC 6928) and double each round trip (RFC 5681, section 3.1) until the
// line is full.
double slow_start_s(double bytes, double handshakes) {
  const double round_trip_s = 2 * kLatency_s;
  double time_s = handshakes * round_trip_s;
  double window = 10 * 1460;
  while (bytes > window && window / kRate < round_trip_s) {
    bytes -= window;
    time_s += round_trip_s;
    window *= 2;
  }
  return time_s + bytes / kRate + kLatency_s;
}

std::string percent(double ours, double reference) {
  return fmt::format("{:+.0f} %", 100 * (ours / reference - 1));
}

}  // namespace

TEST_CASE("short messages: two handshakes that the model does not know") {
  // TCP's handshake and that of TLS 1.3 (RFC 8446) take a round trip each
  for (const double bytes : {1e2, 1e3, 1e4}) {
    const double tcp = slow_start_s(bytes, 2);
    const double fair = alone_s("fair", static_cast<std::int64_t>(bytes));
    const double lv08 = alone_s("lv08", static_cast<std::int64_t>(bytes));
    check_row(fmt::format("| {:g} kB | {:.3f} s | {:.3f} s | {} | {:.3f} s | {} |", bytes / 1e3,
                          tcp, fair, percent(fair, tcp), lv08, percent(lv08, tcp)));
    CHECK(fair < 0.25 * tcp);  // far too fast
    CHECK(lv08 > 2 * tcp);     // far too slow
  }
}

TEST_CASE("start-up: a connection that is open reaches its rate after some round trips") {
  for (const double bytes : {1e4, 1e5, 1e6, 1e7, 1e8}) {
    const double tcp = slow_start_s(bytes, 0);
    const double fair = alone_s("fair", static_cast<std::int64_t>(bytes));
    const double lv08 = alone_s("lv08", static_cast<std::int64_t>(bytes));
    check_row(fmt::format("| {:g} kB | {:.3f} s | {:.3f} s | {} | {:.3f} s | {} |", bytes / 1e3,
                          tcp, fair, percent(fair, tcp), lv08, percent(lv08, tcp)));
    // the truth lies between them, and what is missing is at most four round trips
    CHECK(fair <= tcp + 1e-9);
    CHECK(tcp <= lv08);
    CHECK(tcp - fair <= 4 * 2 * kLatency_s);
  }
}

TEST_CASE("round-trip times: TCP gives the near hospital more, the default does not") {
  // 10 MB each over 100 Mbit/s lines of 10 ms and 100 ms into a server of 20 Mbit/s. Until the near
  // one ends both share 2.5 MB/s in the given proportion
  const double near_s = 0.01;
  const double far_s = 0.1;
  const auto lv08_time = [](double latency_s) {
    return latency_s + 20537 / 12.5e6 + 20537 / 2.5e6;
  };
  const std::vector<std::pair<const char*, double>> models = {
      {"fair", 0.5},
      {"cm02", far_s / (near_s + far_s)},
      {"lv08", lv08_time(far_s) / (lv08_time(near_s) + lv08_time(far_s))}};
  for (const auto& [model, near_share] : models) {
    Transfers transfers(part("network", "star",
                             {{"server", bytes_per_s(2.5e6)}, {"flow", part("flow", model, {})}}));
    transfers.send(transfers.hospital(access(12.5e6, 12.5e6, near_s)), kUp, 10'000'000);
    transfers.send(transfers.hospital(access(12.5e6, 12.5e6, far_s)), kUp, 10'000'000);
    const std::vector<std::int64_t> ends = transfers.run();
    const double near_end_s = static_cast<double>(ends[0]) / 1e9;
    const double far_end_s = static_cast<double>(ends[1]) / 1e9;
    check_row(fmt::format("| `flow.{}` | {:.1f} % | {:.1f} % | {:.2f} s | {:.2f} s |", model,
                          100 * near_share, 100 * (1 - near_share), near_end_s, far_end_s));
    // closed form: alone until the far one's latency is over, then its share of the rest
    const bool lv08 = std::string(model) == "lv08";
    const double wire = lv08 ? 10e6 / 0.97 : 10e6;
    const double factor = lv08 ? 13.01 : 1;
    const double alone_bytes = 2.5e6 * factor * (far_s - near_s);
    CHECK(near_end_s ==
          doctest::Approx(factor * far_s + (wire - alone_bytes) / (2.5e6 * near_share))
              .epsilon(1e-8));
    // nothing is lost: both are through when the line has carried both
    CHECK(std::max(near_end_s, far_end_s) ==
          doctest::Approx(factor * near_s + 2 * wire / 2.5e6).epsilon(1e-8));
  }
}

TEST_CASE("the last mile: a star does not know that five practices have one line") {
  const auto ends = [](const Part& network, const Population& practices) {
    Transfers transfers(network, &practices);
    for (int i = 0; i < 5; ++i) {
      const HospitalId one = transfers.hospital(access(kRate, kRate, kLatency_s, "quarter"));
      transfers.send(one, kUp, 10'000'000);
    }
    return static_cast<double>(transfers.run().back()) / 1e9;
  };
  const NamedPopulation practices(
      std::vector<std::pair<std::string, std::string>>{{"", "quarter"}});
  const double star = ends(part("network", "star", {}), practices);
  const double regions = ends(
      part("network", "regions",
           {{"region",
             Table{{"quarter", Table{{"down", bytes_per_s(kRate)}, {"up", bytes_per_s(kRate)}}}}}}),
      practices);
  check_row(fmt::format("| `network.star` | {:.2f} s |", star));
  check_row(fmt::format("| `network.regions` | {:.2f} s |", regions));
  // five times the bytes on the line
  CHECK(star == doctest::Approx(kLatency_s + 10e6 / kRate).epsilon(1e-8));
  CHECK(regions == doctest::Approx(kLatency_s + 50e6 / kRate).epsilon(1e-8));
}

TEST_CASE("loss: TCP slows down far more than by the packets that it sends again") {
  // Mathis, Semke, Mahdavi and Ott 1997: rate <= MSS / round trip x sqrt(3 / 2) / sqrt(loss)
  for (const double loss : {1e-4, 1e-3, 1e-2}) {
    AccessLink link = access(kRate, kRate, kLatency_s);
    link.loss = loss;
    Transfers transfers(part("network", "star", {}));
    transfers.send(transfers.hospital(link), kUp, 100'000'000);
    const double ours = 100e6 / (static_cast<double>(transfers.run().front()) / 1e9 - kLatency_s);
    const double mathis =
        std::min(kRate, 1460 / (2 * kLatency_s) * std::sqrt(1.5) / std::sqrt(loss));
    check_row(fmt::format("| {:g} % | {:.1f} Mbit/s | {:.1f} Mbit/s |", 100 * loss, mathis / 125e3,
                          ours / 125e3));
    CHECK(ours == doctest::Approx(kRate * (1 - loss)).epsilon(1e-6));
    CHECK(mathis < ours);
  }
}

TEST_CASE("calibrated on four transfers, the network repeats them within the fit's errors") {
  // what docs/guide/calibrate.lua finds (tests/scenarios/calibrate.test) and its measurements
  const Part flow = part("flow", "fair", {{"latency_factor", 4.68}});
  const std::vector<std::pair<std::int64_t, double>> measured = {
      {100'000, 0.222}, {1'000'000, 0.672}, {10'000'000, 4.27}, {50'000'000, 20.3}};
  double worst = 0;
  for (const auto& [bytes, took_s] : measured) {
    Transfers transfers(part("network", "star", {{"flow", flow}}));
    const double rate = 19.2 * 125e3;
    transfers.send(transfers.hospital(access(rate, rate, 0.04)), kUp, bytes);
    const double found = static_cast<double>(transfers.run().front()) / 1e9;
    worst = std::max(worst, std::fabs(found / took_s - 1));
  }
  // uncalibrated, the first of them is off by 64 %
  CHECK(worst < 0.11);
  CHECK(worst > 0.05);
  check_row(fmt::format("`flow = flow.fair {{ latency_factor = 4.68 }}`: at most {:.0f} % off",
                        100 * worst));
}
