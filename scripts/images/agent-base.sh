#!/usr/bin/env bash
# Builds a base for the agent's image from what this machine has: node, the docker client, compose, flock, busybox and the
# libraries they need. For tests, which reach no registry but their own. Needs the environment of scripts/engine.sh env.
# More programs may be named, such as git and ssh, which the controller's image wants to have; what its database needs is in
# there, too.
#
#   scripts/images/agent-base.sh NAME [PROGRAM...]
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT
root=$context/rootfs

main() {
  local applet compose name=$1 program
  shift
  mkdir -p "$root"/{bin,dev,etc,proc,run,sys,tmp,usr/local/bin,usr/libexec/docker/cli-plugins,var/run}
  chmod 1777 "$root/tmp"
  echo 'root:x:0:0:root:/root:/bin/sh' >"$root/etc/passwd"
  cp /bin/busybox "$root/bin/"
  for applet in $(/bin/busybox --list); do [[ -e $root/bin/$applet ]] || ln -s busybox "$root/bin/$applet"; done
  mkdir -p "$root/usr/bin"
  ln -s ../../bin/env "$root/usr/bin/env"
  compose=$(docker info --format '{{range .ClientInfo.Plugins}}{{if eq .Name "compose"}}{{.Path}}{{end}}{{end}}')
  bring "$(command -v node)" usr/local/bin/node
  bring "$(command -v docker)" usr/local/bin/docker
  bring "$compose" usr/libexec/docker/cli-plugins/docker-compose
  bring "$(command -v flock)" usr/local/bin/flock
  for program; do bring "$(command -v "$program")" "usr/bin/$program"; done
  for program in "$HERE"/../../node_modules/@libsql/linux-*-gnu/index.node; do bring_libraries "$program"; done
  cp "$HERE/Dockerfile.base" "$context/Dockerfile"
  DOCKER_BUILDKIT=0 docker build -q --force-rm -t "$name" "$context"
}

# A program, and the libraries that it names.
bring() {
  cp -L "$1" "$root/$2"
  bring_libraries "$1"
}

bring_libraries() {
  local library
  for library in $(ldd "$1" 2>/dev/null | grep -o '/[^ ]*' || true); do
    [[ -e $root$library ]] || { mkdir -p "$root$(dirname "$library")" && cp -L "$library" "$root$library"; }
  done
}

main "$@"
