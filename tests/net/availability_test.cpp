#include "net/availability.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/stream.hpp"
#include "net/availability_kinds.hpp"
#include "net_parts.hpp"

using namespace polyclinic;
using namespace polyclinic::testing;

namespace {

constexpr RunKey kRun{77};

AvailabilityContext context(std::uint32_t hospital, const std::string& region = "") {
  AvailabilityContext c;
  c.run = kRun;
  c.hospital = HospitalId{hospital};
  c.name = "hospital-" + std::to_string(hospital);
  c.region = region;
  return c;
}

std::unique_ptr<Availability> make(const Value& value, std::uint32_t hospital = 0,
                                   const std::string& region = "") {
  return make_availability(&value, context(hospital, region));
}

Value markov(const Value& up, const Value& down) {
  return part("availability", "markov", {{"up", up}, {"down", down}});
}

TimeNs at_hours(double h) {
  return at_seconds(3600 * h);
}

// Hours and states at which it changes until `until`.
std::vector<std::pair<double, bool>> changes(Availability& a, TimeNs until) {
  std::vector<std::pair<double, bool>> list;
  for (TimeNs at = a.next_change(TimeNs{}); at < until; at = a.next_change(at)) {
    list.emplace_back(static_cast<double>(at.ns) / 3600e9, a.up_at(at));
  }
  return list;
}

using Changed = std::vector<std::pair<double, bool>>;

// Its answers agree with each other over a span: the state holds until next_change and flips there.
void check_consistent(Availability& a, TimeNs until, std::uint64_t seed) {
  Stream stream(RunKey{seed}, Purpose::kTest, 9);
  for (int i = 0; i < 200; ++i) {
    const TimeNs at{static_cast<std::int64_t>(stream.below(static_cast<std::uint64_t>(until.ns)))};
    const bool up = a.up_at(at);
    const TimeNs next = a.next_change(at);
    REQUIRE(next > at);
    if (next == kNever) continue;
    CHECK(a.up_at(next) != up);
    const auto span = static_cast<std::uint64_t>((next - at).ns);
    const TimeNs between = at + TimeNs{static_cast<std::int64_t>(stream.below(span))};
    CHECK(a.up_at(between) == up);
    CHECK(a.next_change(between) == next);
  }
}

// The same answers whatever was asked before: random order against a fresh object for each.
void check_pure(const Value& value, TimeNs until, std::uint64_t seed) {
  Stream stream(RunKey{seed}, Purpose::kTest, 10);
  auto used = make(value, 3, "EU");
  for (int i = 0; i < 100; ++i) {
    const TimeNs at{static_cast<std::int64_t>(stream.below(static_cast<std::uint64_t>(until.ns)))};
    auto fresh = make(value, 3, "EU");
    CHECK(used->up_at(at) == fresh->up_at(at));
    CHECK(used->next_change(at) == fresh->next_change(at));
  }
}

}  // namespace

TEST_CASE("always, and nothing said, never changes") {
  const Value always = part("availability", "always", {});
  const Value none = None{};
  for (const auto& a : {make(always), make(none), make(List{}), make_availability(nullptr, {})}) {
    CHECK(a->up_at(TimeNs{}));
    CHECK(a->next_change(TimeNs{}) == kNever);
  }
}

TEST_CASE("Markov: the share of time up is the same at time 0 as later") {
  // up 3 h, down 1 h: 3/4 at any moment. n hospitals: standard error sqrt(.75 x .25 / n); 4 of them
  constexpr int kHospitals = 20'000;
  const double tolerance = 4 * std::sqrt(0.75 * 0.25 / kHospitals);
  const std::vector<Value> laws = {
      markov(hours(3), hours(1)),
      // means by the law: exp(s^2/2) times the median
      markov(lognormal(3 * 3600e9 / std::exp(0.5), 1.0, Dimension::time),
             lognormal(3600e9 / std::exp(0.5), 1.0, Dimension::time))};
  for (const Value& law : laws) {
    for (const double hour : {0.0, 0.5, 2.0, 20.0}) {
      int up = 0;
      // the grid of the length-biased law costs 0.3 ms for each hospital: fewer of those
      const int count = &law == &laws[0] ? kHospitals : kHospitals / 20;
      for (int h = 0; h < count; ++h) {
        if (make(law, static_cast<std::uint32_t>(h))->up_at(at_hours(hour))) ++up;
      }
      const double scale = std::sqrt(static_cast<double>(kHospitals) / count);
      CAPTURE(hour);
      CHECK(std::fabs(up / static_cast<double>(count) - 0.75) < tolerance * scale);
    }
  }
}

