#!/usr/bin/env bash
# The root file system under a node image: a small Debian with systemd and what kubelet, kube-proxy and kind look for on a node.
#   SUITE  Debian's code name      OUT  the tar to write      WORK  scratch folder
# mmdebstrap (on PATH) has apt check every package against the archive's signed index.
set -euo pipefail
: "${SUITE:?}" "${OUT:?}" "${WORK:?}"
packages=(
  systemd systemd-sysv kmod mount util-linux procps
  iproute2 iptables nftables conntrack ethtool socat iputils-ping
  bash ca-certificates e2fsprogs jq libseccomp2
)
export TMPDIR=$WORK
exec mmdebstrap --quiet --variant=minbase --mode=root --format=tar \
  --include="$(IFS=,; echo "${packages[*]}")" \
  --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/doc/*' \
  "$SUITE" "$OUT"
