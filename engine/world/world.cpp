#include "world/world.hpp"

#include "world/world_impl.hpp"

namespace polyclinic {

World::World(WorldSpec spec, ScriptHost* script, const RunOptions& options)
    : impl_(std::make_unique<Impl>(std::move(spec), script, options)) {}

World::~World() = default;

WorldDescription World::describe(std::int64_t hospitals_most) const {
  return impl_->describe(hospitals_most);
}

std::vector<std::string> World::measured_values() const {
  return impl_->measurement->plan().value_names();
}

HospitalProfile World::hospital(HospitalId id) const {
  return impl_->population->profile(id);
}

void World::run() {
  impl_->run();
}

const RunResult& World::result() const {
  return impl_->result;
}

}  // namespace polyclinic