TEST_CASE("Markov: the first interval is a residual one, the later ones follow their law") {
  // Of intervals uniform on [1, 3] h (mean m = 2, second moment 13/3) what is left at a random
  // moment has the mean 13/3 / (2 m) = 13/12 h (Cox 1962, section 5.2) and the second moment
  // E x^3 / (3 m) = 10 / 6, so a standard deviation of 0.70 h
  Distribution uniform;
  uniform.kind = Distribution::Kind::uniform;
  uniform.dimension = Dimension::time;
  uniform.a = 3600e9;
  uniform.b = 3 * 3600e9;
  const Value law = markov(uniform, uniform);
  constexpr int kHospitals = 3000;
  double first = 0;
  double later = 0;
  for (std::uint32_t h = 0; h < kHospitals; ++h) {
    auto a = make(law, h);
    const TimeNs one = a->next_change(TimeNs{});
    first += one.seconds() / 3600;
    const TimeNs two = a->next_change(one);
    later += (two - one).seconds() / 3600;
    CHECK((two - one) >= at_hours(1));
    CHECK((two - one) <= at_hours(3));
  }
  // 4 standard errors; the grid of 4096 quantiles adds less than 2 h / 4096
  CHECK(std::fabs(first / kHospitals - 13.0 / 12) < 4 * 0.70 / std::sqrt(kHospitals) + 5e-4);
  CHECK(std::fabs(later / kHospitals - 2.0) < 4 * 0.578 / std::sqrt(kHospitals));
}

TEST_CASE("Markov: mean durations over a long time are those asked for") {
  auto a = make(markov(hours(20), hours(2)));
  // 4000 intervals of each kind; exponential: standard error mean / sqrt(n)
  double up = 0;
  double down = 0;
  TimeNs at = a->next_change(TimeNs{});
  if (!a->up_at(at)) at = a->next_change(at);
  constexpr int kPairs = 4000;
  for (int i = 0; i < kPairs; ++i) {
    const TimeNs falls = a->next_change(at);
    const TimeNs rises = a->next_change(falls);
    up += (falls - at).seconds() / 3600;
    down += (rises - falls).seconds() / 3600;
    at = rises;
  }
  CHECK(std::fabs(up / kPairs - 20) < 4 * 20 / std::sqrt(kPairs));
  CHECK(std::fabs(down / kPairs - 2) < 4 * 2 / std::sqrt(kPairs));
  // and back to the beginning: the way back is the way there
  auto fresh = make(markov(hours(20), hours(2)));
  CHECK(a->next_change(TimeNs{}) == fresh->next_change(TimeNs{}));
}

TEST_CASE("a region's outages are the same for its hospitals, and for nobody else") {
  const Value outage =
      part("availability", "regional_outage", {{"every", hours(100)}, {"lasts", hours(10)}});
  const TimeNs until = at_hours(5000);
  auto lyon = make(outage, 1, "EU");
  auto oslo = make(outage, 2, "EU");
  auto boston = make(outage, 2, "US");
  CHECK(changes(*lyon, until) == changes(*oslo, until));
  CHECK(changes(*lyon, until) != changes(*boston, until));
  CHECK(changes(*lyon, until).size() > 20);
  // another source of outages beside it does not move it
  const Value both = List{markov(hours(1e6), hours(1)), outage};
  auto beside = make(both, 1, "EU");
  for (const auto& [hour, up] : changes(*lyon, at_hours(1000))) {
    if (!up) CHECK_FALSE(beside->up_at(at_hours(hour + 1e-6)));
  }
}

