#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# vfio-bootcfg check on the captured machines: each with the profile that is planned for it, or one by hand, a boot entry
# with the command line that belongs to it, and an image. What it should say lies beside the machine, and was written first.
# shellcheck source=tests/cli/harness
. "$(dirname "$0")/harness"
# shellcheck source=tests/cli/images
. "$(dirname "$0")/images"
program=vfio-bootcfg
kernel=6.12.48+deb13-amd64
arguments=''

# prepare MACHINE [SED]: its kernel, image and boot entry; the profile is on stdin, with the command line as `plan` prints
# both, so that a plan's text is one.
prepare() {
	local words table=DMAR
	use_machine "$@"
	put etc/vfio-bootcfg.conf
	chmod 644 "$machine/etc/vfio-bootcfg.conf"
	mkdir -p "$machine/sys/firmware/efi"
	words=$(sed -n 's/^# kernel command line: //p' "$machine/etc/vfio-bootcfg.conf")
	arguments="$(grep -o 'root=.*' "$machine/proc/cmdline" 2>/dev/null | cut -d' ' -f1 || true) ro $words"
	! grep -q AuthenticAMD "$machine/proc/cpuinfo" 2>/dev/null || table=IVRS
	host_files $table
	! grep -q '^\[hugepages\]' "$machine/etc/vfio-bootcfg.conf" || add_pages
	save_image
}

sdboot() {
	put boot/loader/loader.conf <<<'timeout 0'
	entry a $kernel "$arguments"
}

grub() {
	mkdir -p "$machine/etc/default"
	echo "GRUB_CMDLINE_LINUX_DEFAULT=\"${arguments#* ro }\"" | put etc/default/grub
	grub_menu
}

# answers EXIT FILE: both streams, and no no without reason and cure.
answers() {
	checks "$1"
	on check
	exits "$1"
	cat "$scratch/err" >>"$scratch/out"
	like out "$machines/$2"
}

# by_hand WORDS PATH ID LINE...: a profile of one card, with these words on the command line.
by_hand() {
	printf '# kernel command line: %s\n[device guest-gpu]\npath = %s\nid = %s\n' "$1" "$2" "$3"
	shift 3
	printf '%s\n' "$@" "[kernel]" "iommu = pt"
}

for name in dual-q35 laptop no-iommu sr-iov two-sockets vmd x570-3900x; do
	it "$name: what is planned is done"
	prepare $name <$machines/$name/expect-plan
	sdboot
	answers 0 $name/expect-check
done

for name in ivy-bridge x570-3700x; do
	it "$name, with GRUB: what is planned is done by all entries of this kernel"
	prepare $name <$machines/$name/expect-plan
	grub
	answers 0 $name/expect-check
done

it "a card of the other node; a disk beside the card"
prepare two-sockets <$machines/two-sockets/expect-plan-node1
sdboot
answers 0 two-sockets/expect-check-node1
prepare x570-3900x <$machines/x570-3900x/expect-plan-nvme
sdboot
answers 0 x570-3900x/expect-check-nvme

for name in i7-13700k b450-1600af; do
	it "$name: the only display is taken where the profile allows it, and not otherwise"
	prepare $name <$machines/$name/expect-plan-force
	sdboot
	answers 0 $name/expect-check-force
	prepare $name < <(grep -v ^allow-boot-display $machines/$name/expect-plan-force)
	sdboot
	answers 1 $name/expect-check
done

it "nvidia-single: the only display stays with the host"
prepare nvidia-single < <(by_hand "intel_iommu=on iommu=pt" 0000:00:01.0/00.0 10de:1e84)
sdboot
answers 1 nvidia-single/expect-check

it "eight-cpus: nothing is claimed of a machine without PCI"
prepare eight-cpus < <(by_hand "intel_iommu=on iommu=pt" 0000:00:01.0/00.0 10de:1e84)
sdboot
answers 1 eight-cpus/expect-check
rm -r "$machine/sys/bus/pci"
answers 1 eight-cpus/expect-check-no-bus

it "one-root-complex: the card is claimed, and its group is no guest's"
prepare one-root-complex < <(by_hand "intel_iommu=on iommu=pt" 0000:00:01.0/00.0 10de:1e07)
sdboot
answers 0 one-root-complex/expect-check

it "shared-ports: the same, also where the groups are not there yet; an override that the kernel knows would split them"
prepare shared-ports < <(by_hand "intel_iommu=on iommu=pt" 0000:00:01.0/00.0 10de:1e07)
sdboot
answers 0 shared-ports/expect-check
prepare shared-ports < <(by_hand "intel_iommu=on iommu=pt" 0000:00:01.0/00.0 10de:1e07 "claim = guest")
sdboot
answers 0 shared-ports/expect-check-guest
prepare shared-ports '/^pci /s/ group=[0-9]*//; s/ intel_iommu=on//' \
	< <(by_hand "intel_iommu=on iommu=pt" 0000:00:01.0/00.0 10de:1e07)
sdboot
answers 0 shared-ports/expect-check-predicted
prepare shared-ports < <(by_hand "intel_iommu=on iommu=pt pcie_acs_override=id:8086:1901" 0000:00:01.0/00.0 10de:1e07 |
	cat - <(echo "acs-override = id:8086:1901"))
echo 'ffff t pcie_acs_override_setup pci_dev_specific_acs_enabled' | put "boot/System.map-$kernel"
sdboot
answers 0 shared-ports/expect-check-override
echo 'ffff t pci_dev_specific_acs_enabled' | put "boot/System.map-$kernel"
answers 1 shared-ports/expect-check-no-patch

it "q35-topologies: one card has a group of its own, another shares it with its port, a third with a stranger"
for off in '' '/^pci /s/ group=[0-9]*//'; do
	prepare q35-topologies "$off" <<-END
		# kernel command line: intel_iommu=on iommu=pt
		[device alone]
		path = 0000:00:04.0/00.0
		id = 1234:1111
		[device with-port]
		path = 0000:00:06.0/00.0
		id = 1af4:1044
		[device with-stranger]
		path = 0000:00:08.0/00.0
		id = 1af4:1044
		[kernel]
		iommu = pt
	END
	sdboot
	answers 0 "q35-topologies/expect-check${off:+-predicted}"
done

it "no-iommu: what the firmware does not describe cannot be switched on"
prepare no-iommu <$machines/no-iommu/expect-plan
rm "$machine/sys/firmware/acpi/tables/DMAR"
sdboot
answers 1 no-iommu/expect-check-no-table

it "ivy-bridge: virtualisation off in the firmware, and irqbalance told to use the guest's CPUs"
prepare ivy-bridge 's/ vmx$//' <$machines/ivy-bridge/expect-plan
put etc/default/irqbalance <<<'IRQBALANCE_BANNED_CPUS=4'
sdboot
answers 0 ivy-bridge/expect-check-notes

it "every machine has its expectation"
for name in "$machines"/*/; do
	[ -e "$name/expect-check" ] || wrong "$name has none"
done

it "every no names a file, a device or a kernel option, and says what to do"
every_no_is_whole /dev/null # not all of them are here

done_testing
