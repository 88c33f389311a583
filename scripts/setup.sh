#!/usr/bin/env bash
# Installs what building, testing and the demo need on a fresh Debian 12: packages and npm dependencies.
# Safe to run again; does nothing when everything is there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

packages=(
  gcc make libc6-dev linux-libc-dev libsodium-dev libssl-dev clang libbpf-dev # build
  docker.io containerd runc busybox-static iproute2 nftables iptables ipset util-linux curl procps kmod # hosts of the lab
  ethtool conntrack iputils-ping tcpdump iperf3 socat bind9-dnsutils # tools in the lab's containers
  musl-tools # another C library's resolver asks weaveDNS
  etcd-server # Docker's cluster store
  binutils systemd # symbols are stripped off; units are verified, sockets activated
)
# What the benches compare with.
[ "${1:-}" != bench ] || packages+=(nebula sockperf dnsperf unbound)
missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
  [ "$(id -u)" = 0 ] || { echo "setup: must be root to install: ${missing[*]}" >&2; exit 1; }
  echo "setup: installing ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  # A service started by a package (dockerd, a resolver) would meet the lab's own: policy-rc.d forbids it.
  policy=/usr/sbin/policy-rc.d
  if [ ! -e $policy ]; then
    printf '#!/bin/sh\nexit 101\n' >$policy
    chmod +x $policy
    trap 'rm -f $policy' EXIT
  fi
  apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi
if [ ! -e node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
  echo 'setup: npm install'
  # Not `npm ci`: it insists on optional packages of platforms that some registries do not carry.
  npm install --no-save --silent
fi
