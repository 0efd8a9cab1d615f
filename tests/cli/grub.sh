#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What we make of GRUB's files, against those who read them: dash for /etc/default/grub, the real grub-mkconfig and
# grub-script-check for grub.cfg. All of it in mount namespaces in which nothing of this machine can be written.
# shellcheck source=tests/cli/harness
# shellcheck disable=SC2016 # texts for other shells
. "$(dirname "$0")/harness"
program=vfio-bootcfg

# --- the reader, against dash ---------------------------------------------------------------------

# ask_dash DIR COUNT: a line per file, as shell-soup prints them. The commands in the files are the shell's own, there
# is no other program in an empty PATH, and nothing to write to.
ask_dash() {
	unshare -m --propagation private bash -c '
		mount --rbind / / || exit 77
		findmnt -rno TARGET | while read -r target; do mount -o remount,bind,ro "$target"; done
		cd "$1" || exit 77
		! : 2>/dev/null >"$1/0" || exit 77
		ulimit -t 300
		exec env -i PATH= /usr/bin/dash -c "
			i=0
			exec 3>&1 >/dev/null
			while [ \$i -lt $2 ]; do
				(set -e; . ./\$i; printf \"\\001%s%s\" \"\${V+=}\" \"\$V\" >&3) || printf \"\\001!\" >&3
				printf \"\\000\" >&3
				i=\$((i + 1))
			done"' dash "$1" "$2" 2>/dev/null </dev/null
}

# The same lines as `shell-soup read` prints. What the files print goes elsewhere: a command in the background
# may print when the answer is out.
spell() {
	LC_ALL=C gawk -b 'BEGIN {
		RS = "\0"
		for (i = 0; i < 256; i++) {
			c = sprintf("%c", i)
			name[c] = i < 32 || i > 126 || c == "\\" ? sprintf("\\%03o", i) : c
		}
	}
	{
		n = split($0, part, "\1")
		value = part[n]
		if (value == "") { print "unset"; next }
		if (value == "!") { print "failed"; next }
		line = "= "
		for (i = 2; i <= length(value); i++)
			line = line name[substr(value, i, 1)]
		print line
	}'
}

it "what we say that a file means is what dash makes of it"
soup=$scratch/soup
count=1500
mkdir "$soup"
if [ "$(id -u)" != 0 ] || ! unshare -m true 2>/dev/null; then
	skip "no mount namespaces"
else
	"$build/tests/shell-soup" make "${SOUP_SEED:-1}" $count "$soup"
	for ((i = 0; i < count; i++)); do echo "$soup/$i"; done | xargs "$build/tests/shell-soup" read >"$scratch/ours"
	ask_dash "$soup" $count | spell >"$scratch/dash"
	[ "$(wc -l <"$scratch/dash")" = $count ] || wrong "dash answered $(wc -l <"$scratch/dash") times"
	known=0 agreed=0
	while IFS=$'\t' read -r file ours dash; do
		[ "$ours" != unknown ] || continue
		# A file that ends the shell has no value: whether we refuse it or read on is another question.
		[ "$dash" != failed ] || continue
		known=$((known + 1))
		if [ "$ours" = "$dash" ]; then
			agreed=$((agreed + 1))
		else
			wrong "$(printf '%q' "$(cat "$soup/$file")") is '$ours' to us, '$dash' to dash"
		fi
	done < <(paste <(seq 0 $((count - 1))) "$scratch/ours" "$scratch/dash")
	[ $known -gt $((count / 4)) ] || wrong "only $known of $count files could be compared"
	echo "      $agreed of $known known values are dash's"
fi

# --- the real grub-mkconfig -----------------------------------------------------------------------

# An image of a Debian with one kernel, and this machine's own scripts of GRUB.
use_debian() {
	machine=$(mktemp -d "$scratch/debian.XXXXXX")
	mkdir -p "$machine"/etc/default/grub.d "$machine"/etc/grub.d "$machine"/boot/grub "$machine"/usr/sbin "$machine"/usr/bin
	cp /usr/sbin/grub-mkconfig "$machine/usr/sbin/"
	cp /etc/grub.d/10_linux "$machine/etc/grub.d/"
	ln -s dash "$machine/usr/bin/sh"
	: >"$machine/boot/vmlinuz-6.12.0-1-amd64"
	: >"$machine/boot/initrd.img-6.12.0-1-amd64"
	put etc/default/grub
}

