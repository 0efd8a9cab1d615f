#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# vfio-bootcfg check: per loader, a host whose next boot is as the profile says; then what goes wrong, one thing at a
# time, each with its reason. At the end all reasons that were given are read.
# shellcheck source=tests/cli/harness
. "$(dirname "$0")/harness"
# shellcheck source=tests/cli/images
. "$(dirname "$0")/images"
program=vfio-bootcfg
kernel=6.1.0-9-amd64
arguments="root=/dev/vda intel_iommu=on iommu=pt"

# --- hosts -------------------------------------------------------------------------------------

host() {
	use_machine dual-q35 "${1-}"
	put etc/vfio-bootcfg.conf <<-END
		[device guest-gpu]
		path = 0000:00:10.0/00.0
		id = 1234:1111
		[kernel]
		iommu = pt
	END
	chmod 644 "$machine/etc/vfio-bootcfg.conf"
	host_files DMAR
	save_image
}

sdboot() {
	host "$@"
	put boot/loader/loader.conf <<<'timeout 0'
	entry a "$kernel" "$arguments"
}

grub() {
	host
	mkdir -p "$machine/etc/default"
	echo 'GRUB_CMDLINE_LINUX_DEFAULT="intel_iommu=on iommu=pt"' | put etc/default/grub
	grub_menu
}

