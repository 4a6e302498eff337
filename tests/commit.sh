#!/usr/bin/env bash
# commit.sh CMAKE SOURCE_DIR: which commit the program says that it was built from: that of its own checkout only.
set -euo pipefail
cmake=$1 source=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export GIT_CONFIG_GLOBAL=/dev/null GIT_CEILING_DIRECTORIES=$work
export GIT_AUTHOR_NAME=n GIT_AUTHOR_EMAIL=e GIT_COMMITTER_NAME=n GIT_COMMITTER_EMAIL=e

# says DIR COMMIT: what the C file for the source in DIR holds.
says() {
    "$cmake" "-DSOURCE=$1" "-DOUTPUT=$work/commit.c" -P "$source/ci/cmake/commit.cmake"
    local got
    got=$(sed -n 's/^const char origin_commit\[\] = "\(.*\)";$/\1/p' "$work/commit.c")
    [ "$got" = "$2" ] || { echo "$1: says '$got', not '$2'"; exit 1; }
}

mkdir -p "$work/outside" "$work/checkout/inside"
cd "$work/checkout"
says "$work/outside" ""
git init -q
git commit -q --allow-empty -m first
echo 1 >inside/file
git add inside
git commit -q -m second
hash=$(git rev-parse --short HEAD)
says "$work/checkout" "$hash"
says "$work/checkout/inside" "" # of another project
before=$(stat -c %y "$work/commit.c")
says "$work/checkout/inside" ""
[ "$before" = "$(stat -c %y "$work/commit.c")" ] || { echo "an unchanged file was written again"; exit 1; }
echo 2 >inside/file
says "$work/checkout" "$hash-dirty"
git commit -qa -m third
git tag -a v1.2 -m release HEAD~1
says "$work/checkout" "v1.2-1-g$(git rev-parse --short HEAD)"

# A tarball of `git archive` says it in a file; the file of a checkout does not count.
mkdir -p "$work/checkout/ci/cmake"
cp "$source/.gitattributes" "$work/checkout"
# shellcheck disable=SC2016  # what git replaces
echo '$Format:%h$' >"$work/checkout/ci/cmake/commit.txt"
git add .
git commit -q -m fourth
hash=$(git rev-parse --short HEAD)
git archive --prefix=unpacked/ HEAD | tar -x -C "$work"
says "$work/unpacked" "$hash"
cp -r ci "$work/outside"
says "$work/outside" ""
