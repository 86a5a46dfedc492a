#!/usr/bin/env bash
# Commit the bundle of one directory and push it to the branch that is reviewed: push.sh DIRECTORY BRANCH
#
# A plan that has not changed is the same bytes, and then nothing is pushed.
set -euo pipefail

directory=${1:?"usage: push.sh DIRECTORY BRANCH"}
branch=${2:?"usage: push.sh DIRECTORY BRANCH"}
[ -f "$directory/bundle/PLAN.md" ] || exit 0 # nothing was planned, and plan.sh has said why

# By force: the .gitignore of many a Terraform repository names *.tfvars.json, and a bundle without them is refused.
git add --all --force -- "$directory/bundle" ":(exclude)$directory/bundle/infra/.terraform"
if git diff --cached --quiet -- "$directory/bundle"; then
  echo "The bundle of $directory is as it was."
  exit 0
fi
git -c user.name=skytf -c user.email=skytf@localhost commit --quiet -m "$directory: the bundle as planned" -- "$directory/bundle"
git push --quiet origin "HEAD:refs/heads/$branch"
echo "Pushed the bundle of $directory to $branch."
