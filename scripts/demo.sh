#!/usr/bin/env bash
# The main job on a real engine, from nothing: two agents are enrolled, a small fleet is brought up, a release is committed,
# previewed, applied, and applied again to show that nothing is left to do; then a daemon follows its repository. Ends with exit code 1 at the first thing that is
# not as it should be.
#
#   make demo          bring the fleet up, show everything, take it down
#   KEEP=1 make demo   leave the fleet running, to look around in .demo/
#
# Everything it writes is in .demo/; its compose projects are named flotilla-demo-*, so that it touches nobody else's. The two
# agents listen on free ports of loopback, and are ended with the demo; KEEP=1 leaves them running, too.
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
DEMO=$ROOT/.demo
PROJECTS=flotilla-demo-
RELEASE=$ROOT/scripts/demo/release-v1.1.0
# shellcheck source=scripts/demo/daemon.sh
source "$ROOT/scripts/demo/daemon.sh"

main() {
  cd "$ROOT"
  prepare_tools
  take_down
  trap finish EXIT
  prepare_fleet
  cd "$DEMO"

  enrol_hosts
  bring_up
  commit_release
  preview
  apply
  apply_again
  move_one_instance
  heal_drift
  follow_repository
  heal_by_daemon
  look_back
  look_at_tenants

  heading 'Done'
  say "Every step did what it should, in $SECONDS seconds."
}

# ------------------------------------------------------------------------------------------------------- the story

enrol_hosts() {
  heading '1. Two hosts get an agent'
  say 'An authority, a certificate for the controller, and one for the agent of each host:'
  run 0 flotilla pki init
  run 0 flotilla pki issue controller
  run 0 flotilla pki issue agent edmonton-1 --san IP:127.0.0.1
  run 0 flotilla pki issue agent calgary-1 --san IP:127.0.0.1
  say 'On a machine of its own, each would have its folder in /etc/flotilla/pki and run as a service. Here both run on loopback.'
  start_agent edmonton-1
  start_agent calgary-1
  run 0 flotilla agent --check --root hosts/edmonton-1 --listen "$(address_of edmonton-1)" --pki pki/agents/edmonton-1
}

bring_up() {
  heading '2. A fleet comes up'
  say 'Desired state: three hosts (two behind their agents, one a directory of this machine), a fleet, and five tenants.'
  show cat manifests/hosts.yaml manifests/fleets.yaml manifests/instances/acme.yaml
  run 0 flotilla validate
  run 0 flotilla reconcile
  run 0 flotilla get
  run 0 flotilla get hosts
  expect 'acme answers with v1.0.0' test "$(ask acme api/version)" = v1.0.0
  expect 'elm, of the other template, runs' test "$(running elm)" = 1
  expect 'dune is suspended: nothing of it was started' test "$(running dune)" = 0
  remember_tenants
}

commit_release() {
  heading '3. A release is committed: a new tag, and a template that needs one more variable'
  cp -r "$RELEASE/." "$DEMO/"
  sed -i 's/imageTag: v1.0.0/imageTag: v1.1.0/' manifests/fleets.yaml
  show_changes manifests/fleets.yaml
  show_changes templates/changemaker/partials/mail.mustache
}

preview() {
  local before
  heading '4. The preview: what would happen, to which container, and why'
  before=$(state_of_hosts)
  say "cedar's .env is its owner's. It lacks the new variable, so its upgrade would be refused: exit code 1."
  run 1 flotilla reconcile --dry-run
  expect 'the preview has changed nothing on any host' test "$before" = "$(state_of_hosts)"
  expect 'the preview names the variable that cedar lacks' \
    grep -q SMTP_HOST <(flotilla reconcile --dry-run -q cedar 2>&1)
  say 'The owner of cedar adds it:'
  show_and_do "echo SMTP_HOST=mail.cedar.example.org >>$(tenant cedar)/.env"
  remember_tenants
  run 2 flotilla reconcile --dry-run --detailed-exitcode cedar
}

apply() {
  heading '5. The same plan, applied'
  run 0 flotilla reconcile
  expect 'acme answers with v1.1.0' test "$(ask acme api/version)" = v1.1.0
  expect 'cedar answers with v1.1.0' test "$(ask cedar api/version)" = v1.1.0
  expect 'birch has a tag of its own and stayed on v1.0.0' test "$(ask birch api/version)" = v1.0.0
  expect "acme's database was migrated once for each release" \
    test "$(migrations acme)" = 'v1.0.0 v1.1.0'
}

apply_again() {
  local before
  heading '6. Applied again: nothing is left to do'
  before=$(containers)
  run 0 flotilla reconcile
  expect 'every container is the same as before' test "$before" = "$(containers)"
  run 0 flotilla reconcile --dry-run --detailed-exitcode acme birch cedar elm
}

