/** What `--help` says. */
export const HELP = {
  flotilla: {
    description: 'GitOps for a fleet of Docker Compose tenants: commit a tag, preview what it does, make it so.',
    after: `\
Start here:
  flotilla validate               check manifests and templates
  flotilla reconcile --dry-run    see what a commit would do to every tenant
  flotilla reconcile              do it

Exit codes:
  0    done
  1    an error, or an instance failed or is blocked, or desired state has problems
  2    with --detailed-exitcode: changes are pending, and nothing is wrong
  130  interrupted

Environment:
  FLOTILLA_MANIFESTS, FLOTILLA_TEMPLATES, FLOTILLA_PKI, FLOTILLA_STATE, FLOTILLA_CONCURRENCY,
  FLOTILLA_LOG_LEVEL, NO_COLOR`,
  },
  reconcile: {
    summary: 'bring instances to their desired state, or preview it',
    description: 'Bring instances to their desired state: all of them, or those named.',
    examples: [
      'flotilla reconcile --dry-run                      what a commit would do',
      'flotilla reconcile acme beta                      two instances, for real',
      'flotilla reconcile --dry-run -o markdown          a comment for a pull request',
      'flotilla reconcile --dry-run --detailed-exitcode  2 when something is pending',
      'flotilla reconcile --concurrency 8                eight instances at once',
    ],
  },
  diff: {
    summary: 'show how files differ from what is desired',
    description: "Show how an instance's files differ from what is desired, and nothing else.",
    examples: ['flotilla diff acme', 'flotilla diff acme beta --detailed-exitcode'],
  },
  validate: {
    summary: 'check manifests and templates',
    description: 'Check manifests and templates, and list everything that is wrong with them.',
    examples: [
      'flotilla validate',
      'flotilla validate --render           render every instance too',
      'flotilla validate --watch            check again after each save',
      'flotilla validate --manifests ./fleet --templates ./stacks',
    ],
  },
  render: {
    summary: "print the files that an instance's template renders",
    description: 'Print the files of an instance as its template renders them; a host is not asked.',
    examples: [
      'flotilla render acme',
      'flotilla render acme --file docker-compose.yml',
      'flotilla render acme --output ./out',
    ],
  },
  get: {
    summary: 'list instances, hosts or fleets with their state',
    description:
      'List instances, hosts or fleets with their state. KIND is instances when left out. Instances are listed as the daemon last saw them, where it keeps its state here; everything else is asked of the hosts.',
    examples: [
      'flotilla get',
      'flotilla get instances acme -o wide',
      'flotilla get --watch                 each instance again whenever it changes',
      'flotilla get --live                  what the hosts say now',
      'flotilla get hosts',
      'flotilla get fleets -o json',
    ],
  },
  history: {
    summary: 'list the upgrades that the daemon has made',
    description: 'List the upgrades that the daemon has made of an instance, or of all: newest first.',
    examples: [
      'flotilla history',
      'flotilla history acme -v             with files, phases, error and log',
      'flotilla history --limit 100 -o json',
    ],
  },
  events: {
    summary: 'list what the daemon has decided',
    description: 'List the last decisions of the daemon on an instance, or on all: oldest first.',
    examples: ['flotilla events acme', 'flotilla events --watch', 'flotilla events --types Warning --limit 50'],
  },
  wait: {
    summary: 'wait until instances are in a condition',
    description:
      'Wait until the daemon has said of each instance that it is in a condition. Ends with 1 when time is up, and at once when an instance that is to be Ready is Stalled.',
    examples: [
      'flotilla wait acme',
      'flotilla wait acme beta --revision 3f1c0de --timeout 10m    after a push',
      'flotilla wait acme --for Drifted=False',
    ],
  },
  confirm: {
    summary: 'let the daemon take a revision that removes most instances',
    description:
      'Let the daemon take a revision that it has refused because it would remove most instances. flotilla events names it.',
    examples: ['flotilla confirm 3f1c0de4b2a95d7788c1b6a0f9e4d2c35a7b8e90', 'flotilla confirm 3f1c0de'],
  },
  generations: {
    summary: 'list what can be rolled back to',
    description: 'List the file sets that hosts keep of an instance, or of all: what can be rolled back to.',
    examples: ['flotilla generations acme', 'flotilla generations -o json'],
  },
  rollback: {
    summary: 'bring back a kept file set',
    description: 'Bring back a kept file set of an instance and start it. Desired state stays as committed.',
    examples: [
      'flotilla rollback acme --dry-run    what it would do',
      'flotilla rollback acme              to the newest one that worked',
      'flotilla rollback acme --to 3 -y    to one that flotilla generations shows',
    ],
  },
  'set-image': {
    summary: "set an instance's imageTag in its manifest",
    description: "Set an instance's imageTag in its manifest. Every other byte of the file stays.",
    examples: ['flotilla set-image acme v2.4.1'],
  },
  suspend: {
    summary: 'have instances left alone',
    description:
      'Suspend instances in their manifests: they are planned and reported, never changed. Every other byte of the files stays.',
    examples: ['flotilla suspend acme', 'flotilla suspend acme beta'],
  },
  resume: {
    summary: 'take a suspension back',
    description: 'Take the suspension of instances out of their manifests. Every other byte of the files stays.',
    examples: ['flotilla resume acme'],
  },
  watch: {
    summary: 'keep the fleet as its source desires it',
    description:
      'Keep the fleet as its source desires it: converge on each commit or save, heal drift as it happens, remember everything. Runs until SIGINT or SIGTERM; SIGHUP reads the settings again.',
    examples: [
      'flotilla watch                                 the directories ./manifests and ./templates',
      'flotilla watch --config flotilla.yaml          a git repository, webhooks, notifications',
      'flotilla watch --config flotilla.yaml --check-config',
      'flotilla get --watch                           what it does, from another terminal',
    ],
  },
  agent: {
    summary: 'serve the instances of this host to the controller',
    description:
      'Serve the instances below a directory of this machine to the controller, over mutual TLS. Runs beside the Docker Engine.',
    examples: [
      'flotilla agent --root /srv/tenants --check',
      'flotilla agent --root /srv/tenants',
      'flotilla agent --root /srv/tenants --listen 10.0.0.7:7443 --pki /etc/flotilla/pki',
    ],
  },
  pki: {
    summary: 'make the certificates of controller and agents',
    description: 'Make, renew and revoke the certificates by which controller and agents know each other.',
    examples: [
      'flotilla pki init',
      'flotilla pki issue controller',
      'flotilla pki issue agent edmonton-1 --san DNS:edmonton-1.example.org',
      'flotilla pki renew --all',
      'flotilla pki revoke edmonton-1',
      'flotilla pki show',
    ],
  },
  schema: {
    summary: 'print the JSON Schema of manifests and reports',
    description: 'Print the JSON Schema of manifests, of one kind of manifest, or of ReconcileReport.',
    examples: ['flotilla schema > manifest.schema.json', 'flotilla schema Instance', 'flotilla schema ReconcileReport'],
  },
  completion: {
    summary: 'print a completion script: bash, zsh or fish',
    description: 'Print the completion script of a shell: bash, zsh or fish.',
    examples: [
      'source <(flotilla completion bash)            needs the bash-completion package',
      'flotilla completion zsh > ~/.zsh/completions/_flotilla',
      'flotilla completion fish > ~/.config/fish/completions/flotilla.fish',
    ],
  },
} as const;
