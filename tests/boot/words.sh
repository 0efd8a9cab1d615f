# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154,SC2054 # the runner's variables; QEMU's commas
# The words of a boot test that say what is booted. A test file is sourced after this one, in a subshell;
# compose then writes what was said into a directory, and the runner boots that. README.md lists the words.

suite_list=bookworm
image_list=systemd
in_make_check=no
control_words=()
control_test=
devices=()
ports=" "
kernel_args=()
iommu_mode=on
memory_mib=1024
ovmf_wanted=no
profile_text=
dracut_lines=()
image_profile_text=
steps_text=
boot_steps=()
bake_text=
cpus=1
package_list=()
time_factor=1
numa_nodes=1
when_lines=()
unforeseen_text=
files_dir=

word_error() {
	echo "$test_name: $*" >&2
	exit 2
}

suites() { suite_list=$*; }
images() { image_list=$*; }
# check_default yes | SUITE.IMAGE...: which of its boots a plain `make check` has.
check_default() { in_make_check=$*; }

# control TEST | control WORD ARGUMENT...: see README.md. A word may be a function of the test file.
control() {
	if declare -F "$1" >/dev/null; then
		control_words=("$@")
	else
		control_test=$1
	fi
}

# port rpN: a root port at 0000:00:10.0 for rp1, and so on; rp0 is in front of all others.
port() {
	local number=${1#rp} extra=${2:-}
	case $ports in *" $1 "*) return ;; esac
	case $1 in rp[0-9] | rp1[0-3]) ;; *) word_error "$1: no such root port (rp0 to rp13)" ;; esac
	ports="$ports$1 "
	devices+=(-device "pcie-root-port,id=$1,bus=pcie.0,addr=$(printf %x $((15 + number))).0,chassis=$((number + 1)),slot=$((number + 1))$extra")
}

device() { devices+=(-device "$1"); }

# machine CARD...: display, or KIND:rpN.
machine() {
	local token kind on
	devices=()
	ports=" "
	for token; do
		kind=${token%%:*}
		on=${token##*:}
		case $token in
		display)
			device VGA,id=display,bus=pcie.0,addr=01.0
			continue
			;;
		port:*)
			# What a card that is plugged in later needs is reserved now.
			port "$on" ,pref32-reserve=32M,io-reserve=4096
			continue
			;;
		*:rp*) port "$on" ;;
		*) word_error "machine: $token: not display, nor KIND:rpN" ;;
		esac
		case $kind in
		gpu) device "bochs-display,bus=$on,addr=0.0,multifunction=on" ;;
		vga) device "VGA,bus=$on,addr=0.0,multifunction=on" ;;
		xhci) device "qemu-xhci,bus=$on,addr=0.0" ;;
		serial) device "pci-serial,bus=$on,addr=0.0" ;;
		nic) device "e1000e,bus=$on,addr=0.0,romfile=" ;;
		nvme)
			devices+=(-drive "if=none,id=nvme-$on,driver=null-co,size=64M,read-zeroes=on")
			device "nvme,bus=$on,addr=0.0,serial=$on,drive=nvme-$on"
			;;
		*) word_error "machine: $kind: no such card" ;;
		esac
		case $kind in gpu | vga) device "ich9-intel-hda,bus=$on,addr=0.1" ;; esac
	done
}

iommu() {
	case $1 in on | off | none) iommu_mode=$1 ;; *) word_error "iommu: on, off or none" ;; esac
}

kernel() { kernel_args+=("$@"); }
memory() { memory_mib=$1; }
cpus() { cpus=$1; }
nodes() { numa_nodes=$1; }
# slow FACTOR: its boots may take this much longer than others.
slow() { time_factor=$1; }
ovmf() { ovmf_wanted=$1; }

# packages NAME...: installed in the root, for the few tests that need more than a host has.
packages() { package_list=("$@"); }

