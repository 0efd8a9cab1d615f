#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# `vfio-device list`: what it says of IOMMU groups that a card shares, and of those that it would be in.
# shellcheck source=tests/cli/harness
. "$(dirname "$0")/harness"

# predicted ADDRESS FIRST: the predicted group in the JSON document, by its first function; or null.
predicted() {
	if [ "$2" = null ]; then
		object "$1" '"predicted_group": null'
	else
		object "$1" "\"predicted_group\": \"$2\""
	fi
}

it "a card that shares its group with the boot display: who, why, where else, the least override and its risk"
use_machine shared-ports
on list
exits 0
empty err
like out "$machines/shared-ports/expect-list"
on -q list
empty err

it "the tree says which cards have an obstacle"
on list --tree
exits 0
row '|-0000:01:00.0' nouveau group
row '|-0000:02:00.0' "boot display"
lacks out boot-display
row '`-0000:03:00.0' nvme disk-in-use
has out "0000:02:00.0 (amdgpu): has to stay: the boot display"

it "JSON: prediction, obstacle, advice"
on list --all --json
exits 0
predicted 0000:00:00.0 0000:00:00.0
predicted 0000:02:00.1 0000:00:01.0
predicted 0000:03:00.0 0000:03:00.0
object 0000:01:00.0 '"obstacle": "group"'
object 0000:00:01.0 '"obstacle": null'
has out '"as": "now"' '"unexplained": []'
jq -e '.prediction == {"unexplained": [], "as": "now", "override": null}' "$scratch/out" >/dev/null || wrong "prediction"
jq -c '.advice' "$scratch/out" >"$scratch/advice"
echo '[{"group_of":"0000:01:00.0","others":[{"address":"0000:02:00.0","could_come":false,"why":"the boot display"},{"address":"0000:02:00.1","could_come":false,"why":"one card with 0000:02:00.0"}],"slots":[{"port":"0000:00:1c.0","lanes":4,"holds":null},{"port":"0000:00:1d.0","lanes":4,"holds":"0000:03:00.0"}],"why":"0000:00:01.0 above it has no ACS","override":"id:8086:1901","believed":1}]' |
	diff - "$scratch/advice" || wrong "advice"

it "--predict with the override that was proposed splits them, and no more than that"
on list --all --json --predict id:8086:1901
exits 0
predicted 0000:01:00.0 0000:01:00.0
predicted 0000:01:00.3 0000:01:00.0
predicted 0000:00:01.0 0000:00:01.0
predicted 0000:00:01.1 0000:00:01.1
predicted 0000:02:00.0 0000:00:01.1
has out '"override": "id:8086:1901"'
on list --predict downstream
exits 0
row 0000:01:00.0 ' 0000:01:00.0 0000:01:00.0'
row 0000:02:00.1 ' 0000:02:00.0 0000:02:00.1'
has out "PREDICTED is no measurement" "as if the IOMMU were on, with pcie_acs_override=downstream"
on list --predict multifunction,downstream --json
predicted 0000:01:00.1 0000:01:00.1

it "--predict: what is no such thing is named, exit 2"
for what in "" off downstrem id:8086 "downstream,"; do
	on list --predict "$what"
	exits 2
	empty out
	has err "--predict $what: on, now, downstream, multifunction or id:VVVV:DDDD"
done
many=$(for i in {1..16}; do printf 'id:8086:19%02x,' "$i"; done)
on list --predict "${many%,}"
exits 2
has err "takes 15 ids"

it "with the IOMMU off the groups are predicted, and said to be"
use_machine shared-ports '/^pci /s/ group=[0-9]*//; /acs=/s/000f$/0000/; s,000f/000f,000f/0000,'
on list
exits 0
row 0000:01:00.2 '    - 0000:00:01.0 0000:01:00.2'
row 0000:03:00.0 '    - 0000:03:00.0 0000:03:00.0'
has out "PREDICTED is no measurement" "as if the IOMMU were on." \
	"0000:01:00.0 (nouveau) could not go to a guest with the IOMMU on: also in its predicted group" \
	"behind 0000:00:1c.0 (x4, empty) it would be on its own" "pcie_acs_override=id:8086:1901 would split them"
has err "the IOMMU is off"
on list --predict now --json
predicted 0000:03:00.0 0000:00:1d.0
on list --json --predict on
predicted 0000:03:00.0 0000:03:00.0

