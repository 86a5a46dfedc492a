#!/usr/bin/env bash
# Apply every bundle that a merge has brought, exactly as it was reviewed: apply.sh [BASE]
#
# BASE is the commit before the merge (default: the first parent of HEAD). SKYTF_BACKEND names the file that says where
# the state is kept. Bundles are applied one after the other, each whatever becomes of the others; the first code that is
# not 0 is the exit code.
set -euo pipefail

base=${1:-HEAD^1}
for name in SKYTF_POLICY SKYTF_CATALOG SKYTF_BACKEND; do [ -n "${!name:-}" ] || unset "$name"; done
if [ -z "${SKYTF_BACKEND:-}" ]; then
  echo "Error: the state must be kept elsewhere: this runner's disk dies with it, and nothing could then destroy the fleet" >&2
  echo "Next: set SKYTF_BACKEND to a file as docs/state.md shows them" >&2
  exit 2
fi

# A first push has no commit before it.
git cat-file -e "$base^{commit}" 2> /dev/null || base=$(git hash-object -t tree /dev/null)

code=0
while IFS= read -r -d '' manifest; do
  bundle=$(dirname "$manifest")
  echo "Applying $bundle"
  skytf apply-transfer "$bundle" < /dev/null || { status=$?; [ "$code" -ne 0 ] || code=$status; }
done < <(git diff -z --name-only --diff-filter=AM "$base" HEAD -- ':(glob)**/bundle/transfer.json')
exit "$code"
