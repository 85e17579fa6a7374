#include "json_query.hpp"

#include <algorithm>
#include <cmath>
#include <set>
#include <sstream>

namespace polyclinic::testing {

namespace {

bool is_index(const std::string& key) {
  return !key.empty() && std::all_of(key.begin(), key.end(), ::isdigit);
}

Json item(const Json& here, const std::string& key) {
  if (here.is_object() && here.contains(key)) return here[key];
  if (!here.is_array()) return nullptr;
  if (is_index(key)) return std::stoul(key) < here.size() ? here[std::stoul(key)] : Json();
  for (const Json& one : here) {
    if (one.is_object() && one.contains("name") && one["name"] == key) return one;
  }
  return nullptr;
}

// The values at the rest of a path; several where it has a *.
void collect(const Json& here, const std::string& path, std::vector<Json>& found) {
  if (path.empty()) {
    found.push_back(here);
    return;
  }
  const auto dot = path.find('.');
  const std::string key = path.substr(0, dot);
  const std::string rest = dot == std::string::npos ? "" : path.substr(dot + 1);
  if (key != "*") {
    collect(item(here, key), rest, found);
    return;
  }
  for (const Json& one : here) collect(one, rest, found);
}

Json summary(const std::string& function, const std::vector<Json>& values) {
  Json result = function == "sum" || function == "count" ? Json(0) : Json();
  for (const Json& value : values) {
    if (value.is_null()) continue;
    if (function == "count") {
      result = result.get<int>() + 1;
    } else if (result.is_null()) {
      result = value;
    } else if (function == "sum") {
      result = value.is_number_integer() && result.is_number_integer()
                   ? Json(result.get<std::int64_t>() + value.get<std::int64_t>())
                   : Json(result.get<double>() + value.get<double>());
    } else if (function == "min" ? value < result : value > result) {
      result = value;
    }
  }
  return result;
}

class Accounts {
 public:
  explicit Accounts(const Json& object) : o_(object) {}

  std::vector<std::string> mistakes() {
    equal("sum(hospitals.*.bytes_up)", "bytes_up");
    equal("sum(hospitals.*.bytes_down)", "bytes_down");
    // a round that was open when the run ended has no record
    const auto invited = query(o_, "sum(round_records.*.invited)").get<int>();
    const auto ended = query(o_, "sum(hospitals.*.drop_reasons.run_ended)").get<int>();
    const auto all = query(o_, "sum(hospitals.*.invitations)").get<int>();
    // without common rounds a visit may begin in one round and be at work when another ends the run
    const bool common = query(o_, "staleness").is_null();
    expect(common ? all == invited + ended : all >= invited && all <= invited + ended,
           "invitations are those of the rounds and of the one that was open at the end");
    equal("sum(hospitals.*.participations)", "sum(round_records.*.aggregated)");
    equal("count(round_records.*.round)", "rounds");
    check_rounds();
    for (const Json& hospital : o_["hospitals"]) check_hospital(hospital);
    check_weights();
    check_metrics(o_["metrics"], "metrics");
    for (const auto& [arm, metrics] : o_["baselines"].items()) check_metrics(metrics, arm);
    return std::move(mistakes_);
  }

 private:
  void expect(bool holds, const std::string& sentence) {
    if (!holds) mistakes_.push_back(sentence);
  }

  void equal(const std::string& left, const std::string& right) {
    const Json a = query(o_, left);
    const Json b = query(o_, right);
    expect(a == b, left + " is " + a.dump() + ", " + right + " is " + b.dump());
  }

  void check_rounds() {
    // an older version that is the newest again has a number and no round
    std::set<std::int64_t> again;
    if (o_.contains("happenings")) {
      for (const Json& h : o_["happenings"]) {
        if (h["kind"] == "went_back") again.insert(h["version"].get<std::int64_t>());
      }
    }
    std::int64_t version = 0;
    double last = 0;
    const auto skip = [&] { version += again.count(version + 1) > 0 ? 1 : 0; };
    for (const Json& round : o_["round_records"]) {
      if (round["version"] > version) skip();
      if (!round["failed"].get<bool>()) ++version;
      const std::string name = "round " + round["round"].dump();
      expect(round["version"] == version, name + ": a version per round that did not fail");
      expect(round["opened"] >= last && round["closed"] >= round["opened"], name + ": its times");
      // without common rounds it uses updates of visits that began before it
      expect(!o_["staleness"].is_null() || round["aggregated"] <= round["invited"],
             name + ": more aggregated than invited");
      expect(round["failed"].get<bool>() == (round["aggregated"] == 0), name + ": failed means 0");
      last = round["closed"].get<double>();
    }
    skip();
    expect(o_["versions"] == version, "versions are rounds without failed ones");
    expect(o_["sim_seconds"].get<double>() >= last, "the run ends after its last round");
  }

