#!/usr/bin/env bash
# tarball.sh CMAKE SOURCE_DIR: the tarball of the source, as the target package_source writes it. CC as in the build.
set -euo pipefail
cmake=$1
cd "$2"
above=$(git rev-parse --show-cdup 2>/dev/null) && [ -z "$above" ] || { echo "left out: $2 is not a checkout of git"; exit 0; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tarball=$(ci/tarball.sh "$work" 2>/dev/null)
name=$(basename "$tarball" .tar.gz)
[[ $name =~ ^vggcl-[0-9]+\.[0-9]+\.[0-9]+$ ]] || { echo "$tarball: not vggcl-VERSION.tar.gz"; exit 1; }

# It holds the committed files, and is the same when it is made again.
files() { tar -tzf "$1" | grep -v '/$' | sed "s,^$name/,," | sort; }
diff <(git ls-tree -r --name-only HEAD | sort) <(files "$tarball")
again=$(ci/tarball.sh "$work/again" 2>/dev/null)
cmp "$tarball" "$again"

# Without git it can be configured, and knows the commit. A tarball made from it has the same files.
tar -xzf "$tarball" -C "$work"
cd "$work/$name"
[ -x ci/quickstart.sh ] || { echo "ci/quickstart.sh cannot be run"; exit 1; }
export GIT_CEILING_DIRECTORIES=$work
{ "$cmake" -S . -B build -DVGGCL_TESTS=OFF && "$cmake" --build build --target vggcl_commit; } >"$work/log" 2>&1 ||
    { cat "$work/log"; exit 1; }
hash=$(git -C "$OLDPWD" rev-parse --short HEAD)
grep -q "\"$hash\"" build/commit.c || { echo "the build does not know commit $hash:"; cat build/commit.c; exit 1; }
mkdir -p save data/mnist data/cifar-100-binary
touch save/accuracy.csv data/mnist/train-images-idx3-ubyte.gz data/cifar-100-binary/train.bin
tarball=$(ci/tarball.sh "$work/third")
diff <(git -C "$OLDPWD" ls-tree -r --name-only HEAD | sort) <(files "$tarball")
