#!/bin/sh
# Proves `make test` and `make run` on a fresh Debian: debootstrap makes a minimal tree, the checkout is
# copied in, both commands run there in a chroot with nothing but git and make installed. Needs root.
# Usage: fresh.sh 12|13        (MIRROR= and TMPDIR= are honoured)
set -eu
case "${1:-12}" in
  12) suite=bookworm ;;
  13) suite=trixie ;;
  *) echo "fresh: DEBIAN is 12 or 13, not '$1'" >&2; exit 2 ;;
esac
[ "$(id -u)" -eq 0 ] || { echo "fresh: debootstrap and chroot need root: sudo make fresh DEBIAN=$1" >&2; exit 2; }
checkout=$(cd "$(dirname "$0")/.." && pwd)
sh "$checkout/third_party/install.sh" debootstrap git

if [ -z "${MIRROR:-}" ]; then
  # the mirror that this machine uses, else Debian's own
  MIRROR=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null |
    grep -oE 'https?://[^ ]+/debian/?( |$)' | head -n 1 | tr -d ' ')
  MIRROR=${MIRROR:-http://deb.debian.org/debian}
fi
root=$(mktemp -d "${TMPDIR:-/var/tmp}/polyclinic-fresh-$suite.XXXXXX")
chmod 755 "$root"  # tests become other users too, who must be able to enter
clean_up() {
  umount -l "$root/proc" 2>/dev/null || true
  umount -l "$root/dev/shm" 2>/dev/null || true
  rm -rf --one-file-system "$root"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

echo "fresh: debootstrap $suite into $root from $MIRROR"
debootstrap --variant=minbase --include=git,make,ca-certificates "$suite" "$root" "$MIRROR" >"$root.log" 2>&1 ||
  { tail -n 20 "$root.log" >&2; exit 1; }
rm -f "$root.log"
# packages are fetched as this machine fetches them (proxies), names are resolved as here
cp /etc/resolv.conf "$root/etc/resolv.conf" 2>/dev/null || true
mkdir -p "$root/etc/apt/apt.conf.d"
for file in /etc/apt/apt.conf /etc/apt/apt.conf.d/*proxy*; do
  if [ -f "$file" ]; then cp "$file" "$root/etc/apt/apt.conf.d/99-$(basename "$file")"; fi
done
mount -t proc proc "$root/proc"
mkdir -p "$root/dev/shm" && mount -t tmpfs tmpfs "$root/dev/shm"

git config --global --add safe.directory "$checkout" 2>/dev/null || true
git clone -q --no-hardlinks "$checkout" "$root/src/polyclinic"
data=$(cd "$checkout/.." && pwd)/shared/data
if [ -d "$data" ]; then mkdir -p "$root/src/shared" && cp -r "$data" "$root/src/shared/data"; fi

inside() { chroot "$root" /usr/bin/env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 \
  http_proxy="${http_proxy:-}" https_proxy="${https_proxy:-}" sh -c "cd /src/polyclinic && $1"; }
start=$(date +%s)
inside "make test"
tested=$(date +%s)
inside "make run"
echo "fresh: Debian ${1:-12} passes; make test took $((tested - start)) s, make run $(($(date +%s) - tested)) s more"
