// Whole trainings: row orders, state, extents, the same bits, what is left untouched.
#include "learn/trainer.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <limits>

#include "trainings.hpp"

using namespace polyclinic;
using namespace polyclinic::test;
using dense::Head;

namespace {

std::vector<float> bits(const ParameterVector& p) {
  return p.compact();
}

}  // namespace

TEST_CASE(
    "federated averaging of one full-batch step is one step of centralised gradient descent") {
  // five sites of unequal size; weights n_k / n (McMahan et al. 2017)
  const dense::Network network = mlp(12);
  const ParameterVector global = test::random_parameters(network, 31, 0.4);
  TrainingPlan plan;
  plan.batch = 0;
  plan.schedule.rate = 0.25;
  Dataset pooled;
  pooled.columns = 12;
  std::vector<Dataset> sites;
  for (const std::int64_t rows : {7, 70, 33, 128, 200}) {
    sites.push_back(test::make_data(Head::sigmoid, rows, 12, 1, static_cast<std::uint64_t>(rows)));
    const Dataset& site = sites.back();
    pooled.rows += rows;
    pooled.x.insert(pooled.x.end(), site.x.begin(), site.x.end());
    pooled.label.insert(pooled.label.end(), site.label.begin(), site.label.end());
  }
  ParameterVector mean(network.layout());
  double loss = 0;
  for (const Dataset& site : sites) {
    const TrainingResult result = run(network, task_of(site, global, plan));
    CHECK(result.steps == 1);
    const double weight = static_cast<double>(site.rows) / static_cast<double>(pooled.rows);
    mean.add_scaled(result.delta, static_cast<float>(weight));
    loss += weight * result.mean_loss;
  }
  const TrainingResult central = run(network, task_of(pooled, global, plan));
  const std::vector<float> a = mean.compact();
  const std::vector<float> b = central.delta.compact();
  double largest = 0;
  for (const float x : b) largest = std::max(largest, std::fabs(static_cast<double>(x)));
  REQUIRE(largest > 1e-3);
  for (std::size_t i = 0; i < a.size(); ++i) {
    // parameters of size 1 are stepped in float: their last place is 6e-8, four times over
    CHECK(std::fabs(static_cast<double>(a[i]) - static_cast<double>(b[i])) <
          2.5e-7 + 1e-5 * largest);
  }
  CHECK(loss == doctest::Approx(central.mean_loss).epsilon(1e-6));
}

TEST_CASE("the loader goes on across rounds and keeps the last short batch (as FLamby's does)") {
  // ten rows in batches of four: 4, 4, 2; five steps a round
  Dataset data = test::make_data(Head::sigmoid, 10, 3, 1, 41);
  const dense::Network network = logistic(3);
  const ParameterVector global(network.layout());
  TrainingPlan plan;
  plan.batch = 4;
  plan.steps = 5;
  const std::vector<std::int32_t> order = permutations(10, 4);
  std::vector<std::int32_t> scratch;

  TrainerState state;
  std::size_t used = 0;
  std::vector<std::int32_t> seen;
  std::vector<std::size_t> sizes;
  std::int64_t steps_before = 0;
  for (int round = 0; round < 2; ++round) {
    TrainingTask task = task_of(data, global, plan);
    task.state = &state;
    task.round = round;
    const TrainingExtent e = extent(plan, 10, steps_before);
    task.given_order =
        std::span(order).subspan(used, static_cast<std::size_t>(e.epochs_begun) * 10);
    used += task.given_order.size();
    {
      // what the training below will do, batch by batch
      Loader loader(task, scratch);
      for (int s = 0; s < 5; ++s) {
        const auto rows = loader.next();
        seen.insert(seen.end(), rows.begin(), rows.end());
        sizes.push_back(rows.size());
      }
    }
    const TrainingResult result = run(network, task);
    CHECK(result.steps == e.steps);
    CHECK(result.rows_visited == e.rows_visited);
    steps_before += result.steps;
    CHECK(state.steps_done == steps_before);
  }
  CHECK(sizes == std::vector<std::size_t>{4, 4, 2, 4, 4, 2, 4, 4, 2, 4});
  CHECK(used == 40);
  CHECK(std::equal(seen.begin(), seen.end(), order.begin()));
  CHECK(state.epoch == 4);
  CHECK(state.position == 4);
}

