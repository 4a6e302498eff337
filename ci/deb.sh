#!/usr/bin/env bash
# deb.sh [--build FOLDER] [--out FOLDER]: builds the Debian packages vggcl, libvggclX.Y and libvggcl-dev from the last
# commit, checks them with lintian if it is installed, and prints their paths. Needs debhelper, and the packages that
# ci/packages.sh build installs.
#   --out FOLDER    for the packages (default: build-deb)
#   --build FOLDER  packages this build instead of making one; it lacks Debian's hardening flags and folders
# DEBFULLNAME and DEBEMAIL, if they are set, are the packages' maintainer.
# deb.sh --check FOLDER: as root, on a machine that may be changed, e.g. a new container: installs the packages in
# FOLDER, trains a small network, compiles C programs, and removes the packages.
set -euo pipefail
exec </dev/null
usage() { sed -n '2,9s/^# //p' "$0" >&2; exit 2; }
fail() { echo "$*" >&2; exit 1; }

out=build-deb build='' check=''
while [ $# -gt 0 ]; do
    case $1 in
    --build | --out | --check) [ $# -ge 2 ] || usage; printf -v "${1#--}" %s "$(realpath -m "$2")" ;;
    *) usage ;;
    esac
    shift 2
done
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# ------------------------------------------------------------------------------------------------ deb.sh --check --
compile_programs() {
    cat >main.c <<'END'
#include <stdio.h>
#include <string.h>
#include <vggcl.h>
int main(void) { return printf("%s\n", vggcl_version()) < 0 || strcmp(vggcl_version(), VGGCL_VERSION) != 0; }
END
    cat >CMakeLists.txt <<'END'
cmake_minimum_required(VERSION 3.22)
project(consumer LANGUAGES C)
find_package(vggcl REQUIRED)
add_executable(with-cmake main.c)
target_link_libraries(with-cmake vggcl::vggcl)
END
    # shellcheck disable=SC2046  # several words
    cc main.c -o with-pkg-config $(pkg-config --cflags --libs vggcl)
    ./with-pkg-config
    cmake -S . -B build >/dev/null
    cmake --build build >/dev/null
    build/with-cmake
}
apt() { DEBIAN_FRONTEND=noninteractive apt-get -qq "$@" >/dev/null; }
# check_packages FOLDER: users' caches and runs stay after removal, as those of any program; here they are in $work.
check_packages() {
    local packages=("$1"/*.deb) names=() files file
    [ -f "${packages[0]}" ] || fail "$1: there are no packages (ci/deb.sh builds them)"
    export HOME=$work
    cd "$work"
    apt update
    echo "== the program alone"
    apt install -y "$1"/vggcl_*.deb
    vggcl version
    vggcl devices
    vggcl train --data synthetic:320,50 --model vgg11 --width 0.125 --batch 32 --epochs 1 --save save
    vggcl eval --data synthetic:320,50 --weights save/best.safetensors
    echo "== programs in C"
    apt install -y --no-install-recommends "${packages[@]}" gcc libc6-dev make cmake pkg-config
    compile_programs
    echo "== removal"
    for file in "${packages[@]}"; do names+=("$(dpkg-deb -f "$file" Package)"); done
    mapfile -t files < <(dpkg -L "${names[@]}" | grep vggcl | sort -u)
    [ ${#files[@]} -gt 20 ] || fail "the packages have only ${#files[@]} files"
    apt purge -y "${names[@]}"
    for file in "${files[@]}"; do
        if [ -e "$file" ] || [ -L "$file" ]; then fail "$file stays after removal"; fi
    done
    echo "${#files[@]} files and folders were installed; none of them stays"
}
if [ -n "$check" ]; then
    [ "$(id -u)" = 0 ] || fail "--check installs packages: run it as root, in a container"
    check_packages "$check"
    exit
fi

# ---------------------------------------------------------------------------------------------------------- build --
command -v dh >/dev/null || fail "debhelper is missing. As root: apt-get install debhelper"
mkdir -p "$out"
rm -f "$out"/*.deb
# In a folder of its own: Debian's tools want the folder debian at the top of the source, and write to it.
tarball=$(ci/tarball.sh "$work")
source=$(basename "$tarball" .tar.gz)
version=${source#vggcl-}
tar -xzf "$tarball" -C "$work"
debian=$work/$source/debian
cp -r ci/debian "$debian"

# The library's package changes its name with its SONAME, as Debian's policy (8.1) wants, so that programs that are
# linked with an older one keep it.
library=libvggcl${version%.*}
maintainer="${DEBFULLNAME:-The vggcl authors} <${DEBEMAIL:-vggcl@vggcl.invalid}>"
# The text of LICENSE, as lines that continue a field.
license=$(sed '1,/^Permission/{/^Permission/!d}; s/^$/./; s/^/ /; s/$/\\n/' LICENSE | tr -d '\n')
sed -i "s|@MAINTAINER@|$maintainer|; s|@LIBRARY@|$library|; s|@LICENSE@|${license%\\n}|" "$debian"/{control,copyright}
# The date of a release is in CHANGELOG.md; before that, the date of the last commit, or today.
date=$(sed -nE "s/^## \[$version\] - ([0-9]{4}-[0-9]{2}-[0-9]{2})$/\1/p" CHANGELOG.md)
date=$(date -Ru -d "${date:-$(git log -1 --format=%cI 2>/dev/null || date -I)}")
cat >"$debian/changelog" <<END
vggcl ($version-1) unstable; urgency=medium

  * Version $version; its changes are in /usr/share/doc/vggcl/changelog.gz.

 -- $maintainer  $date
END
# Debian's archive wants a bug number in the first version's changelog; these packages are not in it.
for package in vggcl "$library" libvggcl-dev; do
    echo "$package: initial-upload-closes-no-bugs" >"$debian/$package.lintian-overrides"
done

(
    cd "$work/$source"
    if [ -n "$build" ]; then export VGGCL_BUILD=$build; fi
    export DEB_BUILD_OPTIONS="noautodbgsym ${DEB_BUILD_OPTIONS:-parallel=$(nproc)}"
    # CMake says what is missing; dpkg would also want a compiler for C++.
    dpkg-buildpackage --build=binary --unsigned-changes --no-check-builddeps
) >"$out/log" 2>&1 || { tail -30 "$out/log" >&2; fail "the packages cannot be built: see $out/log"; }
cp "$work"/*.deb "$out"
ls "$out"/*.deb

# What a build that was made for /usr/local, without dpkg-buildflags, cannot have.
elsewhere=arch-dependent-file-not-in-arch-specific-directory,pkg-config-multi-arch-wrong-dir
elsewhere+=,pkg-config-unavailable-for-cross-compilation,hardening-no-relro,hardening-no-pie
if command -v lintian >/dev/null; then
    lintian --allow-root --fail-on error,warning ${build:+--suppress-tags "$elsewhere"} "$out"/*.deb
else
    echo "lintian is not installed: the packages are not checked with it" >&2
fi
