#!/usr/bin/env bash
# format.sh [--fix]: compares every C, header and OpenCL file with what clang-format 19 makes of it, shows the differences
# and fails if there are any; --fix rewrites the files. Versions of clang-format disagree, so only that one is run: Debian
# 12 and 13 and Ubuntu 24.10 and later have it as the package clang-format-19. Elsewhere CLANG_FORMAT may name it.
set -euo pipefail
cd "$(dirname "$0")/.."
version=19

# The command, or nothing where that version is not installed.
find_command() {
    local command
    for command in "${CLANG_FORMAT:-}" clang-format-$version clang-format; do
        if [ -n "$command" ] && "$command" --version 2>/dev/null | grep -qE "version $version\\."; then
            echo "$command"
            return
        fi
    done
}

fix=false
case "${1:-}" in
--fix) fix=true ;;
'') ;;
*) sed -n '2,4s/^# //p' "$0" >&2; exit 2 ;;
esac
command=$(find_command)
if [ -z "$command" ]; then
    echo "clang-format $version is not installed: the format of the files is not checked" \
        "(Debian and Ubuntu: apt-get install clang-format-$version)"
    if $fix; then exit 1; else exit 0; fi
fi

mapfile -t files < <(find src include tests ci cl -name '*.[ch]' -o -name '*.cl' | sort)
[ ${#files[@]} -gt 0 ] || { echo "no files found" >&2; exit 1; }
if $fix; then
    "$command" -i "${files[@]}"
    exit
fi
different=0
for file in "${files[@]}"; do
    "$command" "$file" | diff -u --label "$file" --label "$file, formatted" "$file" - || different=$((different + 1))
done
echo "${#files[@]} files, $different of them not formatted"
[ $different = 0 ] || { echo "ci/format.sh --fix formats them"; exit 1; }