# A PE file of the sections FILE=NAME.
uki() {
	python3 - "$@" <<-'END'
		import struct, sys
		sections = [s.split("=", 1) for s in sys.argv[1:]]
		data = [(n, open(f, "rb").read()) for f, n in sections]
		head = b"MZ".ljust(0x3c, b"\0") + struct.pack("<I", 0x40)
		head += b"PE\0\0" + struct.pack("<HHIIIHH", 0x8664, len(data), 0, 0, 0, 0, 0x22)
		at = (len(head) + 40 * len(data) + 511) // 512 * 512
		table, body = b"", b""
		for name, d in data:
		    table += name.encode().ljust(8, b"\0") + struct.pack("<IIIIIIHHI", len(d), 0, len(d), at + len(body), 0, 0, 0, 0, 0x40000040)
		    body += d.ljust((len(d) + 511) // 512 * 512, b"\0")
		sys.stdout.buffer.write((head + table).ljust(at, b"\0") + body)
	END
}

# --- every answer is kept ----------------------------------------------------------------------

# no_to REASON TEXT...: the default entry has this reason, alone, and its sentence says so much.
no_to() {
	local reason=$1
	shift
	checks 1
	is 'e["reasons"]' "['$reason']"
	has out "$@"
}

# card WILL REASON TEXT...: what becomes of guest-gpu.
card() {
	is '[c["will"] for c in d["cards"] if c["name"] == "guest-gpu"]' "[$1]"
	is '[c["reason"] for c in d["cards"] if c["name"] == "guest-gpu"]' "['$2']"
	shift 2
	[ $# = 0 ] || has out "$@"
}

for how in sdboot grub; do
	it "$how: all is as it should be: 0, and the card will be claimed"
	$how
	checks 0
	is 'd["ok"]' True
	is 'e["problems"] + e["missing"] + d["problems"]' "[]"
	is 'e["kernel"]' "$kernel"
	is 'e["initramfs"]' "/boot/initrd.img-$kernel"
	card True claimed
	is 'd["cards"][0]["addresses"]' "['0000:01:00.0', '0000:01:00.1']"
	on check
	exits 0
	has out "The next boot will do what the profile says" guest-gpu 0000:01:00.0 yes
done

for compressor in cat "gzip -c" "xz -c -0 --check=crc32" "zstd -qc -1" "bzip2 -c"; do
	it "an image of microcode, padding and ${compressor%% *}: read to its end"
	sdboot
	# shellcheck disable=SC2086 # words are meant
	pack $compressor | put "boot/initrd.img-$kernel"
	checks 0
	is 'e["problems"]' "[]"
	# The same without the profile: what is in it counts, not that it is there.
	rm "$tree/etc/vfio-bootcfg.conf"
	# shellcheck disable=SC2086 # words are meant
	pack $compressor | put "boot/initrd.img-$kernel"
	no_to image-profile "/boot/initrd.img-$kernel carries another profile: [device guest-gpu] path is not set there"
done

it "several initrd lines are one file system: the profile may be in the second one"
sdboot
rm "$tree/etc/vfio-bootcfg.conf"
save_image
mkdir -p "$scratch/second/etc"
cp "$machine/etc/vfio-bootcfg.conf" "$scratch/second/etc/"
(cd "$scratch/second" && find . -mindepth 1 | cpio -o -H newc --quiet) | put boot/second
sed -i "s,^initrd.*,&\ninitrd /second," "$machine/boot/loader/entries/a.conf"
checks 0
sed -i "s,^initrd.*second,initrd /none," "$machine/boot/loader/entries/a.conf"
no_to no-initramfs "/boot/none, or one that is unpacked before it, is not there"

it "a unified kernel image: its sections are read, and what is missing in them is said"
host
put boot/loader/loader.conf <<<'timeout 0'
pack gzip -c >"$scratch/initrd"
printf %s "$arguments" >"$scratch/cmdline"
printf %s $kernel >"$scratch/uname"
echo kernel >"$scratch/linux"
make_uki() { uki "$scratch/cmdline=.cmdline" "$scratch/uname=.uname" "$scratch/linux=.linux" "$@" | put EFI/Linux/x.efi; }
machine_esp() { mkdir -p "$machine/boot/EFI/Linux" && mv "$machine/EFI/Linux/x.efi" "$machine/boot/EFI/Linux/"; }
make_uki "$scratch/initrd=.initrd" && machine_esp
checks 0
is 'e["file"]' /boot/EFI/Linux/x.efi
is 'e["kernel"]' $kernel
make_uki && machine_esp
no_to no-initramfs "/boot/EFI/Linux/x.efi has no initramfs in it"
printf %s "root=/dev/vda" >"$scratch/cmdline"
make_uki "$scratch/initrd=.initrd" && machine_esp
checks 1
is 'sorted(e["missing"])' "['intel_iommu=on', 'iommu=pt']"

it "kernelstub: the entry that loader.conf names"
host
put etc/kernelstub/configuration <<-END
	{"default": {"kernel_options": ["quiet"], "config_rev": 3}, "user": {"kernel_options": ["quiet", "intel_iommu=on", "iommu=pt"], "esp_path": "/boot/efi", "config_rev": 3}}
END
put boot/efi/loader/loader.conf <<<'default Pop_OS-current'
put "boot/efi/EFI/Pop_OS-1/vmlinuz.efi" </dev/null
cp "$machine/boot/initrd.img-$kernel" "$machine/boot/efi/EFI/Pop_OS-1/initrd.img"
put boot/efi/loader/entries/Pop_OS-current.conf <<-END
	title Pop!_OS
	linux /EFI/Pop_OS-1/vmlinuz.efi
	initrd /EFI/Pop_OS-1/initrd.img
	options $arguments
END
checks 0
is 'd["default_entry"]' /boot/efi/loader/entries/Pop_OS-current.conf
# The version is what the kernel says of itself.
python3 - "$machine/boot/efi/EFI/Pop_OS-1/vmlinuz.efi" <<'END'
import struct, sys
b = bytearray(1024)
b[0x202:0x206] = b"HdrS"
b[0x20e:0x210] = struct.pack("<H", 0x100)
b[0x300:0x310] = b"6.9.9-other (x)\0"
open(sys.argv[1], "wb").write(b)
END
no_to other-kernel "has modules of Linux $kernel, and is booted with Linux 6.9.9-other"

# --- the command line --------------------------------------------------------------------------

it "what is missing on the command line of the default entry is a no; of another entry it is only said"
sdboot
entry b 6.0 "root=/dev/vda"
checks 0
is '[x["missing"] for x in d["entries"] if not x["default"]]' "[['intel_iommu=on', 'iommu=pt']]"
put boot/loader/loader.conf <<<'default b*'
checks 1
is 'd["default_entry"]' /boot/loader/entries/b.conf
is 'e["missing"]' "['intel_iommu=on', 'iommu=pt']"

it "GRUB's default: a number, a path in the submenu, an id, what is saved, what is asked for once"
for default in 0 gnulinux-simple "Debian GNU/Linux" "1>0" "gnulinux-advanced>gnulinux-$kernel-advanced" none; do
	grub
	checks 0
done
for default in "1>2" "gnulinux-advanced>gnulinux-6.0-advanced"; do
	grub
	checks 1
	is 'e["title"]' "Debian, with Linux 6.0"
done
default="gnulinux-advanced>gnulinux-$kernel-recovery-x"
grub
checks 1
is 'd["reasons"]' "['no-default']"
is 'd["default_entry"]' None
# shellcheck disable=SC2016 # GRUB's
default='${saved_entry}'
grub
checks 0
environment() { { printf '# GRUB Environment Block\n%s\n' "$1"; printf '#%.0s' {1..1024}; } | head -c 1024 | put boot/grub/grubenv; }
environment "saved_entry=gnulinux-advanced>gnulinux-6.0-advanced"
checks 1
is 'e["title"]' "Debian, with Linux 6.0"
default=0
grub
environment "next_entry=1>2"
checks 1
is 'e["title"]' "Debian, with Linux 6.0"

it "the ways out of a black screen, written into an entry"
for word in rd.vfio=0 vfio_bootcfg.enable=0 rd.hostonly=0 single systemd.unit=rescue.target; do
	sdboot
	entry a $kernel "$arguments $word"
	on check --json
	if [ "$(json 'e and e["reasons"]')" = "['switched-off']" ]; then
		no_to switched-off "with \`$word\` on its command line vfio-early claims nothing"
		card False switched-off
	else
		# A rescue entry is no entry of ours at all.
		checks 1
		is 'd["reasons"]' "['no-default']"
		case $word in single | *rescue*) ;; *) wrong "$word is not seen" ;; esac
	fi
