#!/usr/bin/env bash
# tarball.sh FOLDER: writes vggcl-VERSION.tar.gz, the source, to FOLDER, and prints the file's path. In a checkout of git it
# holds the files of the last commit, and is the same each time; elsewhere all files except those that .gitignore names:
# builds, runs and data sets.
set -euo pipefail
[ $# = 1 ] || { sed -n '2,4s/^# //p' "$0" >&2; exit 2; }
mkdir -p "$1"
folder=$(cd "$1" && pwd)
cd "$(dirname "$0")/.."
name=vggcl-$(sed -n 's/^#define VGGCL_VERSION  *"\(.*\)"$/\1/p' include/vggcl.h)
file=$folder/$name.tar.gz
if above=$(git rev-parse --show-cdup 2>/dev/null) && [ -z "$above" ]; then
    [ -z "$(git --no-optional-locks status --porcelain)" ] || echo "changes that are not committed are left out" >&2
    git archive --format=tar --prefix="$name/" HEAD
else
    mapfile -t without < <(sed -nE 's,^/(.*[^/])/?$,--exclude=./\1,p' .gitignore)
    tar -c --sort=name --owner=0 --group=0 --numeric-owner --transform="flags=r;s,^\\.,$name," \
        --no-wildcards-match-slash --exclude=./.git "${without[@]}" .
fi | gzip -9n >"$file"
echo "$file"