# The profile, in the initramfs and in the root file system.
profile() {
	if [ "${1:-}" = none ]; then
		profile_text=
	else
		profile_text=$(cat)
	fi
}

# A line of configuration for dracut: an image of its own.
dracut() { dracut_lines+=("$*"); }

# The host's profile while dracut runs.
image_profile() {
	if [ "${1:-}" = none ]; then
		image_profile_text=
	else
		image_profile_text=$(cat)
	fi
}

# The kernel replaces a link that stands where a directory of the appended archive goes.
file_below() {
	case $2 in
	/lib/* | /lib64/* | /bin/* | /sbin/* | /run/* | /sys/* | /proc/* | /dev/*)
		word_error "$2: a link or a mount in the image: name where it really is"
		;;
	/*) ;;
	*) word_error "$2: not an absolute path" ;;
	esac
	mkdir -p "$files_dir/$1${2%/*}"
}

# FILE PATH MODE, with what is in it on standard input.
initrd_file() {
	file_below "" "$1"
	rm -f "$files_dir$1"
	cat >"$files_dir$1"
	chmod "$2" "$files_dir$1"
}

initrd_fifo() {
	file_below "" "$1"
	mkfifo -m 644 "$files_dir$1"
}

initrd_dir() {
	file_below "" "$1"
	mkdir -p "$files_dir$1"
}

# initrd_hook POINT NAME: a dracut hook; the runner knows where this image keeps them.
initrd_hook() { initrd_file "/@hooks@/$1/$2" 755; }

# root_file PATH MODE: put there by a hook before switch-root, so that the new init sees it.
root_file() { initrd_file "/boot-test/root$1" "$2"; }

# Steps in the booted guest, one a line; README.md says what they can do.
guest() { steps_text=$(cat); }

# at_boot NUMBER: the steps of this boot of a host; where there is a next one, it reboots after them.
at_boot() {
	if [ "$1" = none ]; then
		boot_steps=()
	else
		boot_steps[$1]=$(cat)
	fi
}

# bake: what is done with a host's disk before its first boot; README.md says with what.
bake() { bake_text=$(cat); }

# by_hand: as a control, what older guides say, written into what the loader reads. Then a kernel is installed.
by_hand() {
	at_boot none
	bake <<-'END'
		arguments="intel_iommu=on iommu=pt isolcpus=2-3 hugepagesz=2M hugepages=64 vfio-pci.ids=1234:1111"
		case $loader in
		grub) sed -i "s/^\(\s*linux\s.*\)/\1 $arguments/" "$R/boot/grub/grub.cfg" ;;
		*) sed -i "s/^options .*/& $arguments/" "$esp"/loader/entries/*.conf ;;
		esac
		install_kernel next
	END
}

# unforeseen WHY...: `vfio-bootcfg check` cannot know how this boot ends. For faults that only a test makes.
unforeseen() {
	unforeseen_text=$*
	[ "$*" != none ] || unforeseen_text=
}

# when WORD COMMAND...: a command for QEMU's monitor, once the guest has run `say WORD`.
when() { when_lines+=("$*"); }

# A host's files and steps are on a disk of their own, which is an archive.
compose_host() {
	local dir=$1 n
	[ -z "${dracut_lines[*]}$image_profile_text$profile_text$steps_text${kernel_args[*]}${package_list[*]}" ] ||
		word_error "$flavour: its own system says what it boots: bake it"
	for n in "${!boot_steps[@]}"; do
		root_file "/usr/lib/boot-test/steps.$n" 644 <<<"${boot_steps[n]}"
	done
	tar -C "$files_dir/boot-test/root" --sort=name --mtime=@0 --owner=0 --group=0 -cf "$dir/steps.tar" .
	rm -rf "$files_dir"
	printf '%s\n' -device virtio-blk-pci,drive=steps,serial=boot-test,bus=pcie.0,addr=03.0 >>"$dir/qemu"
	printf '%s\n' "${when_lines[@]}" >"$dir/when"
}

