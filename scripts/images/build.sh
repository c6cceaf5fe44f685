# Builds the images for the tests and the demo, and pushes them to the local registry. Sourced by scripts/engine.sh,
# which has set STATE and ROOT and exported DOCKER_HOST, FLOTILLA_TEST_REGISTRY and PATH.
#
# No public image is needed. All are FROM scratch: one base layer with static busybox and the scripts of rootfs/, and for
# each release a layer of a few bytes, so that a pull of a new tag really downloads something. HEALTHCHECK is left to the
# compose file: `healthcheck: { test: [CMD, /bin/healthy] }` works in all of them. All stop at once on SIGTERM.
#
#   flotilla-test/app     does what its command says:
#                           serve [PORT]       answers on PORT (80): /healthz, /version, /hostname, /env (names only)
#                           crash [SECONDS]    exits 1 after SECONDS (0)
#                           never-healthy      runs, and /bin/healthy fails
#                           once [CODE]        a one-shot: exits with CODE (0)
#                           slow-stop SECONDS  runs, and takes SECONDS to stop
#   flotilla-test/pulled  the same; for tests that remove and pull an image, which no other test may miss meanwhile
#   changemaker/api       /healthz and /version on port 4000; changemaker/admin the same on port 3000
#   changemaker/worker    a loop
#   changemaker/migrate   a one-shot: waits for the host of DATABASE_URL, which must be set, and records its tag in
#                         $PGDATA/schema_version and $PGDATA/migrations.log
#   changemaker/nginx     a reverse proxy on port 80: `location` with `proxy_pass` or `return` in /etc/nginx/nginx.conf and
#                         /etc/nginx/conf.d/*.conf; reads them again on SIGHUP and keeps the old ones if they are broken
#   changemaker/postgres  holds $PGDATA and port 5432; changemaker/redis holds port 6379
#
# Any of them takes READY_AFTER=SECONDS in its environment. A tag that ends in -broken exits 1 at once, one that ends in
# -unhealthy never turns healthy, and a migrate of tag *-nomigrate fails.
# shellcheck shell=bash disable=SC2153
IMAGES=(flotilla-test/{app,pulled} changemaker/{api,admin,worker,migrate,nginx,postgres,redis})

build_images() {
  local tag image sources
  sources=$(cat "$ROOT"/scripts/images/{build.sh,Dockerfile*} "$ROOT"/scripts/images/rootfs/bin/* /bin/busybox | cksum | tr ' ' -)
  mkdir -p "$STATE/images"
  for tag in "$@"; do
    if images_pushed "$tag" "$sources"; then continue; fi
    say "building the images of $tag"
    build_base "$sources"
    for image in "${IMAGES[@]}"; do build_and_push "$image" "$tag" "flotilla-test/base:$sources" & done
    wait_all
    echo "$sources" >"$STATE/images/$tag"
  done
}

# Built from the sources as they are now, and still in the registry.
images_pushed() {
  local image
  [[ $(cat "$STATE/images/$1" 2>/dev/null) == "$2" ]] || return 1
  for image in "${IMAGES[@]}"; do
    [[ $(http_status "$(registry_port)" HEAD "/v2/$image/manifests/$1") == 200 ]] || return 1
  done
}

build_base() {
  local context=$STATE/images/base applet
  if docker image inspect "flotilla-test/base:$1" >/dev/null 2>&1; then return; fi
  rm -rf "$context"
  mkdir -p "$context"/rootfs/{bin,etc/nginx/conf.d,proc,run,tmp,var/lib/postgresql/data}
  cp "$ROOT"/scripts/images/rootfs/bin/* /bin/busybox "$context/rootfs/bin/"
  for applet in $(/bin/busybox --list); do
    [[ -e $context/rootfs/bin/$applet ]] || ln -s busybox "$context/rootfs/bin/$applet"
  done
  echo 'root:x:0:0:root:/:/bin/sh' >"$context/rootfs/etc/passwd"
  chmod -R u+rwX,go+rX "$context/rootfs"
  chmod 755 "$context"/rootfs/bin/*
  cp "$ROOT/scripts/images/Dockerfile.base" "$context/Dockerfile"
  docker_build "flotilla-test/base:$1" "$context"
  rm -rf "$context"
}

build_and_push() {
  local context=$STATE/images/${1#*/}-$2 name=$FLOTILLA_TEST_REGISTRY/$1:$2
  mkdir -p "$context"
  printf 'ROLE=%s\nTAG=%s\n' "${1#*/}" "$2" >"$context/release"
  cp "$ROOT/scripts/images/Dockerfile" "$context/Dockerfile"
  docker_build "$name" "$context" --build-arg "BASE=$3" --build-arg "TAG=$2"
  docker push -q "$name" >/dev/null
  rm -rf "$context"
}

docker_build() {
  DOCKER_BUILDKIT=0 docker build -q --force-rm -t "$1" "${@:3}" "$2" >"$2.log" 2>&1 || { cat "$2.log" >&2 && return 1; }
  rm -f "$2.log"
}

wait_all() {
  local job failed=0
  for job in $(jobs -p); do wait "$job" || failed=1; done
  if ((failed)); then die 'an image could not be built or pushed'; fi
}
