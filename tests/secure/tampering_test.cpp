// System: a server that lies to the hospitals of a pairwise secure sum. Expectation: under the
// semi-honest variant it reads a single update, or a sum of fewer than the threshold; under the
// active one every such attempt ends with hospitals that refuse and say why, and the server has
// nothing. Reason: the difference between the two variants must be a real one (Bonawitz et al.
// 2017, section 6.2).
#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "round.hpp"
#include "secure/lying_server.hpp"

namespace polyclinic::secure {
namespace {

constexpr int kBits = 27;
constexpr std::size_t kValues = 50;
using Values = std::vector<std::uint32_t>;
using Places = std::vector<Place>;

PairwiseSettings settings_of(std::size_t parties, std::size_t threshold) {
  PairwiseSettings settings;
  settings.parties = parties;
  settings.threshold = threshold;
  settings.values = kValues;
  settings.modulus_bits = kBits;
  return settings;
}

// What hospital i sends into the sum: no two alike.
Values input(Place place) {
  Values values(kValues);
  for (std::size_t k = 0; k < kValues; ++k) {
    values[k] = static_cast<std::uint32_t>(1000 * place + k);
  }
  return values;
}

Places range(Place from, Place to) {
  Places result;
  for (Place place = from; place <= to; ++place) result.push_back(place);
  return result;
}

PairwiseHospital hospital_at(const PairwiseSettings& settings, Place place) {
  const RunKey run = make_run_key(kPlayedSeed, 0);
  return {settings, place, SecretStream(run, place - 1, settings.round),
          registered_keys(run, place - 1)};
}

// A round up to the masked vectors, all of which arrive.
struct Table {
  explicit Table(const PairwiseSettings& s) : settings(s), server(s), masked(s.parties) {
    for (Place place = 1; place <= s.parties; ++place) {
      hospitals.push_back(hospital_at(s, place));
      server.advertised(hospitals.back().advertise());
    }
    for (Place place = 1; place <= s.parties; ++place) {
      server.shared(place, *hospitals[place - 1].share_keys(server.keys_for(place)));
    }
    for (Place place = 1; place <= s.parties; ++place) {
      PairwiseHospital& hospital = hospitals[place - 1];
      REQUIRE(hospital.receive(server.sharers(), server.shares_for(place)));
      masked[place - 1] = input(place);
      REQUIRE(hospital.mask(masked[place - 1]));
      server.masked(place, masked[place - 1]);
    }
  }
  Values sum_of_masked(const Places& few) const {
    Values sum(kValues, 0);
    for (const Place place : few) {
      for (std::size_t k = 0; k < kValues; ++k) sum[k] += masked[place - 1][k];
    }
    return sum;
  }
  PairwiseSettings settings;
  LyingServer server;
  std::vector<PairwiseHospital> hospitals;
  std::vector<Values> masked;
};

// Half of the hospitals are told that the last one was lost.
struct Split {
  Places all;
  Places without;
  Places told_all;  // the first half, and the last one itself
  Places told_without;
};
Split split_of(Place parties) {
  Split split{range(1, parties), range(1, parties - 1), range(1, (parties - 1) / 2), {}};
  split.told_without = range((parties - 1) / 2 + 1, parties - 1);
  split.told_all.push_back(parties);
  return split;
}

TEST_CASE("two lists give both secrets of one hospital where half the hospitals are a threshold") {
  // n = 7: three and the victim are told the truth, three that it was lost
  const Split split = split_of(7);
  for (const std::size_t threshold : {3U, 4U}) {
    Table table(settings_of(7, threshold));
    for (const Place place : split.told_all) {
      table.server.revealed(place, *table.hospitals[place - 1].reveal(split.all, Places{}));
    }
    for (const Place place : split.told_without) {
      table.server.revealed(place, *table.hospitals[place - 1].reveal(split.without, Places{7}));
    }
    const Places victim{7};
    const auto read = table.server.read(victim, table.masked[6]);
    // with 2 t > n it has too few shares of one of the two
    CHECK(read.has_value() == (threshold == 3));
    if (read) CHECK(*read == input(7));
    // nobody noticed anything, and the sum came out
    CHECK(table.server.sum().has_value());
  }
}

TEST_CASE("signed survivors: two lists give nothing, whichever signatures the server forwards") {
  const Split split = split_of(7);
  for (const bool all_forwarded : {false, true}) {
    Table table(active(settings_of(7, 4)));
    std::vector<Confirmed> of_all;
    std::vector<Confirmed> of_without;
    for (const Place place : split.told_all) {
      of_all.push_back({place, *table.hospitals[place - 1].confirm(split.all)});
    }
    for (const Place place : split.told_without) {
      of_without.push_back({place, *table.hospitals[place - 1].confirm(split.without)});
    }
    if (all_forwarded) {
      of_all.insert(of_all.end(), of_without.begin(), of_without.end());
      of_without = of_all;
    }
    for (Place place = 1; place <= 7; ++place) {
      PairwiseHospital& hospital = table.hospitals[place - 1];
      const bool told_all = std::count(split.told_all.begin(), split.told_all.end(), place) > 0;
      auto shares = hospital.reveal(told_all ? of_all : of_without);
      if (shares) {
        table.server.revealed(place, *std::move(shares));
        // a threshold of four under the true list: that one is safe to answer
        CHECK((told_all && !all_forwarded));
      } else if (all_forwarded) {
        CHECK(hospital.refusal() == Refusal::other_survivors);
      } else {
        CHECK(hospital.refusal() == Refusal::few_signatures);
      }
    }
    CHECK_FALSE(table.server.read(Places{7}, table.masked[6]));
  }
}

TEST_CASE(
    "many lists give a sum of fewer than the threshold, though two thirds and one must answer") {
  // n = 10, t = 7: every hospital is told that three others were lost, no two lists alike; of the
  // last four each is lost to seven
  const std::vector<Places> lost{{7, 8, 9},  {8, 9, 10}, {7, 9, 10}, {7, 8, 10}, {7, 8, 9},
                                 {7, 8, 10}, {8, 9, 10}, {7, 9, 10}, {7, 8, 10}, {7, 8, 9}};
  const Places few = range(1, 6);
  const auto summed_without = [](const Places& gone) {
    Places summed = range(1, 10);
    std::erase_if(summed, [&](Place p) { return std::count(gone.begin(), gone.end(), p) > 0; });
    return summed;
  };
  Values expected(kValues, 0);
  for (const Place place : few) {
    for (std::size_t k = 0; k < kValues; ++k) expected[k] += input(place)[k];
  }
  Table open(settings_of(10, 7));
  Table checked(active(settings_of(10, 7)));
  std::vector<Confirmed> signatures;
  for (Place place = 1; place <= 10; ++place) {
    const Places summed = summed_without(lost[place - 1]);
    open.server.revealed(place, *open.hospitals[place - 1].reveal(summed, lost[place - 1]));
    signatures.push_back({place, *checked.hospitals[place - 1].confirm(summed)});
  }
  const auto read = open.server.read(few, open.sum_of_masked(few));
  REQUIRE(read);
  CHECK(*read == expected);
  for (Place place = 1; place <= 10; ++place) {
    // of the signatures those under its own list
    std::vector<Confirmed> own;
    for (Place other = 1; other <= 10; ++other) {
      if (lost[other - 1] == lost[place - 1]) own.push_back(signatures[other - 1]);
    }
    CHECK_FALSE(checked.hospitals[place - 1].reveal(own));
    CHECK(checked.hospitals[place - 1].refusal() == Refusal::few_signatures);
  }
  CHECK_FALSE(checked.server.read(few, checked.sum_of_masked(few)));
}

TEST_CASE("a server that plays all other hospitals reads an update, unless keys are signed") {
  constexpr Place kVictim = 3;
  for (const bool is_active : {false, true}) {
    PairwiseSettings settings = settings_of(5, 5);
    if (is_active) settings = active(settings);
    PairwiseHospital victim = hospital_at(settings, kVictim);
    // the others are the server's own, and so are their signatures
    std::vector<PairwiseHospital> played;
    LyingServer server(settings);
    for (Place place = 1; place <= 5; ++place) {
      const RunKey servers = make_run_key(77, 0);
      played.emplace_back(settings, place, SecretStream(servers, place, 0),
                          registered_keys(servers, place));
      server.advertised(place == kVictim ? victim.advertise() : played.back().advertise());
    }
    auto shares = victim.share_keys(server.keys_for(kVictim));
    CHECK(shares.has_value() == !is_active);
    if (is_active) {
      CHECK(victim.refusal() == Refusal::not_signed);
      continue;
    }
    server.shared(kVictim, *std::move(shares));
    for (Place place = 1; place <= 5; ++place) {
      if (place == kVictim) continue;
      server.shared(place, *played[place - 1].share_keys(server.keys_for(place)));
    }
    Values values = input(kVictim);
    REQUIRE(victim.receive(server.sharers(), server.shares_for(kVictim)));
    REQUIRE(victim.mask(values));
    server.masked(kVictim, values);
    for (Place place = 1; place <= 5; ++place) {
      if (place == kVictim) continue;
      PairwiseHospital& one = played[place - 1];
      REQUIRE(one.receive(server.sharers(), server.shares_for(place)));
      Values nothing(kValues, 0);
      REQUIRE(one.mask(nothing));
      server.masked(place, nothing);
      server.revealed(place, *one.reveal(range(1, 5), Places{}));
    }
    server.revealed(kVictim, *victim.reveal(range(1, 5), Places{}));
    CHECK(*server.sum() == input(kVictim));
  }
}

TEST_CASE("keys of an earlier round, of another place or of no order are refused") {
  const PairwiseSettings now = active(settings_of(5, 4), 8);
  const PairwiseSettings before = active(settings_of(5, 4), 7);
  std::vector<Advertised> keys;
  for (Place place = 1; place <= 5; ++place) keys.push_back(hospital_at(now, place).advertise());
  SUBCASE("none of it") {
    CHECK(hospital_at(now, 1).share_keys(keys));
  }
  const auto refusal_of = [&] {
    PairwiseHospital hospital = hospital_at(now, 1);
    CHECK_FALSE(hospital.share_keys(keys));
    return hospital.refusal();
  };
  SUBCASE("of an earlier round") {
    keys[3] = hospital_at(before, 4).advertise();
    CHECK(refusal_of() == Refusal::not_signed);
  }
  SUBCASE("of another hospital's place") {
    keys[3].sealing = keys[4].sealing;
    keys[3].masking = keys[4].masking;
    keys[3].signature = keys[4].signature;
    keys.pop_back();
    CHECK(refusal_of() == Refusal::not_signed);
  }
  SUBCASE("one bit changed") {
    keys[2].masking[5] ^= 1U;
    CHECK(refusal_of() == Refusal::not_signed);
  }
  SUBCASE("of nobody who is registered") {
    keys[2].place = 6;
    CHECK(refusal_of() == Refusal::stranger);
  }
  SUBCASE("signed by an accomplice, and of no order: everybody would know the mask") {
    keys[4].masking = Key{};
    keys[4].signature = sign(signed_keys(8, 5, keys[4].sealing, keys[4].masking),
                             registered_keys(make_run_key(kPlayedSeed, 0), 4));
    PairwiseHospital hospital = hospital_at(now, 1);
    REQUIRE(hospital.share_keys(keys));
    REQUIRE(hospital.receive(range(1, 5), {}));
    Values values = input(1);
    CHECK_FALSE(hospital.mask(values));
    CHECK(hospital.refusal() == Refusal::no_agreement);
  }
}

TEST_CASE("what confirms survivors is theirs, of this round, and counts once") {
  const PairwiseSettings settings = active(settings_of(5, 4), 3);
  Table table(settings);
  PairwiseHospital& first = table.hospitals[0];
  const auto refused = [&](std::vector<Confirmed> given, Refusal why) {
    CHECK_FALSE(first.reveal(given));
    CHECK(first.refusal() == why);
  };
  refused({}, Refusal::not_confirmed);
  // lists that nobody signs
  const auto unsigned_list = [&](const Places& list, Refusal why) {
    CHECK_FALSE(first.confirm(list));
    CHECK(first.refusal() == why);
  };
  unsigned_list({1, 2, 3}, Refusal::too_few);
  unsigned_list({2, 3, 4, 5}, Refusal::left_out);
  unsigned_list({1, 2, 3, 6}, Refusal::stranger);
  unsigned_list({1, 2, 3, 3}, Refusal::stranger);
  std::vector<Confirmed> good;
  for (Place place = 1; place <= 5; ++place) {
    good.push_back({place, *table.hospitals[place - 1].confirm(range(1, 5))});
  }
  // a second list, or the same again
  unsigned_list({1, 2, 3, 4}, Refusal::asked_again);
  unsigned_list(range(1, 5), Refusal::asked_again);
  refused({good[0], good[1], good[2]}, Refusal::few_signatures);
  refused({good[0], good[1], good[2], good[2], good[2]}, Refusal::few_signatures);
  refused({good[0], good[1], good[2], {6, good[3].signature}}, Refusal::stranger);
  refused({good[0], good[1], good[2], {4, good[4].signature}}, Refusal::other_survivors);
  // the same survivors, of the round before
  const PairwiseSettings before = active(settings_of(5, 4), 2);
  Table earlier(before);
  refused({good[0], good[1], good[2], {4, *earlier.hospitals[3].confirm(range(1, 5))}},
          Refusal::other_survivors);
  // the other way to ask is closed
  CHECK_FALSE(first.reveal(range(1, 4), Places{5}));
  CHECK(first.refusal() == Refusal::not_confirmed);
  CHECK(first.reveal(good));
  refused(good, Refusal::asked_again);
}

TEST_CASE("shares of an earlier round, or of somebody else, cannot be opened") {
  const PairwiseSettings now = active(settings_of(5, 4), 1);
  Table earlier(active(settings_of(5, 4), 0));
  std::vector<PairwiseHospital> hospitals;
  std::vector<Advertised> keys;
  for (Place place = 1; place <= 5; ++place) {
    hospitals.push_back(hospital_at(now, place));
    keys.push_back(hospitals.back().advertise());
  }
  std::vector<SealedShares> for_first;
  for (Place place = 1; place <= 5; ++place) {
    const auto all = *hospitals[place - 1].share_keys(keys);
    for (const SealedShares& one : all) {
      if (one.to == 1) for_first.push_back(one);
    }
  }
  SUBCASE("replayed") {
    for_first[2] = earlier.server.shares_for(1)[2];
  }
  SUBCASE("of another sender") {
    std::swap(for_first[1].sealed, for_first[2].sealed);
  }
  SUBCASE("cut") {
    for_first[1].sealed.resize(10);
  }
  REQUIRE(hospitals[0].receive(range(1, 5), for_first));
  std::vector<Confirmed> signatures;
  for (Place place = 1; place <= 5; ++place) {
    if (place > 1) REQUIRE(hospitals[place - 1].receive(range(1, 5), {}));
    signatures.push_back({place, *hospitals[place - 1].confirm(range(1, 5))});
  }
  CHECK_FALSE(hospitals[0].reveal(signatures));
  CHECK(hospitals[0].refusal() == Refusal::unreadable);
}

TEST_CASE("every refusal has words of its own") {
  std::set<std::string_view> words;
  for (int r = 0; r <= static_cast<int>(Refusal::other_survivors); ++r) {
    words.insert(describe(static_cast<Refusal>(r)));
  }
  CHECK(words.size() == static_cast<std::size_t>(Refusal::other_survivors) + 1);
}

TEST_CASE("signatures are Ed25519's") {
  // RFC 8032, 7.1, test 2: the public key and signature of a message of one byte
  const auto bytes = [](std::string_view hex, auto out) {
    const auto nibble = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
    for (std::size_t i = 0; i < out.size(); ++i) {
      out[i] = static_cast<std::uint8_t>(16 * nibble(hex[2 * i]) + nibble(hex[2 * i + 1]));
    }
    return out;
  };
  const Key open = bytes("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", Key{});
  Signature signature = bytes(
      "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
      "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
      Signature{});
  const Bytes text{0x72};
  CHECK(verify(text, signature, open));
  CHECK_FALSE(verify(Bytes{0x73}, signature, open));
  signature[3] ^= 1U;
  CHECK_FALSE(verify(text, signature, open));
  // the keys of a run are those of hospital and run
  const SigningKeys mine = registered_keys(make_run_key(1, 0), 2);
  CHECK(mine.open == registered_keys(make_run_key(1, 0), 2).open);
  CHECK(mine.open != registered_keys(make_run_key(1, 0), 3).open);
  CHECK(mine.open != registered_keys(make_run_key(2, 0), 2).open);
  CHECK(verify(text, sign(text, mine), mine.open));
}

}  // namespace
}  // namespace polyclinic::secure
