#!/usr/bin/env bash
# Puts promtool, which checks what /metrics answers, into a folder, from Debian's package "prometheus": nothing is installed
# and no service is started. Does nothing when it is there already. Prints its path.
#
#   scripts/promtool.sh [FOLDER]     by default .engine/tools
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
folder=${1:-$here/.engine/tools}
promtool=$folder/promtool

if [[ ! -x $promtool ]]; then
  mkdir -p "$folder"
  work=$(mktemp -d "$folder/.promtool.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  chmod 755 "$work" # apt fetches as a user of its own
  cd "$work"
  apt-get download -q prometheus >&2 || { apt-get update -q >&2 && apt-get download -q prometheus >&2; }
  dpkg-deb --fsys-tarfile prometheus_*.deb | tar -x ./usr/bin/promtool
  mv usr/bin/promtool "$promtool" # in one step: others may be at it, too
fi
printf '%s\n' "$promtool"
