import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { basename, join } from 'node:path';

/** A docker client and an engine that do next to nothing, for what is about the files and not about containers. */
export interface StubDocker {
  /** PATH and DOCKER_HOST that lead to it. */
  env: { PATH: string; DOCKER_HOST: string };
  /** The image tag that the last `up` brought up; '' before. */
  tag(): string;
  /** As if that had been brought up last; '' for nothing. */
  setTag(tag: string): void;
  close(): Promise<void>;
}

/** Compose's answers for files of crash-releases.ts: the tag and the services are read from the compose file itself. */
const CLIENT = `#!/bin/sh
state=$(dirname "$0")
for word; do
  case "$word" in
    --project-directory=*) directory=\${word#*=} ;;
    --file=*docker-compose.yml) file=\${word#*=} ;;
    config | pull | up | restart | kill | version) verb=$word ;;
  esac
done
tag=$(sed -n 's/.*flotilla-test.app:\\([a-z0-9.]*\\).*/\\1/p;T;q' "$file" 2>/dev/null)
case "$verb" in
  version) echo 2.26.1 ;;
  up) echo "$tag" >"$state/tag.new" && mv "$state/tag.new" "$state/tag" ;;
  config)
    mount() { echo "{\\"type\\":\\"bind\\",\\"source\\":\\"$directory/$1\\",\\"target\\":\\"/$1\\"}"; }
    echo "{\\"name\\":\\"p\\",\\"services\\":{
      \\"web\\":{\\"image\\":\\"app:$tag\\",\\"restart\\":\\"always\\",\\"volumes\\":[$(mount web.conf)]},
      \\"proxy\\":{\\"image\\":\\"nginx:$tag\\",\\"restart\\":\\"always\\",\\"volumes\\":[$(mount proxy.conf)]}}}"
    ;;
esac
`;

export async function createStubDocker(directory: string, tenantDir: string): Promise<StubDocker> {
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'docker'), CLIENT);
  chmodSync(join(directory, 'docker'), 0o755);
  const tag = () => {
    try {
      return readFileSync(join(directory, 'tag'), 'utf8').trim();
    } catch {
      return '';
    }
  };
  const server = createServer((request, response) => {
    const path = (request.url ?? '').replace(/^\/v[\d.]+/, '');
    const containers = tag() === '' ? [] : ['proxy', 'web'].map((service) => container(service, tag(), tenantDir));
    const one = containers.find(({ Id }) => path.startsWith(`/containers/${Id}/json`));
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(one ? detail(one.Id) : path.startsWith('/containers/json') ? containers : {}));
  });
  const socket = join(directory, 'socket');
  rmSync(socket, { force: true });
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  return {
    env: { PATH: `${directory}:${process.env.PATH ?? ''}`, DOCKER_HOST: `unix://${socket}` },
    tag,
    setTag: (text) => writeFileSync(join(directory, 'tag'), text),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function container(service: string, tag: string, tenantDir: string) {
  const project = basename(tenantDir);
  const label = (name: string, value: string) => ({ [`com.docker.compose.${name}`]: value });
  return {
    Id: `${service}${tag}`,
    Names: [`/${project}-${service}-1`],
    Image: `${service}:${tag}`,
    ImageID: `sha256:${service}${tag}`,
    State: 'running',
    Status: 'Up 2 seconds',
    Created: 1,
    Labels: {
      ...label('project', project),
      ...label('project.working_dir', tenantDir),
      ...label('service', service),
      ...label('oneoff', 'False'),
      ...label('container-number', '1'),
      ...label('config-hash', `${service}${tag}`),
    },
  };
}

function detail(id: string) {
  const at = '2026-01-01T00:00:00Z';
  return { Id: id, Created: at, RestartCount: 0, State: { Status: 'running', StartedAt: at, ExitCode: 0 } };
}
