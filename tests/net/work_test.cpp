#include <doctest/doctest.h>

#include "net_parts.hpp"
#include "sim/scope.hpp"

using namespace polyclinic;
using namespace polyclinic::testing;

namespace {

struct Outcome {
  bool result = false;
  TimeNs ended = kNever;
};

Task<void> do_work(Simulation& sim, Availability& availability, TimeNs duration,
                   Interruption interruption, TimeNs give_up, Outcome& out) {
  out.result = co_await work(sim, availability, duration, interruption, give_up);
  out.ended = sim.now();
}

Task<void> do_wait(Simulation& sim, Availability& availability, TimeNs give_up, Outcome& out) {
  out.result = co_await wait_until_up(sim, availability, give_up);
  out.ended = sim.now();
}

Outcome worked(Changes availability, double duration_s, Interruption interruption,
               TimeNs give_up = kNever) {
  Simulation sim;
  Outcome out;
  sim.spawn(sim.root(),
            do_work(sim, availability, at_seconds(duration_s), interruption, give_up, out), "work");
  sim.run();
  return out;
}

Outcome waited(Changes availability, TimeNs give_up) {
  Simulation sim;
  Outcome out;
  sim.spawn(sim.root(), do_wait(sim, availability, give_up, out), "wait");
  sim.run();
  return out;
}

}  // namespace

TEST_CASE("work ends after its duration; an outage ends it or stops its clock") {
  const Changes flapping({at_seconds(2), at_seconds(5), at_seconds(6), at_seconds(10)});
  const Outcome undisturbed = worked(flapping, 1.5, Interruption::abort);
  CHECK(undisturbed.result);
  CHECK(undisturbed.ended == at_seconds(1.5));
  const Outcome aborted = worked(flapping, 4, Interruption::abort);
  CHECK_FALSE(aborted.result);
  CHECK(aborted.ended == at_seconds(2));
  // 2 s before the first outage, 1 s between, 1 s after: 11 s
  const Outcome resumed = worked(flapping, 4, Interruption::resume);
  CHECK(resumed.result);
  CHECK(resumed.ended == at_seconds(11));
}

TEST_CASE("an outage at the very end comes before it; the end at the deadline counts") {
  const Changes breaks({at_seconds(2), at_seconds(5)});
  CHECK_FALSE(worked(breaks, 2, Interruption::abort).result);
  // all the work was done when it went down
  CHECK(worked(breaks, 2, Interruption::resume).ended == at_seconds(2));
  const Changes up;
  CHECK(worked(up, 3, Interruption::abort, at_seconds(3)).result);
  const Outcome late = worked(up, 3.5, Interruption::abort, at_seconds(3));
  CHECK_FALSE(late.result);
  CHECK(late.ended == at_seconds(3));
}

TEST_CASE("work at a hospital that is down") {
  const Changes down({TimeNs{}, at_seconds(4)});
  const Outcome aborted = worked(down, 1, Interruption::abort);
  CHECK_FALSE(aborted.result);
  CHECK(aborted.ended == TimeNs{});
  CHECK(worked(down, 1, Interruption::resume).ended == at_seconds(5));
  // for good: it waits until it is given up
  const Changes gone({TimeNs{}});
  const Outcome never = worked(gone, 1, Interruption::resume, at_seconds(9));
  CHECK_FALSE(never.result);
  CHECK(never.ended == at_seconds(9));
  CHECK(worked(gone, 1, Interruption::resume).ended == kNever);
}

TEST_CASE("waiting until a hospital is up") {
  const Changes down({TimeNs{}, at_seconds(4), at_seconds(6), at_seconds(8)});
  CHECK(waited(Changes(), TimeNs{}).ended == TimeNs{});
  CHECK(waited(down, kNever).ended == at_seconds(4));
  CHECK(waited(down, at_seconds(4)).result);
  const Outcome late = waited(down, at_seconds(3));
  CHECK_FALSE(late.result);
  CHECK(late.ended == at_seconds(3));
}

TEST_CASE("the plan of a work is known without waiting") {
  Changes flapping({at_seconds(2), at_seconds(5)});
  const WorkPlan plan = plan_work(flapping, at_seconds(1), at_seconds(3), Interruption::resume);
  CHECK(plan.completed);
  CHECK(plan.ends == at_seconds(7));
  Changes gone({at_seconds(2)});
  CHECK(plan_work(gone, TimeNs{}, at_seconds(3), Interruption::resume).ends == kNever);
}
