# What the entry scripts share. As PID 1 a shell dies of SIGTERM only by a trap, and a trap runs only between commands or
# in `wait`: so everything that lasts runs in the background and is waited for.
. /release
log() { echo "$ROLE $TAG: $*"; }
fail() { log "$*" >&2; exit 1; }
on_term() { log stopping; exit 0; }
trap on_term TERM INT

# Sleeps, but for signals.
pause() { sleep "$1" & wait $!; }

# Tells /bin/healthy that this container is ready, after READY_AFTER seconds.
ready() {
  case "$TAG" in *-unhealthy) log 'will not get healthy' && return ;; esac
  (sleep "${READY_AFTER:-0}" && touch /run/ready && log ready) &
}

# Waits for the last background job, through signals that have a trap of their own.
hold() {
  local pid=$!
  while kill -0 "$pid" 2>/dev/null; do wait "$pid"; done
  fail 'the server ended'
}

# serve PORT: the files under /run/www over HTTP.
serve() {
  mkdir -p /run/www
  echo ok >/run/www/healthz
  echo "$TAG" >/run/www/version
  hostname >/run/www/hostname
  env | sed 's/=.*//' | sort >/run/www/env
  log "listening on $1"
  httpd -f -p "$1" -h /run/www &
}
