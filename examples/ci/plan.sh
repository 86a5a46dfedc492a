#!/usr/bin/env bash
# Plan the transfer of one directory: plan.sh DIRECTORY [BASE]
#
# DIRECTORY/plan.args holds the arguments of `skytf plan`, quoted as for a shell, # for comments; DIRECTORY/bundle gets the
# bundle. BASE is a commit: where it has a bundle for this directory, PLAN.md says what has changed since.
# SKYTF_POLICY and SKYTF_CATALOG are skytf's own variables. Exits as skytf plan does: 8 where a policy says no.
set -euo pipefail

directory=${1:?"usage: plan.sh DIRECTORY [BASE]"}
base=${2:-}
# An input that was left empty is none.
for name in SKYTF_POLICY SKYTF_CATALOG; do [ -n "${!name:-}" ] || unset "$name"; done

extra=(--yes --out "$directory/bundle")
# Named here, because a --policy or --catalog of plan.args would stand in the place of the variables.
read -r -a policies <<< "${SKYTF_POLICY:-}"
read -r -a catalogs <<< "${SKYTF_CATALOG:-}"
for name in ${policies[@]+"${policies[@]}"}; do extra+=(--policy "$name"); done
for name in ${catalogs[@]+"${catalogs[@]}"}; do extra+=(--catalog "$name"); done
# Where nothing can be planned now, what was planned earlier is not shown for it.
rm -f "$directory/bundle/PLAN.md"
if [ -n "$base" ] && git cat-file -e "$base:$directory/bundle/transfer.json" 2> /dev/null; then
  old=$(mktemp -d)
  trap 'rm -rf "$old"' EXIT
  git archive "$base" "$directory/bundle" | tar -x -C "$old"
  extra+=(--against "$old/$directory/bundle")
fi

# Python splits the words, so that nothing in them is run by a shell.
python3 - "$directory/plan.args" "${extra[@]}" << 'PYTHON'
import pathlib
import shlex
import subprocess
import sys

arguments = shlex.split(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8"), comments=True)
sys.exit(subprocess.run(["skytf", "plan", *arguments, *sys.argv[2:]], stdin=subprocess.DEVNULL).returncode)
PYTHON
