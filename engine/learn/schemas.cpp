// The vocabulary of this floor: model.*, training.*, schedule.*, objective.*.
#include <utility>

#include "learn/early_stopping.hpp"
#include "learn/model.hpp"

namespace polyclinic {
namespace {

Field init_field() {
  return {.name = "init",
          .type = type::numbers() | type::file() | type::none(),
          .standard = {},
          .doc = "initial parameters: a vec in compact order, or a saved model.npz",
          .standard_text = "the model's own law"};
}

Field l2_field() {
  return {
      .name = "l2",
      .type = type::number().at_least(0),
      .standard = 0.0,
      .doc = "penalty: l2/2 times the sum of squared weights (not of biases) is added to the loss"};
}

Schema linear_model(const std::string& name, std::string doc, std::string paper) {
  return {.kind = "model",
          .name = name,
          .doc = std::move(doc),
          .paper = std::move(paper),
          .fields = {l2_field(), init_field()},
          .example = "model = model." + name + " { l2 = 0.001 }"};
}

Schema mlp_model() {
  return {.kind = "model",
          .name = "mlp",
          .doc =
              "Layers of hidden units. The outcome decides the output: a probability, classes, a "
              "number, a count, or a log hazard ratio. Weights start uniform (He; Glorot for tanh "
              "and the output layer), biases at zero.",
          .paper =
              "Rumelhart, Hinton and Williams 1986; He et al. 2015; Glorot and Bengio 2010; "
              "batch: Ioffe and Szegedy 2015; layer: Ba, Kiros and Hinton 2016; group: Wu and "
              "He 2018",
          .fields = {{.name = "hidden",
                      .type = type::list(type::integer().between(1, 65536)),
                      .standard = List{64, 32},
                      .doc = "widths of the hidden layers, from input to output"},
                     {.name = "activation",
                      .type = type::choice({"relu", "tanh", "gelu"}),
                      .standard = "relu",
                      .doc = "nonlinearity of the hidden layers"},
                     {.name = "dropout",
                      .type = type::number().at_least(0).between(0, 0.95),
                      .standard = 0.0,
                      .doc = "share of hidden units that a training step silences"},
                     {.name = "norm",
                      .type = type::choice({"batch", "layer", "group"}) | type::none(),
                      .standard = {},
                      .doc = "what values are normalised by before the activation. batch: mean and "
                             "variance of each unit over the rows of a batch, in a prediction "
                             "their running means, which travel with the parameters; layer: those "
                             "of a row over the units; group: within groups of units",
                      .standard_text = "none"},
                     {.name = "groups",
                      .type = type::integer().between(1, 65536) | type::none(),
                      .standard = {},
                      .doc = "norm = \"group\": how many equal groups of units a layer has",
                      .standard_text = "none"},
                     init_field()},
          .example = "model = model.mlp { hidden = { 64, 32 }, activation = \"gelu\" }"};
}

Schema cox_model() {
  return {.kind = "model",
          .name = "cox",
          .doc =
              "Proportional hazards: a log hazard ratio, linear in the features, fitted by partial "
              "likelihood. Risk sets lie within a batch, which is all rows of the hospital unless "
              "`batch` says otherwise; federated it is stratified by hospital.",
          .paper = "Cox 1972; Efron 1977; Breslow 1974",
          .fields = {{.name = "ties",
                      .type = type::choice({"efron", "breslow"}),
                      .standard = "efron",
                      .doc = "how events at the same time share their risk set"},
                     l2_field(),
                     init_field()},
          .example = "model = model.cox { ties = \"efron\" }"};
}

// Fields that every optimiser has; `rate_text` says what an absent rate is.
std::vector<Field> training_fields(std::string rate_text, double weight_decay,
                                   std::string decay_doc) {
  return {
      {.name = "rate",
       .type = type::number().above(0) | type::part("schedule"),
       .standard = {},
       .doc = "learning rate, or a schedule of it over the rounds",
       .standard_text = std::move(rate_text)},
      {.name = "batch",
       .type = type::integer().at_least(1) | type::all(),
       .standard = 32,
       .doc = "rows per step; all takes every row of the hospital at once",
       .standard_text = "32; survival: all"},
      {.name = "epochs",
       .type = type::number().above(0).between(1e-6, 1e6),
       .standard = {},
       .doc = "passes over the hospital's rows per round; a fraction is rounded to whole batches",
       .standard_text = "1"},
      {.name = "steps",
       .type = type::integer().between(1, 1e9),
       .standard = {},
       .doc = "steps per round instead of epochs; the next round goes on where this one ended",
       .standard_text = "as epochs say"},
      {.name = "drop_last",
       .type = type::boolean(),
       .standard = false,
       .doc = "leave out the last short batch of an epoch"},
      {.name = "weight_decay",
       .type = type::number().at_least(0),
       .standard = weight_decay,
       .doc = std::move(decay_doc)},
      {.name = "clip",
       .type = type::number().above(0) | type::none(),
       .standard = {},
       .doc = "largest norm of a step's gradient; a longer one is shortened to it",
       .standard_text = "no limit"},
      {.name = "class_weights",
       .type = type::list(type::number().at_least(0)) | type::none(),
       .standard = {},
       .doc = "factor of a row's loss by its class, the first for class 0",
       .standard_text = "all 1"},
      {.name = "keep_state",
       .type = type::boolean(),
       .standard = false,
       .doc = "the optimiser's moments stay at the hospital between rounds"},
      {.name = "early_stopping",
       .type = type::part("early_stopping") | type::none(),
       .standard = {},
       .doc = "a hospital ends its training when a loss of its own no longer falls",
       .standard_text = "none: all epochs"},
      {.name = "order",
       .type = type::function() | type::none(),
       .standard = {},
       .doc =
           "row order from the scenario: function(hospital, rows, epoch) returning a permutation "
           "of 1..rows, to reproduce other people's runs; a hospital's epochs count from 0",
       .standard_text = "shuffled anew for each epoch"},
  };
}

constexpr const char* kL2Doc = "times the parameters, added to the gradient (biases too)";

Schema optimiser(std::string name, std::string doc, std::string paper, std::vector<Field> fields) {
  std::string example = "training = training." + name + " { batch = 32, epochs = 1 }";
  return {.kind = "training",
          .name = std::move(name),
          .doc = std::move(doc),
          .paper = std::move(paper),
          .fields = std::move(fields),
          .example = std::move(example)};
}

Field share(std::string name, double standard, std::string doc) {
  return {.name = std::move(name),
          .type = type::number().inside(0, 1),
          .standard = standard,
          .doc = std::move(doc)};
}

std::vector<Field> with(std::vector<Field> fields, std::vector<Field> more) {
  for (Field& field : more) fields.push_back(std::move(field));
  return fields;
}

std::vector<Field> adam_fields(double weight_decay, std::string decay_doc) {
  return with(training_fields("0.001", weight_decay, std::move(decay_doc)),
              {share("beta1", 0.9, "decay of the mean of gradients"),
               share("beta2", 0.999, "decay of the mean of squared gradients"),
               {.name = "epsilon",
                .type = type::number().above(0),
                .standard = 1e-8,
                .doc = "added to the root of the second moment"}});
}

void add_training(std::vector<Schema>& schemas) {
  schemas.push_back(optimiser(
      "sgd", "Stochastic gradient descent on batches of the hospital's rows.",
      "Robbins and Monro 1951", training_fields("0.05; 0.1 for linear models", 0.0, kL2Doc)));
  std::vector<Field> momentum =
      with(training_fields("0.01", 0.0, kL2Doc),
           {share("momentum", 0.9, "share of the last step that goes on"),
            {.name = "nesterov",
             .type = type::boolean(),
             .standard = false,
             .doc = "look ahead by the momentum before the gradient counts"}});
  schemas.push_back(optimiser("momentum", "Gradient descent with a running sum of gradients.",
                              "Polyak 1964; Nesterov 1983; Sutskever et al. 2013",
                              std::move(momentum)));
  schemas.push_back(optimiser("adam", "Steps scaled by running moments of the gradient.",
                              "Kingma and Ba 2015", adam_fields(0.0, kL2Doc)));
  schemas.push_back(optimiser(
      "adamw", "Adam with weight decay apart from the gradient.", "Loshchilov and Hutter 2019",
      adam_fields(0.01, "times the rate, taken off the parameters themselves")));
}

Field rate_field() {
  return {.name = "rate",
          .type = type::number().above(0),
          .doc = "learning rate at the start, after warm-up",
          .required = true};
}

Field warmup_field() {
  return {.name = "warmup",
          .type = type::integer().at_least(0),
          .standard = 0,
          .doc = "rounds over which the rate first rises linearly from zero"};
}

Schema schedule(std::string name, std::string doc, std::string paper, std::vector<Field> fields,
                std::string example) {
  std::vector<Field> all{rate_field()};
  for (Field& field : fields) all.push_back(std::move(field));
  all.push_back(warmup_field());
  return {.kind = "schedule",
          .name = std::move(name),
          .doc = std::move(doc),
          .paper = std::move(paper),
          .fields = std::move(all),
          .example = "rate = schedule." + std::move(example)};
}

Field decay_field(std::string doc) {
  return {.name = "decay",
          .type = type::number().above(0).between(1e-9, 1),
          .doc = std::move(doc),
          .required = true};
}

std::vector<Field> span_fields() {
  return {{.name = "rounds",
           .type = type::integer().at_least(1),
           .doc = "rounds until the rate has reached its end, warm-up included",
           .required = true},
          {.name = "rate_end",
           .type = type::number().at_least(0),
           .standard = 0.0,
           .doc = "rate from then on"}};
}

void add_schedules(std::vector<Schema>& schemas) {
  schemas.push_back(schedule("constant", "The same rate in every round.", "", {},
                             "constant { rate = 0.05, warmup = 3 }"));
  schemas.push_back(schedule("step", "The rate falls by a factor every so many rounds.", "",
                             {decay_field("factor of each fall"),
                              {.name = "every",
                               .type = type::integer().at_least(1),
                               .doc = "rounds between falls",
                               .required = true}},
                             "step { rate = 0.1, decay = 0.5, every = 10 }"));
  schemas.push_back(schedule("exponential", "The rate falls by a factor in every round.", "",
                             {decay_field("factor per round")},
                             "exponential { rate = 0.1, decay = 0.97 }"));
  schemas.push_back(schedule("cosine", "The rate falls along half a cosine, then stays.",
                             "Loshchilov and Hutter 2017", span_fields(),
                             "cosine { rate = 0.1, rounds = 30 }"));
  schemas.push_back(schedule("linear", "The rate falls along a line, then stays.", "",
                             span_fields(), "linear { rate = 0.1, rounds = 30, rate_end = 0.01 }"));
}

}  // namespace

std::vector<Schema> learn_schemas() {
  std::vector<Schema> schemas;
  schemas.push_back(linear_model("linear",
                                 "Linear regression (mean squared error); for counts, Poisson "
                                 "regression with a log link. Starts at zero.",
                                 "Legendre 1805; Nelder and Wedderburn 1972"));
  schemas.push_back(linear_model("logistic",
                                 "Logistic regression: the log odds are linear in the features. "
                                 "Starts at zero.",
                                 "Cox 1958"));
  schemas.push_back(linear_model("softmax",
                                 "Multinomial logistic regression: one score per class. Starts at "
                                 "zero.",
                                 "Cox 1966"));
  schemas.push_back(mlp_model());
  schemas.push_back(cox_model());
  add_training(schemas);
  schemas.push_back(early_stopping_schema());
  add_schedules(schemas);
  schemas.push_back(
      {.kind = "objective",
       .name = "proximal",
       .doc = "Local training is pulled towards the global model: + mu/2 |w - w_global|^2. With "
              "adapt the server moves mu by the loss that hospitals tell of the model they start "
              "from: up when it rose, down when it fell so many times in a row.",
       .paper = "Li et al. 2020, Federated Optimization in Heterogeneous Networks (FedProx), "
                "Algorithm 2; adapt: section 5.3.2",
       .fields = {{.name = "mu",
                   .type = type::number().at_least(0),
                   .standard = 0.01,
                   .doc = "strength of the pull; 0 is plain training; with adapt: at the start"},
                  {.name = "adapt",
                   .type = type::number().at_least(0),
                   .standard = 0.0,
                   .doc = "what mu grows and shrinks by, 0.1 in the paper; 0: it stays"},
                  {.name = "falls",
                   .type = type::integer().between(1, 1e6),
                   .standard = std::int64_t{5},
                   .doc = "falls of the loss in a row after which mu shrinks"}},
       .example = "objective = objective.proximal { mu = 0.1 }"});
  schemas.push_back(
      {.kind = "objective",
       .name = "control_variates",
       .doc = "Every local gradient is corrected by the server's control vector minus the "
              "hospital's own. Both vectors travel: twice the model each way. A hospital keeps "
              "its vector between rounds and changes it when its update counts.",
       .paper = "Karimireddy et al. 2020, SCAFFOLD, Algorithm 1",
       .fields = {{.name = "update",
                   .type = type::choice({"difference", "gradient"}),
                   .standard = "difference",
                   .doc = "what a hospital's vector becomes. difference: the mean gradient of its "
                          "training, read off the way it went (option II); gradient: the gradient "
                          "over all its rows at the global model, one more pass over the data "
                          "(option I)"}},
       .example = "objective = objective.control_variates { update = \"gradient\" }"});
  schemas.push_back(
      {.kind = "objective",
       .name = "dynamic",
       .doc = "A pull towards the global model, alpha/2 |w - w_global|^2, and a linear term that "
              "each hospital learns so that it stops pulling where all agree. The server keeps "
              "the mean of the linear terms and takes it, divided by alpha, off the aggregate.",
       .paper = "Acar et al. 2021, Federated Learning Based on Dynamic Regularization (FedDyn), "
                "Algorithm 1",
       .fields = {{.name = "alpha",
                   .type = type::number().above(0),
                   .standard = 0.01,
                   .doc = "strength of the pull; the smaller, the further the server steps"}},
       .example = "objective = objective.dynamic { alpha = 0.1 }"});
  schemas.push_back(
      {.kind = "objective",
       .name = "contrastive",
       .doc =
           "What the last hidden layer makes of a row is drawn to what the global model makes of "
           "it and away from what the hospital's last local model made of it, by the cosines "
           "between them. A hospital keeps that model; in its first training there is none, and "
           "nothing to contrast. Nothing more travels; two passes forward over the rows are on "
           "the clock of each training.",
       .paper = "Li, He, Song 2021, Model-Contrastive Federated Learning (MOON), Algorithm 1",
       .fields = {{.name = "mu",
                   .type = type::number().at_least(0),
                   .standard = 1.0,
                   .doc = "weight of the contrastive loss; 0 is plain training"},
                  {.name = "temperature",
                   .type = type::number().above(0),
                   .standard = 0.5,
                   .doc = "what cosines are divided by; the smaller, the sharper"}},
       .example = "objective = objective.contrastive { mu = 5 }"});
  return schemas;
}

}  // namespace polyclinic
