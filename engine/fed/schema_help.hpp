// What schemas of several files say alike.
#pragma once

#include <utility>

#include "base/schema.hpp"

namespace polyclinic {

// 0 < x <= 1: a share that is not nothing.
inline Type some_share(Type type) {
  for (Type::Alternative& alternative : type.alternatives) {
    alternative.low = 0;
    alternative.high = 1;
    alternative.low_open = true;
  }
  return type;
}

}  // namespace polyclinic
