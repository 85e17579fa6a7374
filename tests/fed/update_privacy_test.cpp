// System: the central mechanism on sums of updates. Input: updates of known norms, fixed addresses.
// Expectation: nothing beyond the bound goes in, the noise that comes out is z C over the expected
// number, whoever answers, and what an observer can tell stays within the account.
#include "fed/update_privacy.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "privacy/gaussian.hpp"

namespace polyclinic {
namespace {

std::shared_ptr<const ParameterLayout> layout_of(std::vector<std::int64_t> sizes) {
  auto layout = std::make_shared<ParameterLayout>();
  int number = 0;
  for (const std::int64_t n : sizes) {
    layout->add("w" + std::to_string(++number), {n}, Role::weight);
  }
  return layout;
}

// Numbers of both signs and of very different sizes, times `factor`.
ParameterVector uneven(const std::shared_ptr<const ParameterLayout>& layout, double factor,
                       std::uint64_t entity = 0) {
  Stream stream(RunKey{7}, Purpose::kTest, entity);
  std::vector<float> values(static_cast<std::size_t>(layout->size()));
  for (float& x : values) {
    x = static_cast<float>(factor * (stream.uniform() - 0.5) / (stream.uniform_open() + 1e-3));
  }
  ParameterVector v(layout);
  v.assign_compact(values);
  return v;
}

long double norm(std::span<const double> values) {
  long double squares = 0;
  for (const double x : values) squares += static_cast<long double>(x) * x;
  return std::sqrt(squares);
}

class ListedUpdates final : public UpdateStream {
 public:
  explicit ListedUpdates(std::vector<Update> updates) : updates_(std::move(updates)) {}
  [[nodiscard]] std::size_t count() const override { return updates_.size(); }
  const Update* next() override { return at_ < updates_.size() ? &updates_[at_++] : nullptr; }

