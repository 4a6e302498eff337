#!/usr/bin/env bash
# deb.sh BUILD_DIR: the Debian packages that ci/deb.sh makes of the build: contents, dependencies, and that program and
# library work where they are unpacked. CC as in the build. `ci/deb.sh --check` installs packages, which needs root.
set -euo pipefail
build=$1
cd "$(dirname "$0")/.."
fail() { echo "$*"; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# What packages.sh installs to build is what the packages name as needed to build.
sed -n '/^need libc/,/^if /{s/^need "\?\([^"]*\)"\? \(pkg-config\|command\).*/\1/p}' ci/packages.sh >"$work/needed"
grep -q libclblast-dev "$work/needed" || fail "the packages to build are not found in ci/packages.sh"
while read -r package; do
    grep -qE "(^| )$package( |,|$)" <(sed -n '/^Build-Depends/,/^$/p' ci/debian/control) ||
        fail "ci/debian/control: Build-Depends lacks $package, which ci/packages.sh has"
done <"$work/needed"
names=$(sed -nE 's/^vggcl_find_optional(_library)?\(VGGCL_([A-Z0-9]+) .*/\2/p' CMakeLists.txt | xargs)
grep -qx "OPTIONAL = $names" ci/debian/rules || fail "ci/debian/rules: OPTIONAL is not $names, as in CMakeLists.txt"

command -v dh >/dev/null || { echo "skipped: debhelper is not installed"; exit 77; }
ci/deb.sh --build "$build" --out "$work" >"$work/out" 2>&1 || { cat "$work/out"; exit 1; }
version=$(sed -n 's/^#define VGGCL_VERSION  *"\(.*\)"$/\1/p' include/vggcl.h)
library=libvggcl${version%.*}
[ "$(cd "$work" && for file in *.deb; do dpkg-deb -f "$file" Package; done | xargs)" = "libvggcl-dev $library vggcl" ] ||
    fail "other packages: $(ls "$work")"

# holds PACKAGE PATTERN...: each pattern, which ends at a line's end, matches one line of the package's list.
holds() {
    local package=$1 pattern
    dpkg-deb -c "$work/$package"_*.deb | sed 's/  */ /g' >"$work/$package.list"
    shift
    for pattern; do
        [ "$(grep -cE -- "$pattern\$" "$work/$package.list")" = 1 ] ||
            { cat "$work/$package.list"; fail "$package: not one line that matches $pattern"; }
    done
}
each=('-rw-r--r-- root/root .*/changelog.gz' '.*/changelog.Debian.gz' '.*/copyright')
holds vggcl '-rwxr-xr-x root/root .* ./usr/bin/vggcl' './usr/share/man/man1/vggcl.1.gz' '/vggcl/compare.schema.json' \
    '-rwxr-xr-x .*/vggcl/gate/bisect.sh' '/README.md.gz' "${each[@]}"
holds "$library" "/libvggcl.so.$version" "/libvggcl.so.${version%.*} -> libvggcl.so.$version" "${each[@]}"
holds libvggcl-dev './usr/include/vggcl.h' '/libvggcl.a' "/libvggcl.so -> libvggcl.so.${version%.*}" \
    '/pkgconfig/vggcl.pc' '/cmake/vggcl/vggcl-config.cmake' '/examples/train.c' "${each[@]}"
twice=$(cat "$work"/*.list | grep -v '^d' | awk '{print $6}' | sort | uniq -d)
[ -z "$twice" ] || fail "in more than one package: $twice"

# depends PACKAGE PATTERN...: its dependencies
depends() {
    local package=$1 pattern
    shift
    for pattern; do
        dpkg-deb -f "$work/$package"_*.deb Depends | grep -qE "$pattern" || fail "$package does not depend on $pattern"
    done
}
depends vggcl 'libc6 \(>=' 'libclblast1' 'libopencl1' 'libjansson4'
depends "$library" 'libc6 \(>=' 'libclblast1' 'libopencl1' 'libjansson4'
depends libvggcl-dev "$library \\(= $version-1\\)" ocl-icd-opencl-dev
dpkg-deb -I "$work/$library"_*.deb triggers | grep -q ldconfig || fail "$library: does not run ldconfig"
dpkg-deb -I "$work/$library"_*.deb shlibs | grep -q "^libvggcl ${version%.*} $library " || fail "$library: no shlibs"

# Unpacked, the program runs, and a C program is compiled with the library and runs.
root=$work/root
for file in "$work"/*.deb; do
    dpkg-deb -x "$file" "$root"
    mkdir "$work/control"
    dpkg-deb -e "$file" "$work/control"
    (cd "$root" && md5sum --quiet -c "$work/control/md5sums")
    rm -r "$work/control"
done
[ "$("$root/usr/bin/vggcl" version | sed -nE '1s/^vggcl ([0-9.]+).*/\1/p')" = "$version" ] || fail "vggcl version: not $version"
! readelf -S "$root/usr/bin/vggcl" | grep -q '\.symtab' || fail "the program is not stripped"
libraries=$(dirname "$(find "$root" -name vggcl.pc)")
export LD_LIBRARY_PATH=$libraries/.. PKG_CONFIG_PATH=$libraries
printf '#include <stdio.h>\n#include <vggcl.h>\nint main(void) { return puts(vggcl_version()) < 0; }\n' >"$work/main.c"
# shellcheck disable=SC2046  # several words
"$CC" "$work/main.c" -o "$work/main" $(pkg-config --cflags --libs vggcl)
[ "$("$work/main")" = "$version" ] || fail "the library's version is not $version"