done

it "vfio-pci kept out by the kernel, the IOMMU switched off, a quote that is open"
sdboot
entry a $kernel "$arguments module_blacklist=nouveau,vfio_pci"
no_to module-blacklist "module_blacklist=nouveau,vfio_pci"
card False module-blacklist
entry a $kernel "root=/dev/vda intel_iommu=on iommu=pt intel_iommu=off"
checks 1
is '"iommu-off" in e["reasons"] and "unexpected" in e["reasons"]' True
card False iommu-off "--iommu pt"
entry a $kernel "$arguments dyndbg=\"file"
checks 1
is '"open-quote" in e["reasons"]' True

it "another tool's ids of a stranger's card: on the command line, in modprobe.d, in the image"
sdboot
entry a $kernel "$arguments vfio-pci.ids=1af4:1001"
checks 1
is 'e["reasons"]' "['unexpected']"
has out "vfio-pci.ids=1af4:1001"
sdboot
put etc/modprobe.d/x.conf <<<'options vfio-pci ids=1af4:1001'
checks 1
is 'd["reasons"]' "['setting']"
sdboot
echo 'options vfio-pci ids=1af4:1001' >"$tree/usr/lib/modprobe.d/x.conf"
save_image
no_to image-ids "usr/lib/modprobe.d/x.conf:1"

it "kernel options: no driver for this IOMMU; an override without the patch"
sdboot
printf '# Linux\nCONFIG_PCI=y\n# CONFIG_INTEL_IOMMU is not set\n' | put "boot/config-$kernel"
no_to no-kernel-option CONFIG_INTEL_IOMMU "boot another kernel"
sdboot
sed -i 's/^iommu = pt/&\nacs-override = downstream/' "$machine/etc/vfio-bootcfg.conf"
entry a $kernel "$arguments pcie_acs_override=downstream"
echo 'ffff t pci_dev_specific_acs_enabled' | put "boot/System.map-$kernel"
no_to no-acs-patch "acs-override of /etc/vfio-bootcfg.conf:6" linux-zen
echo 'ffff t pcie_acs_override_setup pci_dev_specific_acs_enabled' | put "boot/System.map-$kernel"
checks 0