 private:
  std::vector<Update> updates_;
  std::size_t at_ = 0;
};

Update update_of(ParameterVector delta, double weight = 1) {
  Update update;
  update.delta = std::move(delta);
  update.weight = weight;
  return update;
}

std::vector<float> release(NoisySum& rule, std::vector<Update> updates,
                           const std::shared_ptr<const ParameterLayout>& layout) {
  const ParameterVector global(layout);
  AggregationContext context;
  context.global = &global;
  ListedUpdates stream(std::move(updates));
  return rule.combine(stream, context).compact();
}

}  // namespace

TEST_CASE("no update is longer than the bound, and none within it is changed") {
  const auto layout = layout_of({3000, 17, 400});
  for (const double factor : {1e-30, 1e-3, 0.02, 1.0, 1e6, 1e30}) {
    for (const double clip : {1e-6, 0.3, 1.0, 50.0}) {
      CAPTURE(factor);
      CAPTURE(clip);
      const ParameterVector delta = uneven(layout, factor);
      const CutUpdate cut = cut_update(delta, {.clip = clip});
      CHECK(norm(cut.values) <= clip);
      CHECK(cut.norm == doctest::Approx(delta.norm()).epsilon(1e-6));
      CHECK(cut.cut == (cut.norm > clip * (1 - 0x1p-32)));
      const std::vector<float> before = delta.compact();
      const double scale = cut.cut ? clip * (1 - 0x1p-32) / cut.norm : 1;
      bool same_direction = true;
      for (std::size_t i = 0; i < before.size(); ++i) {
        const double expected = static_cast<double>(before[i]) * scale;
        same_direction =
            same_direction && std::fabs(cut.values[i] - expected) <= 1e-14 * std::fabs(expected);
      }
      CHECK(same_direction);
    }
  }
  // nothing is divided by a norm of zero
  CHECK(norm(cut_update(ParameterVector(layout), {.clip = 1}).values) == 0);
}

TEST_CASE("cut per layer, each tensor has its part of the bound and all together the bound") {
  const auto layout = layout_of({3000, 17, 400});
  const ParameterVector delta = uneven(layout, 1.0);
  const CutUpdate cut = cut_update(delta, {.clip = 0.5, .per_layer = true});
  std::size_t at = 0;
  for (const std::size_t size : {3000U, 17U, 400U}) {
    const auto part = std::span(cut.values).subspan(at, size);
    CHECK(norm(part) <= 0.5 / std::sqrt(3.0));
    CHECK(norm(part) > 0.49 / std::sqrt(3.0));
    at += size;
  }
  CHECK(norm(cut.values) <= 0.5);
}

TEST_CASE("without noise: cut updates over the expected number, whatever they weigh") {
  const auto layout = layout_of({5});
  // 8 expected, 3 came; sizes (trap 8) say nothing
  NoisySum rule({.cut = {.clip = 1}, .noise = 0, .expected = 8}, RunKey{1});
  std::vector<Update> updates;
  std::vector<double> sum(5, 0.0);
  for (int k = 0; k < 3; ++k) {
    const ParameterVector delta = uneven(layout, k == 0 ? 0.001 : 10.0, static_cast<unsigned>(k));
    const CutUpdate one = cut_update(delta, {.clip = 1});
    for (std::size_t i = 0; i < 5; ++i) sum[i] += one.values[i];
    updates.push_back(update_of(delta, k == 2 ? 0.9 : 0.05));
  }
  const std::vector<float> got = release(rule, updates, layout);
  for (std::size_t i = 0; i < 5; ++i) CHECK(got[i] == static_cast<float>(sum[i] / 8));
  CHECK(rule.seen().updates == 3);
  CHECK(rule.seen().cut == 2);
  // nobody at all is a release, too
  for (const float x : release(rule, {}, layout)) CHECK(x == 0);
}

TEST_CASE("trap 7: the noise of a version is z C over the expected number, whoever came") {
  constexpr std::int64_t kValues = 20'000;
  const auto layout = layout_of({kValues});
  for (const double expected : {4.0, 40.0}) {
    const CentralTerms terms{.cut = {.clip = 0.25}, .noise = 1.7, .expected = expected};
    CentralTerms quiet = terms;
    quiet.noise = 0;
    std::vector<float> noise_before;
    for (const std::size_t came : {0U, 2U, 30U}) {
      CAPTURE(expected);
      CAPTURE(came);
      std::vector<Update> updates;
      for (std::size_t k = 0; k < came; ++k) updates.push_back(update_of(uneven(layout, 1, k)));
      NoisySum rule(terms, RunKey{3});
      NoisySum silent(quiet, RunKey{3});
      const std::vector<float> noisy = release(rule, updates, layout);
      const std::vector<float> clean = release(silent, updates, layout);
      double sum = 0;
      double squares = 0;
      for (std::size_t i = 0; i < noisy.size(); ++i) {
        const double x = static_cast<double>(noisy[i]) - static_cast<double>(clean[i]);
        sum += x;
        squares += x * x;
      }
      const double deviation = 1.7 * 0.25 / expected;
      // 5 standard errors of a mean and of a variance over n values
      CHECK(std::fabs(sum / kValues) < 5 * deviation / std::sqrt(kValues));
      CHECK(std::fabs(squares / kValues / (deviation * deviation) - 1) <
            5 * std::sqrt(2.0 / kValues));
      CHECK(rule.seen().noise == doctest::Approx(std::sqrt(squares)).epsilon(1e-3));
    }
  }
}

TEST_CASE("every release has noise of its own") {
  const auto layout = layout_of({64});
  NoisySum rule({.cut = {.clip = 1}, .noise = 1, .expected = 1}, RunKey{3});
  const std::vector<float> first = release(rule, {}, layout);
  CHECK(release(rule, {}, layout) != first);
  NoisySum again({.cut = {.clip = 1}, .noise = 1, .expected = 1}, RunKey{3});
  CHECK(release(again, {}, layout) == first);
}

TEST_CASE("trap 13: the adaptive bound goes to the quantile from either side and stays") {
  const auto layout = layout_of({40});
  // 200 hospitals whose updates have the norms 0.01, 0.02, ..., 2
  std::vector<Update> updates;
  for (int k = 1; k <= 200; ++k) {
    ParameterVector delta = uneven(layout, 1);
    delta.scale(static_cast<float>(0.01 * k / delta.norm()));
    updates.push_back(update_of(std::move(delta)));
  }
  for (const double quantile : {0.2, 0.5, 0.9}) {
    for (const double start : {1e-4, 1e3}) {
      CAPTURE(quantile);
      CAPTURE(start);
      CentralTerms terms{.cut = {.clip = start}, .noise = 1, .expected = 200, .adaptive = true};
      terms.quantile = quantile;
      terms.count_noise = 10;
      NoisySum rule(terms, RunKey{11});
      for (int round = 0; round < 400; ++round) release(rule, updates, layout);
      // noise on the share: 10 / 200 = .05 each round; a step of .2 x .05 averages out over some
      // ten rounds: the bound stays within a few per cent; a fifth is far beyond five deviations
      CHECK(rule.clip() == doctest::Approx(2 * quantile).epsilon(0.2));
    }
  }
}

TEST_CASE("trap 13: noise is that of the bound which the updates were cut to") {
  constexpr std::int64_t kValues = 20'000;
  const auto layout = layout_of({kValues});
  CentralTerms terms{.cut = {.clip = 8}, .noise = 2, .expected = 10, .adaptive = true};
  terms.adapt_rate = 5;  // so that old and new bound differ by far
  terms.count_noise = 4;
  NoisySum rule(terms, RunKey{5});
  const std::vector<float> got = release(rule, {}, layout);
  CHECK(std::fabs(rule.clip() / 8 - 1) > 0.1);
  double squares = 0;
  for (const float x : got) squares += static_cast<double>(x) * static_cast<double>(x);
  const double deviation = updates_noise(2, 4) * 8 / 10;
  CHECK(std::fabs(squares / kValues / (deviation * deviation) - 1) < 5 * std::sqrt(2.0 / kValues));
}

TEST_CASE("the count's share of the budget: two Gaussians cost what one of noise z costs") {
  // sensitivities 1 (updates, in units of C) and 1/2 (centred count): mu^2 adds up
  const double z = 1.1;
  const double count = 3;
  const double on_updates = updates_noise(z, count);
  CHECK(on_updates > z);
  const double mu = std::sqrt(1 / (on_updates * on_updates) + 0.25 / (count * count));
  CHECK(mu == doctest::Approx(1 / z).epsilon(1e-12));
}

TEST_CASE("an observer of a one-dimensional sum tells no more than the account allows") {
  // The worst neighbours: one hospital whose update has the full norm, there or not. For every set
  // {x > t}: P(there) <= exp(epsilon) P(not there) + delta, and the same with sides changed.
  const auto layout = layout_of({1});
  constexpr int kRuns = 20'000;
  const double z = 1;
  const double delta = 0.05;
  const double epsilon = privacy::gaussian_epsilon(1 / z, delta);
  const auto excess = [&](double noise) {
    std::vector<double> with;
    std::vector<double> without;
    for (int run = 0; run < kRuns; ++run) {
      ParameterVector far(layout);
      far.assign_compact(std::vector<float>{123.0F});
      NoisySum there({.cut = {.clip = 1}, .noise = noise, .expected = 1},
                     RunKey{static_cast<std::uint64_t>(run)});
      NoisySum gone({.cut = {.clip = 1}, .noise = noise, .expected = 1},
                    RunKey{static_cast<std::uint64_t>(run + kRuns)});
      with.push_back(static_cast<double>(release(there, {update_of(far)}, layout)[0]));
      without.push_back(static_cast<double>(release(gone, {}, layout)[0]));
    }
    double most = -1;
    for (double t = -2; t <= 3; t += 0.1) {
      const auto above = [&](const std::vector<double>& values) {
        return static_cast<double>(
                   std::count_if(values.begin(), values.end(), [t](double x) { return x > t; })) /
               kRuns;
      };
      const double p = above(with);
      const double q = above(without);
      // 4 standard errors of p - exp(epsilon) q; some 100 tests are made: 4 leave 1 in 100 of them
      const double grow = std::exp(epsilon);
      const double e1 = std::sqrt((p * (1 - p) + grow * grow * q * (1 - q)) / kRuns);
      const double e2 = std::sqrt((q * (1 - q) + grow * grow * p * (1 - p)) / kRuns);
      most = std::max(most, p - grow * q - delta - 4 * e1);
      most = std::max(most, (1 - q) - grow * (1 - p) - delta - 4 * e2);
    }
    return most;
  };
  CHECK(excess(z) <= 0);
  CHECK(excess(z / 2) > 0);  // the test sees noise that is half of what was promised
}

}  // namespace polyclinic