TEST_CASE("diurnal: hours of days, joined over midnight and the end of the week") {
  const auto diurnal = [](const Given& given) {
    return make(part("availability", "diurnal", given));
  };
  // time 0 is Monday, midnight. Friday is day 4, the next Monday day 7
  auto office = diurnal({{"days", "mon-fri"}, {"from", 7}, {"to", 19}});
  CHECK(changes(*office, at_hours(30)) == Changed{{7, true}, {19, false}});
  CHECK(office->next_change(at_hours(4 * 24 + 19)) == at_hours(7 * 24 + 7));
  CHECK_FALSE(office->up_at(at_hours(5 * 24 + 12)));
  CHECK(office->up_at(at_hours(7)));
  CHECK_FALSE(office->up_at(at_hours(19)));

  // across midnight: the night belongs to the day on which it begins
  auto night = diurnal({{"days", "sun"}, {"from", 22}, {"to", 6}});
  CHECK(night->up_at(TimeNs{}));  // the tail of last Sunday's
  CHECK(changes(*night, at_hours(8 * 24)) ==
        Changed{{6, false}, {6 * 24 + 22, true}, {7 * 24 + 6, false}});

  auto weekend = diurnal({{"days", "sat, sun"}, {"from", 0}, {"to", 24}});
  CHECK(changes(*weekend, at_hours(8 * 24)) == Changed{{5 * 24, true}, {7 * 24, false}});
  auto wrapped = diurnal({{"days", "sat-mon"}, {"from", 0}, {"to", 24}});
  CHECK(changes(*wrapped, at_hours(8 * 24)) == Changed{{24, false}, {5 * 24, true}});
  CHECK(diurnal({{"from", 0}, {"to", 24}})->next_change(TimeNs{}) == kNever);

  // its clock is two hours ahead: it opens two hours earlier
  auto ahead = diurnal({{"days", "mon-fri"}, {"from", 7}, {"to", 19}, {"shift", hours(2)}});
  CHECK(changes(*ahead, at_hours(24)) == Changed{{5, true}, {17, false}});
  auto behind = diurnal({{"days", "mon-fri"}, {"from", 7}, {"to", 19}, {"shift", hours(-2)}});
  CHECK(changes(*behind, at_hours(24)) == Changed{{9, true}, {21, false}});
}

TEST_CASE("diurnal: a chance for each hour") {
  List chances(24, 0.0);
  for (std::size_t h = 8; h < 16; ++h) chances[h] = 0.5;
  chances[12] = 1;
  const Value value =
      part("availability", "diurnal", {{"days", "mon-fri"}, {"probability", chances}});
  int up = 0;
  constexpr int kWeeks = 400;
  auto a = make(value);
  for (int week = 0; week < kWeeks; ++week) {
    for (int day = 0; day < 7; ++day) {
      const double midnight = 24.0 * (7 * week + day);
      CHECK(a->up_at(at_hours(midnight + 12.5)) == (day < 5));
      CHECK_FALSE(a->up_at(at_hours(midnight + 20)));
      if (day < 5 && a->up_at(at_hours(midnight + 9.5))) ++up;
    }
  }
  // 2000 draws with chance 1/2: 4 standard errors
  CHECK(std::fabs(up / (5.0 * kWeeks) - 0.5) < 4 * 0.5 / std::sqrt(5.0 * kWeeks));
  auto never = make(part("availability", "diurnal", {{"probability", List(24, 0.0)}}));
  CHECK_FALSE(never->up_at(TimeNs{}));
  CHECK(never->next_change(TimeNs{}) == kNever);
}