  void check_hospital(const Json& h) {
    const std::string name = h["name"].get<std::string>();
    expect(h["invitations"] == h["participations"].get<int>() + h["drops"].get<int>(),
           name + ": invitations are participations and drops");
    expect(query(h, "sum(drop_reasons.*)") == h["drops"], name + ": drops are the sum of reasons");
    const double seconds = o_["sim_seconds"].get<double>();
    expect(h["down_seconds"] <= seconds && h["busy_seconds"] <= seconds &&
               h["median_round_seconds"] <= seconds,
           name + ": its times fit into the run");
    expect(h["train_rows"] <= h["rows"], name + ": trains on rows that it has");
    expect(h["patients"] <= h["rows"], name + ": every patient has a row");
    expect(h["participations"] == 0 || h["bytes_up"] > 0, name + ": took part without sending");
    const bool external = h["role"] == "external";
    expect(!external || (h["invitations"] == 0 && h["bytes_up"] == 0 && h["weight"] == 0),
           name + ": an external hospital took part");
    for (const auto& [metric, v] : h["metrics"].items()) {
      expect(v["value"].is_null() == v.contains("reason"), name + ": no value needs a reason");
      expect(v["low"].is_null() || (v["low"] <= v["value"] && v["value"] <= v["high"]),
             name + ": " + metric + " lies in its interval");
      expect(v["n"] <= h["rows"] && v["events"] <= v["n"], name + ": " + metric + " counts");
    }
  }

  void check_weights() {
    const Json& rounds = o_["round_records"];
    const double sum = query(o_, "sum(hospitals.*.weight)").get<double>();
    if (rounds.empty()) return;
    bool everybody = !rounds.back()["failed"].get<bool>();
    std::int64_t members = 0;
    for (const Json& h : o_["hospitals"]) members += h["role"] == "member" ? 1 : 0;
    everybody = everybody && rounds.back()["aggregated"] == members;
    if (everybody) {
      expect(std::abs(sum - 1.0) < 1e-12, "weights sum to 1, found " + Json(sum).dump());
    }
  }

  void check_metrics(const Json& metrics, const std::string& arm) {
    for (const auto& [metric, m] : metrics.items()) {
      const std::string name = arm + "." + metric;
      const auto counted = m["hospitals_counted"].get<int>();
      expect(m["macro"].is_null() == (counted == 0), name + ": macro is over those counted");
      if (m["worst"].is_null()) continue;
      expect(!m["worst_hospital"].is_null(), name + ": the worst has a name");
      const Json worst = query(
          o_, "hospitals." + m["worst_hospital"].get<std::string>() +
                  (arm == "metrics" ? ".metrics." : ".baselines." + arm + ".") + metric + ".value");
      expect(worst == m["worst"],
             name + ": worst is " + m["worst"].dump() + ", that hospital has " + worst.dump());
    }
  }

  const Json& o_;
  std::vector<std::string> mistakes_;
};

}  // namespace

Json query(const Json& object, const std::string& path) {
  const auto bracket = path.find('(');
  std::vector<Json> found;
  if (bracket == std::string::npos) {
    collect(object, path, found);
    return path.find('*') == std::string::npos ? found.front() : Json(found);
  }
  collect(object, path.substr(bracket + 1, path.size() - bracket - 2), found);
  return summary(path.substr(0, bracket), found);
}

std::vector<std::string> accounting_mistakes(const Json& object) {
  return Accounts(object).mistakes();
}

std::vector<std::string> eventless(const Json& object) {
  std::vector<std::string> missing;
  const auto number = [&](const std::string& path) { return query(object, path).get<double>(); };
  const double slowest = number("max(hospitals.*.median_round_seconds)");
  const double fastest = number("min(hospitals.*.median_round_seconds)");
  if (!(fastest > 0 && slowest >= 3.0 * fastest)) {
    missing.push_back("round times from " + Json(fastest).dump() + " to " + Json(slowest).dump());
  }
  if (number("sum(hospitals.*.outages)") < 1) missing.emplace_back("no outage");
  const double late =
      number("sum(hospitals.*.drop_reasons.late)") / number("sum(hospitals.*.invitations)");
  if (!(late >= 0.02 && late <= 0.10)) missing.push_back("late: " + Json(late).dump());
  return missing;
}

}  // namespace polyclinic::testing