# --- the image ---------------------------------------------------------------------------------

# change COMMAND...: an image with this done in its tree.
change() {
	sdboot
	(cd "$tree" && "$@")
	save_image
}

it "what an image may lack, each by its name"
change rm usr/lib/vfio-bootcfg/vfio-early
checks 1
is '"no-early" in e["reasons"]' True
card False no-early
change rm usr/lib/systemd/system/initrd.target.wants/vfio-early.service
no_to not-started "vfio-early.service"
sdboot
mkdir -p "$tree/etc/systemd/system"
ln -sf /dev/null "$tree/etc/systemd/system/vfio-early.service"
save_image
no_to not-started "vfio-early.service"
change rm usr/lib/x86_64-linux-gnu/libkmod.so.2
no_to no-libkmod libkmod.so.2
change rm "usr/lib/modules/$kernel/modules.dep.bin"
no_to no-module modules.dep.bin
for module in vfio-pci vfio-pci-core vfio; do
	change rm "usr/lib/modules/$kernel/kernel/vfio/$module.ko.xz"
	checks 1
	is 'set(e["reasons"])' "{'no-module'}"
	has out "lacks kernel/vfio/$module.ko.xz"
	card False no-module
done
change sed -i '/^kernel.vfio.vfio-pci.ko/d' "usr/lib/modules/$kernel/modules.dep"
no_to no-module "has no vfio_pci for Linux $kernel"
change sed -i '/vfio_iommu_type1/d' "usr/lib/modules/$kernel/modules.dep"
no_to no-module "has no vfio_iommu_type1"
card True claimed
sdboot
sed -i /vfio/d "$machine/usr/lib/modules/$kernel/modules.dep"
sed -i /vfio/d "$tree/lib/modules/$kernel/modules.dep"
save_image
checks 1
has out "CONFIG_VFIO_PCI" "CONFIG_VFIO_IOMMU_TYPE1"
change mv "usr/lib/modules/$kernel" usr/lib/modules/6.0
no_to other-kernel "has modules of Linux 6.0, and is booted with Linux $kernel"
change sed -i 's/1234:1111/1234:1112/' etc/vfio-bootcfg.conf
no_to image-profile "id is \`1234:1112\` there, \`1234:1111\` in the profile of this host"
change sed -i 's/^id.*/&\nclass = 0380/' etc/vfio-bootcfg.conf
no_to image-profile "class is \`0380\` there, not set in the profile of this host"
change sed -i 's/^id/ids/' etc/vfio-bootcfg.conf
no_to bad-profile "is not understood"
change mkdir -p scripts
rm -r "$tree/usr/lib/dracut" "$tree/usr/lib/vfio-bootcfg"
touch "$tree/scripts/functions"
save_image
checks 1
has out "it is made by initramfs-tools, which knows nothing of vfio-early: install dracut"

it "what is built into the kernel need not be in the image"
sdboot
printf 'kernel/vfio/%s.ko\n' vfio-pci vfio-pci-core vfio vfio_iommu_type1 >"$machine/usr/lib/modules/$kernel/modules.builtin"
rm -r "$tree/usr/lib/modules" "$tree"/usr/lib/x86_64-linux-gnu/libkmod*
save_image
checks 0

it "an image without systemd: the hook, wherever dracut keeps them"
for hooks in usr/lib/dracut/hooks var/lib/dracut/hooks; do
	sdboot
	rm -r "$tree/usr/lib/systemd"
	mkdir -p "$tree/$hooks/cmdline"
	echo : >"$tree/$hooks/cmdline/00-vfio-early.sh"
	save_image
	checks 0
	mv "$tree/$hooks/cmdline" "$tree/$hooks/pre-udev"
	save_image
	no_to not-started "no hook of dracut's cmdline runs it"
done
change mkdir -p usr/lib/dracut/hooks/cmdline
echo : >"$tree/usr/lib/dracut/hooks/cmdline/00-vfio-early.sh"
rm "$tree/usr/lib/systemd/system/initrd.target.wants/vfio-early.service"
save_image
no_to not-started "a hook would come too late"

