#include "secure/graph.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/check.hpp"
#include "base/draw.hpp"
#include "base/math.hpp"

namespace polyclinic::secure {

Graph::Graph(std::size_t parties) : degree_(parties > 0 ? parties - 1 : 0) {}

Graph::Graph(std::size_t parties, std::size_t degree, Stream& stream)
    : ring_(parties), position_(parties), degree_(degree) {
  ENSURE(degree % 2 == 0 && degree >= 2 && degree < parties,
         "a ring has as many neighbours on either side");
  std::iota(ring_.begin(), ring_.end(), 1);
  draw::shuffle(stream, ring_);
  for (std::size_t i = 0; i < parties; ++i) {
    position_[static_cast<std::size_t>(ring_[i] - 1)] = static_cast<std::int32_t>(i);
  }
}

bool Graph::neighbours(Place a, Place b) const {
  if (a == b) return false;
  if (ring_.empty()) return true;
  const std::int64_t apart = std::abs(position_[a - 1] - position_[b - 1]);
  const auto other_way = static_cast<std::int64_t>(ring_.size()) - apart;
  return std::min(apart, other_way) <= static_cast<std::int64_t>(degree_ / 2);
}

std::vector<Place> Graph::around(Place place) const {
  std::vector<Place> result;
  result.reserve(degree_);
  if (ring_.empty()) {
    for (Place other = 1; other <= degree_ + 1; ++other) {
      if (other != place) result.push_back(other);
    }
    return result;
  }
  const std::size_t n = ring_.size();
  const auto at = static_cast<std::size_t>(position_[place - 1]);
  for (std::size_t step = 1; step <= degree_ / 2; ++step) {
    result.push_back(static_cast<Place>(ring_[(at + step) % n]));
    result.push_back(static_cast<Place>(ring_[(at + n - step) % n]));
  }
  std::sort(result.begin(), result.end());
  // where the two sides meet
  result.erase(std::unique(result.begin(), result.end()), result.end());
  return result;
}

std::vector<Place> core(const Graph& graph, std::vector<Place> members, std::size_t least) {
  for (;;) {
    std::vector<bool> there(members.empty() ? 0 : members.back() + std::size_t{1}, false);
    for (const Place member : members) there[member] = true;
    std::vector<Place> rest;
    for (const Place member : members) {
      const std::vector<Place> around = graph.around(member);
      const auto with = std::count_if(around.begin(), around.end(), [&](Place other) {
        return other < there.size() && there[other];
      });
      if (static_cast<std::size_t>(with) >= least) rest.push_back(member);
    }
    if (rest.size() == members.size()) return rest;
    members = std::move(rest);
  }
}

std::vector<std::size_t> pieces_among(const Graph& graph, std::span<const Place> members) {
  std::vector<std::size_t> sizes;
  std::vector<Place> order(members.begin(), members.end());
  auto begin = order.begin();
  while (begin != order.end()) {
    // a piece grows by the neighbours of its members, one after the other, moved up behind it
    auto end = std::next(begin);
    for (auto member = begin; member != end; ++member) {
      end = std::partition(end, order.end(),
                           [&](Place other) { return graph.neighbours(*member, other); });
    }
    sizes.push_back(static_cast<std::size_t>(end - begin));
    begin = end;
  }
  std::sort(sizes.begin(), sizes.end());
  return sizes;
}

SharesTold::SharesTold(const Graph& graph, std::vector<Place> owners, std::size_t threshold)
    : graph_(graph), missing_(threshold > 0 ? owners.size() : 0) {
  const Place last = owners.empty() ? 0 : *std::max_element(owners.begin(), owners.end());
  needed_.assign(last + std::size_t{1}, 0);
  for (const Place owner : owners) needed_[owner] = threshold;
}

void SharesTold::told(Place by) {
  for (const Place owner : graph_.around(by)) {
    if (owner >= needed_.size() || needed_[owner] == 0) continue;
    if (--needed_[owner] == 0) --missing_;
  }
}

// --- how many neighbours

namespace {

double d(std::size_t n) {
  return static_cast<double>(n);
}

double log_choose(std::size_t n, std::size_t k) {
  return math::lgamma(d(n) + 1) - math::lgamma(d(k) + 1) - math::lgamma(d(n - k) + 1);
}

// Chance of x marked among k drawn from n, of which so many are marked: the hypergeometric law.
double chance(std::size_t n, std::size_t marked, std::size_t k, std::size_t x) {
  if (x > marked || k - x > n - marked) return 0;
  return math::exp(log_choose(marked, x) + log_choose(n - marked, k - x) - log_choose(n, k));
}

// Bounds on failures, as exponents of two: half of 2^-40 for each of the two ways to be unsafe.
constexpr int kUnsafe = -41;
constexpr int kIncorrect = -20;

// Without the `gone`, who collude or are lost, the others stay in one piece but with 2^-41: a union
// over the pieces that could be cut off (Bell et al. 2020, section 3.4).
bool stays_connected(std::size_t n, std::size_t gone, std::size_t k) {
  if (k > gone) return true;
  if (n - k <= 1) return false;
  const double bound = math::log(d(n)) + math::log(d(n - k - 1)) - math::log(2) +
                       math::lgamma(d(gone) + 1) + math::lgamma(d(n - k) + 1) -
                       math::lgamma(d(n) + 1) - math::lgamma(d(gone - k) + 1);
  return bound < kUnsafe * math::log(2);
}

// Of k neighbours more than t1 collude with 2^-41 / n at most, and fewer than t2 stay with 2^-20 /
// n: a threshold is between the two.
std::optional<std::size_t> share_threshold(std::size_t n, std::size_t colluding, std::size_t lost,
                                           std::size_t k, ServerModel server) {
  std::size_t t1 = k;
  for (double tail = 0; t1 > 0; --t1) {
    tail += chance(n, colluding, k, t1);
    if (tail > std::ldexp(1.0, kUnsafe) / d(n)) break;
  }
  std::size_t t2 = 0;
  for (double tail = 0; t2 < k; ++t2) {
    tail += chance(n, n - lost, k, t2);
    if (tail > std::ldexp(1.0, kIncorrect) / d(n)) break;
  }
  // a server that lies has shares of one secret from some, and of the other from the rest
  if (server == ServerModel::semi_malicious) {
    t1 = static_cast<std::size_t>(std::ceil((d(t1) + d(k) - 1.25) / 2));
  }
  if (t2 <= t1) return std::nullopt;
  return std::max<std::size_t>(t1 + 1, 2);
}

}  // namespace

std::optional<GraphSize> graph_size(std::size_t parties, std::size_t colluding, std::size_t lost,
                                    ServerModel server) {
  const std::size_t weighed = server == ServerModel::semi_malicious ? 2 * lost : lost;
  if (d(colluding) + d(weighed) > 0.9 * d(parties)) return std::nullopt;
  for (std::size_t degree = 2; degree < parties; degree += 2) {
    if (!stays_connected(parties, colluding + lost, degree)) continue;
    const auto threshold = share_threshold(parties, colluding, lost, degree, server);
    if (threshold) return GraphSize{degree, *threshold};
  }
  // complete: as many shares as neighbours stay for certain
  if (server == ServerModel::semi_malicious || parties < colluding + lost + 2) return std::nullopt;
  const std::size_t stay = parties - lost - 1;
  if (stay < 2) return std::nullopt;
  return GraphSize{parties - 1, stay};
}

}  // namespace polyclinic::secure
