#!/usr/bin/env bash
# The tests of the kernel's side on another kernel than this machine's: run.sh [TEST...]. Those that need the original
# (fastdp-original) run when WEAVE_ORIGINAL names its program.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
if [ -z "${WEAVE_IN_VM:-}" ]; then
	bash scripts/prepare.sh
	exec bash test/qemu/vm.sh -m 3000 -t "${VM_LIMIT:-1500}" bash test/qemu/run.sh "$@"
fi

echo "Linux $(uname -r)"
for module in veth bridge br_netfilter tun vxlan openvswitch vport-vxlan cls_bpf sch_ingress nf_tables iptable_nat iptable_filter xfrm_user esp4; do
	modprobe -q $module || echo "no module $module"
done
[ $# -gt 0 ] || set -- fastdp-switch host-attach esp-keys fastdp-esp
cd build/test/root
exec node --test --test-reporter=spec "${@/%/.test.js}"