it "huge pages: vfio-early-pages, and what starts it"
sdboot
printf '[hugepages]\n2M = 16\n' >>"$machine/etc/vfio-bootcfg.conf"
cp "$machine/etc/vfio-bootcfg.conf" "$tree/etc/"
entry a $kernel "$arguments hugepagesz=2M hugepages=16"
save_image
no_to no-early vfio-early-pages
card True claimed
printf '\177ELF' | install -m 755 /dev/stdin "$tree/usr/lib/vfio-bootcfg/vfio-early-pages"
save_image
no_to not-started vfio-early-pages
echo '[Unit]' >"$tree/usr/lib/systemd/system/vfio-early-pages.service"
ln -s ../vfio-early-pages.service "$tree/usr/lib/systemd/system/initrd.target.wants/"
save_image
checks 0

it "an entry without an image, with one that is not there, that is none, that is cut off, that has no end"
sdboot
sed -i /^initrd/d "$machine/boot/loader/entries/a.conf"
no_to no-initramfs "the entry names no initramfs"
sdboot
rm "$machine/boot/initrd.img-$kernel"
no_to no-initramfs "/boot/initrd.img-$kernel is not there"
put "boot/initrd.img-$kernel" <<<"no image"
no_to image-unreadable "this is no initramfs image"
pack cat | head -c 5000 | put "boot/initrd.img-$kernel"
no_to image-unreadable "/boot/initrd.img-$kernel"
rm "$machine/boot/initrd.img-$kernel"
mkdir "$machine/boot/initrd.img-$kernel"
no_to image-unreadable "Is a directory"
rmdir "$machine/boot/initrd.img-$kernel"
mkfifo "$machine/boot/initrd.img-$kernel"
no_to image-unreadable "cannot be read"
rm "$machine/boot/initrd.img-$kernel"
ln -s /etc/passwd "$machine/boot/initrd.img-$kernel"
no_to no-initramfs "is not there" # inside the machine there is none
rm "$machine/boot/initrd.img-$kernel"
{ printf '07070100000001000081a4%056dffffffff%024d%08x00000000' 0 0 5; printf 'name\0'; } | put "boot/initrd.img-$kernel"
checks 1
is '"image-unreadable" in e["reasons"]' True
change ln -sf ../../../../../../../../etc/shadow etc/vfio-bootcfg.conf
no_to bad-profile "is not understood"
change ln -sfT /etc/vfio-bootcfg.conf etc/vfio-bootcfg.conf
no_to bad-profile "is not understood"

# --- the cards ---------------------------------------------------------------------------------

it "each card: the reason that early would give"
sdboot
sed -i 's/00:10.0/00:12.0/' "$machine/etc/vfio-bootcfg.conf" "$tree/etc/vfio-bootcfg.conf"
save_image
checks 1
card False not-found "no 1234:1111 of [device guest-gpu] at 0000:00:12.0/00.0"
sed -i 's/^path.*/path = 0000:00:01.0/' "$machine/etc/vfio-bootcfg.conf" "$tree/etc/vfio-bootcfg.conf"
save_image
checks 1
card False boot-display allow-boot-display
sdboot
sed -i 's/^id/claim = guest\n&/' "$machine/etc/vfio-bootcfg.conf" "$tree/etc/vfio-bootcfg.conf"
save_image
checks 0
card False guest-only

it "a card that the user has given back is claimed again by the next boot"
sdboot
put run/vfio-bootcfg/released/0000:01:00.0 </dev/null
checks 0
card True claimed

# without_groups [SED]: the same host, booted without its IOMMU.
without_groups() { sdboot 's/ group=[0-9]*//; s/^proc.cmdline.*/proc\/cmdline = root=\/dev\/vda/'; }

