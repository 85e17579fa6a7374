#include "privacy/mechanisms.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include "base/check.hpp"
#include "base/math.hpp"
#include "privacy/gaussian.hpp"
#include "privacy/integer_noise.hpp"
#include "privacy/samplers.hpp"

namespace polyclinic::privacy {

namespace {

// Numbers of the mechanisms at their addresses. Append only.
std::uint64_t entity_of(std::string_view name) {
  constexpr std::array<std::string_view, 6> kNames{
      "gaussian", "laplace", "discrete_laplace", "discrete_gaussian", "randomised_response",
      "noisy_max"};
  const auto* it = std::find(kNames.begin(), kNames.end(), name);
  ENSURE(it != kNames.end(), "schemas name only mechanisms that exist");
  return static_cast<std::uint64_t>(it - kNames.begin());
}

NoiseStream stream_of(const Part& part) {
  return {RunKey{static_cast<std::uint64_t>(part.integer("seed"))}, Purpose::kMechanism,
          entity_of(part.name), 0};
}

const std::vector<double>& values_of(const Part& part) {
  return *part.at("values").as<Numbers>();
}

std::vector<std::int64_t> whole_values(const Part& part) {
  std::vector<std::int64_t> whole;
  for (const double x : values_of(part)) {
    if (x != std::floor(x) || std::fabs(x) > 0x1p52) {
      throw part.mistake("values", fmt::format("{} is no whole number", x),
                         "integer noise is for counts: round first, or use mechanism.laplace");
    }
    whole.push_back(static_cast<std::int64_t>(x));
  }
  return whole;
}

Value list_of(std::vector<double> values) {
  return Value(Numbers(std::make_shared<const std::vector<double>>(std::move(values))));
}

// Balle and Wang 2018, or the bound of 2014 where it is proven.
Value gaussian(const Part& part) {
  const double epsilon = part.number("epsilon");
  const double delta = part.number("delta");
  const double sensitivity = part.number("sensitivity");
  double multiplier = 1 / gaussian_mu(epsilon, delta);
  if (part.text("bound") == "classic") {
    const auto classic = classic_sigma(epsilon, delta);
    if (!classic) {
      throw part.mistake(
          "bound",
          fmt::format("the classic bound sqrt(2 ln(1.25 / delta)) / epsilon is proven for epsilon "
                      "below 1 only, and this is {:g}",
                      epsilon),
          "leave out bound: the analytic one holds for every epsilon, with less noise");
    }
    multiplier = *classic;
  }
  const double sigma = multiplier * sensitivity;
  NoiseStream stream = stream_of(part);
  std::vector<double> noised = values_of(part);
  for (double& x : noised) x += sigma * stream.normal();
  return Value(Table{{"sigma", sigma}, {"values", list_of(std::move(noised))}});
}

// By inversion, in double.
Value laplace(const Part& part) {
  const double scale = part.number("sensitivity") / part.number("epsilon");
  NoiseStream stream = stream_of(part);
  std::vector<double> noised = values_of(part);
  for (double& x : noised) {
    const double u = stream.uniform_open() - 0.5;
    const double size = -math::log1p(-2 * std::fabs(u));
    x += scale * (u < 0 ? -size : size);
  }
  return Value(Table{{"scale", scale}, {"values", list_of(std::move(noised))}});
}

Value discrete_laplace_answer(const Part& part) {
  const double asked = static_cast<double>(part.integer("sensitivity")) / part.number("epsilon");
  // rounded up to a fraction: never less noise than was asked for
  constexpr std::uint64_t kDen = std::uint64_t{1} << 12U;
  const double num = std::ceil(asked * static_cast<double>(kDen));
  if (num >= 0x1p32) {
    throw part.mistake("epsilon", fmt::format("noise of scale {:g} is too large", asked),
                       "a scale (sensitivity / epsilon) is below a million");
  }
  const Ratio scale{static_cast<std::uint64_t>(num), kDen};
  NoiseStream stream = stream_of(part);
  std::vector<double> noised;
  for (const std::int64_t x : whole_values(part)) {
    noised.push_back(static_cast<double>(x + discrete_laplace(scale, stream)));
  }
  return Value(
      Table{{"scale", num / static_cast<double>(kDen)}, {"values", list_of(std::move(noised))}});
}

Value discrete_gaussian_answer(const Part& part) {
  const double sigma = part.number("sigma");
  const DiscreteGaussian law(sigma);
  NoiseStream stream = stream_of(part);
  std::vector<double> noised;
  for (const std::int64_t x : whole_values(part)) {
    noised.push_back(static_cast<double>(x + law.draw(stream)));
  }
  const double delta = part.number("delta");
  // of one release in one dimension, summed exactly: the least epsilon whose delta is kept
  const std::int64_t sensitivity = part.integer("sensitivity");
  double low = 0;
  double high = 1;
  while (discrete_gaussian_delta(sigma, sensitivity, high) > delta) high *= 2;
  while (high - low > 1e-9 * high) {
    const double middle = 0.5 * (low + high);
    (discrete_gaussian_delta(sigma, sensitivity, middle) > delta ? low : high) = middle;
  }
  return Value(Table{{"epsilon", high}, {"values", list_of(std::move(noised))}});
}

// Warner 1965: the truth with probability e^epsilon / (1 + e^epsilon).
Value randomised_response(const Part& part) {
  const double truth = 1 / (1 + math::exp(-part.number("epsilon")));
  NoiseStream stream = stream_of(part);
  std::vector<double> told;
  double yes = 0;
  for (const double x : values_of(part)) {
    if (x != 0 && x != 1) {
      throw part.mistake("values", fmt::format("{:g} is neither 0 nor 1", x),
                         "randomised response answers questions of yes (1) or no (0)");
    }
    told.push_back(stream.uniform_open() < truth ? x : 1 - x);
    yes += told.back();
  }
  const double n = static_cast<double>(std::max<std::size_t>(told.size(), 1));
  // unbiased: E told = truth x + (1 - truth) (1 - x)
  const double share = (yes / n - (1 - truth)) / (2 * truth - 1);
  return Value(Table{{"share", share}, {"truth", truth}, {"values", list_of(std::move(told))}});
}

// The exponential mechanism (McSherry, Talwar 2007) by Gumbel noise: P(i) proportional to
// exp(epsilon score_i / (2 sensitivity)); without the 2 where all scores move the same way.
Value noisy_max(const Part& part) {
  const std::vector<double>& scores = values_of(part);
  if (scores.empty()) {
    throw part.mistake("values", "there is nothing to choose from", "give at least one score");
  }
  const double factor =
      part.number("epsilon") / part.number("sensitivity") / (part.flag("monotone") ? 1.0 : 2.0);
  NoiseStream stream = stream_of(part);
  std::size_t best = 0;
  double most = -INFINITY;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    const double gumbel = -math::log(-math::log(stream.uniform_open()));
    const double value = factor * scores[i] + gumbel;
    if (value > most) {
      most = value;
      best = i;
    }
  }
  return Value(Table{{"index", static_cast<std::int64_t>(best) + 1}});
}

Field number(std::string name, std::string doc) {
  return {std::move(name), type::number().above(0), {}, std::move(doc), true};
}

Schema mechanism(std::string name, std::string doc, std::string paper, std::vector<Field> fields,
                 std::string example) {
  fields.insert(fields.begin(), {"values", type::numbers(), {}, "the true answers", true});
  fields.push_back({"seed", type::integer().at_least(0), std::int64_t{1},
                    "of the noise: another answer needs another seed, and costs again"});
  return Schema{.kind = "mechanism",
                .name = std::move(name),
                .doc = std::move(doc),
                .paper = std::move(paper),
                .fields = std::move(fields),
                .example = std::move(example)};
}

Field sensitivity(const char* doc) {
  return {"sensitivity", type::number().above(0), 1.0, doc};
}
Field whole_sensitivity() {
  return {"sensitivity", type::integer().between(1, 1e6), std::int64_t{1},
          "how far one unit moves the values, in sum"};
}
Field delta() {
  return {"delta", type::number().inside(0, 1), 1e-5, "probability beyond epsilon"};
}

}  // namespace