move_one_instance() {
  heading '7. One instance moves by itself'
  run 0 flotilla set-image birch v1.1.0
  show_changes manifests/instances/birch.yaml
  run 2 flotilla reconcile --dry-run --detailed-exitcode birch
  run 0 flotilla reconcile birch
  expect 'birch answers with v1.1.0' test "$(ask birch api/version)" = v1.1.0
}

heal_drift() {
  local file before
  heading '8. Somebody edits a file on a host'
  file=$(tenant acme)/nginx/nginx.conf
  before=$(containers)
  show_and_do "sed -i s/256/8/ $file"
  run 2 flotilla reconcile --dry-run --detailed-exitcode acme
  run 0 flotilla reconcile acme
  expect 'the file is as it should be again' grep -q 'worker_connections 256' "$file"
  expect 'nginx was told by a signal: its container, and all others, are the same' test "$before" = "$(containers)"
}

look_at_tenants() {
  heading '12. The fleet, and what belongs to the tenants'
  docker ps --filter "name=^$PROJECTS" --format 'table {{.Names}}\t{{.Status}}\t{{.Image}}'
  expect "tenants' content, secrets and own settings are byte for byte what they were" \
    test "$(tenants_own)" = "$(cat .tenants)"
  expect 'no secret of a tenant is in what Flotilla prints or records' no_secret_leaves
}

# ----------------------------------------------------------------------------------------------------- preparation

prepare_tools() {
  heading 'Preparing: packages, git, build, a Docker engine, a registry, two releases of seven images'
  if [[ ! -d node_modules ]]; then npm install --no-save --no-audit --no-fund; fi
  scripts/git-tools.sh
  npm run --silent build
  scripts/engine.sh up
  scripts/engine.sh images v1.0.0 v1.1.0
  eval "$(scripts/engine.sh env)"
}

prepare_fleet() {
  local file slug
  mkdir -p "$DEMO"/hosts/{edmonton-1,calgary-1,victoria-1}
  cp -r manifests templates "$DEMO/"
  sed -i "s#registry.example.org#$FLOTILLA_TEST_REGISTRY#" "$DEMO/manifests/fleets.yaml"
  sed -i 's#\.\./\.demo/hosts#../hosts#' "$DEMO/manifests/hosts.yaml"
  for file in "$DEMO"/manifests/instances/*.yaml; do
    slug=$(basename "$file" .yaml)
    sed -i "s/^spec:$/spec:\n  project: $PROJECTS$slug/" "$file"
    welcome_tenant "$slug"
  done
  printf 'DOMAIN=cedar.example.org\nSITE_NAME=Cedar\n' >"$(tenant cedar)/.env"
  mkdir "$DEMO/.before"
  cp -r "$DEMO/manifests" "$DEMO/templates" "$DEMO/.before/"
}

# What a tenant brings: a directory with secrets and content of its own.
welcome_tenant() {
  local dir
  dir=$(tenant "$1")
  mkdir -p "$dir/content"
  echo "<h1>$1</h1>" >"$dir/content/index.html"
  echo "PGPASSWORD=$(od -An -N12 -tx1 /dev/urandom | tr -d ' \n')" >"$dir/secrets.env"
  chmod 600 "$dir/secrets.env"
}

# An agent is a process of this machine, on a port that is free; its manifest is told which.
start_agent() {
  local log=$DEMO/agents/$1.log port='' tries=150
  local command=(flotilla agent --root "hosts/$1" --listen 127.0.0.1:0 --pki "pki/agents/$1")
  mkdir -p "$DEMO/agents"
  command_line "${command[@]} &"
  : >"$log"
  setsid node "$ROOT/dist/cli/main.js" "${command[@]:1}" </dev/null >"$log" 2>&1 &
  echo $! >"$DEMO/agents/$1.pid"
  while [[ -z $port ]]; do
    port=$(sed -n 's/.*"port":\([0-9]*\),"msg":"agent serves".*/\1/p' "$log")
    if ((tries-- == 0)) || ! kill -0 "$!" 2>/dev/null; then cat "$log" && fail "the agent of $1 does not start"; fi
    sleep 0.1
  done
  sed -i "/name: $1 /,/agent:/s#https://[^\"]*#https://127.0.0.1:$port#" manifests/hosts.yaml
  cp manifests/hosts.yaml .before/manifests/hosts.yaml
}

address_of() { sed -n "/name: $1 /,/agent:/s#.*https://\([^\"]*\).*#\1#p" manifests/hosts.yaml; }
# Another process may carry the number of one that has ended.
is_ours() { { tr '\0' ' ' <"/proc/$1/cmdline" | grep -qE "^node $ROOT/dist/cli/main.js (agent|watch) "; } 2>/dev/null; }

