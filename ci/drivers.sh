#!/usr/bin/env bash
# drivers.sh [FLAGS] [NAME...]: fetches OpenCL drivers that run on a CPU, checks and trains with each, and prints a
# table. Without names, all of them:
#   pocl-bookworm pocl-trixie pocl-sid            PoCL of Debian 12, 13 and unstable
#   rusticl-bookworm rusticl-trixie rusticl-sid   Mesa's rusticl on llvmpipe, of the same
#   oclgrind                                      Oclgrind of Debian 12, on a small network
#   intel                                         Intel's runtime for CPUs, from PyPI (x86-64)
#
#   --markdown      print the table in Markdown, with date and processor, for the README
#   --rounds N      how often speed is measured: the drivers take turns, and the median is printed (default 3)
#   --precision P   of vggcl: float (default) or bf16
#   --limit S       seconds that one command may take (default 600)
#
# Each driver runs the quick selfcheck and trains VGG16 at width 0.25 for 20 steps; every PoCL must end with the same
# weights, and every repetition with those of the first run. A driver that crashes or hangs is a row of the table.
#
# Needs neither root rights nor installed drivers: Debian's packages are unpacked, not installed, and a release's folder
# is the root folder of what runs there. Needs apt-get, dpkg-deb, Debian's keyring and unshare, with user namespaces or
# root rights; for intel pip too. vggcl is built in the folder of Debian 12. All files are kept in $VGGCL_DRIVERS
# (default ~/.cache/vggcl-drivers; 4 GiB), so that the next run fetches only what is missing: delete it to fetch newer
# versions. $DEBIAN_MIRROR is the mirror (default: that of this machine's package sources, else deb.debian.org).
#
# Exit status: 0 if all drivers are right and the PoCLs agree; 1 if not; 2 for invalid flags; 6 if all that could be
# fetched are right, and the others are "not available".
set -uo pipefail
exec </dev/null
# name, what it is, release whose packages it runs with, its .icd file, variables it needs
drivers='
pocl-bookworm|PoCL|bookworm|/etc/OpenCL/vendors/pocl.icd|LC_ALL=C
pocl-trixie|PoCL|trixie|/etc/OpenCL/vendors/pocl.icd|LC_ALL=C
pocl-sid|PoCL|sid|/etc/OpenCL/vendors/pocl.icd|LC_ALL=C
rusticl-bookworm|Mesa rusticl|bookworm|/etc/OpenCL/vendors/rusticl.icd|RUSTICL_ENABLE=llvmpipe
rusticl-trixie|Mesa rusticl|trixie|/etc/OpenCL/vendors/rusticl.icd|RUSTICL_ENABLE=llvmpipe
rusticl-sid|Mesa rusticl|sid|/etc/OpenCL/vendors/rusticl.icd|RUSTICL_ENABLE=llvmpipe
intel|Intel CPU runtime|bookworm|/work/intel.icd|LD_LIBRARY_PATH=/work/intel/lib
oclgrind|Oclgrind|bookworm|/work/oclgrind.icd|OCLGRIND_BUILD_OPTIONS=-cl-opt-disable
'
wrong() { echo "drivers.sh: $1" >&2; exit "${2:-2}"; }
row() { grep "^$1|" <<<"$drivers"; }
field() { row "$1" | cut -d '|' -f "$2"; }
say() { printf '%s\n' "$*" >&2; }

markdown='' rounds=3 limit=600 precision=float names=()
while [ $# -gt 0 ]; do
    case $1 in
    --help)
        sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//p}' "$0"
        exit
        ;;
    --markdown) markdown=1 ;;
    --rounds | --limit)
        [[ ${2:-} =~ ^[1-9][0-9]{0,4}$ ]] || wrong "$1 takes a number from 1 to 99999"
        declare "${1#--}=$2"
        shift
        ;;
    --precision)
        [[ ${2:-} =~ ^[a-z0-9]+$ ]] || wrong "--precision takes float or bf16"
        precision=$2
        shift
        ;;
    -*) wrong "no flag '$1'; --help lists them" ;;
    *)
        [ -n "$(row "$1")" ] || wrong "no driver '$1'; --help lists them"
        names+=("$1")
        ;;
    esac
    shift
