#include "cli/join_command.hpp"

#include <fmt/format.h>

#include <optional>

#include "base/parallel.hpp"
#include "cli/give_answer.hpp"
#include "cli/interrupt.hpp"
#include "cli/sweep_command.hpp"
#include "record/results_folder.hpp"
#include "study/join.hpp"
#include "study/study_progress.hpp"

namespace polyclinic {

Exit ask_join(const JoinArguments& arguments) {
  const double started = wall_seconds();
  const RunArguments& run = arguments.run;
  if (!run.out.empty()) refuse_results(run.out);
  JoinOptions options;
  options.file = run.file;
  options.hospital = arguments.hospital;
  options.metric = arguments.metric;
  options.seed = run.script.seed;
  options.seeds = arguments.seeds;
  options.threads = run.threads > 0 ? run.threads : hardware_threads();
  options.interrupt = &interrupt_flag();
  std::optional<StudyProgress> progress;
  if (!run.json && !run.quiet) progress.emplace(progress_options(), 2 * arguments.seeds);
  if (progress) options.progress = [&](std::int64_t ended) { progress->show(ended, 0); };
  std::optional<JoinReport> found = ask_join(options, study_loader(run));
  if (progress) progress->clear();
  if (!found) return Exit::interrupted;
  found->provenance = provenance(run, wall_seconds() - started);
  found->provenance.emplace_back("threads", fmt::format("{}", options.threads));
  give_answer(
      run, [&] { write_join(*found, run.out); }, [&] { return join_json(*found); },
      [&] { return join_table(*found); });
  return Exit::done;
}

}  // namespace polyclinic
