// System: the parties of a secure sum whose masks travel in coded pieces. Expectation: whoever is
// lost before whichever phase, the sum is that of the vectors that arrived or there is none; so
// many colluders as were foreseen see something uniform, one more does not; bytes are those that
// the clock charges. Reason: this is what the protocol promises (So et al. 2022).
#include "secure/light.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <numeric>

#include "secure/field.hpp"

namespace polyclinic::secure {
namespace {

constexpr int kPhasesOfLight = 4;

struct PlayedLight {
  std::optional<FieldVector> sum;
  std::string failure;
  std::vector<FieldVector> masked;  // what the server saw of each, or nothing
  std::int64_t bytes_sealed = 0;
  std::int64_t bytes_revealed = 0;
};

// lost_before[i]: the first phase whose message of hospital i + 1 does not arrive; 4: all do.
PlayedLight play(const LightSettings& settings, const std::vector<int>& lost_before,
                 const std::vector<FieldVector>& inputs, std::uint64_t round = 0) {
  PlayedLight played;
  played.masked.resize(settings.parties);
  LightServer server(settings);
  std::vector<LightHospital> hospitals;
  for (std::size_t i = 0; i < settings.parties; ++i) {
    const SecretStream secrets(make_run_key(5, 0), i, round);
    hospitals.emplace_back(settings, static_cast<Place>(i + 1), secrets);
    if (lost_before[i] > 0) server.advertised(hospitals[i].advertise());
  }
  const auto failed = [&] {
    played.failure = server.failure();
    return !played.failure.empty();
  };
  if (server.keys().size() < settings.survivors && failed()) return played;
  for (std::size_t i = 0; i < settings.parties; ++i) {
    if (lost_before[i] <= 1) continue;
    auto pieces = hospitals[i].share_mask(server.keys());
    REQUIRE(pieces);
    for (const SealedShares& one : *pieces) {
      played.bytes_sealed += static_cast<std::int64_t>(sizeof one.to + one.sealed.size());
    }
    server.shared(static_cast<Place>(i + 1), *std::move(pieces));
  }
  if (server.sharers().size() < settings.survivors && failed()) return played;
  for (std::size_t i = 0; i < settings.parties; ++i) {
    if (lost_before[i] <= 2) continue;
    const auto place = static_cast<Place>(i + 1);
    REQUIRE(hospitals[i].receive(server.sharers(), server.shares_for(place)));
    FieldVector values = inputs[i];
    hospitals[i].mask(values);
    played.masked[i] = values;
    server.masked(place, values);
  }
  if (server.summed().size() < settings.survivors && failed()) return played;
  for (std::size_t i = 0; i < settings.parties; ++i) {
    if (lost_before[i] <= 3) continue;
    auto sum = hospitals[i].reveal(server.summed());
    REQUIRE(sum);
    played.bytes_revealed += static_cast<std::int64_t>(sizeof(std::uint32_t) * sum->size());
    server.revealed(static_cast<Place>(i + 1), *std::move(sum));
  }
  played.failure = server.failure();
  played.sum = server.sum();
  return played;
}

LightSettings of_five(std::size_t colluding, std::size_t survivors) {
  LightSettings settings;
  settings.parties = 5;
  settings.colluding = colluding;
  settings.survivors = survivors;
  settings.values = 7;  // no multiple of any number of pieces
  return settings;
}

std::vector<FieldVector> inputs_of(const LightSettings& settings) {
  Stream stream(make_run_key(3, 0), Purpose::kTest, 1);
  std::vector<FieldVector> inputs(settings.parties);
  for (FieldVector& input : inputs) {
    for (std::size_t k = 0; k < settings.values; ++k) {
      input.push_back(static_cast<std::uint32_t>(stream.below(field::kPrime)));
    }
  }
  return inputs;
}

// How many of all ways in which five hospitals are lost, or not, have a sum.
int sums_of_all_patterns(const LightSettings& settings) {
  const std::array<std::string, kPhasesOfLight> names{"advertise keys", "share masks",
                                                      "masked input", "unmask"};
  const auto inputs = inputs_of(settings);
  int sums = 0;
  std::vector<int> lost(5, 0);
  for (int pattern = 0; pattern < 3125; ++pattern) {
    int rest = pattern;
    std::array<std::size_t, kPhasesOfLight> reached{};
    for (int& phase : lost) {
      phase = rest % (kPhasesOfLight + 1);
      rest /= kPhasesOfLight + 1;
      for (int p = 0; p < phase; ++p) ++reached[static_cast<std::size_t>(p)];
    }
    std::string missed;
    for (std::size_t p = names.size(); p-- > 0;) {
      if (reached[p] < settings.survivors) missed = names[p];
    }
    const PlayedLight played = play(settings, lost, inputs);
    REQUIRE(played.failure == missed);
    REQUIRE(played.sum.has_value() == missed.empty());
    if (!missed.empty()) continue;
    ++sums;
    for (std::size_t k = 0; k < settings.values; ++k) {
      std::uint64_t expected = 0;
      for (std::size_t i = 0; i < 5; ++i) expected += lost[i] > 2 ? inputs[i][k] : 0;
      REQUIRE((*played.sum)[k] == expected % field::kPrime);
    }
  }
  return sums;
}

TEST_CASE("every pattern of losses of five hospitals over four phases, in coded pieces") {
  // U of 5 stay to the end, the others are lost before one of 4 phases: C(5,3) 4^2 + C(5,4) 4 + 1,
  // and the last two terms
  CHECK(sums_of_all_patterns(of_five(1, 3)) == 181);
  CHECK(sums_of_all_patterns(of_five(2, 4)) == 21);
}

TEST_CASE("a code word is a polynomial's values, and any of its places suffice") {
  // 3 + 5 x + 7 x^2 and 4 + 6 x + 8 x^2 at x = 2 and at a large place
  const FieldVector coefficients{3, 4, 5, 6, 7, 8};
  CHECK(encode(coefficients, 3, 2) == FieldVector{41, 48});
  const std::uint64_t x = 4000000000;
  const std::uint64_t m = x % field::kPrime;
  CHECK(encode(coefficients, 3, 4000000000U)[0] ==
        (3 + 5 * m % field::kPrime + 7 * (m * m % field::kPrime)) % field::kPrime);
  SecretStream secrets(make_run_key(1, 0), 0, 0);
  FieldVector rows(4 * 9);
  secrets.elements(rows);
  std::vector<FieldVector> coded;
  for (Place place = 1; place <= 7; ++place) coded.push_back(encode(rows, 4, place));
  int sets = 0;
  for (unsigned set = 0; set < 128; ++set) {
    std::vector<Place> places;
    std::vector<FieldVector> some;
    for (Place place = 7; place >= 1; --place) {
      if ((set >> (place - 1) & 1U) == 0) continue;
      places.push_back(place);
      some.push_back(coded[place - 1]);
    }
    if (places.size() != 4) continue;
    ++sets;
    CHECK(decode(places, some, 4) == rows);
    CHECK(decode(places, some, 2) == FieldVector(rows.begin(), rows.begin() + 18));
  }
  CHECK(sets == 35);
}

// Chi-square against uniform over eight equal parts of the field for each of two values.
double chi_square_of_pairs(const FieldVector& a, const FieldVector& b) {
  std::array<double, 64> cells{};
  for (std::size_t k = 0; k < a.size(); ++k) {
    const std::uint64_t i = 8 * std::uint64_t{a[k]} / field::kPrime;
    const std::uint64_t j = 8 * std::uint64_t{b[k]} / field::kPrime;
    cells[8 * i + j] += 1;
  }
  const double expected = static_cast<double>(a.size()) / 64.0;
  double sum = 0;
  for (const double cell : cells) sum += (cell - expected) * (cell - expected) / expected;
  return sum;
}
// 63 degrees of freedom: the upper 1e-6 quantile
constexpr double kUnlikely = 132;

TEST_CASE("as many colluders as foreseen see what is uniform, and one more does not") {
  // a mask that is far from random: two rows of sevens, then T = 2 random ones
  constexpr std::size_t kPiece = 20000;
  SecretStream secrets(make_run_key(6, 0), 0, 0);
  FieldVector rows(4 * kPiece, 7);
  secrets.elements(std::span(rows).subspan(2 * kPiece));
  std::vector<FieldVector> coded;
  for (Place place = 1; place <= 5; ++place) coded.push_back(encode(rows, 4, place));
  for (std::size_t i = 0; i < 5; ++i) {
    for (std::size_t j = i + 1; j < 5; ++j) {
      CHECK(chi_square_of_pairs(coded[i], coded[j]) < kUnlikely);
    }
  }
  // places 1, 2, 3 take the rows x^2 and x^3 out between them: a + b 4 + c 9 = 0, a + b 8 + c 27 =
  // 0 with c = 1: b = -9/2, a = 9. What is left is (a + b + c + a + 2 b + 3 c) 7 = (22 - 27/2) 7
  const std::uint64_t half = field::inverse(2);
  const std::uint64_t b = field::subtract(0, field::multiply(9, half));
  const std::uint64_t left = field::multiply(field::multiply(17, half), 7);
  for (std::size_t k = 0; k < kPiece; ++k) {
    const std::uint64_t seen = field::add(
        field::add(field::multiply(9, coded[0][k]), field::multiply(b, coded[1][k])), coded[2][k]);
    REQUIRE(seen == left);
  }
}

TEST_CASE("masked vectors are uniform, one beside another, and so are masks of two rounds") {
  LightSettings settings = of_five(2, 4);
  settings.values = 20000;
  const std::vector<FieldVector> inputs(5, FieldVector(20000, 5));
  const PlayedLight played = play(settings, {4, 4, 4, 4, 4}, inputs);
  const PlayedLight again = play(settings, {4, 4, 4, 4, 4}, inputs);
  const PlayedLight next = play(settings, {4, 4, 4, 4, 4}, inputs, 1);
  REQUIRE(played.sum);
  CHECK((*played.sum)[0] == 25);
  CHECK(played.masked == again.masked);
  for (std::size_t i = 0; i < 5; ++i) {
    CHECK(chi_square_of_pairs(played.masked[i], played.masked[(i + 1) % 5]) < kUnlikely);
    CHECK(chi_square_of_pairs(played.masked[i], next.masked[i]) < kUnlikely);
  }
  // what cannot pass: a vector beside itself
  CHECK(chi_square_of_pairs(played.masked[0], played.masked[0]) > kUnlikely);
}

TEST_CASE("bytes are those of the messages") {
  for (const LightSettings& settings : {of_five(1, 3), of_five(2, 4), of_five(1, 5)}) {
    const LightSizes sizes{settings.values, settings.piece()};
    const PlayedLight played = play(settings, {4, 4, 4, 4, 4}, inputs_of(settings));
    CHECK(played.bytes_sealed == 5 * sizes.shares(4));
    CHECK(played.bytes_revealed == 5 * sizes.reveal());
    CHECK(sizes.masked() == static_cast<std::int64_t>(4 * settings.values));
  }
  CHECK(of_five(1, 3).piece() == 4);
  CHECK(of_five(1, 5).piece() == 2);
  // a place and a key of 32; a number and places; for whom, from whom, for whom, 4 values, a seal
  CHECK(LightSizes::advertise() == 36);
  CHECK(LightSizes::keys(5) == 180);
  CHECK(LightSizes::ask(4) == 20);
  CHECK(LightSizes{7, 4}.shares(1) == 4 + 8 + 16 + 16);
}

struct Ready {
  LightServer server;
  std::vector<LightHospital> hospitals;
};

Ready ready(const LightSettings& settings) {
  Ready parties{LightServer(settings), {}};
  for (Place place = 1; place <= settings.parties; ++place) {
    parties.hospitals.emplace_back(settings, place, SecretStream(make_run_key(9, 0), place, 0));
    parties.server.advertised(parties.hospitals.back().advertise());
  }
  for (Place place = 1; place <= settings.parties; ++place) {
    LightHospital& hospital = parties.hospitals[place - 1];
    parties.server.shared(place, *hospital.share_mask(parties.server.keys()));
  }
  return parties;
}

TEST_CASE("a hospital tells one sum of enough hospitals, itself among them") {
  const LightSettings settings = of_five(2, 4);
  Ready parties = ready(settings);
  LightHospital& one = parties.hospitals[0];
  const auto refused = [&](const std::vector<Place>& summed) {
    LightHospital copy = one;
    CHECK_FALSE(copy.reveal(summed));
    return copy.refusal();
  };
  SUBCASE("whom it is asked about") {
    REQUIRE(one.receive(parties.server.sharers(), parties.server.shares_for(1)));
    CHECK(refused({1, 2, 3}) == Refusal::too_few);
    CHECK(refused({1, 2, 3, 3}) == Refusal::too_few);
    CHECK(refused({2, 3, 4, 5}) == Refusal::left_out);
    CHECK(refused({1, 2, 3, 6}) == Refusal::stranger);
    CHECK(one.reveal(std::vector<Place>{1, 2, 3, 4}));
    // two sums differ by the pieces of one
    CHECK_FALSE(one.reveal(std::vector<Place>{1, 2, 3, 4, 5}));
    CHECK(one.refusal() == Refusal::asked_again);
  }
  SUBCASE("a piece that was changed, or is another's") {
    std::vector<SealedShares> sealed = parties.server.shares_for(1);
    sealed[1].sealed[10] ^= 1U;
    REQUIRE(one.receive(parties.server.sharers(), sealed));
    CHECK(refused({1, 2, 3, 4}) == Refusal::unreadable);
    CHECK(one.reveal(std::vector<Place>{1, 2, 4, 5}));
  }
  SUBCASE("somebody who has shared nothing") {
    const std::vector<Place> four{1, 2, 3, 4};
    REQUIRE(one.receive(four, {}));
    CHECK(refused({1, 2, 3, 5}) == Refusal::stranger);
    CHECK(refused({1, 2, 3, 4}) == Refusal::unreadable);
  }
  SUBCASE("too few who shared, and strangers among them") {
    LightHospital copy = one;
    CHECK_FALSE(copy.receive(std::vector<Place>{1, 2, 3}, {}));
    CHECK(copy.refusal() == Refusal::too_few);
    CHECK_FALSE(one.receive(std::vector<Place>{1, 2, 3, 4, 5, 6}, {}));
    CHECK(one.refusal() == Refusal::stranger);
  }
}

TEST_CASE("a hospital shares no mask with keys given twice, with strangers or with too few") {
  const LightSettings settings = of_five(1, 3);
  std::vector<LightKey> keys;
  std::vector<LightHospital> hospitals;
  for (Place place = 1; place <= 5; ++place) {
    hospitals.emplace_back(settings, place, SecretStream(make_run_key(9, 0), place, 0));
    keys.push_back(hospitals.back().advertise());
  }
  const auto refused = [&](std::size_t index, std::span<const LightKey> all) {
    CHECK_FALSE(hospitals[index].share_mask(all));
    return hospitals[index].refusal();
  };
  std::vector<LightKey> twice = keys;
  twice[3].open = twice[2].open;
  std::vector<LightKey> beyond = keys;
  beyond[4].place = 6;
  std::vector<LightKey> weak = keys;
  weak[4].open = Key{};  // of small order
  CHECK(refused(0, twice) == Refusal::key_twice);
  CHECK(refused(1, beyond) == Refusal::stranger);
  CHECK(refused(2, std::span(keys).first(2)) == Refusal::too_few);
  CHECK(refused(3, weak) == Refusal::no_agreement);
}

TEST_CASE("elements of the field are uniform up to its last one") {
  SecretStream secrets(make_run_key(4, 0), 0, 0);
  FieldVector many(40000);
  secrets.elements(many);
  CHECK(*std::max_element(many.begin(), many.end()) < field::kPrime);
  CHECK(chi_square_of_pairs(FieldVector(many.begin(), many.begin() + 20000),
                            FieldVector(many.begin() + 20000, many.end())) < kUnlikely);
  // more than one call, none of which repeats another
  FieldVector more(40000);
  secrets.elements(more);
  CHECK(chi_square_of_pairs(many, more) < kUnlikely);
}

}  // namespace
}  // namespace polyclinic::secure