TEST_CASE("extent says exactly what a training does") {
  Dataset data = test::make_data(Head::sigmoid, 23, 3, 1, 51);
  const dense::Network network = logistic(3);
  const ParameterVector global(network.layout());
  for (const std::int64_t rows : {1, 5, 8, 23}) {
    data.rows = rows;
    for (const std::int64_t batch : {0, 1, 4, 8, 23, 100}) {
      for (const bool drop : {false, true}) {
        for (const double epochs : {0.2, 0.5, 1.0, 2.5, 3.0}) {
          TrainingPlan plan;
          plan.batch = batch;
          plan.drop_last = drop;
          plan.epochs = epochs;
          const TrainingResult result = run(network, task_of(data, global, plan));
          const TrainingExtent e = extent(plan, rows);
          CHECK(e.steps >= 1);
          CHECK(result.steps == e.steps);
          CHECK(result.rows_visited == e.rows_visited);
        }
        TrainerState state;
        std::int64_t epochs_begun = 0;
        for (const std::int64_t steps : {1, 3, 7, 2}) {
          TrainingPlan plan;
          plan.batch = batch;
          plan.drop_last = drop;
          plan.steps = steps;
          const TrainingExtent e = extent(plan, rows, state.steps_done);
          TrainingTask task = task_of(data, global, plan);
          task.state = &state;
          const TrainingResult result = run(network, task);
          CHECK(result.steps == steps);
          CHECK(e.steps == steps);
          CHECK(result.rows_visited == e.rows_visited);
          epochs_begun += e.epochs_begun;
          CHECK(state.epoch == epochs_begun);
        }
      }
    }
  }
  CHECK(extent(TrainingPlan{}, 0).steps == 0);
  data.rows = 0;
  const TrainingPlan plan;
  const TrainingResult nothing = run(network, task_of(data, global, plan));
  CHECK(nothing.steps == 0);
  CHECK(nothing.delta.norm() == 0);
  CHECK(nothing.finite);
}

TEST_CASE("an epoch visits every row once, in an order of its own address") {
  const Dataset data = test::make_data(Head::sigmoid, 50, 3, 1, 61);
  TrainingPlan plan;
  plan.batch = 8;
  const ParameterVector global(logistic(3).layout());
  const auto order_of = [&](std::uint64_t entity, std::int64_t round) {
    TrainingTask task = task_of(data, global, plan);
    task.entity = entity;
    task.round = round;
    std::vector<std::int32_t> scratch;
    Loader loader(task, scratch);
    std::vector<std::int32_t> seen;
    for (int i = 0; i < 14; ++i) {
      const auto rows = loader.next();
      seen.insert(seen.end(), rows.begin(), rows.end());
    }
    return seen;
  };
  const std::vector<std::int32_t> two_epochs = order_of(1, 0);
  REQUIRE(two_epochs.size() == 100);
  for (const std::size_t epoch : {0, 1}) {
    std::vector<std::int32_t> sorted(
        two_epochs.begin() + static_cast<std::ptrdiff_t>(epoch * 50),
        two_epochs.begin() + static_cast<std::ptrdiff_t>((epoch + 1) * 50));
    CHECK_FALSE(std::is_sorted(sorted.begin(), sorted.end()));
    std::sort(sorted.begin(), sorted.end());
    for (std::int32_t i = 0; i < 50; ++i) CHECK(sorted[static_cast<std::size_t>(i)] == i);
  }
  CHECK_FALSE(std::equal(two_epochs.begin(), two_epochs.begin() + 50, two_epochs.begin() + 50));
  CHECK(order_of(1, 0) == two_epochs);
  CHECK(order_of(2, 0) != two_epochs);
  CHECK(order_of(1, 1) != two_epochs);
}

