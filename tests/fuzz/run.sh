#!/bin/sh
# Runs every fuzz target of build/fuzz for a while, on the inputs that are kept and on those found by
# earlier runs. Usage: run.sh SECONDS [TARGET...]
# Fails when an input breaks something; it then lies in build/fuzz/findings.
set -eu
cd "$(dirname "$0")/../.."
seconds=$1
shift
targets=${*:-"csv trace scenario"}
mkdir -p build/fuzz/findings
failed=""
for target in $targets; do
  found=build/fuzz/found/$target
  mkdir -p "$found"
  words=""
  [ -f "tests/fuzz/$target.dict" ] && words="-dict=tests/fuzz/$target.dict"
  log=build/fuzz/$target.log
  echo "== $target, $seconds s"
  # shellcheck disable=SC2086
  if build/fuzz/tests/fuzz/${target}_fuzz -max_total_time="$seconds" -timeout=30 -report_slow_units=30 \
      -rss_limit_mb=3000 -max_len=20000 -print_final_stats=1 \
      -artifact_prefix="build/fuzz/findings/$target-" $words \
      "$found" "tests/fuzz/corpus/$target" >"$log" 2>&1; then
    grep -E '^stat::number_of_executed_units' "$log"
  else
    tail -n 60 "$log"
    failed="$failed $target"
  fi
done
if [ -n "$failed" ]; then
  echo "found something:$failed; the inputs are in build/fuzz/findings" >&2
  exit 1
fi
