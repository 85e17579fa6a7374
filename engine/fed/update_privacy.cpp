#include "fed/update_privacy.hpp"

#include <algorithm>
#include <cmath>

#include "base/check.hpp"
#include "base/math.hpp"
#include "privacy/noise_stream.hpp"

namespace polyclinic {

namespace {

// Entities of kCentralNoise.
constexpr std::uint64_t kOnUpdates = 0;
constexpr std::uint64_t kOnCount = 1;

double norm_of(std::span<const double> values) {
  double squares = 0;
  for (const double x : values) squares += x * x;
  return std::sqrt(squares);
}

// Rounding of norm, factor and products is below 2^-52 per entry: the margin covers 2^20 of them in
// the worst case, and any model in the mean.
bool hold_to(std::span<double> values, double bound) {
  const double held = bound * (1 - 0x1p-32);
  const double norm = norm_of(values);
  if (norm <= held) return false;
  const double factor = held / norm;
  for (double& x : values) x *= factor;
  return true;
}

}  // namespace

CutUpdate cut_update(const ParameterVector& delta, const UpdateCut& cut) {
  CutUpdate result;
  const std::vector<float> compact = delta.compact();
  result.values.assign(compact.begin(), compact.end());
  result.norm = norm_of(result.values);
  if (!cut.per_layer) {
    result.cut = hold_to(result.values, cut.clip);
    return result;
  }
  const auto slices = delta.layout().slices();
  const double bound = cut.clip / std::sqrt(static_cast<double>(slices.size()));
  std::size_t at = 0;
  for (const Slice& slice : slices) {
    const auto size = static_cast<std::size_t>(slice.size);
    const bool held = hold_to(std::span(result.values).subspan(at, size), bound);
    result.cut = result.cut || held;
    at += size;
  }
  return result;
}

void noise_update(ParameterVector& delta, const UpdateCut& cut, double noise, RunKey run,
                  std::uint64_t entity, std::int64_t round) {
  CutUpdate one = cut_update(delta, cut);
  if (noise > 0) {
    privacy::NoiseStream stream(run, Purpose::kLocalNoise, entity,
                                static_cast<std::uint64_t>(round));
    for (double& x : one.values) x += noise * cut.clip * stream.normal();
  }
  const std::vector<float> narrow(one.values.begin(), one.values.end());
  delta.assign_compact(narrow);
}

double updates_noise(double noise, double count_noise) {
  ENSURE(noise > 0 && noise < 2 * count_noise, "the count takes a part of the budget");
  return 1 / std::sqrt(1 / (noise * noise) - 1 / (4 * count_noise * count_noise));
}

NoisySum::NoisySum(const CentralTerms& terms, RunKey run) : terms_(terms), run_(run) {
  ENSURE(terms.cut.clip > 0 && terms.expected > 0, "a sum of cut updates is divided by a number");
  const bool shared = terms.adaptive && terms.noise > 0;
  on_updates_ = shared ? updates_noise(terms.noise, terms.count_noise) : terms.noise;
  if (!terms.correlated) return;
  ENSURE(!terms.adaptive, "rounds that cost together have one bound");
  over_rounds_.emplace(*terms.correlated, run);
}

ParameterVector NoisySum::combine(UpdateStream& updates, const AggregationContext& context) {
  ParameterVector result(context.global->shared_layout());
  std::vector<double> sum(static_cast<std::size_t>(result.layout().size()), 0.0);
  double within = 0;  // sum of 1[|delta| <= C] - 1/2
  while (const Update* update = updates.next()) {
    const CutUpdate one = cut_update(update->delta, terms_.cut);
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += one.values[i];
    within += one.norm <= terms_.cut.clip ? 0.5 : -0.5;
    ++seen_.updates;
    seen_.cut += one.cut ? 1 : 0;
  }
  const auto release = static_cast<std::uint64_t>(seen_.releases++);
  const double clip = terms_.cut.clip;
  seen_.clip_least = release == 0 ? clip : std::min(seen_.clip_least, clip);
  seen_.clip_most = std::max(seen_.clip_most, clip);
  seen_.signal += norm_of(sum) / terms_.expected;
  signal_sum_.resize(sum.size());
  noise_sum_.resize(sum.size());
  for (std::size_t i = 0; i < sum.size(); ++i) signal_sum_[i] += sum[i];
  if (on_updates_ > 0) add_noise(sum, release, context.round);
  seen_.signal_total = norm_of(signal_sum_) / terms_.expected;
  seen_.noise_total = norm_of(noise_sum_) / terms_.expected;
  std::vector<float> values(sum.size());
  for (std::size_t i = 0; i < sum.size(); ++i) {
    values[i] = static_cast<float>(sum[i] / terms_.expected);
  }
  result.assign_compact(values);
  if (terms_.adaptive) adapt(within, release);
  seen_.clip_last = terms_.cut.clip;
  return result;
}

void NoisySum::add_noise(std::vector<double>& sum, std::uint64_t release, std::int64_t round) {
  const double deviation = on_updates_ * terms_.cut.clip;
  std::vector<double> noise(sum.size(), 0.0);
  if (over_rounds_) {
    over_rounds_->add(round, deviation, noise);
  } else {
    privacy::NoiseStream stream(run_, Purpose::kCentralNoise, kOnUpdates, release);
    for (double& x : noise) x = deviation * stream.normal();
  }
  for (std::size_t i = 0; i < sum.size(); ++i) {
    noise_sum_[i] += noise[i];
    sum[i] += noise[i];
  }
  seen_.noise += norm_of(noise) / terms_.expected;
}

// The noise of this release was that of the bound which its updates were cut to; only now it moves.
void NoisySum::adapt(double within, std::uint64_t release) {
  if (terms_.noise > 0) {
    privacy::NoiseStream stream(run_, Purpose::kCentralNoise, kOnCount, release);
    within += terms_.count_noise * stream.normal();
  }
  const double share = within / terms_.expected + 0.5;
  terms_.cut.clip *= math::exp(-terms_.adapt_rate * (share - terms_.quantile));
}

}  // namespace polyclinic