TEST_CASE("the same bits from a fresh and from a used workspace, and for AVX2 and AVX-512") {
  const Dataset data = test::make_data(Head::sigmoid, 203, 13, 1, 71);
  const dense::Network network = mlp(13, 0.3);
  const ParameterVector global = test::random_parameters(network, 72, 0.3);
  TrainingPlan plan;
  plan.batch = 32;
  plan.epochs = 2;
  plan.optimizer = TrainingPlan::Optimizer::adam;
  plan.schedule.rate = 0.01;
  const TrainingTask task = task_of(data, global, plan);
  std::vector<std::vector<float>> results;
  for (const dense::Kernels* k : test::all_kernels()) {
    const auto work = network.make_workspace(*k);
    const TrainingResult first = train(network, task, *work);
    // something else in between: other rows, a larger batch, an evaluation
    TrainingPlan other = plan;
    other.batch = 100;
    other.optimizer = TrainingPlan::Optimizer::momentum;
    train(network, task_of(data, first.delta, other), *work);
    std::vector<float> out(203);
    network.predict(first.delta, data, out, *work);
    const TrainingResult second = train(network, task, *work);
    CHECK(bits(first.delta) == bits(second.delta));
    CHECK(first.mean_loss == second.mean_loss);
    results.push_back(bits(first.delta));
  }
  if (results.size() == 3) CHECK(results[1] == results[2]);
  // the baseline rounds each product: the same training to float accuracy, through 14 Adam steps
  for (std::size_t i = 0; i < results[0].size(); ++i) {
    CHECK(std::fabs(results.front()[i] - results.back()[i]) < 2e-3F);
  }
}

TEST_CASE("padding stays zero in results, moments and the packed parameters") {
  const Dataset data = test::make_data(Head::softmax, 70, 13, 5, 81);
  dense::NetworkSpec spec{.name = "mlp", .features = 13, .hidden = {18}, .outputs = 5};
  spec.head = Head::softmax;
  spec.activation = dense::Activation::tanh;
  const dense::Network network(spec);
  const ParameterVector global = test::random_parameters(network, 82, 0.3);
  TrainingPlan plan;
  plan.optimizer = TrainingPlan::Optimizer::adamw;
  plan.proximal = 0.1;
  plan.weight_decay = 0.1;
  plan.keep_optimizer_state = true;
  TrainerState state;
  TrainingTask task = task_of(data, global, plan);
  task.state = &state;
  const auto work = network.make_workspace();
  const TrainingResult result = train(network, task, *work);
  for (const ParameterVector* p :
       {&result.delta, &std::as_const(state.moment1), &std::as_const(state.moment2)}) {
    for (const Slice& s : p->layout().slices()) {
      const std::int64_t end = (s.offset + s.size + 15) / 16 * 16;
      for (std::int64_t i = s.offset + s.size; i < end; ++i) {
        CHECK(p->padded()[static_cast<std::size_t>(i)] == 0.0F);
      }
    }
    CHECK(p->norm() > 0);
  }
  // packed: 18 columns in rows of 32, 5 in rows of 16
  const auto& packed = dynamic_cast<dense::NetworkWorkspace&>(*work).gradient;
  for (const dense::Layer& layer : network.layers()) {
    for (std::int64_t row = 0; row < layer.inputs; ++row) {
      for (std::int64_t j = layer.outputs; j < layer.outputs_padded; ++j) {
        CHECK(packed[static_cast<std::size_t>(layer.weights + row * layer.outputs_padded + j)] ==
              0.0F);
      }
    }
  }
}

TEST_CASE("full-batch training lowers the loss of every model") {
  for (const Head head : {Head::squared, Head::sigmoid, Head::poisson, Head::softmax, Head::cox}) {
    for (const std::vector<std::int32_t>& hidden :
         {std::vector<std::int32_t>{}, std::vector<std::int32_t>{8}}) {
      dense::NetworkSpec spec{.name = "m", .features = 6, .hidden = hidden, .outputs = 1};
      spec.head = head;
      spec.outputs = head == Head::softmax ? 3 : 1;
      spec.l2 = 0.01;
      const dense::Network network(spec);
      const Dataset data = test::make_data(head, 300, 6, 3, 91);
      ParameterVector p(network.layout());
      network.initialise(p, test::stream(92));
      TrainingPlan plan;
      plan.batch = 0;
      plan.epochs = 40;
      plan.schedule.rate = 0.05;
      const auto work = network.make_workspace();
      const double before = network.loss(p, data, test::all_rows(data), nullptr, *work);
      const TrainingResult result = train(network, task_of(data, p, plan), *work);
      p.add_scaled(result.delta, 1);
      const double after = network.loss(p, data, test::all_rows(data), nullptr, *work);
      CHECK(after < before - 0.001);
      CHECK(result.mean_loss < before);
      CHECK(result.mean_loss > after);
    }
  }
}

