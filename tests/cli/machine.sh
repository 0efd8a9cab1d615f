#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The expander of captured machines: what it derives, and what it refuses. All other tests trust it.
# shellcheck source=tests/cli/harness
. "$(dirname "$0")/harness"

expand() {
	status=0
	machine=$(mktemp -d "$scratch/machine.XXXXXX")
	"$build/tests/expand-machine" "$scratch/tree" "$machine" >"$scratch/out" 2>"$scratch/err" || status=$?
}

# refused LINE MESSAGE: the tree on stdin is not expanded; the message names file and line.
refused() {
	cat >"$scratch/tree"
	expand
	exits 4
	has err "$scratch/tree:$1: $2"
}

# file PATH TEXT, link PATH TARGET: of the machine.
file() {
	[ "$(cat "$machine/$1")" = "$2" ] || wrong "$1 is '$(cat "$machine/$1")'"
}
link() {
	[ "$(readlink "$machine/$1")" = "$2" ] || wrong "$1 leads to '$(readlink "$machine/$1")'"
}

it "a function is written as the kernel shows it"
cat >"$scratch/tree" <<'END'
# a comment
pci 0000:00:03.1 id=1022:1483 class=060400 group=5 driver=pcieport
pci 0000:0b:00.0 parent=0000:00:03.1 id=1002:73bf sub=1da2:440f class=030000 rev=c1 group=26 driver=amdgpu boot_vga=0
END
expand
exits 0
d=sys/devices/pci0000:00/0000:00:03.1/0000:0b:00.0
file $d/vendor 0x1002
file $d/class 0x030000
file $d/revision 0xc1
file $d/driver_override "(null)"
file $d/boot_vga 0
file $d/modalias pci:v00001002d000073BFsv00001DA2sd0000440Fbc03sc00i00
file $d/uevent "DRIVER=amdgpu
PCI_CLASS=30000
PCI_ID=1002:73BF
PCI_SUBSYS_ID=1DA2:440F
PCI_SLOT_NAME=0000:0b:00.0
MODALIAS=pci:v00001002d000073BFsv00001DA2sd0000440Fbc03sc00i00"
link sys/bus/pci/devices/0000:0b:00.0 ../../../devices/pci0000:00/0000:00:03.1/0000:0b:00.0
link $d/driver ../../../../bus/pci/drivers/amdgpu
link $d/iommu_group ../../../../kernel/iommu_groups/26
link sys/bus/pci/drivers/amdgpu/0000:0b:00.0 ../../../../devices/pci0000:00/0000:00:03.1/0000:0b:00.0
link sys/kernel/iommu_groups/26/devices/0000:0b:00.0 ../../../../devices/pci0000:00/0000:00:03.1/0000:0b:00.0
[ "$(od -An -tx1 -N16 "$machine/$d/config" | tr -d ' \n')" = 0210bf7307001000c100000300000000 ] ||
	wrong "config: $(od -An -tx1 "$machine/$d/config")"
[ "$(stat -c %s "$machine/$d/config")" = 64 ] || wrong "config has not 64 bytes"

it "no link of a captured machine leads nowhere"
for name in "$machines"/*; do
	cp "$name/tree" "$scratch/tree"
	expand
	exits 0
	broken=$(find "$machine" -xtype l)
	[ -z "$broken" ] || wrong "$name: $broken"
	[ -e "$machine/.vfio-machine" ] || wrong "$name: no .vfio-machine"
done

it "lines that are not understood are refused, with their place"
refused 1 "nonsense: not understood" <<<'nonsense'
refused 1 "0b:00.0: not an address" <<<'pci 0b:00.0 id=1002:73bf class=030000'
refused 1 "id= and sub= are like" <<<'pci 0000:0b:00.0 id=1002 class=030000'
refused 1 "class= is six hex digits" <<<'pci 0000:0b:00.0 id=1002:73bf class=0300'
refused 1 "drivre=x: not understood here" <<<'pci 0000:0b:00.0 id=1002:73bf class=030000 drivre=x'
refused 1 "boot_vga= is there for class 0300 only" <<<'pci 0000:0b:00.0 id=1002:73bf class=038000 boot_vga=0'
refused 1 "parent=0000:00:03.1: no bridge" <<<'pci 0000:0b:00.0 parent=0000:00:03.1 id=1002:73bf class=030000'
refused 2 "0000:0b:00.0: here twice" <<'END'
pci 0000:0b:00.0 id=1002:73bf class=030000
pci 0000:0b:00.0 id=1002:73bf class=030000
END
refused 1 "../x/y: not a path below the machine" <<<'../x/y = 1'
refused 1 "/etc/y: not a path below the machine" <<<'/etc/y = 1'
refused 2 "etc/x: File exists" <<'END'
etc/x = 1
etc/x = 2
END
refused 2 "etc/x: no line \`DONE\` ends it" <<'END'
etc/x << DONE
text
END
refused 1 "at= names no function" <<<'disk sda at=0000:00:1f.2 dev=8:0 sectors=1'

it "a synthetic machine: two functions a card, a root port each, one boot display"
for cards in 1 129; do
	machine=$scratch/synthetic-$cards
	"$build/tests/expand-machine" --synthetic $cards "$machine"
	count=$(find "$machine/sys/bus/pci/devices" -type l | wc -l)
	[ "$count" = $((2 + 3 * cards)) ] || wrong "$cards cards: $count functions"
	count=$(grep -lx 1 "$machine"/sys/bus/pci/devices/*/boot_vga | wc -l)
	[ "$count" = 1 ] || wrong "$cards cards: $count boot displays"
	[ -z "$(find "$machine" -xtype l)" ] || wrong "$cards cards: a link leads nowhere"
done
link sys/bus/pci/devices/0001:01:00.1 ../../../devices/pci0001:00/0001:00:10.0/0001:01:00.1

done_testing
