# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154 # the lab's variables
# Root disks with packages that only a few tests need, and what a guest inside the booted host boots.

# --- packages --------------------------------------------------------------------------------

# A layer over a root: what installing some packages in it changes. So the kernel stays that of the images, and
# the disks of all other tests stay small.
layer_excludes() {
	printf '%s\n' '/usr/share/iso-codes/*' '/usr/share/xml/*' '/usr/lib/ipxe/*' '/usr/share/alsa/*' \
		'/usr/share/qemu/*.img' '/usr/share/qemu/u-boot*' '/usr/share/qemu/*-code.fd*' '/usr/share/qemu/keymaps/*' \
		/usr/bin/qemu-system-i386 /usr/bin/qemu-system-x86_64-microvm /usr/bin/qemu-storage-daemon
}

layer() {
	local suite=$1 root=$2 dir
	shift 2
	dir=$LAB/$suite/layer-$({ echo "${root##*/} $*"; layer_excludes; declare -f inside_layer; } | digest)
	[ -d "$dir" ] || locked "layer-$suite" build_layer "$dir" "$suite" "$root" "$@"
	echo "$dir"
}

build_layer() {
	local dir=$1 suite=$2 root=$3
	shift 3
	[ ! -d "$dir" ] || return 0
	say "$suite: a layer with $*"
	rm -rf "$dir.tmp"
	mkdir -p "$dir.tmp/files" "$dir.tmp/work" "$dir.tmp/apt/lists/partial"
	in_namespace _layer "$dir.tmp" "$suite" "$root" "$@" >"$LAB/$suite/layer.log" 2>&1 </dev/null || {
		tail -n 20 "$LAB/$suite/layer.log" >&2
		die "the packages failed: see $LAB/$suite/layer.log"
	}
	rm -rf "$dir.tmp/work" "$dir.tmp/apt"
	mv "$dir.tmp" "$dir"
	# As with disks.
	find "$LAB/$suite" -maxdepth 1 -name 'layer-*' ! -name '*.tmp' -printf '%T@ %p\n' | sort -rn |
		sed '1,3d;s/^[^ ]* //' | xargs -r -d '\n' rm -rf
}

# The root has no apt: this host's works in it, as mmdebstrap's does.
inside_layer() {
	local dir=$1 suite=$2 root=$3 m=$LAB/.mnt
	shift 3
	mkdir -p "$m"
	mount -t overlay -o "lowerdir=$root,upperdir=$dir/files,workdir=$dir/work" overlay "$m"
	system_mounts "$m"
	mkdir -p "$m/var/cache/apt/archives/partial"
	printf '#!/bin/sh\nexit 101\n' >"$m/usr/sbin/policy-rc.d"
	chmod 755 "$m/usr/sbin/policy-rc.d"
	printf 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s %s main\n' \
		"$(mirror)" "$suite" >"$dir/apt/sources.list"
	cat >"$dir/apt/conf" <<-END
		Dir::State "$dir/apt";
		Dir::State::status "$m/var/lib/dpkg/status";
		Dir::Cache "$m/var/cache/apt";
		Dir::Etc::sourcelist "$dir/apt/sources.list";
		Dir::Etc::sourceparts "/dev/null";
		Acquire::Check-Valid-Until "false";
		APT::Architecture "amd64";
		APT::Sandbox::User "root";
		DPkg::Chroot-Directory "$m";
		DPkg::Options { $(layer_excludes | sed 's/.*/"--path-exclude=&";/'); };
	END
	export APT_CONFIG=$dir/apt/conf DEBIAN_FRONTEND=noninteractive
	apt-get -qq update
	apt-get -y install --no-install-recommends "$@"
	umount -R "$m/proc" "$m/proc.real" "$m/sys" "$m/dev" "$m/run"
	rmdir "$m/proc.real"
	rm -rf "$m/usr/sbin/policy-rc.d" "$m/var/cache/apt"
	umount "$m"
}

# --- the inner guest -------------------------------------------------------------------------

# What it boots: the host's own kernel and the driver of its card, with an init of ours. The kernel is unpacked
# here: two emulators on top of each other would take minutes for that. Follows Documentation/arch/x86/boot.rst.
inner_guest() {
	local m=$1 out=$1/usr/lib/boot-test/inner add=$LAB/.mnt/inner kernel version module number=10 sects offset length
	kernel=$(find "$m/boot" -name 'vmlinuz-*' | sort -V | tail -n 1)
	version=${kernel##*/vmlinuz-}
	mkdir -p "$out" "$add/sys" "$add/dev" "$add/modules"
	sects=$(od -An -tu1 -j $((0x1f1)) -N 1 "$kernel")
	offset=$(od -An -tu4 -j $((0x248)) -N 4 "$kernel")
	length=$(od -An -tu4 -j $((0x24c)) -N 4 "$kernel")
	# Its last four bytes are the size of what is unpacked.
	tail -c +$(((sects + 1) * 512 + offset + 1)) "$kernel" | head -c $((length - 4)) | xz -dc >"$out/vmlinux"
	for module in $(modprobe -d "$m" -S "$version" --show-depends bochs | sed -n 's/^insmod \([^ ]*\).*/\1/p'); do
		cp "$module" "$add/modules/$number-${module##*/}"
		number=$((number + 1))
	done
	gcc -static -O2 -Wall -o "$add/init" "$here/inner-init.c"
	(cd "$add" && find . -mindepth 1 | sort | cpio -o -H newc -R 0:0 --quiet) >"$out/initrd"
}
