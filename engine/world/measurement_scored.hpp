// What a measurement holds of one hospital, shared by the files that measure. Not for others.
#pragma once

#include <vector>

#include "world/measurement.hpp"

namespace polyclinic {

// A hospital's predictions; labels live in the site.
struct Measurement::Scored {
  SitePtr site;
  std::vector<float> test;
  std::vector<float> validation;
  std::vector<float> train;
  std::vector<std::vector<float>> triggered;  // test rows with the trigger of each backdoor
  [[nodiscard]] metrics::Predictions predictions(const DatasetInfo& info, Rows rows) const {
    const Dataset& data = rows == Rows::test ? site->test : site->train;
    metrics::Predictions p;
    p.task = static_cast<metrics::TaskKind>(info.task);
    p.classes = info.classes;
    p.scores = metrics::NumberView(rows == Rows::test ? test : train);
    p.labels = metrics::NumberView(data.label);
    p.seen = metrics::NumberView(data.event);
    return p;
  }
};

}  // namespace polyclinic
