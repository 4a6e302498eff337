#!/usr/bin/env bash
# packages.sh build|test: installs the missing packages to build and run vggcl, or (test) also to test it. The packages
# are listed only here. If nothing is missing, it does nothing, and needs neither network nor root rights.
set -euo pipefail
exec </dev/null

compiles() { echo '#include <stdio.h>' | "$1" -E - >/dev/null 2>&1; }
# device NAME: succeeds if OpenCL has a device of a platform whose name contains NAME. It queries the drivers, because an
# .icd file may be left over from a removed package, and a driver may find no hardware. PoCL has no device without a
# cache folder.
device() {
    local folder status=0
    folder=$(mktemp -d)
    # shellcheck disable=SC2046  # several words
    "$compiler" -x c - -o "$folder/device" $(pkg-config --cflags --libs OpenCL) <<'END' || status=1
#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>
#include <string.h>
int main(int argc, char **argv) {
    cl_platform_id ids[32];
    cl_uint count = 0, devices = 0;
    clGetPlatformIDs(32, ids, &count);
    for (cl_uint i = 0; i < count && i < 32; i++) {
        char name[256] = "";
        clGetPlatformInfo(ids[i], CL_PLATFORM_NAME, sizeof name, name, NULL);
        if (strstr(name, argv[argc - 1]) && !clGetDeviceIDs(ids[i], CL_DEVICE_TYPE_ALL, 0, NULL, &devices) && devices)
            return 0;
    }
    return 1;
}
END
    [ $status != 0 ] || POCL_CACHE_DIR=$folder "$folder/device" "$1" || status=1
    rm -rf "$folder"
    return $status
}
# Succeeds if clang has libFuzzer and the sanitizers, which since version 15 are a package of their own.
fuzzes() {
    echo 'int LLVMFuzzerTestOneInput(const char *b, unsigned long n) { return n > 9 && *b; }' |
        clang -fsanitize=fuzzer,address,undefined -x c - -o /dev/null
}
# Packages, named as their commands, that some distributions lack: Debian 13 has no oclgrind, Debian 11 no clang-format-19.
# They are not missing if apt's package lists do not have them.
commands=(oclgrind clang-format-19)
optional=("${commands[@]}" libclang-rt-dev) # Debian 11's clang has the files of the latter itself
has_or_lacks() {
    command -v "$1" || { ls /var/lib/apt/lists/*Packages* && ! apt-cache show "$1"; }
}
# A removed package leaves its .icd file behind, so this checks the library that the file names.
rusticl() { local library && library=$(cat /etc/OpenCL/vendors/rusticl.icd) && ls /usr/lib/*/"$library"; }

shells_and_manuals() { command -v zsh && command -v fish && command -v man && command -v mandoc; }

missing=()
# need PACKAGES CHECK...: adds the packages to the missing ones if the command CHECK fails.
need() {
    local packages=$1; shift
    # shellcheck disable=SC2206  # one or more words
    "$@" >/dev/null 2>&1 || missing+=($packages)
}

case ${1:-} in
build) compiler=cc platform='' ;;
test) compiler=gcc platform='Portable Computing Language' ;; # PoCL's name
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
need libvips-dev pkg-config --exists 'vips >= 8.13'
need libpng-dev pkg-config --exists 'libpng >= 1.6.22'
need zlib1g-dev pkg-config --exists zlib
need libprotobuf-c-dev pkg-config --exists libprotobuf-c
need libcsv-dev test -e /usr/include/csv.h
need protobuf-c-compiler command -v protoc-c
need pocl-opencl-icd test -e "${OCL_ICD_VENDORS:-/etc/OpenCL/vendors}" # if it exists, the drivers are queried below
if [ "$1" = test ]; then
    need git command -v git
    need debhelper command -v dh
    need lintian command -v lintian
    need libcmocka-dev pkg-config --exists cmocka
    need python3-venv /usr/bin/python3 -m ensurepip --version
    need chromium command -v chromium
    need "libopenmpi-dev openmpi-bin" command -v mpirun
    need iproute2 command -v ip
    need gnuplot-nox command -v gnuplot
    need clang compiles clang
    need libclang-rt-dev fuzzes
    need "zsh fish man-db mandoc" shells_and_manuals
    need locales test -f /usr/share/i18n/locales/de_DE
    need valgrind command -v valgrind
    for package in "${commands[@]}"; do
        need "$package" has_or_lacks "$package"
    done
    need mesa-opencl-icd rusticl
    need gcovr command -v gcovr
    need python3-jsonschema /usr/bin/python3 -c "import jsonschema; jsonschema.Draft202012Validator"
    need "python3-torch python3-numpy python3-pil" /usr/bin/python3 -c "import numpy, PIL, torch"
fi

install() {
    local root=()
    [ $# -gt 0 ] || return 0
    if ! command -v apt-get >/dev/null; then
        echo "Missing, by Debian's names: $*" >&2
        echo "This system has no apt-get: install them with its own package manager, then run this again." >&2
        exit 1
    fi
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null || { echo "Missing. As root: apt-get install $*" >&2; exit 1; }
        root=(sudo)
    fi
    echo "Installing $*"
    apt() { "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 \
            -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "$@" >/dev/null; }
    apt update || true # an unrelated broken source must not stop this; `apt install` reports missing packages
    local package wanted=(ca-certificates)
    for package; do
        if [[ " ${optional[*]} " = *" $package "* ]] && ! apt-cache show "$package" >/dev/null 2>&1; then
            echo "There is no package $package in this distribution: the checks that need it are left out"
        else
            wanted+=("$package")
        fi
    done
    apt install -y --no-install-recommends "${wanted[@]}"
}
install "${missing[@]}"
if ! device "$platform"; then
    install pocl-opencl-icd # runs on the CPU; not needed if the machine has another driver
    [ "$1" = build ] || device "$platform" || {
        echo "PoCL has no device, though pocl-opencl-icd is installed. In a container or chroot: is /sys mounted?" >&2
        exit 1
    }
fi
