# The demo's chapter of the daemon: sourced by scripts/demo.sh.

follow_repository() {
  heading '9. A daemon follows the repository'
  say 'Desired state becomes a repository of its own, which the daemon fetches. A directory there is relative to nothing: it is given whole.'
  sed -i "s#\.\./hosts#$DEMO/hosts#" manifests/hosts.yaml
  git init --quiet --bare --initial-branch=main fleet.git
  git init --quiet --initial-branch=main .
  git config user.name 'Demo'
  git config user.email 'demo@example.org'
  git add manifests templates
  git commit --quiet -m 'The fleet as it is'
  git push --quiet "$DEMO/fleet.git" main
  cat >watch.yaml <<YAML
apiVersion: flotilla.dev/v1
kind: WatchConfig
spec:
  source:
    git: { url: $DEMO/fleet.git, branch: main, interval: 1s }
  state: ./state
  pki: ./pki/controller
  listen: 127.0.0.1:0
YAML
  show cat watch.yaml
  run 0 flotilla watch --config watch.yaml --check-config
  start_daemon
  run 0 flotilla wait acme birch cedar elm --revision "$(git rev-parse HEAD)" --for Ready
  say 'Nothing had to be done. Now a commit: dune is no longer suspended.'
  run 0 flotilla resume dune
  push 'Resume dune'
  run 0 flotilla wait dune --revision "$(git rev-parse HEAD)" --for Ready
  expect 'dune answers' test "$(ask dune api/version)" = v1.1.0
}

heal_by_daemon() {
  local file
  heading '10. It heals what somebody breaks'
  file=$(tenant acme)/nginx/nginx.conf
  show_and_do "sed -i s/256/8/ $file"
  expect 'the file is as it should be again' eventually grep -q 'worker_connections 256' "$file"
  show_and_do "docker kill $(container elm web)"
  expect 'the container runs again' eventually test_running "$(container elm web)"
  expect 'the daemon says that it healed elm' eventually healed elm
  expect 'and acme' eventually healed acme
}

look_back() {
  heading '11. What it did, and why'
  run 0 flotilla get
  run 0 flotilla history
  run 0 flotilla events
  stop_daemon
}

push() {
  git commit --quiet -am "$1"
  show git push --quiet "$DEMO/fleet.git" main
}

start_daemon() {
  command_line 'flotilla watch --config watch.yaml &'
  setsid node "$ROOT/dist/cli/main.js" watch --config watch.yaml </dev/null >agents/daemon.log 2>&1 &
  echo $! >agents/daemon.pid
}

stop_daemon() {
  local pid
  pid=$(cat agents/daemon.pid)
  show_and_do "kill $pid"
  expect 'the daemon ends once what it does is finished' eventually ended "$pid"
}

ended() { ! is_ours "$1"; }
test_running() { [[ $(docker inspect --format '{{.State.Running}}' "$1") == true ]]; }
healed() { flotilla events "$1" -o json | grep -q '"Healed"'; }

# eventually TEST...: within two minutes.
eventually() {
  local tries=600
  until "$@"; do
    if ((tries-- == 0)); then return 1; fi
    sleep 0.2
  done
}
