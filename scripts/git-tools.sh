#!/bin/sh
# The programs that tests of git sources run: git and ssh-keygen, and as `git-tools.sh sshd` a server of ssh as well. Installs
# what is missing, on Debian as root; quick and without a word when nothing is. Any number may call this at the same time.
set -eu

# Where servers are, which not every user looks into.
PATH=$PATH:/usr/sbin

find_missing() {
  missing=''
  command -v git >/dev/null || missing="$missing git"
  command -v ssh-keygen >/dev/null || missing="$missing openssh-client"
  [ "$1" != sshd ] || command -v sshd >/dev/null || missing="$missing openssh-server"
}

apt_get() {
  DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 "$@" >/dev/null 9<&-
}

# `apt-get update` does not wait for another one to end, so try again.
update() {
  for _ in 1 2 3 4 5 6 7 8 9; do
    if apt_get update 2>/dev/null; then return; fi
    sleep 5
  done
  apt_get update
}

# The machine gets no server of ssh by this: neither now nor after the next boot.
install_without_starting() {
  policy=/usr/sbin/policy-rc.d
  if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    trap 'exit 1' HUP INT TERM
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
  fi
  apt_get install -y --no-install-recommends "$@"
  if command -v systemctl >/dev/null; then systemctl --quiet disable ssh.service ssh.socket >/dev/null 2>&1 || true; fi
}

find_missing "${1:-}"
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "please install:$missing" >&2
  exit 1
fi
exec 9<"$0"
flock 9
find_missing "${1:-}"
# Another one may have installed it meanwhile.
[ -n "$missing" ] || exit 0
update
# shellcheck disable=SC2086
case $missing in
  *openssh-server*) install_without_starting $missing ;;
  *) apt_get install -y --no-install-recommends $missing ;;
esac