done
[ ${#names[@]} -gt 0 ] || mapfile -t names < <(cut -d '|' -f 1 -s <<<"$drivers")

source=$(realpath "$(dirname "$0")/..")
cache=$(realpath -m "${VGGCL_DRIVERS:-${XDG_CACHE_HOME:-$HOME/.cache}/vggcl-drivers}")
work=$cache/work # seen by the programs in a release's folder as /work
mkdir -p "$work" || exit 1
exec 9>"$cache/lock"
flock -n 9 || wrong "another drivers.sh uses $cache; wait for it, or set VGGCL_DRIVERS to another folder" 1
namespace=(unshare --mount)
[ "$(id -u)" = 0 ] || namespace=(unshare --user --map-root-user --mount)
"${namespace[@]}" true || wrong "this machine lets nobody but root make user namespaces (unshare); run this as root" 1

# ------------------------------------------------------------------------------------------------------- fetching --

sources=(/etc/apt/sources.list /etc/apt/sources.list.d)
mirror=${DEBIAN_MIRROR:-$(grep -rhoE '^(URIs:|deb )[^#]*https?://[^ ]+/debian/?( |$)' "${sources[@]}" 2>/dev/null |
    grep -oE 'https?://[^ ]+' | head -1)}
mirror=${mirror:-http://deb.debian.org/debian}
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
common="dash bash coreutils sed grep libclblast1 libjansson4 libmd0 ocl-icd-libopencl1 pocl-opencl-icd mesa-opencl-icd"
builds="gcc libc6-dev cmake make pkg-config ocl-icd-opencl-dev opencl-headers libclblast-dev libjansson-dev libmd-dev"

# packages RELEASE
packages() {
    echo "$common"
    [ "$1" != bookworm ] || echo "$builds oclgrind"
}
# apt RELEASE ARGUMENT...: apt-get, with settings, lists and a list of installed packages, which is empty, in a separate
# folder. Of this machine's settings it takes how to connect.
apt() {
    local top=$cache/apt-$1
    shift
    mkdir -p "$top"/etc/apt/{apt.conf.d,preferences.d} "$top"/var/lib/{apt/lists/partial,dpkg} \
        "$top"/var/cache/apt/archives/partial
    : >"$top/var/lib/dpkg/status"
    {
        apt-config dump | grep -E '^Acquire::(https?|Check-|Retries)'
        echo "Dir \"$top\"; APT::Architectures \"$(dpkg --print-architecture)\"; APT::Install-Recommends \"false\";"
        echo "Dir::State::status \"$top/var/lib/dpkg/status\"; Acquire::Languages \"none\";"
        echo 'APT::Update::Error-Mode "any";'
        [ "$(id -u)" != 0 ] || echo 'APT::Sandbox::User "root";'
    } >"$top/apt.conf"
    APT_CONFIG=$top/apt.conf apt-get -q "$@"
}
# unpack RELEASE FOLDER: all packages that apt has downloaded.
unpack() {
    local folder package
    for folder in bin sbin lib lib64; do
        mkdir -p "$2/usr/$folder" && ln -s "usr/$folder" "$2/$folder" || return
    done
    for package in "$cache/apt-$1"/var/cache/apt/archives/*.deb; do
        dpkg-deb --fsys-tarfile "$package" | tar -x -C "$2" --keep-directory-symlink --no-same-owner || return
    done
    mkdir -p "$2"/{proc,sys,dev,tmp,work,source}
}
# release RELEASE: the folder of the release, in $cache/RELEASE, if it is not there yet.
release() {
    local folder=$cache/$1 wanted
    wanted=$(packages "$1")
    [ "$wanted" != "$(cat "$folder/packages" 2>/dev/null)" ] || return 0
    [ -f "$keyring" ] || { echo "E: there is no $keyring; install debian-archive-keyring"; return 1; }
    rm -rf "$folder" "$cache/apt-$1"
    mkdir -p "$folder" "$cache/apt-$1/etc/apt" || return
    echo "deb [signed-by=$keyring] $mirror $1 main" >"$cache/apt-$1/etc/apt/sources.list"
    # shellcheck disable=SC2086  # several packages
    apt "$1" update && apt "$1" install --yes --download-only $wanted && unpack "$1" "$folder" || return
    rm -rf "$cache/apt-$1"
    echo "$wanted" >"$folder/packages"
}
# Intel's wheels, unpacked: pip leaves out their libraries. Their .icd files name a folder of the machine that they were
# made on, and their libOpenCL.so would be taken for the loader.
intel() {
    local wheel
    [ ! -f "$work/intel/lib/libintelocl.so" ] || return 0
    rm -rf "$work/intel"
    mkdir -p "$work/intel/lib"
    python3 -m pip download -q --dest "$work/intel" --only-binary :all: \
        intel-opencl-rt intel-cmplr-lib-rt umf tbb || return
    for wheel in "$work"/intel/*.whl; do python3 -m zipfile -e "$wheel" "$work/intel" && rm "$wheel" || return; done
    rm -f "$work"/intel/*.data/data/lib/libOpenCL.so*
    mv "$work"/intel/*.data/data/lib/* "$work/intel/lib/"
}
# fetch NAME: what the driver is made of. If that fails, an error in its output is the reason.
fetch() {
    release "$(field "$1" 3)" || return
    case $1 in
    intel) intel && echo /work/intel/lib/libintelocl.so >"$work/intel.icd" ;;
    oclgrind) echo /usr/lib/oclgrind/liboclgrind-rt-icd.so >"$work/oclgrind.icd" ;;
    esac
}

# -------------------------------------------------------------------------------------------------------- running --

# inside RELEASE COMMAND...: runs the command with the release's folder as its root folder.
inside() {
    local root=$cache/$1
    shift
    # shellcheck disable=SC2016  # for the inner shell
    timeout --foreground -k 10 "$limit" "${namespace[@]}" sh -c '
        root=$1 work=$2 source=$3 && shift 3
        for folder in /proc /sys /dev; do mount --rbind "$folder" "$root$folder" || exit 125; done
        mount --rbind "$work" "$root/work" && mount --rbind "$source" "$root/source" || exit 125
        exec env -i PATH=/usr/sbin:/usr/bin HOME=/work chroot "$root" "$@"' sh "$root" "$work" "$source" "$@"
}
# try NAME STEP ARGUMENT...: runs vggcl on the driver NAME alone, with the output in its folder's STEP.log, and the exit
# status in STEP.status.
try() {
    local name=$1 step=$2 folder=/work/results/$1 status=0
    shift 2
    say "$name: $step"
    inside "$(field "$name" 3)" env "OCL_ICD_VENDORS=$(field "$name" 4)" "VGGCL_CACHE_DIR=$folder/vggcl" \
        "POCL_CACHE_DIR=$folder/pocl" "XDG_CACHE_HOME=$folder/cache" "$(field "$name" 5)" \
        /work/build/vggcl "$@" >"$work/results/$name/$step.log" 2>&1 || status=$?
    echo $status >"$work/results/$name/$step.status"
    return $status
}
build() {
    local without=()
    local library
    for library in VIPS CURL ARCHIVE ZLIB PNG TESTS; do without+=("-DVGGCL_$library=OFF"); done
    inside bookworm cmake -S /source -B /work/build -DCMAKE_C_COMPILER=gcc -DCMAKE_BUILD_TYPE=Release "${without[@]}" &&
        inside bookworm cmake --build /work/build --parallel "$(nproc)"
}
# Oclgrind interprets the kernels, so that the network is small.
small=(--model vgg11 --width 0.03125 --gemm tiled --batch 2 --stall 0 --profile none)
check() {
    local network=(--width 0.25 --profile none)
    [ "$1" != oclgrind ] || network=("${small[@]}")
    try "$1" selfcheck selfcheck --quick --precision "$precision" "${network[@]}"
}
# training NAME STEP
training() {
    local network=(--data 'synthetic:640,32' --width 0.25 --batch 32 --steps 20 --profile none)
    [ "$1" != oclgrind ] || network=(--data 'synthetic:10,10' "${small[@]}" --steps 5 --no-selfcheck)
    try "$1" "$2" train --precision "$precision" "${network[@]}" --save "/work/results/$1/save"
}
# The first training has empty caches. The checks run even if it fails: they say what is wrong.
try_driver() {
    rm -rf "$work/results/$1" && mkdir -p "$work/results/$1"
    fetch "$1" >"$work/results/$1/fetch.log" 2>&1 || return
    try "$1" devices devices --json || return
    training "$1" cold
    check "$1"
}

# ---------------------------------------------------------------------------------------------------------- table --

of() { cat "$work/results/$1/$2" 2>/dev/null; } # of NAME FILE
# value NAME STEP EXPRESSION: the last match of a sed expression in the step's log.
value() { of "$1" "$2.log" | sed -nE "s|.*$3.*|\\1|p" | tail -1; }
# median NAME EXPRESSION: of all rounds
median() {
    local round
    for ((round = 1; round <= rounds; round++)); do value "$1" "warm-$round" "$2"; done |
        sort -n | awk '{ v[NR] = $0 } END { if (NR) print v[int((NR + 1) / 2)] }'
}
weights() { value "$1" "$2" 'weights +([0-9a-f]{16})'; }
llvm() {
    local version needs=''
    version=$(value "$1" devices 'LLVM ([0-9.]+)')
    case $1 in
    intel) needs=$(grep -aoE 'LLVM version [0-9.]+' "$work/intel/lib/libcommon_clang.so" | head -1) ;;
    oclgrind) needs=$(grep -aohE 'libLLVM-[0-9]+' "$cache"/bookworm/usr/lib/*/liboclgrind-*.so | head -1) ;;
    esac
    echo "${version:-${needs##*[ -]}}"
}
# failure NAME STEP: why the step failed
failure() {
    local status error
    status=$(of "$1" "$2.status")
    error=$(value "$1" "$2" 'vggcl: error: (.*)')
    case $status in
    124 | 137) echo "$2 hung: no end within $limit seconds" ;;
    129 | 13[1-9] | 1[4-9]?) echo "$2 crashed: signal $((status - 128))" ;;
    1) echo "refused: $error" ;;
    *) echo "$2, exit status $status: $error" ;;
    esac
}
# result NAME: right, or what is wrong
result() {
    local step round again warning
    if [ ! -f "$work/results/$1/devices.status" ]; then
        echo "not available: $(of "$1" fetch.log | grep -E '^(E:|ERROR:)|No module named' | head -1)"
        return
    fi
    for step in devices cold; do
        [ "$(of "$1" $step.status)" = 0 ] || { failure "$1" $step; return; }
    done
    for ((round = 1; round <= rounds; round++)); do
        [ -f "$work/results/$1/warm-$round.status" ] || continue
        [ "$(of "$1" "warm-$round.status")" = 0 ] || { failure "$1" "warm-$round"; return; }
        again=$(weights "$1" "warm-$round")
        [ "$again" = "$(weights "$1" cold)" ] || { echo "wrong: a repetition ends with weights $again"; return; }
    done
    warning=$(value "$1" cold 'warning: (.*used instead.*)')
    if [ "$(of "$1" selfcheck.status)" = 0 ]; then
        echo right
    elif [ -n "$warning" ]; then
        echo "right: $warning"
    else
        echo "wrong, but trained: $(failure "$1" selfcheck)"
    fi
}
# Fields of a row, separated by |
cells() {
    local name=$1 what version checks result hash='' start='' warm='' speed=''
    what=$(field "$name" 2)
    version=$(value "$name" devices '"driver": "([^"]*)"')
    checks=$(value "$name" selfcheck ': ([0-9]+ checks, [0-9]+ failed)')
    if [ "$name" != oclgrind ]; then
        hash=$(weights "$name" cold)
        start=$(value "$name" cold 'first step after ([0-9.]+ s)')
        warm=$(median "$name" 'first step after ([0-9.]+ s)')
        speed=$(median "$name" ' ([0-9.]+) images/s')
    fi
    result=$(result "$name" | tr '|' '/')
    echo "$name|$what ${version#"$what "}|$(llvm "$name")|$checks|$hash|$start|$warm|$speed|$result"
}
# Reads rows, the first of which is the header.
print_table() {
    awk -F '|' -v markdown="$markdown" '
        {
            for (i = 1; i <= NF; i++) {
                cell[NR, i] = $i == "" ? "-" : $i
                if (length($i) > width[i]) width[i] = length($i)
            }
        }
        END {
            for (r = 1; r <= NR; r++) {
                line = markdown ? "|" : ""
                for (i = 1; i <= NF; i++)
                    line = line (markdown ? " " cell[r, i] " |" : sprintf("%-*s  ", width[i], cell[r, i]))
                sub(/ +$/, "", line)
                print line
                rule = markdown && r == 1 ? "|" : ""
                for (i = 1; rule && i <= NF; i++) rule = rule "---|"
                if (rule) print rule
            }
        }'
}

