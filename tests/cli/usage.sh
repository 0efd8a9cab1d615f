#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The frame of the commands: options, help, completion, and that the man page agrees with the table.
# shellcheck source=tests/cli/harness
. "$(dirname "$0")/harness"

# wrong_usage TEXT ARGUMENT...: exit 2, one line on stderr with the text, nothing on stdout.
wrong_usage() {
	local text=$1
	shift
	run "$@"
	exits 2
	empty out
	has err "$text"
	[ "$(wc -l <"$scratch/err")" = 1 ] || wrong "stderr of '$*' has not one line"
}

it "wrong usage: exit 2, one line on stderr, nothing on stdout"
wrong_usage "which command?"
wrong_usage "unknown command \`lst\`" lst
wrong_usage "unknown or ambiguous option \`--nonsense\`" list --nonsense
wrong_usage "unknown option \`-x\`" list -x
wrong_usage "option \`--root\` needs an argument: DIR" list --root
wrong_usage "option \`--tree\` takes no argument" list --tree=yes
wrong_usage "\`list\` takes no argument \`0b:00.0\`" list 0b:00.0
wrong_usage "unknown or ambiguous option" list --ver
wrong_usage "unknown command \`?[2J\`" $'\e[2J'

it "wrong usage with --json: the error as the document, wherever --json stands"
for arguments in "--json lst" "lst --json" "lst --nonsense --json"; do
	# shellcheck disable=SC2086 # words are meant
	run $arguments
	exits 2
	has out '"error": {' '"code": 2' '"message": "' '"file": null'
done

it "options before and after the command, long ones shortened"
use_machine no-iommu
run --root "$machine" -q --json list
cp "$scratch/out" "$scratch/first"
exits 0
empty err
run list --roo="$machine" --js --quiet
exits 0
cmp -s "$scratch/first" "$scratch/out" || wrong "another output"
run --tree --root "$machine" list -q
exits 0
has out "slot 0000:01:00"

it "help: on stdout, 80 columns at most, exit 0, and names every option"
for arguments in --help "list --help" "--help list" -h; do
	# shellcheck disable=SC2086
	run $arguments
	exits 0
	empty err
	[ "$(wc -L <"$scratch/out")" -le 80 ] || wrong "'$arguments' has a line of $(wc -L <"$scratch/out") columns"
	has out "Usage: vfio-device" --root --json --quiet --verbose --help --version
done
run list --help
has out "list [--tree|--all|--dot] [--predict WHAT]"
run --version
exits 0
grep -qxE 'vfio-device [0-9]+\.[0-9]+\.[0-9]+' "$scratch/out" || wrong "version: $(cat "$scratch/out")"

for page in tools/vfio-device.8 tools/vfio-hugepages.8 bootcfg/vfio-bootcfg.8; do
	program=$(basename "$page" .8)
	it "$program: the manual's synopsis is the table's, and every option is described"
	run --dump=man
	exits 0
	sed -n '/^\.SH SYNOPSIS/,/^\.SH DESCRIPTION/p' "$page" | sed '1d;$d' >"$scratch/synopsis"
	like out "$scratch/synopsis"
	run --dump=options
	exits 0
	[ "$(wc -l <"$scratch/out")" -ge 8 ] || wrong "few options: $(cat "$scratch/out")"
	while read -r _ option argument; do
		escaped=${option//-/\\\\-}
		grep -qE "^\.B.* ?${escaped}(\$|[^a-z\\\\])" "$page" || wrong "the manual does not describe $option $argument"
	done <"$scratch/out"

	it "$program: the manual describes no option that is not there"
	run --dump=options
	while read -r option; do
		has out " --$option"
	done < <(sed -n '/^\.SH OPTIONS/,/^\.SH/p' "$page" | grep -oE '\\-\\-[a-z\\-]+' | sed 's/\\//g; s/^--//; s/-*$//')

	it "$program: help fits into 80 columns, zsh and bash read the completions"
	for arguments in --help $(run --dump=options && cut -d' ' -f1 "$scratch/out" | sort -u); do
		run --help "${arguments#--help}"
		[ "$(wc -L <"$scratch/out")" -le 80 ] || wrong "'$arguments' has a line of $(wc -L <"$scratch/out") columns"
	done
	run --dump=bash
	bash -n "$scratch/out" || wrong "bash does not read it"
done
program=vfio-device

# complete WORD...: what bash offers for the last word.
complete_words() {
	bash -c '
		source "$1"
		shift
		COMP_WORDS=("$@")
		COMP_CWORD=$(($# - 1))
		_vfio_device
		printf "%s\n" "${COMPREPLY[@]}"' _ "$scratch/completion" "$@"
}

it "bash completion: commands, a command's options, directories"
run --dump=bash
exits 0
cp "$scratch/out" "$scratch/completion"
[ "$(complete_words vfio-device l)" = list ] || wrong "l: $(complete_words vfio-device l)"
[ "$(complete_words vfio-device list --t)" = --tree ] || wrong "--t: $(complete_words vfio-device list --t)"
[ "$(complete_words vfio-device list l)" = "" ] || wrong "a second command is offered"
[ "$(complete_words vfio-device re | sort | tr '\n' ' ')" = "reclaim release " ] || wrong "re: $(complete_words vfio-device re)"
[ "$(complete_words vfio-device release --g)" = --guest ] || wrong "--g: $(complete_words vfio-device release --g)"
[ "$(complete_words vfio-device --tr)" = "" ] || wrong "an option of list is offered without it"
[ "$(complete_words vfio-device list --root tests/mach)" = tests/machines ] ||
	wrong "--root: $(complete_words vfio-device list --root tests/mach)"
bash -n "$scratch/completion" || wrong "bash does not read it"

it "zsh completion can be read by zsh"
run --dump=zsh
exits 0
has out '#compdef vfio-device' '--tree[' '--root['
if command -v zsh >/dev/null; then
	zsh -n "$scratch/out" || wrong "zsh does not read it"
fi

done_testing