it "a group that is not what the capabilities come to is said to be so"
use_machine shared-ports '/^pci 0000:02:00/s/group=1/group=9/'
on list
exits 0
has err "the groups of 8 functions (0000:00:01.0 and others) are not what their ACS capabilities come to"
lacks out "another slot" "override:"
on list -v
has err "0000:02:00.1: group 9 is not as predicted"

it "an override that the running kernel obeys explains its groups; one that it does not obey is none"
use_machine shared-ports '/^pci 0000:01:00/s/group=1/group=7/; /^pci 0000:02:00/s/group=1/group=8/; /00:01.1/s/ group=1/ group=9/; s/^proc\/cmdline.*/& pcie-acs-override=downstream/'
on list --all --json
exits 0
empty err
has out '"override": "downstream"' '"unexplained": []' '"advice": []'
use_machine shared-ports 's/^proc\/cmdline.*/& pcie_acs_override=downstream/'
on list --json
empty err
has out '"as": "now"' '"override": null' '"unexplained": []' '"override": "id:8086:1901"'

it "what could come along, and what: below a conventional bridge no override helps"
# shellcheck disable=SC2016 # the last line, to sed
use_machine shared-ports '$a\
pci 0000:00:1e.0 id=8086:244e class=060401 pcie=none group=8 driver=shpchp\
pci 0000:04:00.0 parent=0000:00:1e.0 id=1102:0004 class=040100 pcie=none group=8 driver=snd_emu10k1\
pci 0000:04:01.0 parent=0000:00:1e.0 id=1033:0035 class=0c0310 pcie=none group=8 driver=ohci-pci\
usb 7-1 at=0000:04:01.0 id=046d:c52b product="Receiver"\
pci 0000:04:02.0 parent=0000:00:1e.0 id=1095:3114 class=010400 pcie=none group=8 driver=sata_sil\
pci 0000:04:03.0 parent=0000:00:1e.0 id=1095:3115 class=020000 pcie=none group=8'
put etc/vfio-bootcfg.conf <<'END'
[device sound]
path = 0000:00:1e.0/00.0
id = 1102:0004
END
on list
exits 0
sed -n '/^0000:04:00.0 /,/^$/p' "$scratch/out" >"$scratch/paragraph"
diff - "$scratch/paragraph" <<'END' || wrong "the paragraph of 0000:04:00.0"
0000:04:00.0 (snd_emu10k1) cannot go to a guest as it is: also in IOMMU group 8
    0000:04:01.0 (ohci-pci): could come along, with what hangs on it: Receiver
    0000:04:02.0 (sata_sil): could come along, with its disks
  why: below the bridge 0000:00:1e.0 it is conventional PCI, whose DMA bears the bridge's identity
  another slot: behind 0000:00:1c.0 (x4, empty) it would be on its own
  another slot: behind 0000:00:1d.0 (x4, now with 0000:03:00.0 (nvme)) it would be on its own
  override: no pcie_acs_override= would split them

END
on list --json
jq -e '.advice[1] | .group_of == "0000:04:00.0" and .override == null and .believed == null' "$scratch/out" >/dev/null ||
	wrong "the advice in JSON: $(jq -c '.advice[1]' "$scratch/out")"

it "a real machine of 91 functions in 49 groups: each group is as the kernel made it, also as if the IOMMU were not on yet"
use_machine q35-topologies
for what in now on; do
	on list --all --json --predict $what
	exits 0
	jq -e '.prediction.unexplained == []' "$scratch/out" >/dev/null || wrong "$what: $(jq -c .prediction "$scratch/out")"
	jq -r '.devices[] | "\(.iommu_group) \(.predicted_group)"' "$scratch/out" | sort -u >"$scratch/pairs"
	[ "$(jq '.devices | length' "$scratch/out")" = 91 ] || wrong "$what: not 91 functions"
	[ "$(wc -l <"$scratch/pairs") $(cut -d' ' -f1 "$scratch/pairs" | sort -u | wc -l) $(cut -d' ' -f2 "$scratch/pairs" | sort -u | wc -l)" = "49 49 49" ] ||
		wrong "$what: groups and predictions are not one to one"
done
on list --all
empty err
# One ACS capability less, and this port's card would be in its group.
use_machine q35-topologies '/^config 0000:00:03.0 140/s/0d00/0c00/'
on list --all --json
jq -c .prediction.unexplained "$scratch/out" >"$scratch/unexplained"
grep -qF '["0000:00:03.0",' "$scratch/unexplained" || wrong "unexplained: $(cat "$scratch/unexplained")"

