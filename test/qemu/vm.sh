#!/usr/bin/env bash
# vm.sh [-m MEGABYTES] [-c CPUS] [-t SECONDS] [-k KERNEL_VERSION] COMMAND [ARGUMENT...]
#
# Boots a kernel of /boot (the newest, e.g. of Debian's linux-image-cloud-amd64) in QEMU without KVM. Its root is this
# machine's file system, read-only over virtiofs under an overlay in memory; there is no network. Runs COMMAND there as
# root, prints its output and ends with its status. Needs qemu-system-x86, virtiofsd, busybox-static and cpio.
# WEAVE_ORIGINAL (a program) is there too, under another path.
set -euo pipefail

memory=2048 cpus=2 limit=300 version=
while getopts m:c:t:k: option; do
	case $option in
	m) memory=$OPTARG ;;
	c) cpus=$OPTARG ;;
	t) limit=$OPTARG ;;
	k) version=$OPTARG ;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || { echo "usage: vm.sh [-m MEGABYTES] [-c CPUS] [-t SECONDS] [-k KERNEL_VERSION] COMMAND..." >&2; exit 2; }
version=${version:-$(ls /boot | sed -n 's/^vmlinuz-//p' | sort -V | tail -1)}
[ -n "$version" ] || { echo "vm.sh: no kernel in /boot; install linux-image-cloud-amd64" >&2; exit 125; }

work=$(mktemp -d)
daemons=()
cleanup() {
	for pid in "${daemons[@]}"; do kill "$pid" 2>/dev/null || true; done
	rm -rf "$work"
}
trap cleanup EXIT

# The first root: enough to mount the real one.
initial=$work/initial
mkdir -p "$initial"/{bin,proc,sys,dev,modules,lower,memory,new} "$work/out"
cp /bin/busybox "$initial/bin/busybox"
number=10
for module in virtio_pci virtiofs overlay; do
	modprobe -S "$version" --show-depends $module | sed -n 's/^insmod \([^ ]*\).*/\1/p'
done | awk '!seen[$0]++' | while read -r file; do
	cp "$file" "$initial/modules/$((number++)).ko"
done
cat >"$initial/init" <<'INIT'
#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
for module in /modules/*.ko; do insmod $module; done
mount -t virtiofs -o ro host /lower && mount -t tmpfs memory /memory && mkdir /memory/upper /memory/work &&
	mount -t overlay -o lowerdir=/lower,upperdir=/memory/upper,workdir=/memory/work root /new || poweroff -f
mkdir -p /new/vm-out && mount -t virtiofs out /new/vm-out || poweroff -f
for tree in proc sys dev; do mount --move /$tree /new/$tree; done
exec switch_root /new /bin/bash /vm-out/start
INIT
chmod +x "$initial/init"
(cd "$initial" && find . | cpio -o -H newc --quiet | gzip -1) >"$work/initial.gz"

original=
if [ -n "${WEAVE_ORIGINAL:-}" ]; then
	cp "$WEAVE_ORIGINAL" "$work/out/original"
	original='export WEAVE_ORIGINAL=/vm-out/original'
fi
cat >"$work/out/start" <<START
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb WEAVE_IN_VM=1
$original
mkdir -p /dev/pts /dev/shm
mount -t devpts pts /dev/pts; mount -t tmpfs shm /dev/shm; mount -t tmpfs run /run; mount -t tmpfs tmp /tmp
mount -t cgroup2 cgroup /sys/fs/cgroup; mount -t bpf bpf /sys/fs/bpf
ip link set lo up
mkdir -p $(printf %q "$PWD") && mount -t virtiofs cwd $(printf %q "$PWD")
cd $(printf %q "$PWD")
( $(printf '%q ' "$@") ) </dev/null
echo \$? >/vm-out/status
sync; echo o >/proc/sysrq-trigger; sleep 5
START

serve() { # TAG DIRECTORY CACHE
	/usr/lib/qemu/virtiofsd --socket-path="$work/$1.sock" -o source="$2" -o cache="$3" -o sandbox=chroot >"$work/$1.log" 2>&1 &
	daemons+=($!)
}
serve host / always
serve out "$work/out" auto
serve cwd "$PWD" auto
for _ in $(seq 100); do
	[ -S "$work/host.sock" ] && [ -S "$work/out.sock" ] && [ -S "$work/cwd.sock" ] && break
	sleep 0.1
done

timeout "$limit" qemu-system-x86_64 -accel tcg,thread=multi -M q35 -cpu max,la57=off -smp "$cpus" -m "$memory" \
	-object "memory-backend-memfd,id=memory,size=${memory}M,share=on" -numa node,memdev=memory \
	-chardev "socket,id=host,path=$work/host.sock" -device vhost-user-fs-pci,chardev=host,tag=host \
	-chardev "socket,id=out,path=$work/out.sock" -device vhost-user-fs-pci,chardev=out,tag=out \
	-chardev "socket,id=cwd,path=$work/cwd.sock" -device vhost-user-fs-pci,chardev=cwd,tag=cwd \
	-nic none -display none -monitor none -serial stdio -no-reboot \
	-kernel "/boot/vmlinuz-$version" -initrd "$work/initial.gz" \
	-append 'console=ttyS0 quiet edd=off panic=-1 rdinit=/init mitigations=off tsc=reliable' </dev/null || true
exit "$(cat "$work/out/status" 2>/dev/null || echo 125)"
