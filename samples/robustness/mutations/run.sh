#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Breaks the library on purpose, one patch at a time, and shows that the oracle notices.
#
#   samples/robustness/mutations/run.sh [--seeds N] [--seconds S] [--first-seed F] [--control N] [pattern…]
#
# Works on a copy of the tree, so nothing here changes. A pattern chooses patches by a part of their names. A patch is about
# MongoDB if its name says so, else PostgreSQL. First the library as it is has to pass with N seeds (2) on each of the stores
# that the patches are about. Prints a table; ends with 1 if a mutation was not caught with any of the seeds, or if a patch does not apply any more.
set -euo pipefail

seeds=5
seconds=45
first=1
control=2
patterns=()
while [ $# -gt 0 ]; do
    case "$1" in
        --seeds) seeds=$2; shift 2 ;;
        --seconds) seconds=$2; shift 2 ;;
        --first-seed) first=$2; shift 2 ;;
        --control) control=$2; shift 2 ;;
        *) patterns+=("$1"); shift ;;
    esac
done

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$root"
git ls-files -z --cached --others --exclude-standard | tar --null -T - -cf - | tar -xf - -C "$scratch"
cd "$scratch"
./mvnw -q -DskipTests -Dcontract.unchecked=true -Dspotless.check.skip=true -pl samples/robustness -am package
oracle=samples/robustness/target

chosen=()
for patch in "$here"/*.patch; do
    name=$(basename "$patch" .patch)
    [ ${#patterns[@]} -eq 0 ] && chosen+=("$patch")
    for pattern in "${patterns[@]}"; do
        [[ $name == *$pattern* ]] && chosen+=("$patch") && break
    done
done

store_of() {
    [[ $(basename "$1") == *-mongo-* ]] && echo mongo || echo postgres
}

# Only the library is compiled anew, of the starter the files that are named; these classes stand before those of the build.
compile() {
    rm -rf mutant
    mkdir mutant
    for module in config-core config-store-postgres config-store-mongo; do
        cp -r "$module/src/main/resources/." mutant 2>/dev/null || true
    done
    find config-core/src/main/java config-store-{postgres,mongo}/src/main/java -name '*.java' > sources.txt
    javac --release 17 -nowarn -proc:none -parameters -cp "$oracle/lib/*" -d mutant @sources.txt "$@" 2> javac.log \
        || { cat javac.log >&2; return 1; }
}

# judge NAME SEEDS STORE: runs with one seed after the other until something is violated; says by what in $caught, and after
# how many in $n.
judge() {
    caught=""
    for ((n = 1; n <= $2; n++)); do
        rm -rf records
        java -Dorg.slf4j.simpleLogger.defaultLogLevel=off -cp "mutant:$oracle/robustness.jar:$oracle/lib/*" \
            io.configmanager.samples.robustness.Robustness \
            --store "$3" --seed $((first + n - 1)) --seconds "$seconds" --directory records > output.txt 2>&1 || true
        if ! grep -q '^violated: ' output.txt; then
            echo "$1: the run with seed $((first + n - 1)) was not judged:" >&2
            tail -5 output.txt >&2
            continue
        fi
        caught=$(sed -n 's/^violated: \[\(.*\)\]$/\1/p' output.txt)
        [ -z "$caught" ] || break
    done
}

# What is found in the library as it is would be found in every mutant.
if [ "$control" -gt 0 ]; then
    compile
    for store in $(for patch in "${chosen[@]}"; do store_of "$patch"; done | sort -u); do
        judge "unchanged" "$control" "$store"
        if [ -n "$caught" ]; then
            cat output.txt >&2
            echo "THE LIBRARY AS IT IS VIOLATES $caught: nothing can be said about mutations" >&2
            exit 1
        fi
    done
fi

failed=0
echo "| mutation | caught by | seeds needed |"
echo "| --- | --- | ---: |"
for patch in "${chosen[@]}"; do
    name=$(basename "$patch" .patch)
    if ! patch -p1 -s --dry-run -F 0 -f < "$patch" > /dev/null 2>&1; then
        echo "| $name | **THE PATCH DOES NOT APPLY ANY MORE: bring it up to date** | |"
        failed=1
        continue
    fi
    patch -p1 -s -F 0 -f < "$patch"
    compile $(sed -n 's|^+++ b/\(config-spring-boot-starter/.*\)|\1|p' "$patch")
    judge "$name" "$seeds" "$(store_of "$patch")"
    if [ -n "$caught" ]; then
        echo "| $name | $caught | $n |"
    else
        echo "| $name | **NOT CAUGHT** | |"
        failed=1
    fi
    patch -p1 -s -R -F 0 -f < "$patch"
done
exit $failed
