import { lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { run } from '../../src/cli/run.js';
import { engine } from './engine.js';
import { createFleet, type TestFleet } from './fleet.js';
import { memoryIo } from './memory-io.js';

/** What an operator gets of one command, with what differs from run to run taken out of the texts. */
export interface Seen {
  code: number;
  stdout: string;
  stderr: string;
}

/** A fleet as its operator works on it: by the command line, run in this process. */
export interface OperatorFleet extends Omit<TestFleet, 'run' | 'runOne'> {
  /** Runs `flotilla` with the words of `line`; `env` goes over the environment of the engine. */
  flotilla(line: string, env?: NodeJS.ProcessEnv): Promise<Seen>;
  /** Writes an instance, and a template of its own whose compose file is `compose`. */
  writeOwn(slug: string, compose: string, files?: Record<string, string>, spec?: Record<string, unknown>): void;
  /** All that must not change: the tenant's files byte for byte, and its containers. Flotilla's own files are left out. */
  snapshot(slug: string): Promise<{ files: Record<string, string>; containers: readonly string[] }>;
}

/** The image of the tests' services, as a compose file of `writeOwn` names it. */
export const IMAGE = '{{values.registry}}/flotilla-test/app:{{imageTag}}';

export function createOperatorFleet(timeouts = '{ pull: 30s, up: 30s, verify: 20s, settle: 500ms }'): OperatorFleet {
  const fleet = createFleet(() => {
    throw new Error('the command line makes its own drivers');
  });
  const manifest = join(fleet.manifests, 'fleet.yaml');
  writeFileSync(manifest, readFileSync(manifest, 'utf8').replace(/timeouts: .*/, `timeouts: ${timeouts}`));
  const prefix = fleet.slug('');
  const plain = (text: string) =>
    text
      .replaceAll(`${fleet.dir}/`, '')
      .replaceAll(prefix, '')
      .replaceAll(engine().registry, 'REGISTRY')
      .replace(/\bin \d+\.\ds\b/g, 'in N.Ns')
      .replace(/restarted (?:once|\d+ times) in \d+ s/g, 'restarted N times in N s')
      .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME');
  return {
    ...fleet,
    async flotilla(line, env = {}) {
      const { path, dockerHost } = engine();
      const io = memoryIo({ env: { PATH: path, HOME: '/nonexistent', DOCKER_HOST: dockerHost, ...env } });
      const place = ['--manifests', fleet.manifests, '--templates', fleet.templates];
      // Not what a daemon may have left in the directory that the tests run in.
      const state = line.startsWith('get') ? ['--state', join(fleet.dir, 'state')] : [];
      const code = await run([...line.split(' '), ...place, ...state], io);
      return { code, stdout: plain(io.stdout()), stderr: plain(io.stderr()) };
    },
    writeOwn(slug, compose, files = {}, spec = {}) {
      writeTemplate(join(fleet.templates, slug), slug, { 'docker-compose.yml.mustache': compose, ...files });
      fleet.writeInstance(slug, { template: slug, ...spec });
    },
    async snapshot(slug) {
      const containers = await fleet.containers(slug);
      return {
        files: readTree(fleet.tenantDir(slug)),
        containers: containers.map(({ id, service, state }) => `${service} ${state} ${id}`),
      };
    },
  };
}

function writeTemplate(folder: string, name: string, files: Record<string, string>): void {
  const head = `apiVersion: flotilla.dev/v1\nkind: Template\nmetadata: { name: ${name} }\n`;
  const spec = 'spec: { compose: docker-compose.yml, tenantCompose: [docker-compose.override.yml] }\n';
  for (const [path, text] of Object.entries({ 'template.yaml': head + spec, ...prefixed(files) })) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
}

function prefixed(files: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(files).map(([path, text]) => [`files/${path}`, text]));
}

/** What a report prints of one instance: its lines up to the empty line after them. */
export function blockOf({ stdout }: Seen, slug: string): string {
  return stdout.split('\n\n').find((block) => block.startsWith(`${slug} `)) ?? '';
}

function readTree(directory: string, at = ''): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of readdirSync(join(directory, at))) {
    if (name === '.flotilla') continue;
    const path = join(at, name);
    const stat = lstatSync(join(directory, path));
    const mode = (stat.mode & 0o7777).toString(8);
    if (stat.isDirectory()) Object.assign(found, { [`${path}/`]: mode }, readTree(directory, path));
    else if (stat.isSymbolicLink()) found[path] = `-> ${readlinkSync(join(directory, path))}`;
    else found[path] = `${mode} ${readFileSync(join(directory, path), 'base64')}`;
  }
  return found;
}