# Those of this demo and of one before that was left running. They end once what they do is finished.
stop_processes() {
  local file pid
  for file in "$DEMO"/agents/*.pid; do
    pid=$(cat "$file" 2>/dev/null) || continue
    if is_ours "$pid"; then kill "$pid"; fi
    while is_ours "$pid"; do sleep 0.1; done
  done
}

tenant() {
  echo "$DEMO/hosts/$(sed -n 's/^  host: //p' "$ROOT/manifests/instances/$1.yaml")/$1"
}

# Progress is for a person at a terminal.
flotilla() {
  if [[ $1 == reconcile && ! -t 2 ]]; then set -- "$@" --quiet; fi
  node "$ROOT/dist/cli/main.js" "$@"
}

# ---------------------------------------------------------------------------------------------------------- looking

container() { echo "$PROJECTS$1-$2-1"; }
ask() { docker exec "$(container "$1" nginx)" wget -qO- "http://127.0.0.1/$2"; }
running() { docker ps -q --filter "name=^$PROJECTS$1-" | wc -l; }
containers() { docker ps -aq --no-trunc --filter "name=^$PROJECTS" | sort; }
migrations() { docker exec "$(container "$1" postgres)" cat /var/lib/postgresql/data/migrations.log | uniq | xargs; }
state_of_hosts() { (containers && find "$DEMO/hosts" -type f -exec sha256sum {} + | sort) | sha256sum; }

tenants_own() {
  find "$DEMO"/hosts/*/*/content "$DEMO"/hosts/*/*/secrets.env "$(tenant cedar)/.env" -type f -exec sha256sum {} + | sort
}
remember_tenants() { tenants_own >"$DEMO/.tenants"; }

no_secret_leaves() {
  local secrets
  secrets=$(cat hosts/*/*/secrets.env | cut -d= -f2)
  ! { flotilla reconcile --dry-run --verbose -o json 2>&1; flotilla generations -o json; cat hosts/*/*/.flotilla/applied.json agents/*.log; cat state/history.db*; flotilla history -v; } |
    grep -aF "$secrets"
}

# ---------------------------------------------------------------------------------------------------------- telling

if [[ -t 1 && -z ${NO_COLOR:-} ]]; then BOLD=$'\e[1m' GREEN=$'\e[32m' RED=$'\e[31m' PLAIN=$'\e[0m'; else BOLD='' GREEN='' RED='' PLAIN=''; fi

heading() { printf '\n%s=== %s%s\n\n' "$BOLD" "$*" "$PLAIN"; }
say() { printf '%s\n' "$*"; }
command_line() { printf '\n%s$ %s%s\n' "$BOLD" "${*//$ROOT\//}" "$PLAIN"; }
show() { command_line "$@" && "$@"; }
show_changes() { command_line "git diff $1" && diff -u --label "a/$1" --label "b/$1" ".before/$1" "$1" || true; }
show_and_do() { command_line "$1" && bash -c "$1"; }

# run CODE COMMAND...: shows the command and its output; it must end with that exit code.
run() {
  local wanted=$1 code=0
  shift
  command_line "$@"
  "$@" || code=$?
  if ((code != wanted)); then fail "exit code $code, where $wanted was expected"; fi
}

# expect WHAT TEST...
expect() {
  local what=$1
  shift
  if "$@"; then printf '%s✓ %s%s\n' "$GREEN" "$what" "$PLAIN"; else fail "not so: $what"; fi
}

fail() {
  printf '%s✗ %s%s\n' "$RED" "$*" "$PLAIN"
  exit 1
}

# -------------------------------------------------------------------------------------------------------------- end

finish() {
  local code=$?
  cd "$ROOT"
  if [[ ${KEEP:-} == 1 ]]; then
    say "The fleet and its agents are left running; make demo ends them. Look around:  cd .demo && eval \"\$(../scripts/engine.sh env)\" && node ../dist/cli/main.js get"
  else
    say 'Taking the fleet down (KEEP=1 leaves it running). The engine stays; make clean stops it.'
    take_down
  fi
  exit "$code"
}

# Only what carries this demo's name.
take_down() {
  local found
  stop_processes
  for found in $(docker ps -aq --filter "name=^$PROJECTS"); do docker rm -fv "$found" >/dev/null; done
  for found in $(docker network ls -q --filter "name=^$PROJECTS"); do docker network rm "$found" >/dev/null; done
  for found in $(docker volume ls -q --filter "name=^$PROJECTS"); do docker volume rm "$found" >/dev/null; done
  rm -rf "$DEMO"
}

main "$@"
