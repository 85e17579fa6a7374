// A population of sites, made lazily: the data of a federation.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/schema.hpp"
#include "base/stream.hpp"
#include "data/change.hpp"
#include "data/dataset.hpp"

namespace polyclinic {

// What the world knows about a hospital before its data exist; a cohort uses what it needs.
struct SiteRequest {
  HospitalId hospital;
  std::string name;
  std::int64_t patients = 0;  // asked size (generated cohorts)
  // Uniform ranks of the hospital in the joint draw (0..1): generators turn them into prevalence
  // and case mix by their own laws, so that they correlate with speed or link as asked.
  double prevalence_rank = 0.5;
  double case_mix_rank = 0.5;
  std::optional<double> prevalence;  // overridden by name in the scenario
  bool trains = true;  // false (external): its rows enter no statistics that hospitals share
};

// Where a cohort asks for the request of a site: the world answers, lazily.
class SiteDirectory {
 public:
  virtual ~SiteDirectory() = default;
  // Number of hospitals; 0 when the scenario leaves it to the data (csv).
  [[nodiscard]] virtual std::int64_t count() const = 0;
  // Thread-safe and pure.
  [[nodiscard]] virtual SiteRequest request(HospitalId hospital) const = 0;
};

// Achievable bounds that a generator states about itself (science.md, rule 12).
struct Oracle {
  double latent_auroc = 0;      // of the true probability, patients of all sites together
  double achievable_auroc = 0;  // of the posterior given the observed features
  double latent_auroc_within = 0;
  double achievable_auroc_within = 0;  // mean over hospitals
  double standard_error = 0;           // of the achievable ones, where they come from a sample
};

// Thrown where a site was being made when the run was interrupted: nothing of it is kept, and who
// asks again gets it whole.
class SiteInterrupted final : public std::exception {
 public:
  [[nodiscard]] const char* what() const noexcept override {
    return "interrupted while a hospital's data were made";
  }
};

class Cohort {
 public:
  virtual ~Cohort() = default;

  [[nodiscard]] virtual const DatasetInfo& info() const = 0;
  // Hospitals that the data themselves name, in order (csv); empty when the world names them.
  [[nodiscard]] virtual std::vector<std::string> site_names() const { return {}; }
  [[nodiscard]] virtual std::int64_t sites() const = 0;
  // What of the data can change while a federation runs.
  [[nodiscard]] virtual DataFacts facts() const = 0;
  // From now on site() and its like answer as of the time of asking. Outlives the cohort.
  void follow(const DataEpochs& epochs) { epochs_ = &epochs; }
  // The site with its data as they are now; REQUIRES of parallel callers: time stands still.
  [[nodiscard]] SiteAt now(HospitalId hospital) const {
    return {hospital, epochs_ == nullptr ? nullptr : epochs_->of(hospital)};
  }

  // The prepared site at a time. Thread-safe; the same bits whenever and in whatever order it is
  // asked for. As many rows at all times, and the same split.
  [[nodiscard]] virtual SitePtr site_at(const SiteAt& site) const = 0;
  [[nodiscard]] SitePtr site(HospitalId hospital) const { return site_at(now(hospital)); }
  // The site where it costs little: null where it would have to be generated.
  [[nodiscard]] virtual SitePtr site_at_hand(HospitalId hospital) const { return site(hospital); }
  // Training rows of a site, without making the site where the cohort can say so cheaply.
  [[nodiscard]] virtual std::int64_t train_rows(HospitalId hospital) const = 0;
  // All sites' training rows in one table for the pooled reference, in the order given, prepared as
  // one site would be (statistics over all of them); validation and test likewise.
  [[nodiscard]] virtual SitePtr pooled_at(std::span<const SiteAt> sites) const = 0;
  [[nodiscard]] SitePtr pooled(std::span<const HospitalId> hospitals) const;
  // One site's own three splits, prepared with the statistics of pooled_at(sites): what a pooled
  // model is tested on at that hospital. The hospital need not be among `sites`. Thread-safe; the
  // statistics of the last list of sites are kept, so ask for one list after another.
  [[nodiscard]] virtual SitePtr site_as_pooled_at(const SiteAt& site,
                                                  std::span<const SiteAt> sites) const = 0;
  [[nodiscard]] SitePtr site_as_pooled(HospitalId hospital,
                                       std::span<const HospitalId> hospitals) const;
  // How features were scaled in the pooled table, in words.
  [[nodiscard]] virtual std::string pooled_standardisation() const = 0;
  // What a generator states about itself; nullopt where nobody knows the truth. Made on first use.
  // Thread-safe.
  [[nodiscard]] virtual std::optional<Oracle> oracle() const { return std::nullopt; }

 private:
  const DataEpochs* epochs_ = nullptr;  // null: nothing ever changes
};

struct CohortContext {
  RunKey run;
  const SiteDirectory* directory = nullptr;  // outlives the cohort
  std::int64_t cache_bytes = 512LL << 20U;
  // Set: generators stop with SiteInterrupted. Null: never. Outlives the cohort.
  const std::atomic<bool>* stop = nullptr;
};

// Throws SiteInterrupted when the flag is set; for the loops of generators.
inline void check_stop(const std::atomic<bool>* stop) {
  if (stop != nullptr && stop->load(std::memory_order_relaxed)) throw SiteInterrupted();
}

// Builds the cohort that a resolved part `cohort.*` describes. Throws ScenarioError when its files
// or numbers are wrong.
std::unique_ptr<Cohort> make_cohort(const Part& part, const CohortContext& context);

// The schemas of `cohort.*`, `partition.*`, `split.*`, `column`, `positive` and their like.
std::vector<Schema> data_schemas();

}  // namespace polyclinic
