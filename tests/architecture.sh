#!/usr/bin/env bash
# architecture.sh SOURCE_DIR SHARED_LIBRARY: what keeps the project in shape. Prints each breach as FILE:LINE: and fails.
#
#     9  src/main.c  src/cli             may print and exit
#     8  src/train  src/measure
#     7  src/plan  src/tune
#     6  src/options
#     5  src/check
#     4  src/nets
#     3  src/layers
#     2  src/ops  src/fetch              clblast.c alone knows CLBlast, download.c libcurl, unpack.c libarchive
#     1  src/cl  src/data  src/files  src/ranks   ranks.c alone knows MPI, src/cl alone knows OpenCL, decode.c libvips, reader.c zlib, png.c libpng, csv.c libcsv
#     0  src/base                      json.[ch] alone know how jansson makes, prints and reads
#
# A file includes from its own folder and from lower floors, and no circle: x.c and x.h are one node, an #include an edge.
set -euo pipefail
cd "$1"
shared_library=$2
declare -A floor=([base]=0 [cl]=1 [data]=1 [files]=1 [ranks]=1 [ops]=2 [fetch]=2 [layers]=3 [nets]=4 [check]=5 [options]=6
    [plan]=7 [tune]=7 [train]=8 [measure]=8 [cli]=9)
breaches=0
breach() { echo "$1: $2"; breaches=$((breaches + 1)); }

# FILE:LINE:CODE for every line of the files, without comments; what strings hold is left out too, except in #include.
code() {
    awk 'FNR == 1 { in_comment = 0 }
    {
        rest = $0; kept = ""
        while (rest != "") {
            if (in_comment) {
                end = index(rest, "*/"); in_comment = !end
                rest = end ? substr(rest, end + 2) : ""
            } else if (rest ~ /^\/\*/) { in_comment = 1; rest = substr(rest, 3)
            } else if (rest ~ /^\/\//) { rest = ""
            } else if (kept !~ /^ *# *include/ && match(rest, /^("([^"\\]|\\.)*"|'\''([^'\''\\]|\\.)*'\'')/)) {
                kept = kept "\"\""; rest = substr(rest, RLENGTH + 1)
            } else { kept = kept substr(rest, 1, 1); rest = substr(rest, 2) }
        }
        print FILENAME ":" FNR ":" kept
    }' "$@"
}

