#!/usr/bin/env bash
# packages.sh build|test: installs what is missing to build and run vggcl, or to test it too. The one list of packages.
# Without anything missing it does nothing and needs neither network nor rights.
set -euo pipefail
exec </dev/null

compiles() { echo '#include <stdio.h>' | "$1" -E - >/dev/null 2>&1; }
# A driver for OpenCL. Mesa's do not count: they are often there without supporting any device.
driver() { find /etc/OpenCL/vendors -name '*.icd' ! -name 'mesa*' ! -name 'rusticl*' | grep -q .; }
pocl() { grep -qis pocl /etc/OpenCL/vendors/*.icd; }
# A package that was removed leaves the file that names its library.
rusticl() { local library && library=$(cat /etc/OpenCL/vendors/rusticl.icd) && ls /usr/lib/*/"$library"; }

missing=()
# need PACKAGES CHECK...: they are missing where the check fails.
need() {
    local packages=$1; shift
    # shellcheck disable=SC2206  # one or more words
    "$@" >/dev/null 2>&1 || missing+=($packages)
}

case ${1:-} in
build) compiler=cc ;;
test) compiler=gcc ;;
*)
    sed -n '2,3s/^# //p' "$0" >&2
    exit 2
    ;;
esac
need "gcc libc6-dev" compiles "$compiler"
need make command -v make
need cmake command -v cmake
need pkg-config command -v pkg-config
need "ocl-icd-opencl-dev opencl-headers" pkg-config --exists OpenCL
need libclblast-dev pkg-config --exists clblast
need libjansson-dev pkg-config --exists jansson
need libcurl4-openssl-dev pkg-config --exists libcurl
need libarchive-dev pkg-config --exists libarchive
need libmd-dev pkg-config --exists libmd
if [ "$1" = build ]; then
    need pocl-opencl-icd driver # runs on the CPU; with a driver of the machine's own it is not needed
else
    need pocl-opencl-icd pocl
    need libcmocka-dev pkg-config --exists cmocka
    need chromium command -v chromium
    need gnuplot-nox command -v gnuplot
    need clang compiles clang
    need valgrind command -v valgrind
    need oclgrind command -v oclgrind
    need mesa-opencl-icd rusticl
    need gcovr command -v gcovr
    need "python3-torch python3-numpy" /usr/bin/python3 -c "import numpy, torch"
fi
[ ${#missing[@]} -gt 0 ] || exit 0

if ! command -v apt-get >/dev/null; then
    echo "Missing, by Debian's names: ${missing[*]}" >&2
    echo "This system has no apt-get: install them with its own package manager, then run this again." >&2
    exit 1
fi
root=()
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || { echo "Missing. As root: apt-get install ${missing[*]}" >&2; exit 1; }
    root=(sudo)
fi
echo "Installing ${missing[*]}"
apt() { "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 "$@" >/dev/null; }
apt update || true # a broken source of something else is no reason to stop: the next line says what cannot be had
apt install -y --no-install-recommends ca-certificates "${missing[@]}"