# grub-mkconfig with the image's files in the place of this machine's, and a grub-probe that knows one disk.
mkconfig() {
	cat >"$scratch/grub-probe" <<'END'
#!/bin/sh
case "$*" in
*--target=device*) echo /dev/sda1 ;;
*--target=fs_uuid*) echo 11111111-2222-3333-4444-555555555555 ;;
*--target=partuuid*) echo 66666666-7777-8888-9999-000000000000 ;;
*--target=fs*) echo ext2 ;;
*--target=partmap*) echo gpt ;;
*--target=*hint*) echo hd0,gpt1 ;;
esac
END
	chmod +x "$scratch/grub-probe"
	status=0
	unshare -m --propagation private bash -ec '
		mount --bind "$1/etc/default" /etc/default
		mount --bind "$1/etc/grub.d" /etc/grub.d
		mount --bind "$1/boot" /boot
		mount --bind "$2" /usr/sbin/grub-probe
		exec /usr/sbin/grub-mkconfig -o /boot/grub/grub.cfg' mkconfig "$machine" "$scratch/grub-probe" \
		>"$scratch/out" 2>"$scratch/err" </dev/null || status=$?
}

# every FILTER TEXT...: each line of grub.cfg that boots a kernel and matches (or with ! does not match) has the text.
every() {
	local filter=$1 text lines
	shift
	case $filter in
	!*) lines=$(grep -P '^\s*linux\s' "$machine/boot/grub/grub.cfg" | grep -v -e "${filter#!}") ;;
	*) lines=$(grep -P '^\s*linux\s' "$machine/boot/grub/grub.cfg" | grep -e "$filter") ;;
	esac
	[ -n "$lines" ] || wrong "no line of grub.cfg matches '$filter'"
	for text; do
		while IFS= read -r line; do
			[[ $line == *"$text"* ]] || wrong "no '$text' in: $line"
		done <<<"$lines"
	done
}

real_story() {
	it "$1"
	if [ "$(id -u)" != 0 ] || ! unshare -m true 2>/dev/null || [ ! -x /usr/sbin/grub-mkconfig ] || [ ! -f /etc/grub.d/10_linux ]; then
		skip "no grub-mkconfig, or no mount namespaces"
		return 1
	fi
}

if real_story "grub-mkconfig makes of the drop-in what status then finds, and leaves recovery alone"; then
	use_debian <<'END'
GRUB_CMDLINE_LINUX_DEFAULT="quiet dyndbg=\"file x +p\""
GRUB_CMDLINE_LINUX='console=ttyS0'
END
	on set --iommu pt --cpus 8-15 --hugepages 1G=16 --arg 'memmap=4G$4G' --arg 'vfio_pci.dyndbg="func x +p; func y +p"'
	exits 0
	mkconfig
	exits 0
	every '!single' ' console=ttyS0 quiet dyndbg="file x +p" intel_iommu=on iommu=pt isolcpus=8-15' ' hugepagesz=1G hugepages=16 ' \
		' memmap=4G\$4G vfio_pci.dyndbg="func x +p; func y +p"'
	every ' single ' ' ro single ' ' console=ttyS0'
	! grep ' single .*iommu' "$machine/boot/grub/grub.cfg" || wrong "a recovery entry is not as it was"
	on status --json
	exits 0
	[ "$(grep -c '"file": "/boot/grub/grub.cfg"' "$scratch/out")" = 2 ] || wrong "not two entries: $(cat "$scratch/out")"
	on set --json
	exits 0
	has out '"changed": false'
	lacks out regenerate
	on unset
	mkconfig
	every '!single' ' console=ttyS0 quiet dyndbg="file x +p"'
	! grep iommu "$machine/boot/grub/grub.cfg" || wrong "unset leaves something"
fi

if real_story "grub.cfg that was made before is not what the files say"; then
	use_debian <<<'GRUB_CMDLINE_LINUX_DEFAULT="quiet"'
	mkconfig
	on set --iommu pt --json
	has out '"regenerate"'
	on status --json
	exits 1
	has out '"iommu=pt"'
	mkconfig
	on status
	exits 0
fi

if real_story "grub-mkconfig fails where we refuse"; then
	for text in 'V+=x' 'GRUB_CMDLINE_LINUX="a' $'A=1\r\n\r\nB=1' 'if true; then A=1' 'GRUB_CMDLINE_LINUX=(a b)' 'exit 3'; do
		use_debian <<<"$text"
		on set --iommu pt
		exits 3
		mkconfig
		[ "$status" != 0 ] || wrong "grub-mkconfig takes $(printf '%q' "$text")"
	done
fi

if real_story "what GRUB tears is refused: the rest of the line is another command to it"; then
	for text in 'quiet; reboot' 'quiet & reboot' 'quiet | x' '{ quiet'; do
		use_debian <<<"GRUB_CMDLINE_LINUX_DEFAULT='$text'"
		on set --iommu pt
		exits 3
		has err '/etc/default/grub:1: '
	done
fi

done_testing
