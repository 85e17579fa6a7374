// A step allocates nothing: trainings of different length allocate equally often.
#include <doctest/doctest.h>

#include <atomic>
#include <cstdlib>
#include <new>
#include <utility>

#include "learn/trainer.hpp"
#include "support.hpp"

namespace {
std::atomic<long> allocations{0};

void* counted(std::size_t bytes, std::size_t alignment) {
  ++allocations;
  const std::size_t rounded = (bytes + alignment - 1) / alignment * alignment;
  void* p = std::aligned_alloc(alignment, rounded == 0 ? alignment : rounded);
  if (p == nullptr) throw std::bad_alloc();
  return p;
}
}  // namespace

void* operator new(std::size_t bytes) {
  return counted(bytes, 16);
}
void* operator new[](std::size_t bytes) {
  return counted(bytes, 16);
}
void* operator new(std::size_t bytes, std::align_val_t a) {
  return counted(bytes, static_cast<std::size_t>(a));
}
void* operator new[](std::size_t bytes, std::align_val_t a) {
  return counted(bytes, static_cast<std::size_t>(a));
}
// as std::stable_sort asks for its buffer: what frees it must know it, too
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  ++allocations;
  return std::malloc(bytes);
}
void* operator new[](std::size_t bytes, const std::nothrow_t&) noexcept {
  ++allocations;
  return std::malloc(bytes);
}
void operator delete(void* p) noexcept {
  std::free(p);
}
void operator delete[](void* p) noexcept {
  std::free(p);
}
void operator delete(void* p, std::size_t) noexcept {
  std::free(p);
}
void operator delete[](void* p, std::size_t) noexcept {
  std::free(p);
}
void operator delete(void* p, std::align_val_t) noexcept {
  std::free(p);
}
void operator delete[](void* p, std::align_val_t) noexcept {
  std::free(p);
}
void operator delete(void* p, std::size_t, std::align_val_t) noexcept {
  std::free(p);
}
void operator delete[](void* p, std::size_t, std::align_val_t) noexcept {
  std::free(p);
}

using namespace polyclinic;

TEST_CASE("steps allocate nothing, whatever the model and the optimiser") {
  using dense::Head;
  for (const Head head : {Head::squared, Head::sigmoid, Head::poisson, Head::softmax, Head::cox}) {
    for (const auto& [dropout, norm] : {std::pair(0.0, dense::Norm::none),
                                        {0.2, dense::Norm::none},
                                        {0.0, dense::Norm::batch},
                                        {0.0, dense::Norm::layer}}) {
      dense::NetworkSpec spec{.name = "mlp", .features = 10, .hidden = {12, 7}, .outputs = 1};
      spec.head = head;
      spec.outputs = head == Head::softmax ? 3 : 1;
      spec.dropout = dropout;
      spec.norm = norm;
      spec.l2 = 0.01;
      const dense::Network network(spec);
      const Dataset data = test::make_data(head, 150, 10, 3, 7);
      const ParameterVector global = test::random_parameters(network, 8, 0.2);
      const auto work = network.make_workspace();
      using Control = TrainingPlan::Control;
      using Optimizer = TrainingPlan::Optimizer;
      struct Kind {
        Optimizer optimizer = Optimizer::sgd;
        Control control = Control::none;
        double clip = 0;
      };
      for (const Kind& kind :
           {Kind{}, Kind{Optimizer::adam}, Kind{Optimizer::sgd, Control::difference},
            Kind{Optimizer::sgd, Control::gradient}, Kind{Optimizer::adam, Control::dynamic},
            Kind{Optimizer::sgd, Control::none, 1.0}, Kind{Optimizer::adam, Control::none, 1.0}}) {
        // no row has a gradient of its own
        const bool coupled = head == Head::cox || norm == dense::Norm::batch;
        if (coupled && kind.clip > 0) continue;
        const auto count = [&](double epochs) {
          TrainingPlan plan;
          plan.privacy = {.clip = kind.clip, .noise = 1};
          plan.optimizer = kind.optimizer;
          plan.control = kind.control;
          plan.schedule.rate = 0.001;
          plan.epochs = epochs;
          plan.clip_gradient = 1;
          plan.proximal = 0.1;
          TrainingTask task;
          task.data = &data;
          task.global = &global;
          task.plan = &plan;
          task.server_control = &global;
          task.own_control = &global;
          const long before = allocations;
          train(network, task, *work);
          return allocations - before;
        };
        count(1);  // the workspace grows
        const long short_training = count(1);
        CHECK(count(8) == short_training);
        // the delta alone: its buffer; that of the change of the control vector; and the list of
        // what an optimiser moves, where that is not everything
        const long beside = norm == dense::Norm::batch ? 1 : 0;
        CHECK(short_training == beside + (kind.control == Control::none ? 1 : 2));
      }
    }
  }
}