std::vector<Schema> mechanism_schemas() {
  return {
      mechanism("gaussian",
                "Values with Gaussian noise, at once: { values, sigma }. (epsilon, delta)-private.",
                "Balle, Wang 2018; classic: Dwork, Roth 2014, Theorem A.1",
                {sensitivity("how far one unit moves the values, in Euclidean norm"),
                 number("epsilon", "what this answer costs"),
                 delta(),
                 {"bound", type::choice({"analytic", "classic"}), "analytic",
                  "how sigma is found; classic is refused where it is not proven"}},
                "mechanism.gaussian { values = { 120, 45 }, epsilon = 0.5 }"),
      mechanism("laplace",
                "Values with Laplace noise, at once: { values, scale }. epsilon-private.",
                "Dwork, McSherry, Nissim, Smith 2006",
                {sensitivity("how far one unit moves the values, in sum"),
                 number("epsilon", "what this answer costs")},
                "mechanism.laplace { values = { 120, 45 }, epsilon = 0.5 }"),
      mechanism("discrete_laplace",
                "Counts with integer Laplace noise, drawn exactly: { values, scale }. "
                "epsilon-private.",
                "Ghosh, Roughgarden, Sundararajan 2009; Canonne, Kamath, Steinke 2020",
                {whole_sensitivity(), number("epsilon", "what this answer costs")},
                "mechanism.discrete_laplace { values = { 120, 45 }, epsilon = 0.5 }"),
      mechanism(
          "discrete_gaussian",
          "Counts with integer Gaussian noise, drawn exactly: { values, epsilon }, epsilon "
          "of one value at delta, summed exactly.",
          "Canonne, Kamath, Steinke 2020",
          {whole_sensitivity(),
           Field{"sigma", type::number().between(1e-2, 1e6), {}, "of the noise", true}, delta()},
          "mechanism.discrete_gaussian { values = { 120 }, sigma = 8 }"),
      mechanism("randomised_response",
                "Answers of 0 or 1, each flipped by chance: { values, truth, share }, truth the "
                "probability of telling it and share an unbiased estimate of the ones. "
                "epsilon-private for each answer, whoever reads it.",
                "Warner 1965", {number("epsilon", "what each answer costs")},
                "mechanism.randomised_response { values = { 0, 1, 1, 0 }, epsilon = 1 }"),
      mechanism("noisy_max",
                "The place of a large score, as the exponential mechanism finds it: { index }. "
                "epsilon-private.",
                "McSherry, Talwar 2007; report noisy max: Dwork, Roth 2014, section 3.3",
                {sensitivity("how far one unit moves any score"),
                 number("epsilon", "what this answer costs"),
                 {"monotone", type::boolean(), false,
                  "one unit moves all scores the same way, as counts do: half the noise"}},
                "mechanism.noisy_max { values = { 12, 45, 33 }, epsilon = 0.5 }")};
}

Value answer_of(const Part& part) {
  if (part.name == "gaussian") return gaussian(part);
  if (part.name == "laplace") return laplace(part);
  if (part.name == "discrete_laplace") return discrete_laplace_answer(part);
  if (part.name == "discrete_gaussian") return discrete_gaussian_answer(part);
  if (part.name == "randomised_response") return randomised_response(part);
  ENSURE(part.name == "noisy_max", "schemas name only mechanisms that exist");
  return noisy_max(part);
}

}  // namespace polyclinic::privacy
