#!/usr/bin/env bash
# Apply every bundle that a merge has brought, exactly as it was reviewed: apply.sh [BASE]
#
# BASE is the commit before the merge (default: the first parent of HEAD). SKYTF_BACKEND names the file that says where
# the state is kept. Bundles are applied one after the other, each whatever becomes of the others, until somebody stops
# it; the first code that is not 0 is the exit code.
set -euo pipefail

base=${1:-HEAD^1}
for name in SKYTF_POLICY SKYTF_CATALOG SKYTF_BACKEND; do [ -n "${!name:-}" ] || unset "$name"; done
if [ -z "${SKYTF_BACKEND:-}" ]; then
  echo "Error: the state must be kept elsewhere: this runner's disk dies with it, and nothing could then destroy the fleet" >&2
  echo "Next: set SKYTF_BACKEND to a file as docs/state.md shows them" >&2
  exit 2
fi

# After a first push, a forced one or in a shallow checkout nobody knows what is new, and all that was ever applied is not.
if ! git cat-file -e "$base^{commit}" 2> /dev/null; then
  echo "Error: $base is no commit of this checkout, so nobody knows which bundles the merge has brought" >&2
  echo "Next: check out the whole history, or name the commit before the merge: apply.sh COMMIT" >&2
  exit 2
fi

# A bundle that was only moved was applied before; two that are alike are not one that was moved.
changed=$(mktemp)
trap 'rm -f "$changed"' EXIT
git diff -z --name-only --find-renames=100% --diff-filter=AM "$base" HEAD -- ':(glob)**/bundle/transfer.json' > "$changed"

code=0
while IFS= read -r -d '' manifest; do
  bundle=$(dirname -- "$manifest")
  echo "Applying $bundle"
  status=0
  skytf apply-transfer -- "$bundle" < /dev/null || status=$?
  [ "$code" -ne 0 ] || code=$status
  case $status in 130 | 143) break ;; esac
done < "$changed"
exit "$code"