TEST_CASE("dropout silences the asked share, scales the rest, and its gradient fits its loss") {
  dense::NetworkSpec spec{.name = "mlp", .features = 5, .hidden = {40, 24}, .outputs = 1};
  spec.dropout = 0.3;
  spec.activation = dense::Activation::gelu;
  for (const auto activation : {dense::Activation::gelu, dense::Activation::relu}) {
    spec.activation = activation;
    const dense::Network network(spec);
    const Dataset data = test::make_data(Head::sigmoid, 64, 5, 1, 101);
    const ParameterVector p = test::random_parameters(network, 102, 0.4);
    const auto work = network.make_workspace();
    auto& inside = dynamic_cast<dense::NetworkWorkspace&>(*work);
    const dense::Batch batch{&data, nullptr, data.rows, {}};
    const auto loss_at = [&](const ParameterVector& at) {
      network.pack(inside.kernels, at, inside.parameters.data());
      return dense::Pass(network, inside).gradient(batch, test::stream(103));
    };
    loss_at(p);
    ParameterVector gradient(network.layout());
    network.unpack(inside.kernels, inside.gradient.data(), gradient);
    int silenced = 0;
    for (std::size_t i = 0; i < 64 * 48; ++i) {
      if (i % 48 >= 40) continue;
      const float m = inside.masks[0][i];
      CHECK((m == 0.0F || m == static_cast<float>(1 / 0.7)));
      silenced += m == 0.0F ? 1 : 0;
    }
    // five standard errors of a binomial share
    CHECK(std::fabs(silenced / 2560.0 - 0.3) < 5 * std::sqrt(0.21 / 2560));

    // the same masks at two nearby points: central difference along the gradient in float. The
    // loss moves by 2 h |g| = 0.02 |g|, its rounding is some 1e-7
    ParameterVector above = p;
    ParameterVector below = p;
    const double norm = gradient.norm();
    const double h = 0.01;
    above.add_scaled(gradient, static_cast<float>(h / norm));
    below.add_scaled(gradient, static_cast<float>(-h / norm));
    const double slope = (loss_at(above) - loss_at(below)) / (2 * h);
    CHECK(slope ==
          doctest::Approx(norm).epsilon(activation == dense::Activation::gelu ? 0.003 : 0.03));

    // evaluation knows no dropout
    const double plain = network.loss(p, data, test::all_rows(data), nullptr, *work);
    CHECK(network.loss(p, data, test::all_rows(data), nullptr, *work) == plain);
    CHECK(loss_at(p) != doctest::Approx(plain).epsilon(1e-6));
  }
}

// The clock counts the steps of a training before anybody knows that it overflowed: the place in
// the data has to move on with it, or the next training would ask for epochs that it did not count.
TEST_CASE("a training that overflows moves on in the data and leaves the moments alone") {
  Dataset data = test::make_data(Head::squared, 32, 4, 1, 111);
  dense::NetworkSpec spec{.name = "linear", .features = 4, .hidden = {}, .outputs = 1};
  spec.head = Head::squared;
  const dense::Network network(spec);
  const ParameterVector global = test::random_parameters(network, 112, 1);
  TrainingPlan plan;
  plan.optimizer = TrainingPlan::Optimizer::momentum;
  plan.keep_optimizer_state = true;
  plan.schedule.rate = 0.01;
  plan.steps = 41;  // 8 batches an epoch: five epochs and a batch
  plan.batch = 4;
  TrainerState state;
  TrainingTask task = task_of(data, global, plan);
  task.state = &state;
  CHECK(run(network, task).finite);
  const std::uint64_t moments = state.moment1.hash();

  plan.schedule.rate = 1e8;
  CHECK_FALSE(run(network, task).finite);
  CHECK(state.moment1.hash() == moments);
  CHECK(state.moment_steps == 41);
  CHECK(state.steps_done == 82);
  CHECK(state.epoch == 11);        // begun: 82 batches of 8 an epoch
  CHECK(state.position == 2 * 4);  // two batches of the eleventh

  // as many orders as extent() says, from where the clock believes the training to be
  plan.schedule.rate = 0.01;
  const TrainingExtent next = extent(plan, data.rows, state.steps_done);
  std::vector<std::int32_t> orders;
  for (std::int64_t epoch = 0; epoch < next.epochs_begun; ++epoch) {
    for (std::int32_t row = 0; row < 32; ++row) orders.push_back(row);
  }
  task.given_order = orders;
  CHECK(run(network, task).rows_visited == next.rows_visited);
  CHECK(state.moment_steps == 82);

  // what was stopped has not happened
  std::atomic<bool> stop = true;
  task.stop = &stop;
  CHECK(run(network, task).stopped);
  CHECK(state.steps_done == 123);
}

