// Losses and gradients of every model against a reference in double and its central differences.
#include <doctest/doctest.h>

#include "support.hpp"

using namespace polyclinic;
using dense::Activation;
using dense::Head;

namespace {

struct Case {
  std::string what;
  dense::NetworkSpec spec;
  std::int64_t rows;
};

std::vector<Case> cases() {
  std::vector<Case> out;
  const std::vector<std::pair<std::string, Head>> heads = {{"squared", Head::squared},
                                                           {"sigmoid", Head::sigmoid},
                                                           {"poisson", Head::poisson},
                                                           {"softmax", Head::softmax},
                                                           {"cox", Head::cox}};
  for (const auto& [name, head] : heads) {
    const std::int32_t outputs = head == Head::softmax ? 3 : 1;
    const auto ties = {dense::Ties::efron, dense::Ties::breslow};
    for (const dense::Ties tie : ties) {
      if (tie == dense::Ties::breslow && head != Head::cox) continue;
      dense::NetworkSpec linear{.name = "linear", .features = 7, .hidden = {}, .outputs = outputs};
      linear.head = head;
      linear.ties = tie;
      // 150 rows: three chunks, the last one short
      out.push_back({name + " linear", linear, 150});
      linear.l2 = 0.3;
      out.push_back({name + " linear l2", linear, 20});
      linear.l2 = 0;
      const std::vector<std::pair<std::string, Activation>> activations = {
          {"relu", Activation::relu}, {"tanh", Activation::tanh}, {"gelu", Activation::gelu}};
      for (const auto& [activation_name, activation] : activations) {
        dense::NetworkSpec mlp = linear;
        mlp.name = "mlp";
        mlp.activation = activation;
        mlp.hidden = {5};
        out.push_back({name + " one layer " + activation_name, mlp, 33});
        // widths around the padding, a layer of one unit, four layers deep
        mlp.hidden = {18, 16, 1, 4};
        out.push_back({name + " four layers " + activation_name, mlp, 90});
        // groups of 3 and 10, of 2 and 17: none of them whole lanes; 90 rows are two chunks
        mlp.hidden = {20, 6};
        mlp.norm = dense::Norm::group;
        mlp.groups = 2;
        out.push_back({name + " group norm " + activation_name, mlp, 90});
        mlp.hidden = {34, 4, 3};
        mlp.norm = dense::Norm::layer;
        mlp.groups = 1;
        out.push_back({name + " layer norm " + activation_name, mlp, 90});
        mlp.norm = dense::Norm::batch;
        out.push_back({name + " batch norm " + activation_name, mlp, 90});
      }
    }
  }
  dense::NetworkSpec wide{.name = "softmax", .features = 3, .hidden = {6}, .outputs = 21};
  wide.head = Head::softmax;
  out.push_back({"21 classes: more than one block of lanes", wide, 40});
  return out;
}

}  // namespace

TEST_CASE("loss and gradient agree with the reference and its central differences") {
  std::uint64_t entity = 0;
  for (const Case& c : cases()) {
    const dense::Network network(c.spec);
    const Dataset data =
        test::make_data(c.spec.head, c.rows, c.spec.features, c.spec.outputs, ++entity);
    const ParameterVector p = test::random_parameters(network, entity, 0.4);
    const std::vector<float> compact = p.compact();
    std::vector<double> exact(compact.begin(), compact.end());
    const test::Reference reference(network);
    const double expected = reference.loss(exact, data);

    // central differences in double: truncation h^2 f'''/6 about 1e-12, rounding 1e-16/h about
    // 1e-10; the smaller h, the fewer corners of relu lie within it
    const double h = 1e-6;
    std::vector<double> slope(exact.size());
    double largest = 0;
    const std::vector<bool> constant = test::statistics_of(*network.layout());
    for (std::size_t i = 0; i < exact.size(); ++i) {
      if (constant[i]) continue;
      const double at = exact[i];
      exact[i] = at + h;
      const double above = reference.loss(exact, data);
      exact[i] = at - h;
      const double below = reference.loss(exact, data);
      exact[i] = at;
      slope[i] = (above - below) / (2 * h);
      largest = std::max(largest, std::fabs(slope[i]));
    }

    for (const dense::Kernels* k : test::all_kernels()) {
      CAPTURE(c.what);
      CAPTURE(std::string(k->name));
      const auto work = network.make_workspace(*k);
      ParameterVector gradient;
      const std::vector<std::int32_t> rows = test::all_rows(data);
      const double loss = network.loss(p, data, rows, &gradient, *work);
      // float arithmetic through at most 5 layers: a few dozen roundings of 6e-8, most cancelling
      CHECK(loss == doctest::Approx(expected).epsilon(5e-6));
      CHECK(network.loss(p, data, rows, nullptr, *work) == doctest::Approx(loss).epsilon(1e-12));
      const std::vector<float> got = gradient.compact();
      REQUIRE(got.size() == slope.size());
      double worst = 0;
      for (std::size_t i = 0; i < slope.size(); ++i) {
        worst = std::max(worst, std::fabs(static_cast<double>(got[i]) - slope[i]));
      }
      // a spread of three values that are near each other makes their roundings larger
      const double roundings = c.spec.norm == dense::Norm::none ? 1e-5 : 5e-5;
      CHECK(worst < roundings * (largest + 0.01));
    }
  }
}

TEST_CASE("predictions are probabilities, means or log hazard ratios of the reference's scores") {
  std::uint64_t entity = 500;
  for (const Head head : {Head::squared, Head::sigmoid, Head::poisson, Head::softmax, Head::cox}) {
    dense::NetworkSpec spec{.name = "mlp", .features = 9, .hidden = {20}, .outputs = 1};
    spec.head = head;
    spec.outputs = head == Head::softmax ? 4 : 1;
    const dense::Network network(spec);
    const Dataset data = test::make_data(head, 131, 9, spec.outputs, ++entity);
    const ParameterVector p = test::random_parameters(network, entity, 0.4);
    const std::vector<float> compact = p.compact();
    const std::vector<double> exact(compact.begin(), compact.end());
    const test::Reference reference(network);
    for (const dense::Kernels* k : test::all_kernels()) {
      const auto work = network.make_workspace(*k);
      std::vector<float> out(static_cast<std::size_t>(data.rows * spec.outputs));
      network.predict(p, data, out, *work);
      for (std::size_t i = 0; i < static_cast<std::size_t>(data.rows); ++i) {
        const std::vector<double> z = reference.scores(exact, data, i);
        double sum = 0;
        for (const double v : z) sum += std::exp(v);
        for (std::size_t o = 0; o < z.size(); ++o) {
          double expected = z[o];
          if (head == Head::sigmoid) expected = 1 / (1 + std::exp(-z[o]));
          if (head == Head::poisson) expected = std::exp(z[o]);
          if (head == Head::softmax) expected = std::exp(z[o]) / sum;
          // scores of size about 3 with a few roundings each: absolute error below 1e-5
          CHECK(std::fabs(static_cast<double>(out[i * z.size() + o]) - expected) <
                1e-5 * (1 + std::fabs(expected)));
        }
      }
    }
  }
}
