#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The dracut module's own decisions, with dracut's functions stood in for. Real images are in tests/boot.
# shellcheck source=tests/cli/harness disable=SC2034,SC2154,SC2031,SC2094,SC2317
. "$(dirname "$0")/harness"

tool=$(realpath "$build/vfio-early")

# in_module SYSROOT COMMAND...: in a subshell that has sourced the module; what dracut would say goes to stderr.
in_module() {
	(
		dracutsysrootdir=$1 kernel=9.9.9 initdir=$scratch/initrd srcmods=$scratch/modules
		shift
		dwarn() { echo "W: $*" >&2; }
		dfatal() { echo "F: $*" >&2; }
		instmods() { echo "instmods hostonly=${hostonly-unset} $*"; }
		. modules.d/50vfio-bootcfg/module-setup.sh
		early=$tool
		"$@"
	) >"$scratch/out" 2>"$scratch/err"
}

new_root() {
	rm -rf "$scratch/root" "$scratch/modules"
	mkdir -p "$scratch/root/etc" "$scratch/root${tool%/*}" "$scratch/modules" "$scratch/initrd/lib/modules/9.9.9"
	: >"$scratch/root$tool"
	chmod +x "$scratch/root$tool"
	printf '[device gpu]\nid = 1234:1111\n' >"$scratch/root/etc/vfio-bootcfg.conf"
}

# wants STATUS [FILE REGEX]
wants() {
	[ "$status" = "$1" ] || wrong "exit status $status, not $1: $(cat "$scratch/err")"
	[ $# = 1 ] || grep -qE "$3" "$scratch/$2" || wrong "no '$3' in $2: $(cat "$scratch/$2")"
}

run() {
	status=0
	in_module "$@" || status=$?
}

it "vfio as modules: installed without hostonly, and missed where they are not"
new_root
run "$scratch/root" installkernel
wants 0 out '^instmods hostonly= vfio_pci vfio_iommu_type1$'
wants 0 err '^W: .*no vfio-pci for kernel 9.9.9'

it "vfio built into the kernel: nothing is missed"
new_root
cp tests/kernels/vfio-built-in/modules.builtin "$scratch/modules/"
run "$scratch/root" installkernel
wants 0 out '^instmods'
if grep -q '^W:' "$scratch/err"; then wrong "warns: $(cat "$scratch/err")"; fi

it "a profile that cannot be read fails the image, with file and line"
new_root
echo 'nonsense' >>"$scratch/root/etc/vfio-bootcfg.conf"
run "$scratch/root" installkernel
wants 1 err '^F: .*/etc/vfio-bootcfg.conf:3: '

it "a drop-in alone makes the module wanted"
new_root
rm "$scratch/root/etc/vfio-bootcfg.conf"
mkdir -p "$scratch/root/usr/lib/vfio-bootcfg.conf.d"
printf '[device gpu]\nid = 1234:1111\n' >"$scratch/root/usr/lib/vfio-bootcfg.conf.d/a.conf"
run "$scratch/root" check
wants 0

it "without a profile the module is left to those who ask for it"
new_root
rm "$scratch/root/etc/vfio-bootcfg.conf"
run "$scratch/root" check
wants 255

it "a profile that is a dangling link is no missing profile"
new_root
ln -sf nowhere "$scratch/root/etc/vfio-bootcfg.conf"
run "$scratch/root" check
wants 0
run "$scratch/root" installkernel
wants 1 err 'vfio-bootcfg.conf'

# installs [NAME]: what `install` does, in an image with systemd or without; dracut's words on stdout.
installs() {
	status=0
	systemd=$1
	(
		inst_binary() { echo "binary ${1##*/}"; }
		inst_libdir_file() { :; }
		inst_multiple() { :; }
		inst_simple() { echo "simple ${1##*/}"; }
		inst_hook() { echo "hook $1 $2 ${3##*/}"; }
		dracut_module_included() { [ "$systemd" = yes ]; }
		systemctl_words() { echo "systemctl ${*: -2}"; }
		moddir=modules.d/50vfio-bootcfg systemdsystemunitdir=/usr/lib/systemd/system SYSTEMCTL=systemctl_words
		in_module "$scratch/root" install
	) || status=$?
}

it "huge pages: their program and unit are in images whose profile has them, and in no others"
new_root
installs yes
wants 0 out '^simple vfio-early.service$'
if grep -q pages "$scratch/out"; then wrong "without a section: $(cat "$scratch/out")"; fi
installs no
if grep -q pages "$scratch/out"; then wrong "without a section: $(cat "$scratch/out")"; fi
mkdir -p "$scratch/root/etc/vfio-bootcfg.conf.d"
printf '# one\n [ hugepages ]\n2M = 4\n' >"$scratch/root/etc/vfio-bootcfg.conf.d/pages.conf"
installs yes
wants 0 out '^binary vfio-early-pages$'
wants 0 out '^simple vfio-early-pages.service$'
wants 0 out '^systemctl initrd.target vfio-early-pages.service$'
installs no
wants 0 out '^hook pre-mount 00 vfio-early-pages.sh$'
wants 0 out '^hook cmdline 00 vfio-early.sh$'

done_testing
