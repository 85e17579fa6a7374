#include "attack/poisoning.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "attack/forms.hpp"
#include "base/check.hpp"
#include "base/draw.hpp"
#include "base/math.hpp"

namespace polyclinic::attack {

std::vector<double> mean_of(const Vectors& vectors) {
  std::vector<double> mean(vectors[0].size(), 0.0);
  for (const Vector& vector : vectors) {
    for (std::size_t i = 0; i < mean.size(); ++i) mean[i] += static_cast<double>(vector[i]);
  }
  for (double& m : mean) m /= static_cast<double>(vectors.size());
  return mean;
}

std::vector<double> deviation_of(const Vectors& vectors, std::size_t ddof) {
  const std::vector<double> mean = mean_of(vectors);
  std::vector<double> deviation(mean.size(), 0.0);
  if (vectors.size() <= ddof) return deviation;
  for (const Vector& vector : vectors) {
    for (std::size_t i = 0; i < mean.size(); ++i) {
      const double d = static_cast<double>(vector[i]) - mean[i];
      deviation[i] += d * d;
    }
  }
  for (double& d : deviation) d = std::sqrt(d / static_cast<double>(vectors.size() - ddof));
  return deviation;
}

double alie_z_max(std::size_t n, std::size_t f) {
  const std::size_t half = n / 2 + 1;
  if (half <= f || n <= half) return 0.0;
  const std::size_t supporters = half - f;  // honest ones that must lie farther out
  const auto honest = static_cast<double>(n - f);
  const double share = (honest - static_cast<double>(supporters)) / honest;
  return share > 0 && share < 1 ? math::normal_quantile(share) : 0.0;
}

double line_maximum(const std::function<double(double)>& value, int evaluations, double step) {
  double best = 0;
  double best_value = value(best);
  double factor = 2;
  for (int left = evaluations - 1; left > 0; --left) {
    const double found = value(best + step);
    if (found > best_value) {
      best += step;
      best_value = found;
    } else {
      factor = 0.8;
    }
    step *= factor;
  }
  return best;
}

namespace {

double squared_length(const std::vector<double>& v) {
  double sum = 0;
  for (const double x : v) sum += x * x;
  return sum;
}

double squared_distance(const Vector& a, const Vector& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double d = static_cast<double>(a[i]) - static_cast<double>(b[i]);
    sum += d * d;
  }
  return sum;
}

Vector along(const std::vector<double>& start, double factor, const std::vector<double>& way) {
  Vector v(start.size());
  for (std::size_t i = 0; i < v.size(); ++i) v[i] = static_cast<float>(start[i] + factor * way[i]);
  return v;
}

// The factor for which start + factor x way, sent by all attackers, moves the announced rule
// farthest from the honest mean.
double adapted(const Part& part, const Knowledge& know, const std::vector<double>& start,
               const std::vector<double>& way) {
  if (!know.rule) {
    throw part.mistake("optimal", "an optimal attack has to know the rule",
                       "give it as ctx.rule, or set optimal = false");
  }
  const std::vector<double> mean = mean_of(*know.honest);
  const auto moved = [&](double factor) {
    Vectors all = *know.honest;
    const Vector sent = along(start, factor, way);
    all.insert(all.end(), know.byzantine, sent);
    const Vector aggregate = know.rule(all);
    double sum = 0;
    for (std::size_t i = 0; i < mean.size(); ++i) {
      const double d = static_cast<double>(aggregate[i]) - mean[i];
      sum += d * d;
    }
    return std::sqrt(sum);
  };
  return line_maximum(moved, static_cast<int>(part.integer("evaluations")), 10.0);
}

std::size_t all_updates(const Knowledge& know) {
  return know.updates > 0 ? know.updates : know.honest->size() + know.byzantine;
}

std::size_t ddof_of(const Part& part) {
  return part.text("deviation") == "sample" ? 1 : 0;
}

Vector alie(const Part& part, const Knowledge& know) {
  const std::vector<double> mean = mean_of(*know.honest);
  std::vector<double> way = deviation_of(*know.honest, ddof_of(part));
  if (part.text("side") == "below") {
    for (double& w : way) w = -w;
  }
  double z = 0;
  if (part.flag("optimal")) {
    z = adapted(part, know, mean, way);
  } else if (part.find("z")) {
    z = part.number("z");
  } else {
    z = alie_z_max(all_updates(know), know.byzantine);
  }
  return along(mean, z, way);
}

// -scale x mean
Vector ipm(const Part& part, const Knowledge& know) {
  std::vector<double> way = mean_of(*know.honest);
  for (double& w : way) w = -w;
  const std::vector<double> zero(way.size(), 0.0);
  const double scale = part.flag("optimal") ? adapted(part, know, zero, way) : part.number("scale");
  return along(zero, scale, way);
}

std::vector<double> perturbation(const Part& part, const Knowledge& know,
                                 const std::vector<double>& mean) {
  const std::string& form = part.text("perturbation");
  std::vector<double> way = form == "std" ? deviation_of(*know.honest, ddof_of(part)) : mean;
  const double length = std::sqrt(squared_length(mean));
  for (double& w : way) {
    if (form == "sign") w = w > 0 ? 1.0 : w < 0 ? -1.0 : 0.0;
    if (form == "unit") w = length > 0 ? w / length : 0.0;
    w = -w;
  }
  return way;
}

// The largest g with |m + g p - x_i|^2 <= bound for all i: a_i + 2 g b_i + g^2 c <= bound is a
// quadratic in g for each, with a_i = |m - x_i|^2, b_i = p . (m - x_i), c = |p|^2
// (Shejwalkar and Houmansadr 2021, equation 8; their search halves steps, this is its limit)
double min_max_factor(const Vectors& honest, const std::vector<double>& mean,
                      const std::vector<double>& way) {
  double bound = 0;
  for (std::size_t i = 0; i < honest.size(); ++i) {
    for (std::size_t j = i + 1; j < honest.size(); ++j) {
      bound = std::max(bound, squared_distance(honest[i], honest[j]));
    }
  }
  const double c = squared_length(way);
  if (c <= 0) return 0;
  double factor = std::numeric_limits<double>::infinity();
  for (const Vector& x : honest) {
    double a = 0;
    double b = 0;
    for (std::size_t k = 0; k < mean.size(); ++k) {
      const double d = mean[k] - static_cast<double>(x[k]);
      a += d * d;
      b += way[k] * d;
    }
    factor = std::min(factor, (-b + std::sqrt(std::max(0.0, b * b + c * (bound - a)))) / c);
  }
  return std::max(0.0, factor);
}

// The largest g with sum_i |m + g p - x_i|^2 <= bound: sum_i a_i + n g^2 c, because the b_i sum to
// zero (equation 9)
double min_sum_factor(const Vectors& honest, const std::vector<double>& way, bool least) {
  const std::size_t n = honest.size();
  double bound = least ? std::numeric_limits<double>::infinity() : 0.0;
  double all = 0;
  for (std::size_t i = 0; i < n; ++i) {
    double sum = 0;
    for (std::size_t j = 0; j < n; ++j) sum += squared_distance(honest[i], honest[j]);
    bound = least ? std::min(bound, sum) : std::max(bound, sum);
    all += sum;
  }
  // sum_i |m - x_i|^2 = sum_ij |x_i - x_j|^2 / 2n
  const double around = all / (2.0 * static_cast<double>(n));
  const double c = squared_length(way) * static_cast<double>(n);
  return c > 0 ? std::sqrt(std::max(0.0, bound - around) / c) : 0.0;
}

Vector min_distance(const Part& part, const Knowledge& know) {
  const std::vector<double> mean = mean_of(*know.honest);
  const std::vector<double> way = perturbation(part, know, mean);
  const double factor = part.name == "min_max"
                            ? min_max_factor(*know.honest, mean, way)
                            : min_sum_factor(*know.honest, way, part.text("bound") == "min");
  return along(mean, factor, way);
}

// What each attacker would have sent.
std::vector<double> own_update(const Knowledge& know, std::size_t attacker) {
  if (know.own.empty()) return mean_of(*know.honest);
  const Vector& own = know.own[std::min(attacker, know.own.size() - 1)];
  return {own.begin(), own.end()};
}

Vector sign_flip(const Part& part, const Knowledge& know, std::size_t attacker) {
  const std::vector<double> way =
      part.text("of") == "mean" ? mean_of(*know.honest) : own_update(know, attacker);
  return along(std::vector<double>(way.size(), 0.0), -part.number("scale"), way);
}

// Delta = gamma (X - G), gamma = n / rate: the mean of n - 1 small updates and this one is X - G
Vector scaling(const Part& part, const Knowledge& know, std::size_t attacker) {
  const std::vector<double> way = own_update(know, attacker);
  const auto n = static_cast<double>(all_updates(know));
  const double factor =
      part.find("factor") ? part.number("factor") : n / part.number("server_rate");
  return along(std::vector<double>(way.size(), 0.0), factor, way);
}

Vector noise(const Knowledge& know, std::size_t attacker, double mean, double deviation) {
  Stream stream(RunKey{know.seed}, Purpose::kAttack, know.first + attacker);
  Vector v((*know.honest)[0].size());
  for (float& x : v) x = static_cast<float>(draw::normal(stream, mean, deviation));
  return v;
}

// The honest update that lies farthest along the direction of most variance, found by power
// iteration from the update farthest from the mean (Karimireddy et al. 2022, section 4: mimic).
Vector mimic(const Part& part, const Knowledge& know) {
  const Vectors& honest = *know.honest;
  if (part.find("target")) {
    const auto target = static_cast<std::size_t>(part.integer("target"));
    if (target > honest.size()) {
      throw part.mistake("target", "there are not so many honest updates", "targets count from 1");
    }
    return honest[target - 1];
  }
  return honest[farthest_along_variance(honest)];
}

}  // namespace

