#!/bin/sh
# The programs that tests of git sources run: git and ssh-keygen. Installs what is missing, on Debian as root; quick and
# without a word when nothing is.
set -eu

missing=''
command -v git >/dev/null || missing="$missing git"
command -v ssh-keygen >/dev/null || missing="$missing openssh-client"
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "please install:$missing" >&2
  exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# shellcheck disable=SC2086
apt-get install -y -qq --no-install-recommends $missing >/dev/null
