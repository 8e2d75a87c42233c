#!/usr/bin/env bash
# Makes sure that the programs which this project takes from the system are there: installs what is missing where that
# is possible (root on Debian or Ubuntu), else names it in one line. Silent and fast when nothing is missing.
# `deps.sh compiler` looks for what compiling the addon takes, and for nothing else; `deps.sh compiler ARCH` for what compiling
# it for another architecture takes; `deps.sh emulator` for what runs programs of other architectures; `deps.sh machine` for what a
# virtual machine takes.
set -euo pipefail
PATH="$PATH:/usr/sbin:/sbin"
mode=${1:-all}

packages=()
needs() { command -v "$2" >/dev/null 2>&1 || packages+=("$1"); } # package, and a command that it brings

compiler() {
  needs gcc "${CC:-gcc}"
  [ -e /usr/include/stdio.h ] || packages+=(libc6-dev)
  [ -e /usr/include/linux/netlink.h ] || packages+=(linux-libc-dev)
}

# The architecture in the distribution's words, and the prefix of its compiler.
cross_compiler() {
  needs "gcc-${2//_/-}" "$2-gcc"
  [ -e "/usr/$2/include/stdio.h" ] || packages+=("libc6-dev-$1-cross")
  [ -e "/usr/$2/include/linux/netlink.h" ] || packages+=("linux-libc-dev-$1-cross")
}

case "$mode ${2:-}" in
  'compiler arm64') cross_compiler arm64 aarch64-linux-gnu ;;
  'compiler amd64') cross_compiler amd64 x86_64-linux-gnu ;;
  'emulator ') needs qemu-user qemu-aarch64 ;;
  'machine ')
    needs qemu-system-x86 qemu-system-x86_64
    needs busybox-static busybox
    needs cpio cpio
    needs kmod modprobe
    needs iproute2 ip
    needs iw iw
    ;;
  'compiler ' | 'all ') compiler ;;
  *) echo "usage: deps.sh [compiler [amd64|arm64] | emulator | machine]" >&2; exit 2 ;;
esac

[ "$mode" != all ] || while read -r package command; do
  needs "$package" "$command"
done <<'LIST'
iproute2 ip
iptables iptables
nftables nft
iputils-ping ping
dnsmasq-base dnsmasq
util-linux nsenter
procps sysctl
mount mount
pkg-config pkg-config
tar tar
LIST
# runc's system call filter is built against it
[ "$mode" != all ] || pkg-config --exists libseccomp 2>/dev/null || packages+=(libseccomp-dev)

if [ ${#packages[@]} -gt 0 ]; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "==> installing from the distribution: ${packages[*]}"
    export DEBIAN_FRONTEND=noninteractive
    log=$(mktemp)
    trap 'rm -f "$log"' EXIT
    install() { apt-get install -y --no-install-recommends "${packages[@]}" >"$log" 2>&1; }
    # the package lists of a fresh machine may be missing or old
    install || { apt-get update >"$log" 2>&1 && install; } || { tail -n 20 "$log" >&2; exit 1; }
  else
    echo "missing: ${packages[*]} (Debian's package names); install them as root and run this again" >&2
    exit 1
  fi
fi

[ "$mode" = all ] || exit 0
go=$(command -v go) || { echo "missing: Go 1.26 or later, from https://go.dev/dl/, on PATH" >&2; exit 1; }
version=$("$go" env GOVERSION)
minor=${version#go1.}
minor=${minor%%[!0-9]*}
if [ "$("$go" env GOTOOLCHAIN)" = local ] && [ "${minor:-0}" -lt 26 ]; then
  echo "missing: Go 1.26 or later (this is $version, and GOTOOLCHAIN=local keeps it from fetching a newer one)" >&2
  exit 1
fi