mapfile -t sources < <(find src -name '*.[ch]' | sort)
[ ${#sources[@]} -gt 0 ] || breach src "no sources found"
all=$(code "${sources[@]}")
# breach_where PATTERN ALLOWED_FILES WHY: a breach for every line of code with PATTERN outside the files.
breach_where() {
    while IFS=: read -r file line _; do
        breach "$file:$line" "$3"
    done < <(grep -P "^[^:]*:[0-9]+:.*$1" <<<"$all" | grep -vE "^($2):")
}

# Includes point down.
while IFS=: read -r file line include; do
    from=$(cut -d/ -f2 <<<"$file") to=${include%%/*}
    [ "$from" = main.c ] && from=cli
    if [ -z "${floor[$from]:-}" ]; then
        breach "$file:$line" "src/$from has no floor: give it one in tests/architecture.sh"
    elif [ "$include" = vggcl.h ] || [ "$to" = "$from" ]; then
        :
    elif [ -z "${floor[$to]:-}" ] || [ "$to" = "$include" ]; then
        breach "$file:$line" "\"$include\": include as \"folder/file.h\", with a folder of src"
    elif [ "${floor[$to]}" -ge "${floor[$from]}" ]; then
        breach "$file:$line" "src/$from must not include \"$include\": dependencies point down only"
    fi
done < <(sed -nE 's/^([^:]*:[0-9]+:) *# *include *"([^"]*)".*/\1\2/p' <<<"$all")

# No circles: tsort prints "input contains a loop:", then its nodes, one a line.
while IFS= read -r circle; do
    breach src "these files include each other in a circle: $circle"
done < <(sed -nE 's/^src\/([^:]*)\.[ch]:[0-9]+: *# *include *"([^"]*)\.h".*/\1 \2/p' <<<"$all" | awk '$1 != $2' | sort -u |
    LC_ALL=C tsort 2>&1 >/dev/null | awk '/:$/ { if (circle) print circle; circle = ""; next }
        { circle = circle (circle ? " -> " : "") $NF } END { if (circle) print circle }')

# What only some may do.
breach_where '# *include *<CL/' 'src/cl/(opencl\.h|platforms\.c)' "OpenCL's header belongs to src/cl/opencl.h"
checked=$(sed -nE 's/^CL_[A-Z]+_CODE\((cl[A-Za-z]+).*/\1/p' src/cl/opencl.h | paste -sd'|')
[ -n "$checked" ] || breach src/cl/opencl.h "names no function"
breach_where "\\b(?!($checked)\\b)cl(?!Release)[A-Z][A-Za-z]+ *\\(" 'src/cl/opencl\.h' \
    "src/cl/opencl.h does not name this function, so nothing sees whether its result is used"
breach_where '\bcl[A-Z][A-Za-z]+ *\(' 'src/cl/[^:]*' "OpenCL is called from src/cl only"
breach_where '(# *include *<clblast|\bCLBlast[A-Z]\w* *\()' 'src/ops/gemm/clblast\.c' "CLBlast belongs to src/ops/gemm/clblast.c"
breach_where '# *include *<mpi\.h' 'src/ranks/ranks\.c' "MPI belongs to src/ranks/ranks.c"
breach_where '# *include *<curl/' 'src/fetch/download\.c' "libcurl belongs to src/fetch/download.c"
breach_where '# *include *<vips/' 'src/data/decode\.c' "libvips belongs to src/data/decode.c"
breach_where '# *include *<png\.h' 'src/files/png\.c' "libpng belongs to src/files/png.c"
breach_where '# *include *<csv\.h' 'src/files/csv\.c' "libcsv belongs to src/files/csv.c"
breach_where '# *include *["<](protobuf-c|files/\w+\.pb-c)' 'src/files/[^:]*' "messages belong to src/files"
breach_where '# *include *<archive' 'src/fetch/unpack\.c' "libarchive belongs to src/fetch/unpack.c"
breach_where '# *include *<jansson' 'src/base/json\.h' "jansson belongs to src/base/json.h"
breach_where '\bjson_(dump\w*|load\w*|v?pack\w*|v?sprintf|real|stringn?(_nocheck)?) *\(' 'src/base/json\.c' \
    "fails on NaN or on text that is not UTF-8, or reads without bounds: use base/json.h"
breach_where '# *include *<zlib' 'src/data/reader\.c' "zlib belongs to src/data/reader.c"
breach_where '\b(v?printf|puts|putchar|perror|_?exit|_Exit|abort) *\(' 'src/(main\.c|cli/[^:]*)' \
    "only the program, src/main.c and src/cli, prints or exits"
breach_where '\b(strto[dfl]|ato[fl]|v[sf]n?printf) *\(' 'src/(base/text\.c|cli/[^:]*|main\.c)' \
    "depends on the locale: use base/text.h"
while IFS=: read -r file line _; do
    breach "$file:$line" "a number with a decimal point depends on the locale: use base/text.h"
done < <(grep -nE '\b(snprintf|fprintf)\(.*%[-+0-9.*]*l?[aefgAEFG]\b' "${sources[@]}" | grep -vE '^src/(cli/|main\.c)')
breach_where '\b(stdout|stderr)\b' 'src/(main\.c|cli/[^:]*)' "only the program, src/main.c and src/cli, prints"
breach_where '\b(stderr|perror|STDERR_FILENO)\b(?!, STDOUT)' 'src/cli/(messages|child)\.c' \
    "is where drivers print: use cli/messages.h"

# The library's texts are read by C programs too: they name options and fields as vggcl.h does, not as flags. A command of
# the program to type, `vggcl train --resume save`, is whole, in backquotes and on one line of the source.
while IFS=: read -r file line _; do
    breach "$file:$line" "a text of the library names a command-line flag: leave the dashes out, or give the whole command: \`vggcl ...\`"
done < <(grep -nE '"([^"\\]|\\.)*--[a-z]' "${sources[@]}" | sed 's/`vggcl [^`]*`//g' |
    grep -E '"([^"\\]|\\.)*--[a-z]' | grep -vE '^src/(cli/|main\.c|options/options\.c:)|apt-get install --')

# One name for an operator's kernels and launches; its kernels are checked, by the table of checks or a test. Files that
# other kernel files include are exempt.
for kernel in cl/*.cl; do
    stem=$(basename "$kernel" .cl)
    { [ "$stem" = common ] || grep -q "^#include \"$stem.cl\"\$" cl/*.cl; } && continue
    [ -n "$(find src/ops -name "$stem.c")" ] || breach "$kernel" "has no $stem.c in src/ops"
    grep -q "\"$stem/" src/check/check_*.c || grep -q "\.kernels = \"$stem/" src/ops/conv/*.c ||
        [ -f "tests/test_op_$stem.c" ] ||
        breach "$kernel" "is checked neither in src/check nor by tests/test_op_$stem.c"
done

# The shared library exports what vggcl.h declares, no more and no less.
declared=$(sed -nE 's/^VGGCL_API [^(]*[ *](vggcl_[a-z0-9_]+)\(.*/\1/p' include/vggcl.h | sort)
exported=$(nm -D --defined-only "$shared_library" | awk '$3 !~ /^__(odr_)?asan/ { print $3 }' | sort)
[ -n "$declared" ] || breach include/vggcl.h "declares no function"
for name in $(comm -23 <(echo "$declared") <(echo "$exported")); do
    breach include/vggcl.h "$name is declared, but the shared library does not have it"
done
for name in $(comm -13 <(echo "$declared") <(echo "$exported")); do
    breach "$shared_library" "exports $name, which vggcl.h does not declare"
done

echo "$breaches breaches in ${#sources[@]} source files"
[ "$breaches" = 0 ]