TEST_CASE("maintenance comes at regular times") {
  auto a = make(part("availability", "maintenance",
                     {{"every", hours(24)}, {"at", hours(2)}, {"lasts", hours(3)}}));
  CHECK(changes(*a, at_hours(50)) == Changed{{2, false}, {5, true}, {26, false}, {29, true}});
  CHECK(a->up_at(TimeNs{}));
  CHECK_FALSE(a->up_at(at_hours(2)));
  CHECK(a->up_at(at_hours(5)));
}

TEST_CASE("a list is up when all are") {
  const Value day = part("availability", "diurnal", {{"from", 8}, {"to", 20}});
  const Value care = part("availability", "maintenance",
                          {{"every", hours(24)}, {"at", hours(18)}, {"lasts", hours(6)}});
  auto both = make(List{day, care});
  CHECK(changes(*both, at_hours(48)) == Changed{{8, true}, {18, false}, {32, true}, {42, false}});
  // one inside the other's pause changes nothing
  const Value night = part("availability", "maintenance",
                           {{"every", hours(24)}, {"at", hours(1)}, {"lasts", hours(2)}});
  CHECK(changes(*make(List{day, night}), at_hours(24)) == Changed{{8, true}, {20, false}});
  // two sources of the same kind are two sources
  const Value m = markov(hours(5), hours(5));
  CHECK(changes(*make(List{m, m}), at_hours(200)) != changes(*make(m), at_hours(200)));
}

TEST_CASE("every kind is a pure function of time, and says when it changes") {
  List chances(168, 0.4);
  const std::vector<Value> values = {
      markov(hours(3), hours(1)),
      markov(lognormal(3600e9, 1.0, Dimension::time), hours(1)),
      part("availability", "regional_outage", {{"every", hours(5)}, {"lasts", hours(1)}}),
      part("availability", "diurnal", {{"days", "tue-thu,sun"}, {"from", 20}, {"to", 4.5}}),
      part("availability", "diurnal", {{"probability", chances}}),
      part("availability", "maintenance", {}),
      Value(List{markov(hours(3), hours(1)), part("availability", "maintenance", {}),
                 part("availability", "diurnal", {})})};
  for (std::size_t i = 0; i < values.size(); ++i) {
    CAPTURE(i);
    auto a = make(values[i], 3, "EU");
    check_consistent(*a, at_hours(1000), i);
    check_pure(values[i], at_hours(1000), i);
  }
}

TEST_CASE("calendars that make no sense, in full") {
  const auto diurnal = [](const Given& given) {
    const Part p = part("availability", "diurnal", given);
    return mistake_text([&] { make(p); });
  };
  CHECK(diurnal({{"days", "mon-fry"}}) ==
        "world.lua:7: availability.diurnal: 'days' cannot be read: \"mon-fry\"\n"
        "    write days and ranges of them, such as \"mon-fri\" or \"mon,wed,sat-sun\"");
  CHECK(diurnal({{"days", ""}}).starts_with("world.lua:7: availability.diurnal: 'days' cannot"));
  CHECK(diurnal({{"from", 8}, {"to", 8}}) ==
        "world.lua:7: availability.diurnal: 'from' and 'to' are the same hour\n"
        "    for whole days write from = 0, to = 24");
  CHECK(diurnal({{"probability", List(23, 0.5)}}) ==
        "world.lua:7: availability.diurnal: 'probability' has 23 entries, not 24 or 168\n"
        "    give one for each hour of a day, or of a week from Monday on");
  CHECK(diurnal({{"probability", List(24, 0.5)}, {"to", 8}}) ==
        "world.lua:7: availability.diurnal: 'to' and 'probability' exclude each other\n"
        "    write 0 for the hours at which it is never up");
  const Part care = part("availability", "maintenance", {{"every", hours(2)}, {"lasts", hours(3)}});
  CHECK(mistake_text([&] { make(care); }) ==
        "world.lua:7: availability.maintenance: 'lasts' (3 h) is not below 'every' (2 h)\n"
        "    a hospital in maintenance all the time takes no part in anything");
}
