import type { FailureRule } from './compose-failure-rule.js';

const lookAtLogs = (service: string) => `Look at docker compose -p {project} logs ${service} on the host.`;

export const ENGINE_RULES: readonly FailureRule[] = [
  {
    pattern: /unknown shorthand flag|'compose' is not a docker command|unknown command: docker compose/,
    code: 'ComposeMissing',
    message: 'the docker client of this host has no compose command',
    hint: 'Install the Compose v2 plugin (the package docker-compose-plugin or docker-compose-v2).',
  },
  {
    pattern:
      /Cannot connect to the Docker daemon|error during connect|trying to connect to the (?:Docker daemon socket|docker API)/i,
    code: 'EngineUnreachable',
    message: 'the Docker Engine does not answer',
    hint: 'Look at systemctl status docker on the host, and at whether this user may use its socket.',
  },
  {
    pattern: /no space left on device|disk quota exceeded/,
    code: 'DiskFull',
    message: 'the disk of the host is full (docker compose {verb})',
    hint: 'Make room, for example with docker image prune.',
  },
];

export const PULL_RULES: readonly FailureRule[] = [
  {
    pattern: /(?:unable to get image '|no such image: )(?<image>(?<value>[^'\s]+?)):?'?:? .*invalid reference format/,
    code: 'byValue',
    message: 'the image {image} is not a valid reference',
    hint: 'Look at image in the compose file, at the imageTag, and at the variables that the image names.',
  },
  {
    pattern: /invalid reference format/,
    code: 'EnvInvalid',
    message: 'the image {image} is not a valid reference',
    hint: 'Look at the imageTag, and at the variables that the image names.',
  },
  {
    pattern: /toomanyrequests|pull rate limit|429 Too Many/i,
    code: 'PullFailed',
    message: 'the registry refuses more pulls for now',
    hint: 'Wait, log in on the host (docker login), or use a mirror.',
  },
  {
    pattern: /pull access denied for (?<image>[^\s,]+)/,
    code: 'RegistryDenied',
    message: 'the registry denies access to {image}, or it has no such repository',
    hint: 'Run docker login on the host as the user that runs Flotilla, and check the name of the image.',
  },
  {
    pattern: /no basic auth credentials|unauthorized|authentication required|403 Forbidden|\bdenied: /i,
    code: 'RegistryDenied',
    message: 'the registry denies access',
    hint: 'Run docker login on the host as the user that runs Flotilla.',
  },
  {
    pattern: /manifest for (?<image>\S+) not found|manifest unknown/,
    code: 'ImageNotFound',
    message: 'the registry does not have the image {image}',
    hint: 'Check the imageTag, and that the image was pushed.',
  },
  {
    pattern: /failed to resolve reference "(?<image>[^"]+)": .*not found/,
    code: 'ImageNotFound',
    message: 'the registry does not have the image {image}',
    hint: 'Check the imageTag, and that the image was pushed.',
  },
  {
    pattern: /[Nn]o such image: (?<image>\S+?)(?::? |$)/m,
    code: 'ImageNotFound',
    message: 'the image {image} is not on the host',
    hint: 'Check its name, and whether its pull_policy or build is meant.',
  },
  {
    pattern:
      /(?:Get|Head|Post) "https?:\/\/(?<registry>[^/"]+)[^"]*": (?:dial|read|net\/http|context|EOF|x509|tls|http: server|remote error|unexpected EOF)/,
    code: 'RegistryUnreachable',
    message: 'the registry {registry} does not answer',
    hint: 'Check the name of the registry, and the network and DNS of the host.',
  },
  {
    pattern:
      /dial tcp|no such host|i\/o timeout|TLS handshake timeout|Client\.Timeout exceeded|HTTP response to HTTPS client|x509: /,
    code: 'RegistryUnreachable',
    message: 'the registry does not answer',
    hint: 'Check the name of the registry, and the network and DNS of the host.',
  },
  {
    pattern: /unexpected (?:HTTP )?status.*\b5\d\d\b/,
    code: 'RegistryUnreachable',
    message: 'the registry answers with a server error',
    hint: 'Look at the registry.',
  },
];

