#!/usr/bin/env bash
# manual.sh PROGRAM MANUAL SOURCE: the man pages, the scripts for shells and data/options.md have all commands, options and
# flags of the program's help, and no others; and the man pages are clean.
set -euo pipefail
program=$1 manual=$2 source=$3
failures=0
fail() { echo "$*"; failures=$((failures + 1)); }
# same WHAT: compares two lists, one word a line, on descriptors 3 and 4.
same() { diff <(sort -u <&3) <(sort -u <&4) >&2 || fail "$1 is not what the help lists (> has more, < lacks)"; }

commands=$("$program" help | sed -nE '/^Begin/q; s/^  ([a-z]+) .*/\1/p')
[ "$(wc -w <<<"$commands")" -gt 10 ] || fail "vggcl help lists no commands"
options_of() { "$program" help "$1" | sed -nE '/^Flags:/,$s/^  --([a-z0-9-]+).*/\1/p'; }
man_options() { sed -nE '/^\.SH OPTIONS/,/^\.SH [^O]/{/^\.TP$/{n;s/^\\fB\\-\\-([a-z0-9\\-]+)\\fR.*/\1/p}}' "$1" | tr -d '\\'; }

{ ls "$manual/man"; } | sed 's/\.1$//' | same "the folder of man pages" 3< <(echo vggcl; printf 'vggcl-%s\n' $commands) 4<&0
all=()
for command in $commands; do
    options=$(options_of "$command")
    mapfile -t -O ${#all[@]} all <<<"$options"
    same "vggcl-$command(1)" 3<<<"$options" 4< <(man_options "$manual/man/vggcl-$command.1")
    same "the completion of $command by bash" 3<<<"$options" \
        4< <(sed -nE "/^    $command\/\*\)/,/;;/s/.*flags='(.*)'/\1/p" "$manual/completions/vggcl.bash" | tr ' ' '\n' | sed -n 's/^--//p')
    same "the completion of $command by zsh" 3<<<"$options" \
        4< <(sed -nE "/^    $command\)/,/;;/s/^ +'\*?--([a-z0-9-]+).*/\1/p" "$manual/completions/_vggcl")
    same "the completion of $command by fish" 3<<<"$options" \
        4< <(sed -nE "s/.*'__vggcl_is $command' -l ([a-z0-9-]+) .*/\1/p" "$manual/completions/vggcl.fish")
    grep -qF "vggcl\\-$command" "$manual/man/vggcl.1" || fail "vggcl(1) does not list $command"
done

"$program" help --markdown | diff "$source/data/options.md" - >&2 ||
    fail "data/options.md is stale; make it anew: vggcl help --markdown > data/options.md"
same "data/options.md" 3< <(printf '%s\n' "${all[@]}" | grep -vx help) \
    4< <(sed -nE 's/^\| `--([a-z0-9-]+).*/\1/p' "$source/data/options.md")

# What is written for the manual is about options and commands that there are.
for option in $(sed -nE 's/^\.\\" //p' "$source/data/man/options.man"); do
    [[ " ${all[*]} " = *" $option "* ]] || fail "data/man/options.man: there is no option $option"
done
for file in "$source"/data/man/*.man; do
    name=$(basename "$file" .man)
    [[ " vggcl options ${commands//$'\n'/ } " = *" $name "* ]] || fail "$file: there is no command $name"
done

for page in "$manual"/man/*.1; do
    warnings=$(LC_ALL=C.UTF-8 MANWIDTH=80 man --warnings -E UTF-8 -l -Tutf8 -Z "$page" 2>&1 >/dev/null) || true
    [ -z "$warnings" ] || fail "$page: $warnings"
    mandoc -T lint -W warning "$page" || fail "$page: mandoc has warnings"
    ! grep -nP '[^\x00-\x7f]|`' "$page" || fail "$page: has a backquote or a byte beyond ASCII"
    ! LC_ALL=C.UTF-8 MANWIDTH=80 man -P cat -l "$page" | grep -nE '\\f|^\.[A-Z]|.{81}' || fail "$page: markup or a line of over 80"
done
[ "$failures" = 0 ]
