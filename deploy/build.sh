#!/usr/bin/env bash
# Builds an image from a package of Flotilla, and from nothing else of this checkout.
#
#   npm pack && deploy/build.sh agent flotilla-0.1.0.tgz [OPTION OF docker build...]
#   npm pack && deploy/build.sh controller flotilla-0.1.0.tgz [OPTION OF docker build...]
#
# The image is named flotilla-agent or flotilla-controller, unless the options have a -t.
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
if [[ $# -lt 2 || ! -f $HERE/$1/Dockerfile || ! -f $2 ]]; then
  sed -n '2,/^set /s/^# \{0,1\}//p' "$0" >&2
  exit 1
fi
kind=$1
package=$(realpath "$2")
shift 2
[[ " $* " == *' -t '* ]] || set -- -t "flotilla-$kind" "$@"

context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT
npm install --silent --no-audit --no-fund --prefer-offline --omit=dev --prefix "$context/app" "$package"
cp "$HERE/$kind/Dockerfile" "$context/"
docker build "$@" "$context"
