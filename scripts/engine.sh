#!/usr/bin/env bash
# A Docker Engine, Compose v2 and an image registry for the tests, the benchmark and the demo.
#
#   scripts/engine.sh up             have all three running; quick when they already are
#   scripts/engine.sh env            print the `export` lines that point a shell at them
#   scripts/engine.sh images TAG...  build the images under scripts/images and push them with these tags
#   scripts/engine.sh status         say what is running
#   scripts/engine.sh down [--purge] stop what `up` started; --purge removes its images and state too
#   scripts/engine.sh spare          have an engine alone, of its own whatever the machine has: for tests that kill it. It
#                                    needs a FLOTILLA_ENGINE_DIR of its own; LIVE_RESTORE=true keeps containers meanwhile
#
# An engine that the machine already has (DOCKER_HOST or the default socket) is used as it is. Without one, on Debian or
# Ubuntu and as root, `up` installs what is missing and starts a dockerd of its own, with everything it keeps under
# FLOTILLA_ENGINE_DIR (by default .engine/ in the checkout). Any number of processes may call this at the same time.
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
STATE=${FLOTILLA_ENGINE_DIR:-$ROOT/.engine}
READY_TIMEOUT_S=60
HOW_TO_INSTALL="Install Docker Engine, Docker Compose v2, and what Debian calls busybox-static and docker-registry, or run this as
root on Debian or Ubuntu, where it installs them."

main() {
  mkdir -p "$STATE/bin"
  STATE=$(cd "$STATE" && pwd -P)
  RUN=$(runtime_dir)
  case "${1:-}" in
    up) locked up ;;
    env) print_env ;;
    images) shift && locked images "$@" ;;
    status) status ;;
    down) shift && locked down "$@" ;;
    spare) locked spare ;;
    *) sed -n '2,/^set /s/^# \{0,1\}//p' "$0" >&2; exit 1 ;;
  esac
}

