#include "fed/staleness.hpp"

#include "base/check.hpp"
#include "base/math.hpp"

namespace polyclinic {

namespace {
constexpr const char* kXie = "Xie, Koyejo, Gupta 2019, Asynchronous Federated Optimization, 5.2";
}

// s(t - tau) of Xie et al. 2019, section 5.2; with a = 1/2 the polynomial is Nguyen et al.'s (2022)
double StalenessRule::factor(std::int64_t staleness) const {
  const auto late = static_cast<double>(staleness);
  switch (kind) {
    case Kind::constant: return 1;
    case Kind::polynomial: return math::pow(1 + late, -a);
    case Kind::hinge: return late <= b ? 1 : 1 / (a * (late - b) + 1);
  }
  return 1;
}

StalenessRule staleness_rule(const Part& part) {
  StalenessRule rule;
  if (part.name == "polynomial") {
    rule.kind = StalenessRule::Kind::polynomial;
    rule.a = part.number("a");
  } else if (part.name == "hinge") {
    rule.kind = StalenessRule::Kind::hinge;
    rule.a = part.number("a");
    rule.b = part.number("b");
  } else {
    ENSURE(part.name == "constant", "schemas name only staleness that exists");
  }
  return rule;
}

std::vector<Schema> staleness_schemas() {
  return {
      Schema{.kind = "staleness",
             .name = "constant",
             .doc = "An update counts in full, from however old a version it comes.",
             .paper = kXie,
             .example = "protocol = protocol.buffered { staleness = staleness.constant {} }"},
      Schema{.kind = "staleness",
             .name = "polynomial",
             .doc = "An update that is s versions old is multiplied with (1 + s)^-a.",
             .paper = kXie,
             .fields = {Field{"a", type::number().at_least(0), 0.5, "exponent"}},
             .example = "protocol = protocol.buffered { staleness = staleness.polynomial { a = 1 } "
                        "}"},
      Schema{.kind = "staleness",
             .name = "hinge",
             .doc = "An update counts in full up to b versions; one that is s versions old is then "
                    "multiplied with 1 / (1 + a (s - b)).",
             .paper = kXie,
             .fields = {Field{"a", type::number().at_least(0), 10.0, "how fast it falls"},
                        Field{"b", type::number().at_least(0), 4.0, "versions until it falls"}},
             .example =
                 "protocol = protocol.buffered { staleness = staleness.hinge { a = 10, b = 4 } }"},
  };
}

}  // namespace polyclinic
