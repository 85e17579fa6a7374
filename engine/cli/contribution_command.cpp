#include "cli/contribution_command.hpp"

#include <fmt/format.h>

#include <optional>

#include "base/parallel.hpp"
#include "cli/give_answer.hpp"
#include "cli/interrupt.hpp"
#include "cli/sweep_command.hpp"
#include "record/results_folder.hpp"
#include "study/contribution.hpp"
#include "study/study_progress.hpp"

namespace polyclinic {

Exit find_contribution(const ContributionArguments& arguments) {
  const double started = wall_seconds();
  const RunArguments& run = arguments.run;
  if (!run.out.empty()) refuse_results(run.out);
  ContributionOptions options;
  options.file = run.file;
  options.metric = arguments.metric;
  options.seed = run.script.seed;
  options.seeds = arguments.seeds;
  options.shapley = !arguments.leave_one_out;
  options.orders = arguments.orders;
  options.truncate = arguments.truncate;
  options.threads = run.threads > 0 ? run.threads : hardware_threads();
  options.interrupt = &interrupt_flag();
  std::optional<StudyProgress> progress;
  if (!run.json && !run.quiet) progress.emplace(progress_options(), 0);
  if (progress) {
    options.progress = [&](std::int64_t ended, std::int64_t known) {
      progress->expect(known);
      progress->show(ended, 0);
    };
  }
  std::optional<Contribution> found = find_contributions(options, study_loader(run));
  if (progress) progress->clear();
  if (!found) return Exit::interrupted;
  found->provenance = provenance(run, wall_seconds() - started);
  found->provenance.emplace_back("threads", fmt::format("{}", options.threads));
  give_answer(
      run, [&] { write_contribution(*found, run.out); }, [&] { return contribution_json(*found); },
      [&] { return contribution_table(*found); });
  return Exit::done;
}

}  // namespace polyclinic