bool changes_rows(const Part& part) {
  return part.name == "label_flip" || part.name == "backdoor";
}

bool looks_at_others(const Part& part) {
  if (part.name == "sign_flip") return part.text("of") == "mean";
  for (const char* name : {"alie", "ipm", "min_max", "min_sum", "fang", "mimic"}) {
    if (part.name == name) return true;
  }
  return false;
}

bool needs_training(const Part& part) {
  for (const char* name : {"gaussian", "free_rider", "inf", "nan"}) {
    if (part.name == name) return false;
  }
  return true;
}

Vectors poison(const Part& part, const Knowledge& know) {
  ENSURE(know.honest != nullptr && !know.honest->empty(), "attackers look at something");
  ENSURE(!changes_rows(part), "what changes rows sends what it learnt from them");
  const std::size_t length = (*know.honest)[0].size();
  const std::string& name = part.name;
  const auto all = [&](const Vector& v) { return Vectors(know.byzantine, v); };
  if (name == "alie") return all(alie(part, know));
  if (name == "ipm") return all(ipm(part, know));
  if (name == "min_max" || name == "min_sum") return all(min_distance(part, know));
  if (name == "mimic") return all(mimic(part, know));
  if (name == "fang") return fang(part, know);
  if (name == "inf") return all(Vector(length, std::numeric_limits<float>::infinity()));
  if (name == "nan") return all(Vector(length, std::numeric_limits<float>::quiet_NaN()));
  Vectors sent;
  for (std::size_t attacker = 0; attacker < know.byzantine; ++attacker) {
    if (name == "sign_flip") {
      sent.push_back(sign_flip(part, know, attacker));
    } else if (name == "scaling") {
      sent.push_back(scaling(part, know, attacker));
    } else if (name == "gaussian") {
      sent.push_back(noise(know, attacker, part.number("mean"), part.number("deviation")));
    } else {
      ENSURE(name == "free_rider", "schemas name only attacks that exist");
      sent.push_back(noise(know, attacker, 0.0, part.number("noise")));
    }
  }
  return sent;
}

}  // namespace polyclinic::attack
