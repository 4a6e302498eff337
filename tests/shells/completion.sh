#!/usr/bin/env bash
# completion.sh PROGRAM COMPLETIONS: bash, zsh and fish complete command lines with the scripts in the folder COMPLETIONS.
set -euo pipefail
program=$(realpath "$1") completions=$(realpath "$2") here=$(realpath "$(dirname "$0")")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/bin" "$work/home" "$work/in/run" "$work/in/with space"
ln -s "$program" "$work/bin/vggcl"
touch "$work/in/w.safetensors" "$work/in/c.json" "$work/in/other.txt"
export PATH=$work/bin:$PATH HOME=$work/home XDG_CONFIG_HOME=$work/home XDG_DATA_HOME=$work/home
cd "$work/in"
failures=0
fail() { echo "$*"; failures=$((failures + 1)); }

lines=('vggcl tr' 'vggcl train --recip' 'vggcl train --recipe ' 'vggcl train --recipe=f' 'vggcl train --save '
    'vggcl train --data s' 'vggcl eval --weights ' 'vggcl train --config ' 'vggcl train --lr ' 'vggcl train --device '
    'vggcl fetch f' 'vggcl help pl' 'vggcl compare --only s' 'vggcl plot o' 'vggcl predict ' 'vggcl completion '
    'vggcl train --save plan --lab' 'vggcl compare --sl' 'vggcl nothing --')
shells=(bash fish)
if zsh -fc 'zmodload zsh/zpty && zpty terminal true' 2>/dev/null; then
    shells+=(zsh)
else
    echo "zsh is left out: no pseudo-terminal can be opened (is /dev/pts mounted?)"
fi
for shell in "${shells[@]}"; do
    echo "-- $shell"
    "$here/complete.$shell" "$completions" "${lines[@]}" >"$work/$shell.txt" || fail "$shell: failed"
done

# answers SHELL LINE: what the shell completes the line to, a sorted list of words; descriptions are cut off.
answers() {
    awk -v line="== $2" '$0 == line { on = 1; next } /^== / { on = 0 } on' "$work/$1.txt" |
        cut -f 1 | sed -E 's/^--[a-z-]+=//; s/=$//; s/\\//g; s,/$,,' | sort -u | paste -sd' '
}
# says SHELL LINE WORDS...
says() {
    local shell=$1 line=$2 answer
    shift 2
    answer=$(answers "$shell" "$line")
    [ "$answer" = "$*" ] || fail "$shell: '$line' is completed to '$answer', not to '$*'"
}
# describes SHELL TEXT: that shell shows descriptions.
describes() { grep -qF "$2" "$work/$1.txt" || fail "$1: does not show '$2'"; }

device=$("$program" devices | sed -nE 's/^[* ] ([0-9]+:[0-9]+) .*/\1/p' | paste -sd' ')
for shell in "${shells[@]}"; do
    says $shell 'vggcl tr' train
    says $shell 'vggcl train --recip' --recipe
    says $shell 'vggcl train --recipe ' best fast finetune quick seed
    says $shell 'vggcl train --recipe=f' fast finetune
    says $shell 'vggcl train --lr '
    says $shell 'vggcl train --data s' synthetic
    says $shell 'vggcl fetch f' fashion-mnist
    says $shell 'vggcl help pl' plan plot
    says $shell 'vggcl compare --only s' selfcheck speed start
    says $shell 'vggcl plot o' other.txt
    says $shell 'vggcl completion ' bash fish zsh
    says $shell 'vggcl train --save plan --lab' --label-smoothing --labels
    says $shell 'vggcl compare --sl' --slower-than
    says $shell 'vggcl nothing --'
    says $shell 'vggcl predict ' c.json other.txt run w.safetensors with space
    says $shell 'vggcl train --device ' "$device" accelerator cpu gpu
    case $shell in
    bash)
        says $shell 'vggcl train --save ' run with space
        says $shell 'vggcl eval --weights ' run w.safetensors with space
        says $shell 'vggcl train --config ' c.json run with space
        ;;
    *) # other files come after these
        grep -qP '^w\.safetensors' "$work/$shell.txt" || fail "$shell: does not complete --weights"
        describes $shell "trains a network and saves it, epoch by epoch"
        describes $shell "set of defaults"
        ;;
    esac
done
[ "$failures" = 0 ]
