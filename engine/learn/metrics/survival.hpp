// Metrics of risk scores against times that may be censored. seen: 1 event, 0 censored.
#pragma once

#include "learn/metrics/types.hpp"

namespace polyclinic::metrics {

// Harrell's concordance (Harrell et al. 1982): over pairs in which it is known who had the event
// first, the share in which that one has the larger score, equal scores counting half. A pair is
// known when the earlier time is an event; at equal times, an event comes before a censoring, and
// two events are no pair. Exact counts in O(n log n). Interval: infinitesimal jackknife (as R's
// survival::concordance: Therneau and Atkinson 2023) on the logit scale; Wilson with `events`
// trials where it degenerates (value 0 or 1, no variance). Null below min_events.
MetricValue c_index(NumberView scores, NumberView times, NumberView seen,
                    const MetricOptions& options = {});

// Minus the log partial likelihood per event (Cox 1972), with Efron's 1977 treatment of ties, the
// default of model.cox: for the d events of one time, l = 0 .. d - 1, the sum of
// log(S - l / d * D) - score, S the sum of exp(score) over everybody still at risk, D over the d.
// No interval: the terms are not independent. Null without events.
MetricValue partial_likelihood_loss(NumberView scores, NumberView times, NumberView seen,
                                    const MetricOptions& options = {});

}  // namespace polyclinic::metrics
