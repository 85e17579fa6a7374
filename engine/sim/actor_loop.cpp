#include "sim/actor_loop.hpp"

#include <string>
#include <utility>

#include "base/check.hpp"
#include "base/error.hpp"
#include "sim/wait.hpp"

namespace polyclinic::kernel {

namespace {

void on_start(void* context, std::uint64_t /*argument*/) {
  auto* actor = static_cast<Actor*>(context);
  actor->start = EventId();
  actor->sim->loop().push_step(*actor->root);
}

const Label& label_of_actor(const void* context) {
  return static_cast<const Actor*>(context)->label;
}

constexpr Handler kStart("start of an actor", &on_start, &label_of_actor);

}  // namespace

ActorLoop::~ActorLoop() {
  close();
  // scopes that outlive the simulation have nothing left to do
  std::vector<Scope*> open = {&root_};
  while (!open.empty()) {
    Scope* const scope = open.back();
    open.pop_back();
    scope->sim_ = nullptr;
    open.insert(open.end(), scope->children_.begin(), scope->children_.end());
  }
}

void ActorLoop::close() {
  closing_ = true;
  root_.cancel();
  ENSURE(alive_ == 0, "a closed simulation has no actors");
}

Actor& ActorLoop::add(Scope& scope, Label label, std::uint32_t entity, PromiseBase& root) {
  Actor& actor = scope.actors_.emplace_back(*root_.sim_, std::move(label), entity);
  actor.self = std::prev(scope.actors_.end());
  actor.scope = &scope;
  actor.root = &root;
  root.actor = &actor;
  ++alive_;
  Simulation& sim = *actor.sim;
  actor.start = sim.schedule(sim.now(), Priority::wakeup, {&kStart, &actor, 0, entity});
  return actor;
}

inline void ActorLoop::drop_step(PromiseBase& promise) {
  if (!promise.stepping) return;
  promise.stepping = false;
  PromiseBase* const before = promise.step_previous;
  PromiseBase* const after = promise.step_next;
  (before != nullptr ? before->step_next : first_step_) = after;
  (after != nullptr ? after->step_previous : last_step_) = before;
}

void ActorLoop::start_child(PromiseBase& parent, PromiseBase& child) {
  child.actor = parent.actor;
  child.parent = &parent;
  child.left = parent.last_child;
  if (parent.last_child != nullptr) parent.last_child->right = &child;
  parent.last_child = &child;
  push_step(child);
}

void ActorLoop::unlink_child(PromiseBase& child) {
  if (child.parent == nullptr) return;
  if (child.left != nullptr) child.left->right = child.right;
  (child.right != nullptr ? child.right->left : child.parent->last_child) = child.left;
}

void ActorLoop::free_child(PromiseBase& child) {
  ENSURE(child.last_child == nullptr, "a finished task awaits nothing");
  unlink_child(child);
  child.self.destroy();
}

inline void ActorLoop::complete(PromiseBase& promise) {
  PromiseBase* const parent = promise.parent;
  if (parent == nullptr) {
    if (promise.error && !failure_) failure_ = promise.error;
    doom(*promise.actor);
    return;
  }
  if (Join* join = promise.join) {
    if (join->decided_by != nullptr) return;
    const bool decides = join->any || promise.error;
    if (!decides && --join->remaining > 0) return;
    if (decides) {
      join->decided_by = &promise;
      // free the others, the last first
      for (PromiseBase* child = parent->last_child; child != nullptr;) {
        PromiseBase* const left = child->left;
        if (child != &promise) free_tree(*child);
        child = left;
      }
    }
  }
  push_step(*parent);
}

inline void ActorLoop::resume(PromiseBase& promise) {
  Actor& actor = *promise.actor;
  // as long as current_ is set, cancelling this actor only dooms it: its frames may be in use
  current_ = &actor;
  promise.self.resume();
  if (promise.self.done()) complete(promise);
  current_ = nullptr;
  if (actor.scope == nullptr) free_doomed(actor);
}

void ActorLoop::drain() {
  std::uint64_t steps = 0;
  while (first_step_ != nullptr && !failure_) {
    PromiseBase& promise = *first_step_;
    if (++steps > Simulation::kStepsPerEventMax) [[unlikely]] {
      throw RunError({},
                     culprit_text(promise.actor->label.text, promise.actor->entity) +
                         " calls tasks for ever without waiting, at " +
                         to_seconds_text(promise.actor->sim->now()),
                     "let the loop wait for a time greater than zero");
    }
    drop_step(promise);
    resume(promise);
  }
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

void ActorLoop::doom(Actor& actor) {
  if (actor.scope == nullptr) return;
  doomed_.splice(doomed_.end(), actor.scope->actors_, actor.self);
  actor.scope = nullptr;
}

void ActorLoop::free_doomed(Actor& actor) {
  actor.sim->cancel(actor.start);
  free_tree(*actor.root);
  --alive_;
  doomed_.erase(actor.self);
}

void ActorLoop::free_tree(PromiseBase& root) {
  // leaves first and without recursion: a chain of awaits may be longer than the stack
  PromiseBase* node = &root;
  for (;;) {
    while (node->last_child != nullptr) node = node->last_child;
    PromiseBase* const parent = node->parent;
    const bool last = node == &root;
    unlink_child(*node);
    drop_step(*node);
    node->self.destroy();
    if (last) return;
    node = parent;
  }
}

void ActorLoop::cancel(Scope& scope) {
  // scopes below first; the cursor survives scopes that vanish meanwhile
  scope.cursor_ = scope.children_.begin();
  while (scope.cursor_ != scope.children_.end()) {
    Scope& child = **scope.cursor_;
    ++scope.cursor_;
    cancel(child);
  }
  while (!scope.actors_.empty()) {
    Actor& actor = scope.actors_.back();
    doom(actor);
    if (&actor != current_) free_doomed(actor);
  }
}

namespace {

// The leaves of an actor's frames: what it waits for.
void describe_actor(const Actor& actor, std::vector<Pending>& out) {
  std::vector<const PromiseBase*> open = {actor.root};
  while (!open.empty()) {
    const PromiseBase* node = open.back();
    open.pop_back();
    if (node->last_child != nullptr) {
      for (const PromiseBase* c = node->last_child; c != nullptr; c = c->left) open.push_back(c);
      continue;
    }
    // a part of an all_of that has returned already
    if (node->self.done()) continue;
    Pending line{.actor = true,
                 .label = actor.label.text,
                 .entity = actor.entity,
                 .why = "is about to go on",
                 .at = actor.sim->now()};
    if (node->wait != nullptr) {
      line.why = node->wait->what();
      if (!node->wait->on().empty()) line.why += " '" + std::string(node->wait->on()) + "'";
      line.at = node->wait->until();
    }
    out.push_back(std::move(line));
  }
}

}  // namespace

void ActorLoop::describe(std::vector<Pending>& out) const {
  std::vector<const Scope*> open = {&root_};
  while (!open.empty()) {
    const Scope* scope = open.back();
    open.pop_back();
    for (const Actor& actor : scope->actors_) describe_actor(actor, out);
    for (auto c = scope->children_.rbegin(); c != scope->children_.rend(); ++c) open.push_back(*c);
  }
}

}  // namespace polyclinic::kernel