# Sockets live in here: a unix socket's path must stay below 108 bytes, and dockerd adds up to 40 of its own.
runtime_dir() {
  if ((${#STATE} <= 50)); then echo "$STATE"; else echo "/run/flotilla-$(cksum <<<"$STATE" | cut -d' ' -f1)"; fi
}

locked() {
  if have flock; then
    exec 9>"$STATE/lock"
    flock -w 600 9
  fi
  "$@"
}

# ---------------------------------------------------------------------------------------------------------------- up

up() {
  if own_engine_answers || { ! was_own_engine && use_external_engine; }; then
    registry_answers || start_registry
  else
    [[ $(id -u) == 0 ]] || die "no Docker Engine with Compose v2 answers here.
$HOW_TO_INSTALL"
    install_missing
    if use_external_engine; then rm -f "$STATE/daemon.json"; else start_engine; fi
    start_registry
  fi
  write_env
}

# The engine and CLI that an earlier `up` settled on: no search, so this is what makes a second `up` quick.
own_engine_answers() { was_own_engine && daemon_alive && cli version && compose_v2; }
was_own_engine() { [[ -f $STATE/daemon.json ]]; }
cli() { DOCKER_HOST=unix://$RUN/docker.sock timeout 10 "$STATE/bin/docker" "$@" >/dev/null 2>&1; }
compose_v2() { [[ $("$STATE/bin/docker" compose version --short 2>/dev/null) =~ ^v?([2-9]|[1-9][0-9])\. ]]; }

# An engine that is not ours: DOCKER_HOST, or the default socket. Leaves EXTERNAL_HOST set when there is one.
use_external_engine() {
  local docker host
  docker=$(command -v docker) || return 1
  [[ $docker != "$STATE/bin/docker" ]] || return 1
  host=${DOCKER_HOST:-unix:///var/run/docker.sock}
  DOCKER_HOST=$host timeout 10 "$docker" info >/dev/null 2>&1 || return 1
  ln -sfn "$docker" "$STATE/bin/docker"
  compose_v2 || return 1
  EXTERNAL_HOST=$host
}

# Without rules and a bridge of its own: dockerd clears at its start what others have put into the machine's chains.
spare() {
  if daemon_alive && cli version; then return; fi
  [[ $(id -u) == 0 ]] || die "it takes root to start a dockerd"
  PATH=$PATH:/usr/sbin:/sbin
  have dockerd || install_missing
  prepare_engine
  write_daemon_config none "$(printf ',\n  "bridge": "none",\n  "live-restore": %s' "${LIVE_RESTORE:-false}")"
  launch_daemon || die "dockerd does not start; its log is $STATE/dockerd.log"
}

prepare_engine() {
  clear_stale_daemon
  mkdir -p "$RUN"
  chmod 700 "$RUN"
  ln -sfn "$(debian_docker)" "$STATE/bin/docker"
  compose_v2 || die "no Docker Compose v2: install the package docker-compose (2.26 or later) or docker-compose-v2"
}

start_engine() {
  local mode
  prepare_engine
  for mode in $(cat "$STATE/iptables" 2>/dev/null) default legacy none; do
    write_daemon_config "$mode"
    say "starting dockerd (iptables: $mode)"
    if launch_daemon; then
      echo "$mode" >"$STATE/iptables"
      return
    fi
  done
  tail -n 20 "$STATE/dockerd.log" >&2
  rm -f "$STATE/daemon.json"
  die "dockerd does not start; its log is $STATE/dockerd.log"
}

# write_daemon_config IPTABLES [MORE]. Small subnets: a fleet has more networks than the 31 that the engine's own default
# address pools give.
write_daemon_config() {
  local iptables=true
  rm -f "$STATE/bin/iptables" "$STATE/bin/ip6tables"
  case "$1" in
    legacy) ln -sfn "$(command -v iptables-legacy || echo /usr/sbin/iptables-legacy)" "$STATE/bin/iptables" ;;
    none) iptables=false ;;
  esac
  cat >"$STATE/daemon.json" <<JSON
{
  "data-root": "$STATE/data",
  "exec-root": "$RUN/exec",
  "pidfile": "$RUN/dockerd.pid",
  "hosts": ["unix://$RUN/docker.sock"],
  "iptables": $iptables,
  "default-address-pools": [{ "base": "172.20.0.0/14", "size": 26 }],
  "log-level": "warn",
  "log-opts": { "max-size": "1m" },
  "shutdown-timeout": 3${2:-}
}
JSON
}

launch_daemon() {
  local tries=$((READY_TIMEOUT_S * 10)) pid
  PATH=$STATE/bin:$PATH:/usr/sbin:/sbin setsid -f dockerd --config-file "$STATE/daemon.json" \
    </dev/null >"$STATE/dockerd.log" 2>&1 9>&-
  sleep 0.3
  while ((tries-- > 0)); do
    if cli version; then return 0; fi
    if [[ -f $RUN/dockerd.pid ]] && ! daemon_alive; then break; fi
    if [[ ! -f $RUN/dockerd.pid ]] && ! pid=$(pidof_daemon); then break; fi
    sleep 0.1
  done
  stop_daemon
  return 1
}

# After a crash or a reboot another process may carry the number in a pid file, and dockerd believes what it reads there.
clear_stale_daemon() {
  daemon_alive && stop_daemon
  rm -f "$RUN/dockerd.pid" "$RUN/docker.sock"
  pid_runs "$RUN/exec/containerd/containerd.pid" containerd || rm -f "$RUN"/exec/containerd/containerd*
}

daemon_alive() { pid_runs "$RUN/dockerd.pid" dockerd; }

# Whether the process numbered in file $1 is a program named $2.
pid_runs() {
  local pid
  pid=$(cat "$1" 2>/dev/null) && [[ -n $pid && $(cat "/proc/$pid/comm" 2>/dev/null) == "$2"* ]] && ! is_zombie "$pid"
}
is_zombie() { grep -q '^State:.*Z' "/proc/$1/status" 2>/dev/null; }

# Our dockerd before it has written its pid file.
pidof_daemon() {
  local dir
  for dir in /proc/[0-9]*; do
    if tr '\0' ' ' <"$dir/cmdline" 2>/dev/null | grep -qF -- "--config-file $STATE/daemon.json"; then
      is_zombie "${dir#/proc/}" || { echo "${dir#/proc/}" && return 0; }
    fi
  done
  return 1
}

# Not the first docker of PATH: that may be a client only, of another version than the engine and compose.
debian_docker() { if [[ -x /usr/bin/docker ]]; then echo /usr/bin/docker; else command -v docker; fi; }

# ---------------------------------------------------------------------------------------------------------- registry

registry_port() { cat "$STATE/registry.port" 2>/dev/null; }
registry_answers() { [[ $(http_status "$(registry_port)" GET /v2/) == 200 ]]; }

start_registry() {
  local port
  if registry_answers; then return; fi
  have docker-registry || install_missing
  for port in $(registry_port) 5000 $(seq 5001 5020); do
    if port_answers "$port"; then continue; fi
    if launch_registry "$port"; then return; fi
  done
  tail -n 5 "$STATE/registry.log" >&2
  die "docker-registry does not start; its log is $STATE/registry.log"
}

launch_registry() {
  local tries=100
  cat >"$STATE/registry.yml" <<YAML
version: 0.1
log: { level: warn, accesslog: { disabled: true } }
storage:
  delete: { enabled: true }
  filesystem: { rootdirectory: "$STATE/registry" }
http: { addr: "127.0.0.1:$1" }
YAML
  setsid -f bash -c 'echo $$ >"$1"; exec docker-registry serve "$2"' - "$STATE/registry.pid" "$STATE/registry.yml" \
    </dev/null >"$STATE/registry.log" 2>&1 9>&-
  echo "$1" >"$STATE/registry.port"
  while ((tries-- > 0)); do
    sleep 0.05
    if registry_answers; then return 0; fi
    if ((tries < 90)) && ! pid_runs "$STATE/registry.pid" docker-registry; then return 1; fi
  done
  return 1
}

port_answers() { (exec 8<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# http_status PORT METHOD PATH: the status code, or nothing. (curl need not be on the machine.)
http_status() {
  local code=''
  [[ -n $1 ]] || return 0
  {
    if exec 8<>"/dev/tcp/127.0.0.1/$1"; then
      printf '%s %s HTTP/1.0\r\nAccept: application/vnd.docker.distribution.manifest.v2+json\r\n\r\n' "$2" "$3" >&8
      read -r -t 10 _ code _ <&8 || true
      exec 8>&-
    fi
  } 2>/dev/null
  echo "$code"
}

# ----------------------------------------------------------------------------------------------------------- install

# Installs what the two branches of `up` need and the machine lacks; with an external engine only registry and busybox.
install_missing() {
  local packages=()
  PATH=$PATH:/usr/sbin:/sbin
  have dockerd || [[ -n ${EXTERNAL_HOST:-} ]] || packages+=(docker.io)
  have iptables || [[ -n ${EXTERNAL_HOST:-} ]] || packages+=(iptables)
  have docker-registry || packages+=(docker-registry)
  have flock && have setsid || packages+=(util-linux)
  static_busybox || packages+=(busybox-static)
  if ((${#packages[@]})); then
    can_install || die "missing: ${packages[*]}.
$HOW_TO_INSTALL"
    say "installing ${packages[*]}"
    apt_update
    apt_get install -y --no-install-recommends "${packages[@]}"
    have docker || [[ -x /usr/bin/docker ]] || apt_get install -y --no-install-recommends docker-cli
  fi
  if [[ -x $(debian_docker) ]]; then ln -sfn "$(debian_docker)" "$STATE/bin/docker"; fi
  compose_v2 || install_compose
}

can_install() { [[ $(id -u) == 0 ]] && have apt-get; }
static_busybox() { [[ -x /bin/busybox ]] && ! ldd /bin/busybox >/dev/null 2>&1; }

install_compose() {
  local release
  can_install || die "Docker Compose v2 is missing: install the package docker-compose-v2, or docker-compose 2.26 or later"
  say "installing Docker Compose v2"
  if apt-cache show docker-compose-v2 >/dev/null 2>&1; then
    apt_get install -y --no-install-recommends docker-compose-v2
  elif apt-cache show docker-compose 2>/dev/null | grep -q '^Version: [2-9]'; then
    apt_get install -y --no-install-recommends docker-compose
  else
    release=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
    [[ $release == bookworm ]] || die "this release has no Docker Compose v2 package: install it by hand"
    install_compose_from "$release" trixie
  fi
}

# The package from Debian's next release, at the address that the machine's own sources give. The second source has its
# own package lists and a pin of 1, and lives under the state directory: nothing else can come from it, now or later.
install_compose_from() {
  local dir=$STATE/apt address key=/usr/share/keyrings/debian-archive-keyring.gpg signed='' next
  address=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' "Release: $1" 'Component: main' | head -n 1)
  [[ -n $address ]] || die "the apt sources do not name Debian $1"
  mkdir -p "$dir/lists/partial" "$dir/cache/archives/partial"
  if [[ -f $key ]]; then signed="[signed-by=$key]"; fi
  echo "deb $signed $address $2 main" >"$dir/sources.list"
  printf 'Package: *\nPin: release n=%s\nPin-Priority: 1\n' "$2" >"$dir/preferences"
  next=(-o "Dir::State::Lists=$dir/lists" -o "Dir::Cache=$dir/cache" -o "Dir::Etc::SourceList=$dir/sources.list"
    -o Dir::Etc::SourceParts=/dev/null -o "Dir::Etc::Preferences=$dir/preferences"
    -o Dir::Etc::PreferencesParts=/dev/null -o APT::Sandbox::User=root)
  apt_get "${next[@]}" update
  apt_get "${next[@]}" install -y --no-install-recommends "docker-compose/$2"
  rm -rf "$dir"
}

# `apt-get update` does not wait for another one to end, so try again.
apt_update() {
  local _
  for _ in 1 2 3 4 5 6 7 8 9; do
    if apt-get -qq update >>"$STATE/apt.log" 2>&1 </dev/null; then return; fi
    sleep 5
  done
  apt_get update
}

apt_get() {
  if ! DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 "$@" >>"$STATE/apt.log" 2>&1 </dev/null 9>&-; then
    tail -n 20 "$STATE/apt.log" >&2
    die "apt-get ${*: -1} failed; its log is $STATE/apt.log"
  fi
}

# ------------------------------------------------------------------------------------------------ env, images, status

write_env() {
  {
    printf 'export DOCKER_HOST=%q\n' "${EXTERNAL_HOST:-unix://$RUN/docker.sock}"
    printf 'export FLOTILLA_TEST_REGISTRY=127.0.0.1:%s\n' "$(registry_port)"
    printf 'export PATH=%q:"$PATH"\n' "$STATE/bin"
  } >"$STATE/env.new"
  mv "$STATE/env.new" "$STATE/env"
}

# PATH is printed whole, so that a program that is no shell can read the lines too.
print_env() {
  [[ -f $STATE/env ]] || die "no engine: run $0 up first"
  grep -v '^export PATH=' "$STATE/env"
  printf 'export PATH=%q\n' "$STATE/bin:$PATH"
}

images() {
  up
  # shellcheck disable=SC1091
  . "$STATE/env"
  . "$ROOT/scripts/images/build.sh"
  build_images "$@"
}

status() {
  if [[ ! -f $STATE/env ]]; then echo 'not set up' && return; fi
  # shellcheck disable=SC1091
  . "$STATE/env"
  if was_own_engine; then echo "engine: own, $DOCKER_HOST"; else echo "engine: the machine's, $DOCKER_HOST"; fi
  timeout 10 docker info --format 'version: {{.ServerVersion}}, storage: {{.Driver}}, containers running: {{.ContainersRunning}}' ||
    echo 'engine: does not answer'
  echo "compose: $(docker compose version --short)"
  if was_own_engine; then echo "iptables: $(cat "$STATE/iptables")"; fi
  if registry_answers; then echo "registry: $FLOTILLA_TEST_REGISTRY"; else echo 'registry: does not answer'; fi
}

# -------------------------------------------------------------------------------------------------------------- down

down() {
  if was_own_engine && daemon_alive; then
    say 'stopping the engine'
    remove_containers
    stop_daemon
  fi
  if pid_runs "$STATE/registry.pid" docker-registry; then kill "$(cat "$STATE/registry.pid")"; fi
  rm -f "$STATE/registry.pid" "$STATE/env" "$STATE/daemon.json"
  if [[ ${1:-} == --purge ]]; then
    sed -n "s|^[^ ]* \\($STATE/[^ ]*\\) .*|\\1|p" /proc/self/mounts | while read -r mount; do umount -l "$mount"; done
    rm -rf "$STATE" "$RUN"
  fi
}

remove_containers() {
  local docker=("$STATE/bin/docker" -H "unix://$RUN/docker.sock") ids
  mapfile -t ids < <("${docker[@]}" ps -aq)
  if ((${#ids[@]})); then "${docker[@]}" rm -f "${ids[@]}" >/dev/null || true; fi
  "${docker[@]}" network prune -f >/dev/null || true
}

stop_daemon() {
  local pid tries=300
  pid=$(cat "$RUN/dockerd.pid" 2>/dev/null) || return 0
  if daemon_alive; then kill "$pid"; fi
  while daemon_alive && ((tries-- > 0)); do sleep 0.1; done
  if daemon_alive; then kill -9 "$pid"; fi
  rm -f "$RUN/dockerd.pid" "$RUN/docker.sock"
}

have() { command -v "$1" >/dev/null 2>&1; }
say() { echo "engine: $*" >&2; }
die() { echo "engine: $*" >&2; exit 1; }

main "$@"
