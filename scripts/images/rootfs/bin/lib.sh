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

# serve PORT: the files under /run/www over HTTP, in the background.
serve() {
  mkdir -p /run/www
  echo ok >/run/www/healthz
  echo "$TAG" >/run/www/version
  hostname >/run/www/hostname
  env | sed 's/=.*//' | sort >/run/www/env
  httpd -f -p "$1" -h /run/www &
  SERVER=$!
  log "listening on $1"
}

# For as long as the server runs; signals with a trap of their own come in between.
hold() {
  while kill -0 "$SERVER" 2>/dev/null; do wait "$SERVER"; done
  fail 'the server ended'
}