TEST_CASE("golden bits of a training, equal in every build and with every compiler") {
  // an MLP with all that a plan can do, dropout and its own batch order; the value guards against
  // compilers that fuse or reorder, and against changed kernels (then: say so in the commit)
  const Dataset data = test::make_data(Head::sigmoid, 77, 11, 1, 121);
  dense::NetworkSpec spec{.name = "mlp", .features = 11, .hidden = {20, 9}, .outputs = 1};
  spec.activation = dense::Activation::gelu;
  spec.dropout = 0.1;
  const dense::Network network(spec);
  ParameterVector global;
  network.initialise(global, test::stream(122));
  TrainingPlan plan;
  plan.optimizer = TrainingPlan::Optimizer::adamw;
  plan.schedule.rate = 0.01;
  plan.batch = 16;
  plan.epochs = 2;
  plan.proximal = 0.1;
  plan.weight_decay = 0.01;
  plan.clip_gradient = 0.5;
  const TrainingTask task = task_of(data, global, plan);
  for (const dense::Kernels* k : test::all_kernels()) {
    CAPTURE(std::string(k->name));
    const auto work = network.make_workspace(*k);
    const std::uint64_t hash = train(network, task, *work).delta.hash();
    CHECK(hash ==
          (std::string(k->name) == "baseline" ? 15820817723355721943ULL : 2257280100991068940ULL));
  }
}

TEST_CASE("a training that overflowed leaves nothing behind for the next one on its worker") {
  struct Case {
    Head head;
    std::vector<std::int32_t> hidden;
    std::int32_t outputs;
    double dropout;
  };
  const std::vector<Case> cases{
      {Head::squared, {}, 1, 0},       {Head::squared, {5}, 1, 0}, {Head::sigmoid, {}, 1, 0},
      {Head::poisson, {5}, 1, 0},      {Head::softmax, {}, 3, 0},  {Head::softmax, {5, 3}, 3, 0},
      {Head::squared, {5, 3}, 1, 0.3}, {Head::cox, {}, 1, 0},      {Head::cox, {5}, 1, 0}};
  int overflowed = 0;
  for (const Case& c : cases) {
    for (const bool clips : {false, true}) {
      dense::NetworkSpec spec;
      spec.name = "mlp";
      spec.features = 3;  // each layer is padded
      spec.hidden = c.hidden;
      spec.outputs = c.outputs;
      spec.head = c.head;
      spec.dropout = c.dropout;
      spec.activation = dense::Activation::relu;
      spec.l2 = 0.01;
      const dense::Network network(spec);
      const ParameterVector global = test::random_parameters(network, 71, 0.3);
      const Dataset calm = test::make_data(c.head, 21, 3, c.outputs, 72);
      Dataset wild = calm;
      for (float& x : wild.x) x *= 1e30F;
      TrainingPlan plan;
      plan.batch = 8;
      plan.epochs = 3;
      plan.schedule.rate = 0.05;
      plan.clip_gradient = clips ? 1.0 : 0.0;
      const TrainingResult alone = run(network, task_of(calm, global, plan));
      REQUIRE(alone.finite);
      const auto workspace = network.make_workspace();
      const TrainingResult lost = train(network, task_of(wild, global, plan), *workspace);
      overflowed += lost.finite ? 0 : 1;
      const TrainingResult after = train(network, task_of(calm, global, plan), *workspace);
      CHECK(after.finite);
      CHECK(bits(after.delta) == bits(alone.delta));
      CHECK(after.mean_loss == alone.mean_loss);
      // nor for who is only scored
      train(network, task_of(wild, global, plan), *workspace);
      const std::vector<std::int32_t> rows = test::all_rows(calm);
      CHECK(std::isfinite(network.loss(global, calm, rows, nullptr, *workspace)));
    }
  }
  // there was something to leave behind
  CHECK(overflowed >= 12);
}
