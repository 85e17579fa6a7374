// The audit of a finished run by membership inference: how much the losses of a hospital's rows
// tell about which of them were trained on. Every hospital is its own control: its training rows
// are compared with its own held-out rows, never with those of others, whose patients differ.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/ids.hpp"
#include "base/schema.hpp"
#include "base/stream.hpp"
#include "data/dataset.hpp"
#include "privacy/membership.hpp"
#include "world/result.hpp"

namespace polyclinic {

struct MembershipTerms {
  double false_positive_rate = 0.01;
  double confidence = 0.95;
  double delta = 0;  // of the privacy that the run has; 0: it has none
};
MembershipTerms membership_terms(const Part& audit);

// Of one hospital, in an order that says nothing about them. Larger scores speak for membership.
struct HospitalScores {
  HospitalId hospital;
  std::vector<double> members;
  std::vector<double> others;
};

// Rows to look at: one of every patient (those of one are no independent witnesses) in a random
// order; all rows where nobody says whose they are.
std::vector<std::int32_t> drawn_rows(const Dataset& data, Stream stream);

// As many members as others of each hospital, the first ones: hospitals are then mixed alike on
// both sides, and a threshold for all of them finds members and not hospitals.
privacy::AttackScores balanced(std::span<const HospitalScores> hospitals);
// The same in two halves: every other record of each hospital and side.
struct Halves {
  privacy::AttackScores chooses;
  privacy::AttackScores judges;
};
Halves halves(std::span<const HospitalScores> hospitals);

// All but `left_out` and the statement.
MembershipResult judge_membership(std::span<const HospitalScores> hospitals,
                                  const MembershipTerms& terms);

// How the result is to be read, in sentences; each stands by itself.
using MembershipStatement = std::vector<std::pair<std::string, std::string>>;
MembershipStatement membership_statement(const MembershipResult& result);

// Schemas of audit.*.
std::vector<Schema> audit_schemas();

}  // namespace polyclinic
