#!/bin/sh
# Installs the Debian packages of packages.txt that are missing; quick and silent when none is.
# Usage: install.sh [more packages...]
set -eu
here=$(dirname "$0")
wanted="$(sed -e 's/#.*//' "$here/packages.txt" | tr '\n' ' ') $*"
missing=""
for package in $wanted; do
  status=$(dpkg-query -W -f='${Status}' "$package" 2>/dev/null || true)
  [ "$status" = "install ok installed" ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
  echo "polyclinic: this is not Debian; install the likes of:$missing" >&2
  exit 1
fi
as_root=""
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null 2>&1; then
    echo "polyclinic: root or sudo is needed to install:$missing" >&2
    exit 1
  fi
  as_root="sudo"
fi
echo "installing:$missing"
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update -qq
# shellcheck disable=SC2086
$as_root apt-get install -y -qq --no-install-recommends $missing >/dev/null
