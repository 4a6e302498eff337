#!/usr/bin/env zsh
# complete.zsh FOLDER LINE...: for each LINE, prints "== LINE" and then what zsh completes it to, one a line with its
# description, as the function _vggcl in FOLDER says. An interactive zsh runs on a pseudo-terminal, presses Tab, and its
# compadd prints the matches instead of showing them.
zmodload zsh/zpty || exit 1
folder=$1
shift
setup=$(mktemp)
cat >$setup <<'SETUP'
PS1= PS2= RPS1=
unsetopt prompt_cr prompt_sp zle_bracketed_paste 2>/dev/null
unset zle_bracketed_paste
autoload -Uz compinit
compinit -D -u
bindkey '^I' complete-word
zstyle ':completion:*' insert-tab false
say_begin() { print -r -- '<begin>' }
say_end() { print -r -- '<end>'; exit }
compprefuncs=(say_begin)
comppostfuncs=(say_end)
compadd() {
    if [[ ${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]]; then
        builtin compadd "$@"
        return
    fi
    local -a hits shown
    integer at=${@[(i)-d]}
    if ((at < $#)); then
        if [[ ${@[at+1]} == \(* ]]; then eval "shown=${@[at+1]}"; else shown=("${(@P)@[at+1]}"); fi
    fi
    builtin compadd -A hits -D shown "$@"
    integer i
    for ((i = 1; i <= $#hits; i++)); do
        print -r -- "match $IPREFIX$hits[i]	$shown[i]"
    done
    return 1
}
zle-line-init() { print -r -- '<ready>' } # keys that come before the line editor is on may get lost
zle -N zle-line-init
SETUP
for line; do
    zpty tty zsh -f -i
    zpty -w tty "fpath=(${(q)folder} \$fpath); source $setup"
    zpty -r tty output '*<ready>*'
    zpty -n -w tty "$line"$'\t'
    zpty -r tty output '*<end>*'
    zpty -d tty
    print -r -- "== $line"
    print -r -- "${${output##*<begin>}%%<end>*}" | tr -d '\r' | sed -n 's/^match //p'
done
rm -f $setup
