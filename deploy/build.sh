#!/usr/bin/env bash
# Builds the agent's image from a package of Flotilla, and from nothing else of this checkout.
#
#   npm pack && deploy/agent/build.sh flotilla-0.1.0.tgz [OPTION OF docker build...]
#
# The image is named flotilla-agent, unless the options have a -t.
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
if [[ $# -eq 0 || ! -f $1 ]]; then
  sed -n '2,/^set /s/^# \{0,1\}//p' "$0" >&2
  exit 1
fi
package=$(realpath "$1")
shift
[[ " $* " == *' -t '* ]] || set -- -t flotilla-agent "$@"

context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT
npm install --silent --no-audit --no-fund --prefer-offline --omit=dev --prefix "$context/app" "$package"
cp "$HERE/Dockerfile" "$context/"
docker build "$@" "$context"