# Calls into the test file are over; all goes into DIR, and the runner knows no more than what is there.
compose() {
	local dir=$1 flavour=$2 cpu=max,erms=off,fsrm=off
	local -a qemu=() append=()
	local node
	mkdir -p "$dir"
	echo "$flavour" >"$dir/flavour"
	printf '%s\n' "${dracut_lines[@]}" >"$dir/dracut"
	printf '%s' "$image_profile_text" >"$dir/image-profile"
	printf '%s\n' "${package_list[@]}" >"$dir/packages"
	echo "$time_factor" >"$dir/time-factor"
	printf '%s' "$unforeseen_text" >"$dir/unforeseen"
	case $flavour in
	grub | systemd-boot | kernelstub)
		ovmf_wanted=yes
		# The policy for an AMD processor would be another, and the machine's IOMMU is Intel's.
		cpu=$cpu,vendor=GenuineIntel
		[ ${#boot_steps[@]} != 0 ] || boot_steps[1]=
		echo ${#boot_steps[@]} >"$dir/host"
		printf '%s' "$bake_text" >"$dir/bake"
		;;
	esac
	echo "$ovmf_wanted" >"$dir/ovmf"

	# Stale translations are what costs: with rep stosb the guest's clearing of a page makes the emulator look for
	# them 4096 times, and a small cache is emptied sooner. Together they halve the slowest boots.
	qemu=(-accel tcg,thread=single,tb-size=128 -cpu "$cpu" -smp "$cpus" -m "$memory_mib")
	qemu+=(-machine q35,kernel-irqchip=split,sata=off,smbus=off -nodefaults -no-user-config -display none -no-reboot)
	# The processors are all on node 0.
	[ "$numa_nodes" = 1 ] || for ((node = 0; node < numa_nodes; node++)); do
		qemu+=(-object "memory-backend-ram,id=node$node,size=$((memory_mib / numa_nodes))M")
		qemu+=(-numa "node,nodeid=$node,memdev=node$node$([ $node != 0 ] || echo ",cpus=0-$((cpus - 1))")")
	done
	[ "$iommu_mode" = none ] || qemu+=(-device intel-iommu,intremap=on,caching-mode=on)
	qemu+=("${devices[@]}" -device virtio-blk-pci,drive=root,bus=pcie.0,addr=02.0)
	printf '%s\n' "${qemu[@]}" >"$dir/qemu"

	[ ! -e "$dir/host" ] || {
		compose_host "$dir"
		return
	}

	append=(root=/dev/vda rw console=ttyS0 panic=-1 rd.shell=0 fsck.mode=skip)
	# An emulated machine on a busy host gets its timer ticks late: the kernel must not panic over that.
	append+=(no_timer_check tsc=reliable nowatchdog)
	# What takes a fifth of the boot and has nothing to do with cards.
	append+=(mitigations=off init_on_alloc=0 cryptomgr.notests module_blacklist=kvm,kvm_intel,kvm_amd,ccp)
	case $iommu_mode in
	on) append+=(intel_iommu=on iommu=pt) ;;
	off) append+=(intel_iommu=off) ;;
	esac
	echo "${append[*]} ${kernel_args[*]}" >"$dir/append"

	[ -z "$profile_text" ] || {
		initrd_file /etc/vfio-bootcfg.conf 644 <<<"$profile_text"
		root_file /etc/vfio-bootcfg.conf 644 <<<"$profile_text"
	}
	[ -z "$steps_text" ] || root_file /usr/lib/boot-test/steps 644 <<<"$steps_text"
	[ ! -d "$files_dir/boot-test" ] || initrd_hook pre-pivot 00-boot-test.sh <<-'END'
		#!/bin/sh
		cp -a /boot-test/root/. "$NEWROOT"/
	END
	printf '%s\n' "${when_lines[@]}" >"$dir/when"
}
