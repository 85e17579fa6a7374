// System: everything that a run under a secure sum prints and writes. Expectation: no key, seed,
// mask or single update is in it, in bytes, in hexadecimal or base64 digits or in decimal ones; the
// same search finds what is there. Reason: what the sum hides from the server must not lie in a
// log.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <sstream>

#include "data/npz.hpp"
#include "program.hpp"
#include "secure/light.hpp"
#include "secure/paillier.hpp"
#include "secure/signature.hpp"

namespace polyclinic {
namespace {

constexpr std::uint64_t kSeed = 7;
constexpr std::uint64_t kHospitalsHere = 5;
constexpr std::uint64_t kRoundsHere = 2;

const char* const kScenario = R"LUA(
local p = params { kind = "none", fidelity = "real" }
local sums = { pairwise = secure.pairwise { fidelity = p.fidelity },
  active = secure.pairwise { adversary = "active", fidelity = p.fidelity },
  plus = secure.secagg_plus { colluding = 1, dropouts = 1, fidelity = p.fidelity },
  light = secure.light { fidelity = p.fidelity }, shares = secure.shares { fidelity = p.fidelity },
  paillier = secure.paillier { key_bits = 1024, fidelity = p.fidelity },
  coordinator = secure.paillier { key_bits = 1024, key = "coordinator", fidelity = p.fidelity } }
local function tell(updates, ctx)
  ctx.state.heard = (ctx.state.heard or 0) + 1
  for _, update in ipairs(updates) do
    for k = 1, #update do
      if ctx.state.heard == 1 and update[k] ~= 0 then print(string.format("%.17g", update[k])) end
    end
  end
  return vec.mean(updates)
end
return scenario {
  hospitals = hospitals { count = 5, patients = 100, availability = availability.always {} },
  cohort = cohort.ehr {}, training = training.sgd { rate = 0.05 },
  aggregation = p.kind == "none" and aggregation.custom(tell) or aggregation.mean {},
  secure = sums[p.kind] or none,
  rounds = 2, baselines = false, measure = measure { "loss", every = "end" },
})LUA";

std::string hex_of(std::span<const std::uint8_t> bytes, bool capitals) {
  std::string text;
  for (const std::uint8_t byte : bytes) {
    text += capitals ? fmt::format("{:02X}", byte) : fmt::format("{:02x}", byte);
  }
  return text;
}

// Whole groups of three bytes.
std::string base64_of(std::span<const std::uint8_t> bytes) {
  static const std::string kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i + 3 <= bytes.size(); i += 3) {
    const unsigned word =
        static_cast<unsigned>(bytes[i] << 16U | bytes[i + 1] << 8U) | bytes[i + 2];
    for (int shift = 18; shift >= 0; shift -= 6) text += kDigits[word >> shift & 63U];
  }
  return text;
}

bool holds(const std::string& hay, const std::string& needle) {
  return hay.find(needle) != std::string::npos;
}

// Bytes as such or in digits; a quarter of a key is enough.
bool holds_bytes(const std::string& hay, std::span<const std::uint8_t> secret) {
  for (std::size_t from = 0; from + 8 <= secret.size(); from += 8) {
    const auto some = secret.subspan(from, 8);
    const std::string raw(some.begin(), some.end());
    if (holds(hay, raw) || holds(hay, hex_of(some, false)) || holds(hay, hex_of(some, true))) {
      return true;
    }
  }
  return holds(hay, base64_of(secret.first(24)));
}

template <typename Number>
std::string raw(const std::vector<Number>& numbers, std::size_t from, std::size_t count) {
  std::string bytes(count * sizeof(Number), '\0');
  std::memcpy(bytes.data(), numbers.data() + from, bytes.size());
  return bytes;
}

// The first nine digits of a number from the first that is not zero, as any longer text has them.
std::string digits_of(double value) {
  std::string text = fmt::format("{:.17f}", std::fabs(value));
  return text.substr(0, text.find_first_not_of("0.") + 9);
}

// Two neighbours in single or double precision, or one in decimal digits.
bool holds_values(const std::string& hay, const std::vector<double>& values) {
  const std::vector<float> single(values.begin(), values.end());
  for (std::size_t k = 0; k + 2 <= values.size(); ++k) {
    if (holds(hay, raw(single, k, 2)) || holds(hay, raw(values, k, 2))) return true;
  }
  return std::any_of(values.begin(), values.end(), [&](double value) {
    return std::fabs(value) > 1e-6 && holds(hay, digits_of(value));
  });
}