it "the IOMMU in the next boot: by its command line, and by what the firmware describes"
without_groups
checks 0
card True claimed "gets its IOMMU group in the next boot"
rm "$machine/sys/firmware/acpi/tables/DMAR"
checks 1
card False no-iommu-group "no DMAR or IVRS" "firmware setup"
has out "/sys/firmware/acpi/tables has neither DMAR nor IVRS"
rm -r "$machine/sys/firmware"
checks 0
card None no-iommu-group "cannot be seen"
without_groups
put proc/cmdline <<<"$arguments"
checks 1
card False no-iommu-group "switch VT-d on in the firmware setup"
without_groups
rm "$machine/sys/firmware/acpi/tables/DMAR"
echo IVRS | put sys/firmware/acpi/tables/IVRS
printf 'vendor_id\t: AuthenticAMD\nflags\t\t: fpu svm\n\n' | put proc/cpuinfo
entry a $kernel "root=/dev/vda iommu=pt"
checks 1
card False no-iommu-group "switch AMD-Vi (IOMMU) on in the firmware setup"
sdboot
entry a $kernel "root=/dev/vda iommu=pt"
checks 1
is 'e["missing"]' "['intel_iommu=on']"
card False no-iommu-group "has its IOMMU group by what the running command line says"
printf 'CONFIG_INTEL_IOMMU=y\nCONFIG_INTEL_IOMMU_DEFAULT_ON=y\n' | sed '1i #' | put "boot/config-$kernel"
checks 1
card True claimed

it "what is no reason for a no is a note: virtualisation, irqbalance, an option ROM"
sdboot
printf 'vendor_id\t: GenuineIntel\nflags\t\t: fpu pse\n\n' | put proc/cpuinfo
checks 0
has out "neither vmx nor svm"
printf 'vendor_id\t: GenuineIntel\nflags\t\t: fpu vmx\n\n' | put proc/cpuinfo
checks 0
lacks out "neither vmx nor svm"
sed -i 's/^iommu = pt/&\n[cpus]\nisolate = 2-3/' "$machine/etc/vfio-bootcfg.conf"
entry a $kernel "$arguments isolcpus=2-3 nohz_full=2-3 rcu_nocbs=2-3 irqaffinity=0-1"
echo 0-7 | put sys/devices/system/cpu/present
printf '# x\nIRQBALANCE_BANNED_CPUS="00000004"\n' | put etc/default/irqbalance
on check --json
has out "/etc/default/irqbalance:2: with IRQBALANCE_BANNED_CPUS=00000004" "isolated CPUs 3:"
printf 'IRQBALANCE_BANNED_CPULIST=2-3\n' | put etc/default/irqbalance
on check --json
lacks out irqbalance
rom() { # CODE...: an option ROM of an image each
	python3 - "$@" <<-'END'
		import struct, sys
		codes = [int(c) for c in sys.argv[1:]]
		for n, code in enumerate(codes):
		    image = bytearray(512)
		    image[0:2] = b"\x55\xaa"
		    image[0x18:0x1a] = struct.pack("<H", 0x1c)
		    image[0x1c:0x20] = b"PCIR"
		    image[0x2c:0x2e] = struct.pack("<H", 1)
		    image[0x30] = code
		    image[0x31] = 0x80 if n == len(codes) - 1 else 0
		    sys.stdout.buffer.write(image)
	END
}
sdboot
rom 0 | put sys/bus/pci/devices/0000:01:00.0/rom
checks 0
lacks out "option ROM"
checks 0 --rom
has out "the option ROM of 0000:01:00.0 ([device guest-gpu]) has no UEFI part"
rom 0 3 >"$machine/sys/bus/pci/devices/0000:01:00.0/rom"
checks 0 --rom
lacks out "option ROM"
echo none >"$machine/sys/bus/pci/devices/0000:01:00.0/rom"
checks 0 --rom
has out "shows no option ROM"

# --- images and other cases --------------------------------------------------------------------

it "an image: what can be told is told, and no card is promised"
sdboot
rm -r "$machine/.vfio-machine" "$machine/sys" "$machine/proc"
checks 0
card None image
on check
exits 0
has out "as far as an image can tell"
change rm usr/lib/systemd/system/initrd.target.wants/vfio-early.service
rm -r "$machine/.vfio-machine" "$machine/sys" "$machine/proc"
checks 1
card False not-started
on check --booted
exits 2

