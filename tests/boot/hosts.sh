# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154 # the lab's variables
# The laboratory's hosts: whole disks that OVMF boots by themselves, by GRUB, by systemd-boot or in the layout
# of kernelstub. All of it happens as on a real host: the kernel is a package, and its own scripts, dracut's,
# update-grub's and kernel-install's make what boots.

esp_uuid=5662-6F74
root_uuid=7d1c9a52-3c0f-4e0b-9a55-b0c5e1f0a001
machine_id=5ff17c8b2bb54c68a4bcbf2ab4d0ec1d

# --- kernels ---------------------------------------------------------------------------------

# What the hosts load. The packages are Debian's, with their scripts, less all other modules: unpacking
# and indexing 4,000 of them takes an emulated machine minutes.
host_modules="virtio_pci virtio_blk ext4 vfat nls_cp437 nls_ascii nls_utf8 nls_iso8859_1 efivarfs autofs4
	qemu_fw_cfg bochs snd_hda_intel snd_hda_codec_generic vfio_pci vfio_iommu_type1"

kernels_recipe() {
	echo "two $host_modules"
	declare -f build_kernels repack_kernel
}

# The two oldest kernels that SUITE and its backports still have, as first.deb and next.deb.
build_kernels() {
	local suite=$1 dir=$2 apt=$2.tmp/apt name which
	local -a names
	[ ! -d "$dir" ] || return 0
	say "$suite: two kernels"
	rm -rf "$dir.tmp"
	mkdir -p "$apt/state/lists/partial" "$apt/cache/archives/partial"
	printf 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s %s main\n' \
		"$(mirror)" "$suite" "$(mirror)" "$suite-backports" >"$apt/sources.list"
	cat >"$apt/conf" <<-END
		Dir::State "$apt/state";
		Dir::State::status "/dev/null";
		Dir::Cache "$apt/cache";
		Dir::Etc::sourcelist "$apt/sources.list";
		Dir::Etc::sourceparts "/dev/null";
		APT::Architecture "amd64";
		APT::Sandbox::User "root";
	END
	APT_CONFIG=$apt/conf apt-get -qq update
	mapfile -t names < <(APT_CONFIG=$apt/conf apt-cache --names-only search '^linux-image-[0-9.]+[+]deb[0-9.]+-amd64$' |
		cut -d' ' -f1 | sort -V)
	[ ${#names[@]} -ge 2 ] || die "$suite: the mirror has fewer than two kernels: ${names[*]}"
	for which in first next; do
		name=${names[0]}
		[ "$which" = first ] || name=${names[1]}
		(cd "$dir.tmp" && APT_CONFIG=$apt/conf apt-get -qq download "$name")
		repack_kernel "$dir.tmp/$name"_*.deb "$dir.tmp/$which" "${name#linux-image-}"
		echo "${name#linux-image-}" >"$dir.tmp/$which.version"
	done
	rm -rf "$apt"
	find "$LAB/$suite" -maxdepth 1 -name 'kernels-*' ! -name "${dir##*/}.tmp" -exec rm -rf {} +
	mv "$dir.tmp" "$dir"
}

repack_kernel() {
	# repack_kernel PACKAGE OUT VERSION
	local out=$2 version=$3 modules=$2/usr/lib/modules/$3 name
	dpkg-deb -R "$1" "$out"
	rm -f "$1" "$out/DEBIAN/md5sums"
	ln -s usr/lib "$out/lib"
	depmod -b "$out" "$version"
	for name in $host_modules; do
		modprobe -d "$out" -S "$version" --show-depends "$name"
	done | sed -n "s@^insmod .*/kernel/\([^ ]*\).*@\1@p" | sort -u >"$out.keep"
	(
		cd "$modules/kernel" || exit
		find . -type f -name '*.ko*' -printf '%P\n' | sort | comm -23 - "$out.keep" | xargs -r rm -f
		find . -type d -empty -delete
	)
	find "$modules" -maxdepth 1 -name 'modules.*' ! -name modules.order ! -name 'modules.builtin' \
		! -name modules.builtin.modinfo -exec rm {} +
	rm -r "${out:?}/lib" "${out:?}/usr/share"
	# Uncompressed: dpkg in the guest has only the disk to wait for.
	dpkg-deb -Znone --root-owner-group -b "$out" "$out.deb" >/dev/null
	rm -r "$out"
}

kernels() {
	local dir
	dir=$LAB/$1/kernels-$(kernels_recipe | digest)
	[ -d "$dir" ] || locked "kernels-$1" build_kernels "$1" "$dir"
	echo "$dir"
}

# --- roots -----------------------------------------------------------------------------------

host_packages() {
	echo "linux-base dracut systemd systemd-sysv udev kmod mount libpci3 pci.ids libsmartcols1 libjansson4"
	echo "libarchive13t64 libefivar1t64 libefiboot1t64 diffutils"
	case $1 in
	grub) echo "grub-efi-amd64-bin grub2-common grub-common" ;;
	systemd-boot | kernelstub) echo "systemd-boot" ;;
	*) die "$1: no such host (grub, systemd-boot, kernelstub)" ;;
	esac
}

