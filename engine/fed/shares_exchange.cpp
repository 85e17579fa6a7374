#include "base/check.hpp"
#include "fed/sum_exchange.hpp"

namespace polyclinic {

namespace {

// Servers' secrets are at addresses beyond those of hospitals.
constexpr std::uint64_t kServers = 0xFFFFFF00U;

class SharesExchange final : public SumExchange {
 public:
  SharesExchange(const secure::ShareSettings& settings, const std::vector<SecureParty>& parties,
                 RunKey run, std::int64_t round)
      : settings_(settings),
        parties_(parties),
        run_(run),
        round_(static_cast<std::uint64_t>(round)) {
    for (std::size_t number = 1; number <= settings.servers; ++number) {
      const secure::SecretStream secrets(run, kServers + number, round_);
      servers_.emplace_back(settings, number, secrets);
      if (number > 1) keys_.push_back(servers_.back().key());
    }
  }

  void send(std::size_t index, std::vector<std::uint32_t>& values) override {
    secure::SecretStream secrets(run_, parties_[index].hospital.value, round_);
    const auto place = static_cast<secure::Place>(index + 1);
    const auto seeds = secure::split(settings_, place, keys_, secrets, values);
    ENSURE(seeds.has_value(), "keys of servers are keys");
    for (const secure::SealedSeed& seed : *seeds) {
      const bool taken = servers_[seed.server - 1].receive(seed);
      ENSURE(taken, "a seed is opened by the server that it is for");
    }
    const bool taken = servers_[0].receive(place, values);
    ENSURE(taken, "a hospital sends one vector");
  }

  std::vector<std::uint32_t> sum() override {
    std::vector<secure::Place> agreed = servers_[0].holds();
    for (const secure::ShareServer& server : servers_) agreed = server.common(agreed);
    std::vector<std::vector<std::uint32_t>> sums;
    for (secure::ShareServer& server : servers_) {
      auto sum = server.sum(agreed);
      ENSURE(sum.has_value(), "a round with its threshold has a sum");
      sums.push_back(*std::move(sum));
    }
    return secure::combine(settings_, sums);
  }

 private:
  secure::ShareSettings settings_;
  const std::vector<SecureParty>& parties_;
  RunKey run_;
  std::uint64_t round_;
  std::vector<secure::ShareServer> servers_;
  std::vector<secure::Key> keys_;
};

}  // namespace

std::unique_ptr<SumExchange> make_shares_exchange(const secure::ShareSettings& settings,
                                                  const std::vector<SecureParty>& parties,
                                                  RunKey run, std::int64_t round) {
  return std::make_unique<SharesExchange>(settings, parties, run, round);
}

}  // namespace polyclinic
