// Discrimination: how well scores put events before non-events.
#pragma once

#include "learn/metrics/types.hpp"

namespace polyclinic::metrics {

// Area under the ROC curve = P(score of an event > score of a non-event) + P(equal) / 2, exact with
// ties (mid-ranks; the count of pairs is an integer). Interval: DeLong, DeLong and Clarke-Pearson
// 1988 on the logit scale, as Pohar Perme and Manevski 2018 recommend; Newcombe 2006 where that
// degenerates (AUROC 0 or 1, no variance) or rests on fewer than 10 events or non-events. Simulated
// coverage at 5 events of 55, AUROC .8: DeLong .91, Newcombe .97; at 10 and more DeLong has
// .91-.95, also where Newcombe's assumption of one shape fails and it falls to .87.
MetricValue auroc(NumberView scores, NumberView labels, const MetricOptions& options = {});

// Area under the precision-recall curve as average precision: sum over distinct scores, from the
// highest, of (gain in recall) * (precision at that score); patients with equal scores enter
// together, so the value does not depend on their order. Its floor is the prevalence, events / n.
// Interval: logit method of Boyd, Eng and Page 2013: the logit has variance
// 1 / (events * v * (1 - v)); Wilson with `events` trials where v = 1. Simulated coverage is .96-1:
// cautious when events are few.
MetricValue auprc(NumberView scores, NumberView labels, const MetricOptions& options = {});

// Mean over classes of the AUROC of "this class against the rest" by its column of scores. Classes
// with fewer than min_events patients inside or outside are left out; null when none is left.
// Interval: delta method over the patients' summed influence, so classes may correlate; logit
// scale. REQUIRES: scores.size() == labels.size() * classes, classes >= 2.
MetricValue auroc_one_vs_rest(NumberView scores, NumberView labels, int classes,
                              const MetricOptions& options = {});

}  // namespace polyclinic::metrics