host_root_options() {
	local list d
	printf '%s\n' --mode=root --variant=essential
	for d in 'doc/*' 'man/*' 'locale/*' 'info/*' 'bug/*' 'lintian/*' 'i18n/*' 'zoneinfo/*'; do
		echo "--dpkgopt=path-exclude=/usr/share/$d"
	done
	list=$(host_packages "$2" | tr '\n ' ',,')
	echo "--include=${list%,}"
	echo "$1"
}

build_host_root() {
	local suite=$1 loader=$2 dir=$3
	local -a options
	[ ! -d "$dir" ] || return 0
	mapfile -t options < <(host_root_options "$suite" "$loader")
	say "$suite: a root with $(host_packages "$loader" | tail -n 1)"
	rm -rf "$dir.tmp"
	mmdebstrap "${options[@]}" "$dir.tmp" "$(mirror)" >"$dir.log" 2>&1 || die "mmdebstrap failed: see $dir.log"
	mv "$dir.tmp" "$dir"
}

host_root() {
	local dir
	dir=$LAB/$1/host-root-$(host_root_options "$1" "$2" | digest)
	[ -d "$dir" ] || locked "${dir##*/}" build_host_root "$1" "$2" "$dir"
	echo "$dir"
}

# --- disks -----------------------------------------------------------------------------------

# host SUITE LOADER [BAKE]: prints the disk. BAKE is a file of shell, run on this host when all is installed. In it
# $R is the root and $esp the ESP below it; in_root runs a command inside, and the build's own are in PATH.
host() {
	local suite=$1 loader=$2 bake=${3:-/dev/null} root stage file kernels
	root=$(host_root "$suite" "$loader")
	stage=$(stage "$suite")
	kernels=$(kernels "$suite")
	file=$LAB/$suite/host-$loader-$({ echo "${root##*/} ${kernels##*/}"; cat "$stage.digest" "$bake" "$here/lab" \
		"$here/hosts.sh"; tree_digest "$here/guest"; } | digest).disk
	[ -e "$file" ] || locked "${file##*/}" build_host "$file" "$root" "$stage" "$kernels" "$suite" "$loader" "$bake"
	echo "$file"
}

build_host() {
	local file=$1 root=$2 stage=$3 kernels=$4 suite=$5 loader=$6 bake=$7 begin=$SECONDS
	[ ! -e "$file" ] || return 0
	[ -x "$top/build/vfio-bootcfg" ] || env -u MAKEFLAGS -u MAKELEVEL make -s -C "$top" all
	rm -f "$file.tmp"
	if ! in_namespace _host "$root" "$stage" "$kernels" "$loader" "$bake" "$file.tmp" >"$file.log" 2>&1 </dev/null; then
		tail -n 20 "$file.log" >&2
		die "$suite: the $loader host failed: see $file.log"
	fi
	say "$suite: $loader host, $((SECONDS - begin)) s"
	mv "$file.tmp" "$file"
	# Two flavours of each loader, and what another run may still be booting.
	find "$LAB/$suite" -maxdepth 1 -name "host-$loader-*.disk" -printf '%T@ %p\n' | sort -rn |
		sed '1,5d;s/^[^ ]* //' | xargs -r -d '\n' rm -f
}

in_root() { chroot "$R" "$@"; }

inside_host() {
	local root=$1 stage=$2 kernels=$3 loader=$4 bake=$5 file=$6 m
	m=$(overlay "$here/guest" "$stage" "$root")
	guest_settings "$m"
	host_settings "$m" "$loader"
	cp "$kernels/next.deb" "$m/usr/lib/boot-test/"
	# A file system of its own, since grub-probe asks where / is.
	mkfs.ext4 -q -F -O ^has_journal -m 0 -U "$root_uuid" -d "$m" "$file.root" 900M
	R=$LAB/.mnt/host esp=$LAB/.mnt/host/boot/efi
	mkdir "$R"
	mount_as_disk "$file.root"
	mount -t tmpfs -o mode=700 tmpfs "$esp"
	system_mounts "$R"
	host_device
	export SYSTEMD_RELAX_ESP_CHECKS=1 SYSTEMD_ESP_PATH=/boot/efi
	case $loader in
	grub) host_grub ;;
	systemd-boot) host_bootctl ;;
	kernelstub) host_kernelstub ;;
	esac
	install_kernel first
	[ ! -s "$bake" ] || (
		PATH=$top/build:$PATH
		set -x
		# shellcheck disable=SC1090 # the test's
		. "$bake"
	)
	host_esp "$file.esp"
	umount -R "$R/proc" "$R/proc.real" "$R/sys" "$R/dev" "$R/run" "$esp"
	rmdir "$R/proc.real"
	umount "$R"
	host_disk "$file"
}

