// A scope owns actors and frees them together: a round that closes, a hospital that goes down.
#pragma once

#include <cstddef>
#include <list>
#include <string>

#include "sim/event_queue.hpp"

namespace polyclinic {

class Scope;
class Simulation;
namespace kernel {
class ActorLoop;
struct PromiseBase;

// One spawned coroutine with everything it awaits.
struct Actor {
  Actor(Simulation& simulation, Label name, std::uint32_t who)
      : sim(&simulation), label(std::move(name)), entity(who) {}
  Simulation* sim;
  Label label;
  std::uint32_t entity;
  PromiseBase* root = nullptr;      // of the spawned task; owned
  EventId start;                    // its first step, until that came
  Scope* scope = nullptr;           // nullptr once it is doomed
  std::list<Actor>::iterator self;  // its place in the scope's list
};
}  // namespace kernel

// Scopes form a tree; cancelling one cancels the subtree. Not movable; usually a local variable of
// the coroutine whose children it holds, or a member of an object that actors work for.
class Scope {
 public:
  // A scope directly below the simulation's root.
  explicit Scope(Simulation& sim, std::string label = {});
  // A scope that is cancelled with `parent`. REQUIRES: parent's simulation is alive.
  explicit Scope(Scope& parent, std::string label = {});
  // Cancels. May run after the simulation's destruction, which has freed the actors already.
  ~Scope();
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

  // Frees every actor of this scope and of the scopes below: all coroutine frames (innermost first,
  // destructors run), timers and places in mailboxes; nothing of them happens any more. An actor
  // that cancels its own scope is freed when it suspends next. The scope can be used again.
  // REQUIRES: this scope outlives the call.
  void cancel();

  // Actors of this scope that have neither returned nor been cancelled; those below not counted.
  [[nodiscard]] std::size_t actors() const { return actors_.size(); }
  [[nodiscard]] const std::string& label() const { return label_; }

 private:
  friend class Simulation;
  friend class kernel::ActorLoop;
  struct RootTag {};
  Scope(RootTag, Simulation& sim) : sim_(&sim), label_("simulation") {}
  void attach(Scope& parent);

  Simulation* sim_;
  Scope* parent_ = nullptr;
  std::string label_;
  std::list<Scope*> children_;
  std::list<Scope*>::iterator self_;                      // in the parent's children_
  std::list<Scope*>::iterator cursor_ = children_.end();  // next child while cancelling
  std::list<kernel::Actor> actors_;
};

}  // namespace polyclinic
