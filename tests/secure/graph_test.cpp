// System: who shares with whom in a secure sum over a graph, and rounds over it. Expectation: the
// published degrees and thresholds; whoever is lost before whichever phase, the sum is that of the
// vectors that arrived or there is none; with as many colluders as the graph withstands what is
// seen of one hospital still looks like noise. Reason: a graph that is too thin shows updates, and
// nothing else would.
#include "secure/graph.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <sstream>

#include "round.hpp"
#include "secure/quantiser.hpp"

namespace polyclinic::secure {
namespace {

Graph ring(std::size_t parties, std::size_t degree, std::uint64_t seed = 1) {
  Stream stream(make_run_key(seed, 0), Purpose::kTest, 3);
  return {parties, degree, stream};
}

TEST_CASE("degrees and thresholds are the published ones") {
  // tests/reference/secagg_graphs.csv; more than 1,000 neighbours take seconds to find
  std::ifstream in(POLYCLINIC_SOURCE_DIR "/tests/reference/secagg_graphs.csv");
  std::string line;
  std::getline(in, line);
  int rows = 0;
  int infeasible = 0;
  while (std::getline(in, line)) {
    std::istringstream cells(line);
    std::array<std::string, 7> row;
    for (std::string& cell : row) std::getline(cells, cell, ',');
    const auto n = static_cast<std::size_t>(std::stoul(row[0]));
    const auto degree = static_cast<std::size_t>(std::stoul(row[4]));
    if (degree > 1000) continue;
    const auto part = [&](const std::string& rate) {
      return static_cast<std::size_t>(std::floor(std::stod(rate) * static_cast<double>(n)));
    };
    const ServerModel server =
        row[3] == "semi_malicious" ? ServerModel::semi_malicious : ServerModel::curious;
    const auto found = graph_size(n, part(row[1]), part(row[2]), server);
    ++rows;
    INFO(line);
    if (degree == 0) {
      ++infeasible;
      CHECK_FALSE(found);
      continue;
    }
    REQUIRE(found);
    CHECK(found->degree == degree);
    CHECK(found->threshold <= static_cast<std::size_t>(std::stoul(row[5])));
    if (!row[6].empty()) CHECK(found->threshold == static_cast<std::size_t>(std::stoul(row[6])));
  }
  CHECK(rows >= 70);
  CHECK(infeasible == 5);
}

TEST_CASE("where no thin graph is safe it is the complete one, or none") {
  // two of six collude and two are lost: a ring of degree 2 or 4 may be cut; complete, three
  // neighbours stay for certain, and three are more than collude
  const auto six = graph_size(6, 2, 2);
  REQUIRE(six);
  CHECK(six->degree == 5);
  CHECK(six->threshold == 3);
  CHECK_FALSE(graph_size(3, 1, 1));
  CHECK_FALSE(graph_size(2, 0, 0));
  CHECK_FALSE(graph_size(10, 5, 5));
}

TEST_CASE("a ring is regular, in random order, and falls apart where it is cut") {
  for (const std::size_t degree : {2U, 4U, 6U, 8U}) {
    const Graph graph = ring(9, degree);
    for (Place a = 1; a <= 9; ++a) {
      const std::vector<Place> around = graph.around(a);
      CHECK(around.size() == degree);
      for (Place b = 1; b <= 9; ++b) {
        CHECK(graph.neighbours(a, b) == std::binary_search(around.begin(), around.end(), b));
        CHECK(graph.neighbours(a, b) == graph.neighbours(b, a));
      }
    }
  }
  CHECK(ring(50, 4, 1).around(1) != ring(50, 4, 2).around(1));

  // a ring of eight, cut at two opposite places: two pieces of three
  const Graph graph = ring(8, 2);
  std::vector<Place> along{1};
  while (along.size() < 8) {
    for (const Place next : graph.around(along.back())) {
      if (std::find(along.begin(), along.end(), next) == along.end()) {
        along.push_back(next);
        break;
      }
    }
  }
  std::vector<Place> rest{along[1], along[2], along[3], along[5], along[6], along[7]};
  std::sort(rest.begin(), rest.end());
  CHECK(pieces_among(graph, rest) == std::vector<std::size_t>{3, 3});
  // an end of a piece has one neighbour: without ends nothing is left of it
  CHECK(core(graph, rest, 1) == rest);
  CHECK(core(graph, rest, 2).empty());
  CHECK(core(graph, {1, 2, 3, 4, 5, 6, 7, 8}, 2).size() == 8);
  CHECK(pieces_among(Graph(4), std::vector<Place>{1, 2, 4}) == std::vector<std::size_t>{3});
}

std::vector<std::vector<std::uint32_t>> inputs_of(const PairwiseSettings& settings, int bits) {
  Stream stream(make_run_key(3, 0), Purpose::kTest, 1);
  std::vector<std::vector<std::uint32_t>> inputs(settings.parties);
  for (auto& input : inputs) {
    for (std::size_t k = 0; k < settings.values; ++k) {
      input.push_back(static_cast<std::uint32_t>(stream.below(std::uint64_t{1} << bits)));
    }
    input[0] = (1U << bits) - 1U;
  }
  return inputs;
}

// Who of the present (by place - 1) remains when those with fewer than `least` present neighbours
// are left out again and again: one at a time, unlike core().
std::array<bool, 5> remaining(const Graph& graph, std::array<bool, 5> present, std::size_t least) {
  for (bool changed = true; changed;) {
    changed = false;
    for (Place a = 1; a <= 5; ++a) {
      if (!present[a - 1]) continue;
      std::size_t with = 0;
      for (Place b = 1; b <= 5; ++b) with += present[b - 1] && graph.neighbours(a, b) ? 1U : 0U;
      if (with >= least) continue;
      present[a - 1] = false;
      changed = true;
    }
  }
  return present;
}

struct Expected {
  std::string failure;
  std::array<bool, 5> summed{};
};

// What must come of a pattern of losses, from the rules alone.
Expected expected_of(const PairwiseSettings& settings, const std::vector<int>& lost) {
  const Graph& graph = *settings.graph;
  Expected expected;
  std::array<bool, 5> there{true, true, true, true, true};
  std::array<bool, 5> shared{};
  for (int phase = 0; phase < 3; ++phase) {
    for (std::size_t i = 0; i < 5; ++i) there[i] = there[i] && lost[i] > phase;
    if (phase < 2) there = remaining(graph, there, settings.threshold);
    if (phase == 1) shared = there;
    const auto count = static_cast<std::size_t>(std::count(there.begin(), there.end(), true));
    if (count >= settings.least) continue;
    expected.failure = name(static_cast<Phase>(phase));
    return expected;
  }
  expected.summed = there;
  for (Place owner = 1; owner <= 5; ++owner) {
    if (!shared[owner - 1]) continue;
    std::size_t told = 0;
    for (Place by = 1; by <= 5; ++by) {
      const bool tells = there[by - 1] && lost[by - 1] > 3;
      told += tells && graph.neighbours(owner, by) ? 1U : 0U;
    }
    if (told < settings.threshold) expected.failure = name(Phase::unmask);
  }
  return expected;
}

TEST_CASE("every pattern of losses of five hospitals over four phases, on two graphs") {
  for (const std::size_t degree : {2U, 4U}) {
    PairwiseSettings settings;
    settings.parties = 5;
    settings.threshold = 2;
    settings.least = 3;
    settings.values = 3;
    settings.modulus_bits = modulus_bits(5, 24);
    settings.graph = std::make_shared<Graph>(ring(5, degree));
    const auto inputs = inputs_of(settings, 24);
    int sums = 0;
    std::array<int, kPhases> failures{};
    std::vector<int> lost(5, 0);
    for (int pattern = 0; pattern < 3125; ++pattern) {
      int rest = pattern;
      for (int& phase : lost) {
        phase = rest % 5;
        rest /= 5;
      }
      const Expected expected = expected_of(settings, lost);
      const Played played = play(settings, lost, inputs);
      REQUIRE(played.failure == expected.failure);
      REQUIRE(played.sum.has_value() == expected.failure.empty());
      if (!played.sum) {
        for (const Phase phase : phases(false)) {
          failures[static_cast<std::size_t>(phase)] += played.failure == name(phase) ? 1 : 0;
        }
        continue;
      }
      ++sums;
      std::vector<std::uint32_t> total(settings.values, 0);
      for (std::size_t i = 0; i < 5; ++i) {
        if (!expected.summed[i]) continue;
        for (std::size_t k = 0; k < settings.values; ++k) total[k] += inputs[i][k];
      }
      REQUIRE(*played.sum == total);
    }
    CHECK(sums > 0);
    for (const Phase phase : phases(false)) CHECK(failures[static_cast<std::size_t>(phase)] > 0);
    // a ring of five loses nobody before the unmasking: with one gone its two neighbours have one
    // left. Then all must tell, or the two around the silent have one share
    if (degree == 2) CHECK(sums == 1);
  }
}

// Chi-square of the values' top four bits against uniform.
double chi_square(const std::vector<std::uint32_t>& values, int bits) {
  std::array<double, 16> cells{};
  for (const std::uint32_t value : values) cells[value >> (bits - 4)] += 1;
  const double even = static_cast<double>(values.size()) / 16.0;
  double sum = 0;
  for (const double cell : cells) sum += (cell - even) * (cell - even) / even;
  return sum;
}

TEST_CASE("with T - 1 colluders a masked vector is uniform still") {
  // ten hospitals of six neighbours, of whom three give a secret: two collude
  PairwiseSettings settings;
  settings.parties = 10;
  settings.threshold = 3;
  settings.least = 9;
  settings.values = 20000;
  settings.modulus_bits = 28;
  settings.graph = std::make_shared<Graph>(ring(10, 6));
  const RunKey run = make_run_key(5, 0);
  PairwiseServer server(settings);
  std::vector<PairwiseHospital> hospitals;
  for (Place place = 1; place <= 10; ++place) {
    const SecretStream secrets(run, place, 0);
    hospitals.emplace_back(settings, place, secrets);
    server.advertised(hospitals.back().advertise());
  }
  for (Place place = 1; place <= 10; ++place) {
    server.shared(place, *hospitals[place - 1].share_keys(server.keys_for(place)));
  }
  const std::vector<Place> all = server.sharers();
  for (Place place = 1; place <= 10; ++place) {
    REQUIRE(
        hospitals[place - 1].receive(server.those_around(place, all), server.shares_for(place)));
  }
  // the colluders are the victim's neighbours and mask zeros: what they send are their own masks.
  // Added to the victim's vector of fives they take away what it shares with them
  const Place victim = 1;
  const std::vector<Place> around = settings.graph->around(victim);
  std::vector<std::uint32_t> seen(settings.values, 5);
  REQUIRE(hospitals[victim - 1].mask(seen));
  const std::uint32_t keep = (1U << 28U) - 1U;
  std::vector<std::uint32_t> joined = seen;
  for (std::size_t i = 0; i + 1 < settings.threshold; ++i) {
    std::vector<std::uint32_t> known(settings.values, 0);
    REQUIRE(hospitals[around[i] - 1].mask(known));
    for (std::size_t k = 0; k < settings.values; ++k) joined[k] = (joined[k] + known[k]) & keep;
  }
  // 15 degrees of freedom: the upper 1e-6 quantile is 56.5
  CHECK(chi_square(seen, 28) < 56.5);
  CHECK(chi_square(joined, 28) < 56.5);
  for (int bit = 0; bit < 28; ++bit) {
    // 20,000 coins: five standard deviations are 354
    const auto set = std::count_if(joined.begin(), joined.end(),
                                   [&](std::uint32_t v) { return (v >> bit & 1U) != 0; });
    CHECK(std::abs(set - 10000) < 354);
  }
}

TEST_CASE("a hospital shares with its neighbours only") {
  PairwiseSettings settings;
  settings.parties = 7;
  settings.threshold = 2;
  settings.values = 1;
  settings.graph = std::make_shared<Graph>(ring(7, 2));
  std::vector<Advertised> keys;
  std::vector<PairwiseHospital> hospitals;
  for (Place place = 1; place <= 7; ++place) {
    const SecretStream secrets(make_run_key(9, 0), place, 0);
    hospitals.emplace_back(settings, place, secrets);
    keys.push_back(hospitals.back().advertise());
  }
  const std::vector<Place> around = settings.graph->around(1);
  std::vector<Advertised> theirs{keys[around[0] - 1], keys[around[1] - 1]};
  // the keys of all: most are strangers
  CHECK_FALSE(hospitals[0].share_keys(keys));
  // one neighbour of two that are needed
  CHECK_FALSE(hospitals[1].share_keys(std::span(keys).first(0)));
  const SecretStream again(make_run_key(9, 0), 1, 0);
  PairwiseHospital first(settings, 1, again);
  const auto sealed = first.share_keys(theirs);
  REQUIRE(sealed);
  CHECK(sealed->size() == 2);
  CHECK(sealed->front().sealed.size() == 8 + 2 * kShareBytes + kSealBytes);
}

}  // namespace
}  // namespace polyclinic::secure
