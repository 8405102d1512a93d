#!/bin/sh
# Rehearses the press in a repository of its own, as a team would have it. Give the path of cfngen; further words are its options.
set -eu
cfngen=$(realpath "$1")
shift
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
# A shell that is interrupted does not always get to its end.
trap 'exit 130' INT
trap 'exit 143' TERM
cp -r "$here/apps" "$here/services" "$place"
cd "$place"
git init --quiet .
"$cfngen" generate services/press.py --out deploy
"$cfngen" rehearse services/press.py --out deploy --logs "$root/rehearsal" "$@"
