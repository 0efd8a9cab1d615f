#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What we make of GRUB's files, against those who read them: dash for /etc/default/grub, the real grub-mkconfig and
# grub-script-check for grub.cfg. All of it in mount namespaces in which nothing of this machine can be written.
# shellcheck source=tests/cli/harness
. "$(dirname "$0")/harness"
program=vfio-bootcfg

# --- the reader, against dash ---------------------------------------------------------------------

# ask_dash DIR COUNT: a line per file, as shell-soup prints them. The commands in the files are the shell's own, there
# is no other program in an empty PATH, and nothing to write to.
ask_dash() {
	# shellcheck disable=SC2016 # it is for the shell inside
	unshare -m --propagation private bash -c '
		mount --rbind / / && mount -o remount,bind,ro / && cd "$1" || exit 77
		! : 2>/dev/null >"$1/0" || exit 77
		ulimit -t 300
		exec env -i PATH= /usr/bin/dash -c "
			i=0
			while [ \$i -lt $2 ]; do
				(set -e; . ./\$i; printf \"\\001%s%s\" \"\${V+=}\" \"\$V\") || printf \"\\001!\"
				printf \"\\000\"
				i=\$((i + 1))
			done"' dash "$1" "$2" 2>/dev/null </dev/null
}

# The same lines as `shell-soup read` prints; what the files print themselves is before the last \001.
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
	"$build/tests/shell-soup" make "${SOUP_SEED:-$RANDOM}" $count "$soup"
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

done_testing