it "no entry, no loader, no profile, a profile that cannot be read"
sdboot
rm "$machine/boot/loader/entries/a.conf"
checks 1
is 'd["reasons"]' "['no-default']"
rm -r "$machine/boot/loader"
checks 1
is 'd["reasons"]' "['no-entry']"
sdboot
rm "$machine/etc/vfio-bootcfg.conf"
checks 1
is 'e["reasons"]' "['image-profile']" # it would claim what nobody wants any more
rm "$tree/etc/vfio-bootcfg.conf"
save_image
checks 0
on check
has out "There is no profile"
sdboot
echo nonsense >>"$machine/etc/vfio-bootcfg.conf"
on check --json
exits 2
has err "/etc/vfio-bootcfg.conf:6:"

# --- after the boot ----------------------------------------------------------------------------

record() { put run/vfio-bootcfg/record; }
driver_of() { ln -sfnT "../../../../bus/pci/drivers/$2" "$machine/sys/devices/pci0000:00/0000:00:10.0/$1/driver"; }
booted() {
	sdboot
	mkdir -p "$machine/sys/bus/pci/drivers/vfio-pci"
	driver_of 0000:01:00.0 vfio-pci
	driver_of 0000:01:00.1 vfio-pci
	record <<-END
		[early]
		result = done
		reason = ok
		[claim guest-gpu 0000:01:00.0]
		result = claimed
		reason = claimed
		[claim guest-gpu 0000:01:00.1]
		result = claimed
		reason = claimed
	END
}

it "after the boot: all is as it should be"
booted
checks 0 --booted
is 'd["ok"], d["problems"]' "(True, [])"
is '[c["will"] for c in d["cards"]]' "[True, True]"
on check --booted
exits 0
[ "$(wc -l <"$scratch/out")" = 1 ] || wrong "more than a line"
empty err
on check --booted -q
exits 0
empty out

# not_booted REASON TEXT...: one line, that says so.
not_booted() {
	local reason=$1
	shift
	checks 1 --booted
	is 'd["reasons"]' "['$reason']"
	on check --booted
	exits 1
	[ "$(wc -l <"$scratch/out")" = 1 ] || wrong "more than a line"
	has out "This boot is not as the profile says: " "$@"
}

it "after the boot: one line says what is wrong"
booted
rm "$machine/run/vfio-bootcfg/record"
not_booted no-record "vfio-early did not run in this boot"
record <<-END
	[early]
	result = off
	reason = disabled
	text = "the kernel command line has rd.vfio=0: nothing is claimed"
END
not_booted nothing-done "the kernel command line has rd.vfio=0"
booted
sed -i 's/result = claimed/result = failed/; s/reason = claimed/reason = no-module\ntext = "there is no vfio-pci module for kernel 6.1.0 here; rebuild the image with its vfio modules (dracut --force)"/' "$machine/run/vfio-bootcfg/record"
not_booted card "[device guest-gpu]: there is no vfio-pci module for kernel 6.1.0 here"
booted
driver_of 0000:01:00.0 bochs-drm
not_booted card "0000:01:00.0 was claimed at boot, and bochs-drm has it now"
put run/vfio-bootcfg/released/0000:01:00.0 </dev/null
checks 0 --booted
booted
put proc/cmdline <<<"root=/dev/vda intel_iommu=on"
not_booted running "/proc/cmdline lacks \`iommu=pt\`"
booted
printf '[hugepages]\n2M = 16\n' >>"$machine/etc/vfio-bootcfg.conf"
put proc/cmdline <<<"$arguments hugepagesz=2M hugepages=16"
echo 4 | put sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages
not_booted pages "4 of 16 huge pages of 2M are there"
booted
printf '[device other]\npath = 0000:00:11.0/00.0\nid = 1234:1111\n' >>"$machine/etc/vfio-bootcfg.conf"
not_booted card "[device other] (/etc/vfio-bootcfg.conf:6) was not in the profile of the initramfs"

# --- all reasons -------------------------------------------------------------------------------

it "every no names a file, a device or a kernel option, and says what to do"
every_no_is_whole bootcfg/problems.c

done_testing
