#include "fed/light_rule.hpp"

#include <algorithm>

#include "base/quantity.hpp"
#include "fed/schema_help.hpp"

namespace polyclinic {

std::size_t LightRule::needed(std::size_t invited) const {
  if (survivors) return survivors->of(invited);
  return invited - std::min(dropouts.of(invited), invited);
}

bool LightRule::works(std::size_t invited) const {
  const std::size_t all = needed(invited);
  return all >= 2 && colluding.of(invited) < all && all + dropouts.of(invited) <= invited;
}

secure::LightSettings LightRule::settings(std::size_t invited, std::size_t values) const {
  secure::LightSettings result;
  result.parties = invited;
  result.colluding = colluding.of(invited);
  result.survivors = needed(invited);
  result.values = values;
  return result;
}

LightRule light_rule(const Part& part) {
  LightRule rule;
  rule.colluding = hospital_count(part, "colluding");
  rule.dropouts = hospital_count(part, "dropouts");
  if (part.find("survivors") != nullptr) rule.survivors = hospital_count(part, "survivors");
  return rule;
}

Schema light_schema() {
  const Type share = some_share(type::quantity(Dimension::fraction));
  return Schema{
      .kind = "secure",
      .name = "light",
      .doc =
          "Secure sums by one mask per hospital: coded pieces of it go to all others before the "
          "training, sealed; afterwards each survivor tells the sum of the pieces of all that are "
          "in the sum, and so many of these sums as `survivors` give the sum of the masks at one "
          "stroke, however many were lost. A hospital sends each other m / (survivors - "
          "colluding) values more than secure.pairwise; the server's work does not grow with the "
          "hospitals that are lost. Against a server and hospitals that follow the protocol.",
      .paper =
          "So et al. 2022, LightSecAgg: a Lightweight and Versatile Design for Secure Aggregation "
          "in Federated Learning, algorithm 1",
      .fields =
          {Field{"colluding", type::integer().at_least(1) | share,
                 Quantity{0.3, Dimension::fraction},
                 "hospitals that learn nothing though they collude with the server: a count, or "
                 "fraction(0.2) of those invited, rounded up. With more they begin to"},
           Field{"dropouts", type::integer().at_least(0) | share,
                 Quantity{0.2, Dimension::fraction},
                 "hospitals that may be lost in a round: a count, or fraction(0.3) of those "
                 "invited, rounded up"},
           Field{"survivors",
                 type::integer().at_least(2) | share,
                 {},
                 "hospitals that must answer in every phase, else the round fails: a count, or "
                 "fraction(0.7) of those invited, rounded up. More than `colluding`, and no more "
                 "than are left after `dropouts`. Fewer make longer pieces",
                 false,
                 "all but `dropouts`"}},
      .example = "secure = secure.light { colluding = fraction(0.4), dropouts = fraction(0.2) }"};
}

}  // namespace polyclinic
