// The parties of one round of a secure sum, played with real cryptography when the round closes.
// What the clock took for granted has to come true: who went on, who refused and why, what a lying
// server read.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "base/stream.hpp"
#include "fed/secure_lies.hpp"
#include "fed/sum_exchange.hpp"
#include "secure/lying_server.hpp"

namespace polyclinic {

class MaskedExchange final : public SumExchange {
 public:
  // parties outlive it.
  MaskedExchange(const SecureRule& rule, const std::vector<SecureParty>& parties,
                 secure::PairwiseSettings settings, RunKey run, std::int64_t round);

  // A party in the sum sends its values, which become masked.
  void send(std::size_t index, std::vector<std::uint32_t>& values) override;
  // The sum mod 2^b over all that were sent, and with it what a lying server read of one.
  std::vector<std::uint32_t> sum() override;
  // A round that failed, without any values: the phases in which somebody refused.
  void rehearse();

 private:
  // One set of parties, of whom the server may play some.
  struct Play {
    secure::LyingServer server;
    std::map<secure::Place, secure::PairwiseHospital> hospitals;
    std::vector<secure::Place> sharers;
    std::vector<SecureParty> parties;
  };
  static secure::Place place(std::size_t index) { return static_cast<secure::Place>(index + 1); }
  // Keys and shares; the server plays some of them.
  void begin(Play& play, const std::vector<bool>& servers_own);
  void receive(Play& play, std::size_t index);
  void send_into(Play& play, std::size_t index, std::vector<std::uint32_t>& values);
  void confirm(Play& play);
  void tell(Play& play);
  std::vector<std::uint32_t> sum_of(Play& play);
  [[nodiscard]] bool tells_two_lists() const;
  [[nodiscard]] std::vector<secure::Place> summed_for(const Play& play, std::size_t index) const;
  [[nodiscard]] std::vector<secure::Confirmed> signatures_for(const Play& play,
                                                              std::size_t index) const;

  const SecureRule& rule_;
  secure::PairwiseSettings settings_;
  RunKey run_;
  std::uint64_t round_;
  std::optional<Lie> lie_;
  Play main_;
  // where the server plays all others towards the victim
  std::optional<Play> beside_;
  std::vector<std::uint32_t> victims_;  // values, as nobody is to see them
  std::vector<std::uint32_t> victims_masked_;
};

}  // namespace polyclinic