export const UP_RULES: readonly FailureRule[] = [
  {
    pattern:
      /endpoint (?<container>\S+) \(\w+\): .*?(?:Bind for|listen \w+) (?<detail>[^\s]+?):? (?:failed: port is already allocated|.*address already in use)/,
    code: 'UpFailed',
    message: 'a port that {service} publishes is taken on this host{detail}',
    hint: 'Find who has it with docker ps or ss -ltnp, and free it or publish another port.',
  },
  {
    pattern: /port is already allocated|address already in use/,
    code: 'UpFailed',
    message: 'a port that {service} publishes is taken on this host',
    hint: 'Find who has it with docker ps or ss -ltnp, and free it or publish another port.',
  },
  {
    pattern: /can't set (?<at>\S+) as feature requires? Docker Engine (?<version>v\d[\d.]*)/,
    code: 'UpFailed',
    message: '{at} needs Docker Engine {version} or later',
    hint: 'Upgrade the engine of the host, or leave it out of the compose file.',
  },
  {
    pattern: /service "(?<name>[^"]*)" didn't complete successfully: exit (?<exit>\d+)/,
    code: 'UpFailed',
    message: '{name} ended with exit code {exit}, and others wait for it to succeed',
    hint: lookAtLogs('{name}'),
  },
  {
    pattern: /dependency failed to start: container (?<container>\S+) is unhealthy/,
    code: 'UpFailed',
    message: '{service} is unhealthy, and others wait for it to be healthy',
    hint: lookAtLogs('{service}'),
  },
  {
    pattern: /dependency failed to start: container (?<container>\S+) has no healthcheck/,
    code: 'UpFailed',
    message: '{service} has no healthcheck, and others wait for it to be healthy',
    hint: 'Give it a healthcheck, or wait for service_started.',
  },
  {
    pattern: /dependency failed to start: container (?<container>\S+) exited \((?<exit>\d+)\)/,
    code: 'UpFailed',
    message: '{service} ended with exit code {exit}, and others wait for it',
    hint: lookAtLogs('{service}'),
  },
  {
    pattern:
      /Conflict\. The container name "\/?(?<container>[^"]*)" is already in use(?: by container "?(?<holder>[0-9a-f]+))?/,
    code: 'UpFailed',
    message: 'another container already has the name {container}',
    hint: 'Look at docker ps -a on the host: remove the other container, or change container_name.',
  },
  {
    pattern: /network (?<name>\S+) is ambiguous/,
    code: 'UpFailed',
    message: 'the host has several networks of the name {name}',
    hint: 'List them with docker network ls --no-trunc, and remove the ones that no container uses by their id.',
  },
  {
    pattern: /(?:network|volume) (?<name>\S+) was found but has incorrect label/,
    code: 'UpFailed',
    message: 'the network or volume {name} exists, and was not made by compose',
    hint: 'Remove it if nothing uses it, or declare it external in the compose file.',
  },
  {
    pattern: /non-overlapping IPv4 address pool|[Pp]ool overlaps|predefined address pools/,
    code: 'UpFailed',
    message: 'the Docker Engine has no address range left for the network',
    hint: 'Prune unused networks, or give the engine more default-address-pools.',
  },
  {
    pattern: /network (?<name>\S+) (?:not found|declared as external, but could not be found)/,
    code: 'UpFailed',
    message: 'the external network {name} does not exist on the host',
    hint: 'Create it with docker network create.',
  },
  {
    pattern: /external volume "(?<name>[^"]+)" not found/,
    code: 'UpFailed',
    message: 'the external volume {name} does not exist on the host',
    hint: 'Create it with docker volume create.',
  },
  {
    pattern: /bind source path does not exist(?:: (?<detail>.*))?/,
    code: 'UpFailed',
    message: 'a file or directory that {service} mounts is not there{detail}',
    hint: 'Look at its volumes, secrets and configs: their sources must exist on the host.',
  },
  {
    pattern:
      /error mounting(?: "(?<detail>[^"]*)")?|trying to mount a directory onto a file|invalid mount (?:config|path)/,
    code: 'UpFailed',
    message: 'a mount of {service} is not possible{detail}',
    hint: 'Look at its volumes: a file mounts onto a file only. Docker makes a directory where the file to mount is missing: move that away and put the file there.',
  },
  {
    pattern: /unable to find (?:user|group)/,
    code: 'UpFailed',
    message: 'the user that {service} runs as does not exist in its image',
    hint: 'Look at user in the compose file.',
  },
  {
    pattern: /exec: (?:"(?<detail>[^"]*)")?.*(?:no such file or directory|executable file not found|permission denied)/,
    code: 'UpFailed',
    message: 'the command of {service} cannot be run in its image{detail}',
    hint: 'Look at entrypoint and command in the compose file, and at what the image holds.',
  },
  {
    pattern: /OCI runtime|runc create failed|failed to create (?:shim )?task/,
    code: 'UpFailed',
    message: '{service} cannot be started',
    hint: 'Look at docker inspect of its container on the host.',
  },
];
