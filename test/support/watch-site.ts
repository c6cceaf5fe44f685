import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type BuiltCli, type Ended, type RunningCli, runCli, startCli } from './cli-process.js';
import { TEMPLATE, templateFiles } from './crash-releases.js';
import { createGatedDocker, type GatedDocker } from './gated-docker.js';
import { createStubDocker } from './stub-docker.js';
import { createWatchState, until, type WatchState } from './watch-state.js';

/** A fleet of one instance, acme, on this machine, with a docker that does next to nothing: for what is not about containers. */
export interface WatchSite {
  directory: string;
  docker: GatedDocker;
  /** What the daemon remembers. */
  state: WatchState;
  /** Writes a file below the directory. */
  write(path: string, text: string | Buffer): void;
  /** Removes a file or a directory. */
  remove(path: string): void;
  /** The manifest of acme; `more` of its spec. */
  want(imageTag: string, more?: string): void;
  /** `spec` of the configuration, in JSON. */
  configure(spec: object): void;
  /** Starts `flotilla watch`. */
  run(...args: string[]): RunningCli;
  /** Starts it with the configuration on a free port; resolves once it watches. */
  watch(...args: string[]): Promise<WatchProcess>;
  /** Runs another command in the directory. */
  flotilla(...args: string[]): Promise<Ended>;
  /** Kills what still runs, and removes everything. */
  close(): Promise<void>;
}

export interface WatchProcess extends RunningCli {
  url: string;
  /** The lines of its log that have this message, parsed. */
  logged(message: string): Record<string, unknown>[];
  /** The status of the answer, and its text. */
  get(path: string): Promise<{ status: number; text: string }>;
  /** Until `/readyz` answers with this status; gives its reasons. */
  untilReadiness(status: 200 | 503): Promise<readonly string[]>;
  stop(): Promise<Ended>;
}

const RELEASE = { tag: 'v1.0.0', note: 'a' };

export async function createWatchSite(cli: BuiltCli): Promise<WatchSite> {
  const directory = mkdtempSync(join(tmpdir(), 'flotilla-watch-'));
  const at = (path: string) => join(directory, path);
  const stub = await createStubDocker(at('stub'), at('tenants/acme'));
  const docker = createGatedDocker(at('gate'), stub.env);
  const started: RunningCli[] = [];
  const run = (...args: string[]) => {
    const running = startCli(cli, ['watch', ...args], { cwd: directory, docker: docker.env });
    started.push(running);
    return running;
  };
  const site: WatchSite = {
    directory,
    docker,
    state: createWatchState(at('state'), () => tail(started.at(-1))),
    write(path, text) {
      mkdirSync(dirname(at(path)), { recursive: true });
      writeFileSync(at(path), text);
    },
    remove: (path) => rmSync(at(path), { recursive: true, maxRetries: 10, retryDelay: 50 }),
    want: (imageTag, more = '') => site.write('manifests/acme.yaml', instance(imageTag, more)),
    configure: (spec) => site.write('watch.json', document('WatchConfig', `spec: ${JSON.stringify(spec)}`)),
    run,
    watch: (...args) => open(run('--config', 'watch.json', '--listen', '127.0.0.1:0', ...args)),
    flotilla: (...args) => runCli(cli, args, { cwd: directory, docker: docker.env }),
    async close() {
      for (const each of started) if (!each.hasEnded()) each.child.kill('SIGKILL');
      await Promise.all(started.map(({ ended }) => ended));
      await stub.close();
      rmSync(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
    },
  };
  fill(site);
  return site;
}

function fill(site: WatchSite): void {
  mkdirSync(join(site.directory, 'tenants/acme'), { recursive: true });
  site.write('templates/app/template.yaml', TEMPLATE);
  for (const [path, text] of Object.entries(templateFiles(RELEASE))) site.write(`templates/app/files/${path}`, text);
  site.write('manifests/host.yaml', document('Host', 'metadata: { name: here }\nspec: { local: ../tenants }'));
  site.configure({});
  site.want(RELEASE.tag);
}

function instance(imageTag: string, more: string): string {
  const timeouts = '{ pull: 1m, up: 1m, verify: 30s, settle: 1ms }';
  const values = `{ registry: registry.test, note: ${RELEASE.note} }`;
  const spec = `{ host: here, template: app, imageTag: ${imageTag}, values: ${values}, timeouts: ${timeouts}${more} }`;
  return document('Instance', `metadata: { name: acme }\nspec: ${spec}`);
}

function document(kind: string, rest: string): string {
  return `apiVersion: flotilla.dev/v1\nkind: ${kind}\n${rest}\n`;
}

async function open(running: RunningCli): Promise<WatchProcess> {
  await running.until(/daemon watches/);
  const logged = (message: string) =>
    running
      .stderr()
      .split('\n')
      .filter((line) => line.startsWith('{') && line.endsWith('}'))
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter(({ msg }) => msg === message);
  const port = logged('metrics, probes and webhooks are served')[0]?.port;
  if (typeof port !== 'number') throw new Error(`the daemon does not serve: ${tail(running)}`);
  const url = `http://127.0.0.1:${port}`;
  const get = async (path: string) => {
    const answer = await fetch(`${url}${path}`);
    return { status: answer.status, text: await answer.text() };
  };
  return {
    ...running,
    url,
    logged,
    get,
    untilReadiness: (wanted) =>
      until(
        `/readyz answers with ${wanted}`,
        async () => {
          const { status, text } = await get('/readyz');
          return status === wanted && (JSON.parse(text) as { reasons: string[] }).reasons;
        },
        () => tail(running),
      ),
    stop() {
      running.child.kill('SIGTERM');
      return running.ended;
    },
  };
}

function tail(running: RunningCli | undefined): string {
  return running?.stderr().split('\n').slice(-40).join('\n') ?? '';
}
