// What a scenario can say about aggregation rules.
#include "fed/aggregation/robust.hpp"

namespace polyclinic::aggregation {

Field weights_field() {
  return {"weights", type::choice({"size", "equal"}), "size",
          "how much a hospital counts: by its training rows, or all alike"};
}

Field share_field() {
  return {"max_share", type::number().between(0, 1), 0.5,
          "largest share of one hospital; what is above it is spread over the others"};
}

Field pre_field() {
  return {"pre", type::list(type::part("pre")), {}, "what is done to the updates before, in order"};
}

namespace {

Field byzantine_field() {
  return {"byzantine",
          type::integer().at_least(0) | type::quantity(Dimension::fraction).between(0, 0.5),
          Quantity{0.2, Dimension::fraction},
          "attackers that the rule is told of: a count, or a fraction of the updates; left out, no "
          "more than the rule can bear"};
}

Field neighbours_field() {
  return {"neighbours", type::choice({"n-f-2", "n-f-1", "n-f-3"}), "n-f-2",
          "how many others a score looks at (at least one): the paper's, ByzFL's, or that of "
          "Shejwalkar and Houmansadr's code"};
}

Field power_field() {
  return {"power", type::integer().between(2, 4), std::int64_t{2},
          "of the distances in a score: 2 in the paper, 4 in the code of the bucketing paper"};
}

Field trusted_field(std::string doc, bool with_default) {
  Field field{"trusted", type::integer().between(1, 1e9), {}, std::move(doc)};
  if (with_default) field.standard = std::int64_t{1};
  return field;
}

Schema coordinate_schema(std::string name, std::string doc, std::string paper, bool byzantine) {
  Schema schema;
  schema.kind = "aggregation";
  schema.name = std::move(name);
  schema.doc = std::move(doc);
  schema.paper = std::move(paper);
  if (byzantine) schema.fields.push_back(byzantine_field());
  schema.fields.push_back(pre_field());
  schema.example =
      "aggregation = aggregation." + schema.name + (byzantine ? " { byzantine = 2 }" : " {}");
  return schema;
}

std::vector<Schema> coordinate_schemas() {
  constexpr const char* kYin =
      "Yin et al. 2018, Byzantine-Robust Distributed Learning: Towards Optimal Statistical Rates";
  return {
      coordinate_schema("median",
                        "The median of each coordinate; the mean of the middle two where the "
                        "number of updates is even.",
                        std::string(kYin) + ", Definition 1", false),
      coordinate_schema("trimmed_mean",
                        "The mean of each coordinate without its f largest and f smallest values. "
                        "Needs 2f + 1 updates.",
                        std::string(kYin) + ", Definition 2", true),
      coordinate_schema("meamed",
                        "The mean of the n - f values of each coordinate nearest to its median. "
                        "Needs 2f + 1 updates.",
                        "Xie, Koyejo, Gupta 2018, Generalized Byzantine-tolerant SGD, Definition 7",
                        true),
  };
}

std::vector<Schema> distance_schemas() {
  Schema krum = coordinate_schema(
      "krum",
      "The one update that lies nearest to its n - f - 2 nearest others. Needs 2f + 3 updates.",
      "Blanchard et al. 2017, Machine Learning with Adversaries, section 4", true);
  krum.fields.insert(krum.fields.begin() + 1, {neighbours_field(), power_field()});
  Schema multi = coordinate_schema(
      "multi_krum", "The mean of the updates with the lowest scores of krum. Needs 2f + 3 updates.",
      "Blanchard et al. 2017, Machine Learning with Adversaries, section 4", true);
  multi.fields.insert(
      multi.fields.begin() + 1,
      {neighbours_field(), power_field(),
       Field{"count",
             type::integer().at_least(1),
             {},
             "how many are averaged",
             false,
             "n - f; n - 2f - 2 when chosen one by one"},
       Field{"choose", type::choice({"once", "one_by_one"}), "once",
             "by one score, or one after the other with scores computed anew among the rest "
             "(Shejwalkar and Houmansadr 2021)"}});
  Schema bulyan = coordinate_schema(
      "bulyan",
      "n - 2f updates chosen one after the other by krum; of each coordinate the mean of the n - "
      "4f of their values nearest to the median. Needs 4f + 3 updates.",
      "El Mhamdi, Guerraoui, Rouault 2018, The Hidden Vulnerability of Distributed Learning in "
      "Byzantium, section 4",
      true);
  bulyan.fields.insert(bulyan.fields.begin() + 1, {neighbours_field(), power_field()});
  Schema monna = coordinate_schema(
      "monna",
      "The mean of the n - f updates nearest to that of a trusted hospital. Needs 2f + 1 updates.",
      "Farhadkhani et al. 2023, Robust Collaborative Learning with Linear Gradient Overhead, "
      "Algorithm 1",
      true);
  monna.fields.insert(monna.fields.begin() + 1,
                      trusted_field("the trusted hospital's number, counted from 1", true));
  return {krum,
          multi,
          bulyan,
          monna,
          coordinate_schema("mda",
                            "The mean of the n - f updates of which the two farthest apart are "
                            "nearest; found by trying every choice. Needs 2f + 1 updates.",
                            "El Mhamdi, Guerraoui, Rouault 2018 (minimal diameter averaging); "
                            "Rousseeuw 1985",
                            true),
          coordinate_schema("smea",
                            "The mean of the n - f updates whose covariance has the smallest "
                            "largest eigenvalue; found by trying every choice. Needs 2f + 1 "
                            "updates.",
                            "Allouah et al. 2023, On the Privacy-Robustness-Utility Trilemma, "
                            "Algorithm 2",
                            true)};
}

std::vector<Schema> weighing_schemas() {
  return {
      Schema{
          .kind = "aggregation",
          .name = "geometric_median",
          .doc = "The point with the least weighted sum of distances to the updates, by smoothed "
                 "Weiszfeld steps.",
          .paper = "Pillutla, Kakade, Harchaoui 2022, Robust Aggregation for Federated Learning, "
                   "Algorithm 2",
          .fields = {Field{"iterations", type::integer().between(1, 100'000), std::int64_t{4},
                           "steps, at most"},
                     Field{"floor", type::number().above(0), 1e-5,
                           "smallest distance that a step divides by"},
                     Field{"tolerance", type::number().between(0, 1), 1e-6,
                           "end when the sum of distances changes by less than this share"},
                     Field{"start", type::choice({"mean", "zero"}), "mean",
                           "where the first step starts"},
                     weights_field(), share_field(), pre_field()},
          .example = "aggregation = aggregation.geometric_median { iterations = 8 }"},
      Schema{.kind = "aggregation",
             .name = "centered_clipping",
             .doc = "The last aggregate plus the mean of what the updates differ from it by, each "
                    "difference shortened to a radius.",
             .paper = "Karimireddy, He, Jaggi 2021, Learning from History for Byzantine Robust "
                      "Optimization, Algorithm 2",
             .fields = {Field{"radius", type::number().above(0), 10.0,
                              "length that a difference is shortened to"},
                        Field{"iterations", type::integer().between(1, 100'000), std::int64_t{1},
                              "how often that is done"},
                        Field{"start", type::choice({"previous", "zero"}), "previous",
                              "the last aggregate (zero in the first round), or zero always"},
                        pre_field()},
             .example = "aggregation = aggregation.centered_clipping { radius = 1 }"},
      Schema{.kind = "aggregation",
             .name = "norm_clipping",
             .doc = "The mean of the updates, long ones shortened to a bound first.",
             .paper = "Sun et al. 2019, Can You Really Backdoor Federated Learning?, section 5",
             .fields = {Field{"norm",
                              type::number().above(0),
                              {},
                              "the bound",
                              false,
                              "the median of their lengths (Nguyen et al. 2022, FLAME)"},
                        Field{"noise", type::number().at_least(0), 0.0,
                              "standard deviation of normal noise that is added to each parameter "
                              "(weak differential privacy: no guarantee is computed from it)"},
                        weights_field(), share_field(), pre_field()},
             .example = "aggregation = aggregation.norm_clipping { norm = 1 }"},
  };
}

std::vector<Schema> trusting_schemas() {
  return {
      Schema{.kind = "aggregation",
             .name = "fltrust",
             .doc =
                 "Updates count by how much they point the way of a trusted one (not at all when "
                 "they point away) and are scaled to its length. Called as a function it takes "
                 "the trusted update as ctx.root; in a run it is that of a hospital, which then "
                 "only judges. When none points its way the model stays.",
             .paper = "Cao et al. 2021, FLTrust, Algorithm 2",
             .fields = {trusted_field("the trusted hospital's number, counted from 1", false),
                        pre_field()},
             .example = "aggregation = aggregation.fltrust { trusted = 1 }"},
      Schema{.kind = "aggregation",
             .name = "foolsgold",
             .doc = "Hospitals whose updates are alike count less; the weighted mean. When all are "
                    "alike the model stays.",
             .paper = "Fung, Yoon, Beschastnikh 2020, The Limitations of Federated Learning in "
                      "Sybil Settings, Algorithm 1",
             .fields = {Field{"confidence", type::number().above(0), 1.0,
                              "factor of the logit that spreads the weights"},
                        Field{"history", type::boolean(), true,
                              "compare the sums of each hospital's updates so far, not this "
                              "round's"},
                        pre_field()},
             .example = "aggregation = aggregation.foolsgold {}"},
  };
}

std::vector<Schema> spectral_schemas() {
  Schema dnc = coordinate_schema(
      "dnc",
      "Divide and conquer: leaves out the updates that lie farthest along the direction of most "
      "variance, seen on some coordinates; the mean of those kept by every pass. Needs 2f + 1 "
      "updates.",
      "Shejwalkar, Houmansadr 2021, Manipulating the Byzantine, Algorithm 2", true);
  dnc.fields.insert(
      dnc.fields.begin() + 1,
      {Field{"filter", type::number().above(0), 1.0,
             "updates left out by a pass, as a multiple of f"},
       Field{"coordinates", type::integer().at_least(1), std::int64_t{10'000},
             "how many coordinates a pass looks at, drawn at random"},
       Field{"iterations", type::integer().between(1, 1'000), std::int64_t{1}, "passes"}});
  Schema caf =
      coordinate_schema("caf",
                        "Covariance-bound agnostic filter: weights fall along the direction of "
                        "most variance until n - 2f are left; the mean with the weights whose "
                        "variance was least. Needs 2f + 1 updates.",
                        "Allouah et al. 2025, Towards Trustworthy Federated Learning with "
                        "Untrusted Participants, Algorithm 2",
                        true);
  caf.fields.insert(
      caf.fields.begin() + 1,
      Field{"farthest", type::choice({"all", "left"}), "all",
            "weights fall in proportion to the farthest of all updates (ByzFL), or of "
            "those still left"});
  return {caf, dnc};
}

}  // namespace

std::vector<Schema> robust_schemas() {
  std::vector<Schema> all;
  for (auto group : {coordinate_schemas(), distance_schemas(), weighing_schemas(),
                     trusting_schemas(), spectral_schemas()}) {
    all.insert(all.end(), group.begin(), group.end());
  }
  return all;
}

}  // namespace polyclinic::aggregation
