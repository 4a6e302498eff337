#!/usr/bin/env bash
# install.sh CMAKE BUILD_DIR: installs into a temporary prefix, then compiles, links and runs a program against the
# shared and the static library, found through pkg-config and through find_package; uninstalls. CC and CFLAGS as in the
# build.
set -euo pipefail
cmake=$1 build=$2
work=$(mktemp -d)
manifest=$build/install_manifest.txt
# The list of what was installed from this build folder before stays.
[ ! -f "$manifest" ] || cp "$manifest" "$work/manifest"
trap 'rm -f "$manifest"; [ ! -f "$work/manifest" ] || mv "$work/manifest" "$manifest"; rm -rf "$work"' EXIT
prefix=$work/prefix
"$cmake" --install "$build" --prefix "$prefix" >"$work/log" || { cat "$work/log"; exit 1; }
library=$(dirname "$(find "$prefix" -name libvggcl.a)")
export PKG_CONFIG_PATH=$library/pkgconfig LD_LIBRARY_PATH=$library
cat >"$work/main.c" <<'END'
#include <stdio.h>
#include <string.h>
#include <vggcl.h>
int main(void) { return puts(vggcl_version()) < 0 || strcmp(vggcl_version(), VGGCL_VERSION) != 0; }
END

# works PROGRAM shared|static: it runs, and needs libvggcl.so or not, as it should.
works() {
    "$1" || { echo "$1: failed"; exit 1; }
    local kind=static
    ! readelf -d "$1" | grep -q 'NEEDED.*libvggcl' || kind=shared
    [ $kind = "$2" ] || { echo "$1: is linked to the $kind library"; exit 1; }
}

read -ra flags <<<"${CFLAGS:-} $(pkg-config --cflags vggcl)"
# shellcheck disable=SC2046  # pkg-config's answer is many words
"$CC" "${flags[@]}" "$work/main.c" -o "$work/pc-shared" $(pkg-config --libs vggcl)
# shellcheck disable=SC2046
"$CC" "${flags[@]}" "$work/main.c" -o "$work/pc-static" "$library/libvggcl.a" -Wl,--as-needed \
    $(pkg-config --static --libs vggcl)
for example in "$(dirname "$0")"/examples/*.c; do
    # shellcheck disable=SC2046
    "$CC" "${flags[@]}" -std=c11 -Wall -Wextra -Werror "$example" -o "$work/example" $(pkg-config --libs vggcl)
done
works "$work/pc-shared" shared
works "$work/pc-static" static

cat >"$work/CMakeLists.txt" <<END
cmake_minimum_required(VERSION 3.22)
project(consumer LANGUAGES C)
find_package(vggcl $(pkg-config --modversion vggcl | cut -d. -f1,2) REQUIRED COMPONENTS static)
add_executable(cmake-shared main.c)
target_link_libraries(cmake-shared vggcl::vggcl)
add_executable(cmake-static main.c)
target_link_libraries(cmake-static vggcl::static)
END
{ "$cmake" -S "$work" -B "$work/build" -DCMAKE_PREFIX_PATH="$prefix" && "$cmake" --build "$work/build"; } \
    >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
works "$work/build/cmake-shared" shared
works "$work/build/cmake-static" static
[ -s "$prefix/share/vggcl/compare.schema.json" ] || { echo "compare.schema.json is not installed"; exit 1; }
[ -s "$prefix/share/vggcl/vggcl_torch.py" ] || { echo "vggcl_torch.py is not installed"; exit 1; }
[ -x "$prefix/share/vggcl/gate/bisect.sh" ] || { echo "gate/bisect.sh is not installed"; exit 1; }
for file in man/man1/vggcl.1 man/man1/vggcl-train.1 bash-completion/completions/vggcl zsh/site-functions/_vggcl \
    fish/vendor_completions.d/vggcl.fish; do
    [ -s "$prefix/share/$file" ] || { echo "share/$file is not installed"; exit 1; }
done
[ "$("$prefix/bin/vggcl" --version | sed -nE '1s/^vggcl ([0-9.]+).*/\1/p')" = "$(pkg-config --modversion vggcl)" ] ||
    { echo "vggcl --version and vggcl.pc disagree"; exit 1; }

# The library's name changes with each minor version; libvggcl.so is only for linking.
version=$(pkg-config --modversion vggcl)
soname=$(readelf -d "$library/libvggcl.so" | sed -n 's/.*(SONAME).*\[\(.*\)\]$/\1/p')
[ "$soname" = "libvggcl.so.${version%.*}" ] || { echo "the library's SONAME is $soname"; exit 1; }
[ "$(readlink "$library/libvggcl.so") $(readlink "$library/$soname")" = "$soname libvggcl.so.$version" ] ||
    { ls -l "$library"; exit 1; }

# The components, which Debian's packages are made of, have together what a whole installation has, each file once.
for component in program library development; do
    "$cmake" --install "$build" --prefix "$work/$component" --component $component >>"$work/log"
done
list() { (cd "$1" && find . ! -type d); }
diff <(for component in program library development; do list "$work/$component"; done | sort) <(list "$prefix" | sort)

"$cmake" -DMANIFEST="$manifest" -P "$(dirname "$0")/../ci/cmake/uninstall.cmake" >/dev/null 2>&1
left=$(cd "$prefix" && find . ! -type d -o -name vggcl)
[ -z "$left" ] || { echo "uninstalling leaves $left"; exit 1; }
