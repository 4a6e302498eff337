#!/usr/bin/env bash
# architecture.sh SOURCE_DIR SHARED_LIBRARY: what keeps the project in shape. Prints each breach as FILE:LINE: and fails.
#
#     7  src/main.c  src/cli        may print and exit
#     6  src/train
#     5  src/check
#     4  src/net  src/checkpoint
#     3  src/layers
#     2  src/ops                    clblast.c alone knows CLBlast
#     1  src/cl                     alone knows OpenCL
#     0  src/base  src/data         data may use base; download.c alone knows libcurl, unpack.c libarchive
#
# A file includes from its own folder and from lower floors.
set -euo pipefail
cd "$1"
shared_library=$2
declare -A floor=([base]=0 [data]=0 [cl]=1 [ops]=2 [layers]=3 [net]=4 [checkpoint]=4 [check]=5 [train]=6 [cli]=7)
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
    elif [ "$from/$to" = data/base ]; then
        :
    elif [ "${floor[$to]}" -ge "${floor[$from]}" ]; then
        breach "$file:$line" "src/$from must not include \"$include\": dependencies point down only"
    fi
done < <(sed -nE 's/^([^:]*:[0-9]+:) *# *include *"([^"]*)".*/\1\2/p' <<<"$all")

# What only some may do.
breach_where '# *include *<CL/' 'src/cl/[^:]*' "OpenCL's headers belong to src/cl"
breach_where '\bcl[A-Z][A-Za-z]+ *\(' 'src/cl/[^:]*' "OpenCL is called from src/cl only"
breach_where '(# *include *<clblast|\bCLBlast[A-Z]\w* *\()' 'src/ops/clblast\.c' "CLBlast belongs to src/ops/clblast.c"
breach_where '# *include *<curl/' 'src/data/download\.c' "libcurl belongs to src/data/download.c"
breach_where '# *include *<archive' 'src/data/unpack\.c' "libarchive belongs to src/data/unpack.c"
breach_where '\b(v?printf|puts|putchar|perror|_?exit|_Exit|abort) *\(' 'src/(main\.c|cli/[^:]*)' \
    "only the program, src/main.c and src/cli, prints or exits"
breach_where '\b(stdout|stderr)\b' 'src/(main\.c|cli/[^:]*)' "only the program, src/main.c and src/cli, prints"

# One name for an operator's kernels and launches; its kernels are checked, by the table of checks or a test.
for kernel in cl/*.cl; do
    stem=$(basename "$kernel" .cl)
    [ "$stem" = common ] && continue
    [ -f "src/ops/$stem.c" ] || breach "$kernel" "has no src/ops/$stem.c"
    grep -q "\"$stem/" src/check/operators.c || [ -f "tests/test_op_$stem.c" ] ||
        breach "$kernel" "is checked neither in src/check/operators.c nor by tests/test_op_$stem.c"
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