it "which slots would do: empty ones that share nothing, taken ones that isolate; not the card's own, nor ports without a slot"
# shellcheck disable=SC2016 # the last line, to sed
use_machine shared-ports '$a\
pci 0000:00:1b.0 id=8086:7ac0 class=060400 pcie=root,slot,x1 group=10 driver=pcieport\
pci 0000:00:1b.1 id=8086:7ac1 class=060400 pcie=root,x1 acs=000f/000f group=11 driver=pcieport\
pci 0000:00:1b.2 id=8086:7ac2 class=060400 pcie=root,slot,x1 acs=000f/000f group=12 driver=pcieport\
pci 0000:05:00.0 parent=0000:00:1b.2 id=8086:244e class=060400 pcie=pci-bridge group=13\
pci 0000:06:00.0 parent=0000:05:00.0 id=1002:5159 class=030000 pcie=none group=13 driver=radeon\
pci 0000:06:01.0 parent=0000:05:00.0 id=1102:0004 class=040100 pcie=none group=13 driver=snd_emu10k1\
pci 0000:00:1a.0 id=8086:7ac3 class=060400 pcie=root,slot group=14 driver=pcieport\
pci 0000:07:00.0 parent=0000:00:1a.0 id=8086:1533 class=020000 pcie=end group=14 driver=igb'
on list
exits 0
empty err
slots() { sed -n "/^$1 /,/override:/s/.* slot: behind \(.*\) it would be on its own/\1/p" "$scratch/out"; }
diff <(slots 0000:06:00.0) - <<'END' || wrong "the slots for 0000:06:00.0"
0000:00:1b.0 (x1, empty)
0000:00:1c.0 (x4, empty)
0000:00:1d.0 (x4, now with 0000:03:00.0 (nvme))
END
diff <(slots 0000:01:00.0) - <<'END' || wrong "the slots for 0000:01:00.0"
0000:00:1b.0 (x1, empty)
0000:00:1c.0 (x4, empty)
0000:00:1b.2 (x1, now with 0000:06:00.0 (radeon))
0000:00:1d.0 (x4, now with 0000:03:00.0 (nvme))
END

it "the boot display too where the profile wants it; no reason is given that the kernel's groups contradict"
use_machine shared-ports '/00:1f\.[04]/s/group=4/group=1/; s/^proc\/cmdline.*/& pcie_acs_override=downstream/'
put etc/vfio-bootcfg.conf <<'END'
[device host-gpu]
path = 0000:00:01.1/00.0
id = 1002:67df
END
on list
exits 0
has out "0000:02:00.0 (amdgpu) cannot go to a guest as it is" "0000:00:1f.4 (i801_smbus): has to stay: a part of the host itself"
lacks out "why:"
has err "are not what their ACS capabilities come to"
on list --json
has out '"as": "now"' '"override": null'

it "not root: only 64 bytes of each function can be read, and nothing is predicted"
use_machine shared-ports '/^pci /s/ pcie=[^ ]*//; s/ acs=[^ ]*//'
on list
exits 0
empty err
has out "0000:02:00.0 (amdgpu): has to stay: the boot display" "configuration space of 0000:00:00.0 cannot be read; run this as root"
lacks out PREDICTED "another slot: behind" "why:"
on list --predict on
exits 0
has err "no groups can be predicted: configuration space of 0000:00:00.0 cannot be read; run this as root"
on list --json
has out '"prediction": null' '"override": null'
predicted 0000:01:00.0 null

it "--dot: a box per group, an edge per bridge, and names that cannot leave their quotes"
use_machine shared-ports
mkdir -p "$machine/usr/share/misc"
printf '10de  Ma"ker\\\n\t1e07  Ca\x1brd"];x[label="\n' >"$machine/usr/share/misc/pci.ids"
on list --dot
exits 0
empty err
[ "$(grep -c 'subgraph "cluster ' "$scratch/out")" = 6 ] || wrong "not six groups"
[ "$(grep -c -- '->' "$scratch/out")" = 7 ] || wrong "not seven edges"
has out '"0000:00:01.1" -> "0000:02:00.0";' 'label="group 1";' 'penwidth=3' 'color=red' 'Ma\"ker\\ Ca?rd\"];x[label=\"'
if command -v dot >/dev/null; then
	dot -Tcanon "$scratch/out" >"$scratch/canon" || wrong "Graphviz refuses it"
	[ "$(grep -c 'x\[label' "$scratch/canon")" = 1 ] || wrong "a name is taken for more than a name"
fi
use_machine shared-ports '/^pci /s/ group=[0-9]*//'
on list --dot
has out 'label="predicted group"; style=dashed;'

done_testing