# On a busy machine the guest may take the time stamp counter for six times slower than it is, and then all of
# systemd's time-outs end early: so the clock is another.
host_arguments="clocksource=hpet console=ttyS0 panic=-1 rd.shell=0 fsck.mode=skip no_timer_check tsc=reliable"
host_arguments="$host_arguments nowatchdog mitigations=off init_on_alloc=0 cryptomgr.notests"
host_arguments="$host_arguments module_blacklist=kvm,kvm_intel,kvm_amd,ccp"

host_settings() {
	local m=$1 loader=$2
	mkdir -p "$m/boot/efi"
	cat >"$m/etc/fstab" <<-END
		UUID=$root_uuid / ext4 defaults 0 1
		UUID=$esp_uuid /boot/efi vfat umask=0077,x-systemd.device-timeout=900 0 1
	END
	# One initrd of few modules: each fork of dracut costs ten times what it does here.
	cat >"$m/etc/dracut.conf.d/boot-test.conf" <<-END
		hostonly=yes
		hostonly_cmdline=no
		compress=cat
		early_microcode=no
		do_strip=no
		filesystems+=" ext4 "
		add_drivers+=" virtio_blk virtio_pci ext4 bochs "
		omit_dracutmodules+=" $(cd "$m/usr/lib/dracut/modules.d" && for d in [0-9]*; do
			case ${d#[0-9][0-9]} in
			bash | systemd | systemd-initrd | systemd-ask-password | systemd-journald | systemd-modules-load | systemd-udevd) ;;
			systemd-sysctl | systemd-sysusers | systemd-tmpfiles | dash | kernel-modules | rootfs-block | udev-rules) ;;
			dracut-systemd | base | fs-lib | shell-interpreter | fstab-sys | vfio-bootcfg) ;;
			*) printf '%s ' "${d#[0-9][0-9]}" ;;
			esac
		done)"
	END
	case $loader in
	grub)
		cp "$m/usr/share/grub/default/grub" "$m/etc/default/grub"
		mkdir -p "$m/etc/default/grub.d" "$m/boot/grub/x86_64-efi"
		cat >"$m/etc/default/grub.d/boot-test.cfg" <<-END
			GRUB_TIMEOUT=0
			GRUB_TERMINAL=console
			GRUB_DISABLE_OS_PROBER=true
			GRUB_CMDLINE_LINUX="$host_arguments"
		END
		cp "$m"/usr/lib/grub/x86_64-efi/*.{mod,lst} "$m/boot/grub/x86_64-efi/"
		;;
	*)
		mkdir -p "$m/etc/kernel"
		echo "root=UUID=$root_uuid rw quiet $host_arguments" >"$m/etc/kernel/cmdline"
		# Debian's own hook has made one, and dracut's plugin would make it again.
		printf '%s\n' layout=bls initrd_generator=none BOOT_ROOT=/boot/efi >"$m/etc/kernel/install.conf"
		;;
	esac
}

# Mounts FILE under the name of a real disk, which grub-probe will read in the table of mounts: update-grub
# passes over what is on a loop device. /dev is this namespace's own.
mount_as_disk() {
	local loop node number dev=$LAB/.mnt/dev
	loop=$(losetup -f --show "$1")
	number=$(stat -c '0x%t 0x%T' "$loop")
	mkdir "$dev"
	mount -t tmpfs -o mode=755 tmpfs "$dev"
	for node in null zero full random urandom tty; do
		touch "$dev/$node"
		mount --bind "/dev/$node" "$dev/$node"
	done
	ln -s /proc/self/fd "$dev/fd"
	# shellcheck disable=SC2086 # two numbers
	mknod "$dev/vda" b $number
	mount --move "$dev" /dev
	mount /dev/vda "$R"
	# Not before it is in use: then it goes with the mount.
	losetup -d /dev/vda
}

# The same inside, with the link by which update-grub finds that it has a UUID.
host_device() {
	cp -a /dev/vda "$R/dev/"
	mkdir -p "$R/dev/disk/by-uuid"
	ln -s ../../vda "$R/dev/disk/by-uuid/$root_uuid"
}

host_bootctl() {
	in_root bootctl --no-variables install
	printf '%s\n' "timeout 0" "editor yes" >"$esp/loader/loader.conf"
}

host_grub() {
	cat >"$R/run/early.cfg" <<-END
		search.fs_uuid $root_uuid root
		set prefix=(\$root)/boot/grub
	END
	mkdir -p "$esp/EFI/BOOT"
	in_root grub-mkimage -O x86_64-efi -p /boot/grub -c /run/early.cfg -o /boot/efi/EFI/BOOT/BOOTX64.EFI \
		part_gpt ext2 fat search_fs_uuid normal
}

# What kernelstub 3 leaves on a disk; no distribution of ours has its package.
host_kernelstub() {
	local options_json
	# shellcheck disable=SC2086 # a list of words
	options_json=$(printf '      "%s",\n' $host_arguments)
	rm -f "$R"/etc/kernel/{cmdline,install.conf,postinst.d/zz-systemd-boot,postrm.d/zz-systemd-boot} \
		"$R/etc/initramfs/post-update.d/systemd-boot"
	host_bootctl
	echo "default Pop_OS-current" >>"$esp/loader/loader.conf"
	mkdir -p "$R/etc/kernelstub"
	cat >"$R/etc/kernelstub/configuration" <<-END
		{
		  "default": {
		    "kernel_options": [
		      "quiet",
		      "splash"
		    ],
		    "esp_path": "/boot/efi",
		    "setup_loader": false,
		    "manage_mode": false,
		    "force_update": false,
		    "live_mode": false,
		    "config_rev": 3
		  },
		  "user": {
		    "kernel_options": [
		      "quiet",
		${options_json%,}
		    ],
		    "esp_path": "/boot/efi",
		    "setup_loader": true,
		    "manage_mode": true,
		    "force_update": false,
		    "live_mode": false,
		    "config_rev": 3
		  }
		}
	END
}

# As kernelstub's own hook does after each kernel: the entry is made anew from its configuration.
kernelstub_entry() {
	local os=EFI/Pop_OS-$root_uuid options
	options=$(sed -n '/"user"/,/]/s/^ *"\([^"]*\)",*$/\1/p' "$R/etc/kernelstub/configuration" | tr '\n' ' ')
	mkdir -p "$esp/$os" "$esp/loader/entries"
	cp "$R/boot/vmlinuz-$1" "$esp/$os/vmlinuz.efi"
	cp "$R/boot/initrd.img-$1" "$esp/$os/initrd.img"
	cat >"$esp/loader/entries/Pop_OS-current.conf" <<-END
		title Pop!_OS
		linux /$os/vmlinuz.efi
		initrd /$os/initrd.img
		options root=UUID=$root_uuid ro ${options% }
	END
}

# install_kernel first|next: by its package. What its hooks do not do here, since they look for a mounted ESP or
# do nothing in what they take for a container, is done as they would.
install_kernel() {
	local version
	version=$(cat "$kernels/$1.version")
	cp "$kernels/$1.deb" "$R/run/"
	in_root dpkg -i "/run/$1.deb"
	case $loader in
	grub) in_root update-grub ;;
	systemd-boot)
		[ -e "$esp/loader/entries/$machine_id-$version.conf" ] ||
			in_root kernel-install add "$version" "/boot/vmlinuz-$version"
		;;
	kernelstub) kernelstub_entry "$version" ;;
	esac
}

# What `vfio-bootcfg set --json` says is needed, as who builds an image would do it. Anything else is unknown.
do_what_it_needs() {
	local need version file
	local -a needs
	mapfile -t needs < <(sed -n '/"needs"/,/]/s/^ *"\([a-z]*\)",*$/\1/p' "$1")
	for need in "${needs[@]}"; do
		case $need in
		initramfs)
			version=$(cat "$kernels/first.version")
			in_root dracut --quiet --force "/boot/initrd.img-$version" "$version"
			find "$esp" -name 'initrd*' | while read -r file; do
				cp "$R/boot/initrd.img-$version" "$file"
			done
			;;
		regenerate) in_root update-grub ;;
		*) die "what is $need?" ;;
		esac
	done
}

# A VFAT image without a mount, which not every kernel can do.
host_esp() {
	rm -f "$1"
	truncate -s 200M "$1"
	mformat -i "$1" -F -v ESP -N "${esp_uuid/-/}" ::
	mcopy -i "$1" -s -Q "$esp"/* ::
}

host_disk() {
	local file=$1
	truncate -s 1104M "$file"
	sfdisk -q "$file" <<-END
		label: gpt
		start=1MiB, size=200MiB, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B
		start=202MiB, size=900MiB, type=4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709
	END
	dd if="$file.esp" of="$file" bs=1M seek=1 conv=notrunc,sparse status=none
	dd if="$file.root" of="$file" bs=1M seek=202 conv=notrunc,sparse status=none
	rm "$file.esp" "$file.root"
}