# Prints the table; the exit status is as above.
report() {
    local name line different status=0 unavailable=0 hashes='' rows=''
    for name in "${names[@]}"; do
        line=$(cells "$name")
        rows+=$line$'\n'
        case ${line##*|} in
        right*) ;;
        "not available"*) unavailable=6 ;;
        *) status=1 ;;
        esac
        [[ $name != pocl-* ]] || hashes+=$(weights "$name" cold)$'\n'
    done
    different=$(grep . <<<"$hashes" | sort -u | wc -l)
    [ "$different" -le 1 ] || status=1

    echo "$(date +%Y-%m-%d), $(nproc) cores, $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1)"
    [ -z "$markdown" ] || echo
    print_table <<<"name|driver|LLVM|quick selfcheck|weights|cold|warm|images/s|result
${rows%$'\n'}"
    [ -z "$markdown" ] || echo
    echo "weights: hash after 20 steps. cold, warm: time to the first step, with empty and with filled caches."
    if [ "$different" -gt 1 ]; then
        echo "WRONG: the PoCLs end with different weights."
    elif [ "$(grep -c . <<<"$hashes")" -gt 1 ]; then
        echo "The PoCLs end with the same weights."
    fi
    [ $status != 0 ] || status=$unavailable
    return $status
}

# One function, so that a change of this file while it runs does not matter.
main() {
    local name round
    say "building vggcl in $work/build"
    release bookworm >"$work/release.log" 2>&1 || wrong "Debian 12 cannot be fetched, see $work/release.log" 1
    build >"$work/build.log" 2>&1 || wrong "vggcl cannot be built in Debian 12, see $work/build.log" 1
    for name in "${names[@]}"; do try_driver "$name"; done
    for ((round = 1; round <= rounds; round++)); do
        for name in "${names[@]}"; do
            [ "$name" = oclgrind ] || [ "$(of "$name" cold.status)" != 0 ] || training "$name" "warm-$round"
        done
    done
    report
}
main
exit
