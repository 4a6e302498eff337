#!/usr/bin/env bash
# complete.bash FOLDER LINE...: for each LINE, prints "== LINE" and then what bash completes it to, one a line, as
# FOLDER/vggcl.bash says. Words are separated by one space, and "=" and ":" are words too.
source "$1/vggcl.bash"
shift
function_of() { complete -p vggcl | sed -nE 's/.*-F ([^ ]+) .*/\1/p'; }
for line; do
    echo "== $line"
    words=$(sed 's/[=:]/ & /g; s/  */ /g' <<<"$line|")
    mapfile -t -d ' ' COMP_WORDS < <(printf '%s' "${words%|}")
    [[ $words != *' |' ]] || COMP_WORDS+=('')
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMP_LINE=$line COMP_POINT=${#line} COMPREPLY=()
    "$(function_of)" vggcl "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}" 2>/dev/null # compopt complains
    [ ${#COMPREPLY[@]} = 0 ] || printf '%s\n' "${COMPREPLY[@]}"
done