// All that a run left: what it printed, its files, its model unpacked, what `explain` tells of it.
std::string all_of(const test::Folder& folder, const std::string& kind, std::string* printed) {
  folder.write("a.lua", kScenario);
  const std::string seed = std::to_string(kSeed);
  const test::Outcome ran = test::run(
      folder, {"run", "a.lua", "--json", "--seed", seed, "--set", "kind=" + kind, "--out", kind});
  REQUIRE_MESSAGE(ran.exit == 0, ran.error);
  if (printed != nullptr) *printed = ran.out + ran.error;
  std::string text = ran.out + ran.error + test::run(folder, {"explain", kind}).out;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder.path(kind))) {
    std::ifstream in(entry.path(), std::ios::binary);
    text += std::string(std::istreambuf_iterator<char>(in), {});
  }
  for (const auto& array : read_npz(folder.path(kind) + "/model.npz", {})) {
    text += raw(array.values, 0, array.values.size());
  }
  return text;
}

// The keys and seeds that a hospital draws first, what comes after them, and its signing key.
std::vector<secure::Bytes> secrets_of(std::uint64_t hospital, std::uint64_t round) {
  const RunKey run = make_run_key(kSeed, 0);
  secure::Bytes drawn(192);
  secure::SecretStream(run, hospital, round).fill(drawn);
  secure::SecretStream stream(run, hospital, round);
  secure::make_key_pair(stream);
  secure::FieldVector mask(16);
  stream.elements(mask);
  secure::Bytes words(64);
  std::memcpy(words.data(), mask.data(), words.size());
  const secure::SigningKeys keys = secure::registered_keys(run, hospital);
  return {drawn, words, secure::Bytes(keys.secret.begin(), keys.secret.end())};
}

// Addresses of hospitals, and of servers with shares as fed/shares_exchange.cpp has them.
std::vector<std::uint64_t> everybody() {
  constexpr std::uint64_t kServers = 0xFFFFFF00U;
  std::vector<std::uint64_t> all{kServers + 1, kServers + 2, kServers + 3};
  for (std::uint64_t hospital = 0; hospital < kHospitalsHere; ++hospital) all.push_back(hospital);
  return all;
}

// What is dealt for a whole run: a key's primes, and shares of one.
std::vector<mpz_class> dealt_secrets() {
  constexpr std::uint64_t kDealer = 0xFFFFFE00U;  // as fed/paillier_exchange.cpp has it
  const RunKey run = make_run_key(kSeed, 0);
  secure::SecretStream of_one(run, kDealer, 0);
  const secure::PaillierSecret secret = secure::make_paillier(1024, of_one);
  std::vector<mpz_class> all{secret.p, secret.q};
  secure::SecretStream of_all(run, kDealer, 0);
  for (mpz_class& share : secure::deal_paillier(1024, kHospitalsHere, 4, of_all).shares) {
    all.push_back(std::move(share));
  }
  return all;
}

bool holds_number(const std::string& hay, const mpz_class& number) {
  secure::Bytes bytes((mpz_sizeinbase(number.get_mpz_t(), 2) + 7) / 8);
  mpz_export(bytes.data(), nullptr, 1, 1, 0, 0, number.get_mpz_t());
  return holds_bytes(hay, bytes) || holds(hay, number.get_str().substr(0, 20));
}

TEST_CASE("no secret of a secure sum is in what a run prints and writes") {
  const test::Folder folder;
  std::string printed;
  const std::string plain = all_of(folder, "none", &printed);
  // the updates of the first round, which are the same under every sum
  std::vector<double> updates;
  std::istringstream lines(printed);
  for (std::string line; std::getline(lines, line);) {
    std::size_t used = 0;
    try {
      const double value = std::stod(line, &used);
      if (used == line.size()) updates.push_back(value);
    } catch (const std::exception&) {
      continue;  // other lines
    }
  }
  REQUIRE(updates.size() > 4 * kHospitalsHere * 10);
  // the search finds what is there
  CHECK(holds_values(plain, updates));
  CHECK(
      holds_values("xx" + raw(std::vector<float>(updates.begin(), updates.end()), 5, 2), updates));
  const secure::Bytes some = secrets_of(1, 1).front();
  CHECK(holds_bytes("x" + hex_of(some, true), some));
  CHECK(holds_bytes("x" + base64_of(some), some));
  CHECK(holds_bytes(std::string(some.begin(), some.end()), some));
  const std::vector<mpz_class> dealt = dealt_secrets();
  CHECK(holds_number("n = " + dealt.front().get_str(), dealt.front()));
  CHECK(holds_number("0x" + dealt.back().get_str(16), dealt.back()));
  for (const char* kind :
       {"pairwise", "active", "plus", "light", "shares", "paillier", "coordinator"}) {
    const std::string text = all_of(folder, kind, nullptr);
    CAPTURE(kind);
    CHECK(text.size() > 20000);
    CHECK_FALSE(holds_values(text, updates));
    for (const mpz_class& number : dealt) CHECK_FALSE(holds_number(text, number));
    for (const std::uint64_t who : everybody()) {
      for (std::uint64_t round = 0; round < kRoundsHere; ++round) {
        for (const secure::Bytes& secret : secrets_of(who, round)) {
          CHECK_FALSE(holds_bytes(text, secret));
        }
      }
    }
  }
}

}  // namespace
}  // namespace polyclinic
