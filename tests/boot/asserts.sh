# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154 # boot_dir, control_dir and other_dir are the runner's
# The words of `expect`: each looks at the report of one boot, and says what it found where that is not what
# it should be. All of them run, also after one has failed.
#
# A failure is hard where it is about the machine, and soft where it is about our own record or about a card
# that the machine does not have: a control must fail hard, or it would prove no more than that it is another boot.

declare -A function_of section command_exit command_text
hard_failures=0
soft_failures=0

# WHERE: rp1/00.1, display, rootdisk, or a path as the kernel writes it.
where_path() {
	case $1 in
	display) echo 0000:00:01.0 ;;
	rootdisk) echo 0000:00:02.0 ;;
	rp*)
		local port=${1%%/*}
		printf '0000:00:%02x.0%s\n' $((15 + ${port#rp})) "${1#"$port"}"
		;;
	*) echo "$1" ;;
	esac
}

# report_load FILE [BOOT]: the last report, or the last of this boot.
report_load() {
	local line name='' number='' text='' wanted=${2:-} here=''
	section=() function_of=() command_exit=() command_text=()
	while IFS= read -r line; do
		case $line in
		"=== BOOT "*)
			here=${line#=== BOOT }
			[ "${wanted:-$here}" != "$here" ] || command_exit=() command_text=()
			name=
			continue
			;;
		esac
		[ "${wanted:-$here}" = "$here" ] || continue
		case $line in
		"=== BEGIN")
			section=()
			function_of=()
			;;
		"=== "*) name= ;;
		"--- command "*)
			name='command'
			number=${line#--- command }
			text=
			;;
		"--- "*) name=${line#--- } ;;
		*)
			case $name in
			"") ;;
			command)
				case $line in
				exit=*)
					command_exit[$number]=${line#exit=}
					command_text[$number]=$text
					;;
				*) text+=$line$'\n' ;;
				esac
				;;
			pci)
				text=${line#path=}
				function_of[${text%% *}]=$line
				;;
			*) section[$name]+=$line$'\n' ;;
			esac
			;;
		esac
	done <"$1"
}

# of_boot NUMBER [control]: what follows is expected of this boot. Its control is the boot before; or else what
# the test's word `control` names. The first has none.
boot_number=
of_boot() {
	boot_judged
	boot_number=$1
	failures_before=$hard_failures
	if [ -z "$control_dir" ] || [ "$1" = 1 ]; then
		report_load "$boot_dir/report" "$1"
	elif [ "${2:-}" = control ]; then
		report_load "$control_dir/report"
	else
		report_load "$boot_dir/report" $(($1 - 1))
	fi
}

boot_judged() {
	[ -n "$control_dir" ] && [ "${boot_number:-1}" != 1 ] || return 0
	[ "$hard_failures" != "$failures_before" ] ||
		echo "shows nothing: the control of boot $boot_number does all that is expected of it"
}

section_of() {
	# section_of BOOT SECTION
	report_load "$boot_dir/report" "$1"
	printf '%s' "${section[$2]:-}"
}

# same SECTION BOOT [ERE]: as it was at that boot, but for new lines that match.
same() {
	local was is lost new
	was=$(section_of "$2" "$1")
	is=${section[$1]:-}
	lost=$(grep -vxF -e "${is%$'\n'}" <<<"$was") || true
	new=$(grep -vxF -e "$was" <<<"${is%$'\n'}" | grep -vE -e "${3:-^$}") || true
	[ -z "$lost$new" ] || failed hard "same $*" "lost: $lost"$'\n'"new: $new"
}

# other SECTION BOOT: not as it was at that boot.
other() { [ "$(section_of "$2" "$1")" != "${section[$1]%$'\n'}" ] || failed hard "other $*" "${section[$1]}"; }

failed() {
	# failed hard|soft EXPRESSION FOUND
	printf '    %s: found %s\n' "$2" "${3:-nothing}"
	case $1 in
	hard) hard_failures=$((hard_failures + 1)) ;;
	soft) soft_failures=$((soft_failures + 1)) ;;
	esac
}

# fact EXPRESSION WHERE KEY: sets `found`; false, and a failure, where the card is not there.
fact() {
	local line word
	line=${function_of[$(where_path "$2")]:-}
	found=
	[ -n "$line" ] || {
		failed soft "$1" "no such function"
		return 1
	}
	for word in $line; do
		[ "${word%%=*}" != "$3" ] || found=${word#*=}
	done
}

compare() {
	# compare EXPRESSION WHERE KEY WANTED
	fact "$1" "$2" "$3" || return 0
	[ "${found:-none}" = "$4" ] || failed hard "$1" "${found:-none}"
}

driver() { compare "driver $*" "$1" driver "$2"; }
override() { compare "override $*" "$1" override "$2"; }
address() { compare "address $*" "$1" address "$2"; }

in_group() {
	fact "in_group $*" "$1" group || return 0
	[ -n "$found" ] || failed hard "in_group $*" none
}

no_group() { compare "no_group $*" "$1" group none; }

absent() {
	[ -z "${function_of[$(where_path "$1")]:-}" ] || failed hard "absent $1" "$(where_path "$1")"
}

# has SECTION ERE, hasnt SECTION ERE: a line of the report.
has() { grep -qE -e "$2" <<<"${section[$1]:-}" || failed "${3:-hard}" "has $1 $2" "${section[$1]:-}"; }

hasnt() {
	local line
	line=$(grep -E -e "$2" <<<"${section[$1]:-}") || return 0
	failed hard "hasnt $1 $2" "$line"
}

loaded() { has modules "^$1\$"; }
not_loaded() { hasnt modules "^$1\$"; }

# command NUMBER EXIT [ERE]: a step of the guest, how it ended and what it said.
command_ended() {
	local text=${command_text[$1]:-}
	[ "${command_exit[$1]:-none}" = "$2" ] || failed hard "command_ended $1 $2" "${command_exit[$1]:-none}: $text"
	[ -z "${3:-}" ] || grep -qE -e "$3" <<<"$text" || failed hard "command_ended $1 $2 $3" "$text"
}

# together WHERE..., apart WHERE...: functions that are in one IOMMU group, or none of them with another.
groups_of() {
	local where
	groups=()
	for where in "${@:2}"; do
		fact "$1" "$where" group || return 1
		groups+=("$found")
		[ -n "$found" ] || {
			failed hard "$1" "$where in no group"
			return 1
		}
	done
}

together() {
	groups_of "together $*" "$@" || return 0
	[ "$(printf '%s\n' "${groups[@]}" | sort -u | wc -l)" = 1 ] || failed hard "together $*" "groups ${groups[*]}"
}

apart() {
	groups_of "apart $*" "$@" || return 0
	[ -z "$(printf '%s\n' "${groups[@]}" | sort | uniq -d)" ] || failed hard "apart $*" "groups ${groups[*]}"
}

# What the kernel made: each function and the first one of its group.
kernel_groups() {
	printf '%s\n' "${function_of[@]}" |
		sed -n 's/.* address=\([^ ]*\) .* group=\([0-9]*\)$/\1 \2/p' | sort |
		awk '$2 == "" { print $1, "-"; next } !($2 in first) { first[$2] = $1 } { print $1, first[$2] }'
}

# as_predicted STEP: the groups are those that this step, `vfio-device list --all --json`, predicted in the boot of the
# control, on the same machine.
as_predicted() {
	local predicted
	predicted=$(
		report_load "$other_dir/report"
		sed -n 's/^ *"\(address\|predicted_group\)": "\?\([^",]*\).*/\1 \2/p' <<<"${command_text[$1]:-}" | awk '
			$1 == "address" { address = $2; next }
			{ print address, $2 == "null" ? "-" : $2 }
		' | sort
	)
	if [ -z "$predicted" ] || [ "$predicted" != "$(kernel_groups)" ]; then
		failed hard "as_predicted $1" "not so: $(diff <(kernel_groups) - <<<"$predicted")"
	fi
}

