// Inside the net floor: routers, links between them, and the ways through.
#pragma once

#include "net/topology.hpp"

namespace polyclinic {

// The topology of a resolved part `network.mesh`. Throws ScenarioError: a router that is not there,
// no way to the server, a region or hospital without a place.
Topology make_mesh(const Part& part, SharedLink server, const Population* population);

}  // namespace polyclinic
