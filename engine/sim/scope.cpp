#include "sim/scope.hpp"

#include <utility>

#include "base/check.hpp"
#include "sim/actor_loop.hpp"
#include "sim/simulation.hpp"

namespace polyclinic {

Scope::Scope(Simulation& sim, std::string label) : sim_(&sim), label_(std::move(label)) {
  attach(sim.root());
}

Scope::Scope(Scope& parent, std::string label) : sim_(parent.sim_), label_(std::move(label)) {
  ENSURE(sim_ != nullptr, "the parent's simulation is alive");
  attach(parent);
}

void Scope::attach(Scope& parent) {
  parent_ = &parent;
  self_ = parent.children_.insert(parent.children_.end(), this);
}

Scope::~Scope() {
  cancel();
  // scopes below that outlive this one go on below the one above
  for (Scope* child : children_) child->parent_ = parent_;
  if (parent_ == nullptr) return;
  if (parent_->cursor_ == self_) ++parent_->cursor_;
  parent_->children_.erase(self_);
  parent_->children_.splice(parent_->children_.end(), children_);
}

void Scope::cancel() {
  if (sim_ != nullptr) sim_->loop().cancel(*this);
}

}  // namespace polyclinic