# explained STEP: this step saw the kernel's groups, and they are what the capabilities come to.
explained() {
	local text=${command_text[$1]:-}
	if ! grep -q '"iommu_group": [0-9]' <<<"$text" || ! grep -q '"unexplained": \[\]' <<<"$text"; then
		failed hard "explained $1" "$(grep -c '"iommu_group": [0-9]' <<<"$text") functions in groups, $(
			sed -n '/"unexplained"/,/\]/p' <<<"$text")"
	fi
}

# record SECTION KEY: prints the value in /run/vfio-bootcfg/record.
record() {
	awk -v want="[$1]" -v key="$2" '
		/^\[/ { here = ($0 == want); next }
		here && index($0, key " = ") == 1 { print substr($0, length(key) + 4); exit }
	' <<<"${section[record]:-}"
}

# early RESULT [REASON]
early() {
	local result reason
	result=$(record early result)
	reason=$(record early reason)
	[ "$result ${2:-$reason}" = "$1 $reason" ] || failed soft "early $*" "$result $reason"
}

# claim NAME [WHERE] RESULT REASON: without WHERE the section that found no card.
claim() {
	local name=$1 at='' result reason
	if [ $# = 4 ]; then
		fact "claim $*" "$2" address || return 0
		at=" $found"
		shift
	fi
	result=$(record "claim $name$at" result)
	reason=$(record "claim $name$at" reason)
	[ "$result $reason" = "$2 $3" ] || failed soft "claim $name$at $2 $3" "$result $reason"
}

# claim_text NAME [WHERE] ERE
claim_text() {
	local name=$1 at='' text
	if [ $# = 3 ]; then
		fact "claim_text $*" "$2" address || return 0
		at=" $found"
		shift
	fi
	text=$(record "claim $name$at" text)
	grep -qE -e "$2" <<<"$text" || failed soft "claim_text $name$at $2" "$text"
}

console() { grep -aqE -e "$1" "${control_dir:-$boot_dir}/console.log" || failed hard "console $1" "no such line"; }

# image_fails ERE: dracut ends with an error and says so; such a test is not booted.
image_fails() {
	[ "$(cat "${control_dir:-$boot_dir}/image-status")" != 0 ] || failed hard "image_fails $1" "an image"
	grep -qE -e "$1" "${control_dir:-$boot_dir}/image-log" || failed hard "image_fails $1" "$(tail -n 3 "${control_dir:-$boot_dir}/image-log")"
}
