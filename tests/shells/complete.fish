#!/usr/bin/env -S fish --no-config
# complete.fish FOLDER LINE...: for each LINE, prints "== LINE" and then what fish completes it to, one a line with its
# description, as FOLDER/vggcl.fish says.
source $argv[1]/vggcl.fish
for line in $argv[2..-1]
    echo "== $line"
    complete -C $line
end
