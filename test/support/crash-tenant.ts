import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TenantDriver } from '../../src/agent-client/tenant-driver.js';
import {
  ownContent,
  type Release,
  releaseIn,
  requireNoLeftovers,
  requireSameContent,
  TEMPLATE,
  templateFiles,
  writeOwnContent,
} from './crash-releases.js';
import { docker, engine } from './engine.js';
import { createFleet, type TestFleet } from './fleet.js';

/** One tenant with content of its own, to be killed over and over. */
export interface CrashTenant {
  fleet: TestFleet;
  slug: string;
  /** The program's own temporary directory. */
  temporary: string;
  want(release: Release): void;
  /** The release whose file set the tenant has, all of it and nothing else; null when it is a mix. */
  fileSet(): Release | 'none' | null;
  /** Throws, in words, unless all is as it must be once the release has been applied and verified. */
  requireConverged(release: Release): Promise<void>;
  /** Throws unless what is the tenant's own is as it was. */
  requireUntouched(): void;
}

export function createCrashTenant(name: string): CrashTenant {
  const fleet = createFleet(() => ({ close: async () => undefined }) as TenantDriver);
  const slug = fleet.slug(name);
  const directory = fleet.tenantDir(slug);
  const temporary = join(fleet.dir, 'tmp');
  mkdirSync(temporary);
  writeOwnContent(directory);
  const own = ownContent(directory);
  const tenant: CrashTenant = {
    fleet,
    slug,
    temporary,
    want(release) {
      fleet.writeTemplate(templateFiles(release), TEMPLATE);
      const timeouts = { pull: '1m', up: '1m', verify: '30s', settle: '200ms' };
      fleet.writeInstance(slug, { imageTag: release.tag, values: { note: release.note }, timeouts });
    },
    fileSet: () => releaseIn(directory, engine().registry),
    async requireConverged(release) {
      if (tenant.fileSet() !== release) throw new Error('not all files are the new ones');
      tenant.requireUntouched();
      await requireContainers(fleet, slug, release);
      requireNoLeftovers(directory);
    },
    requireUntouched: () => requireSameContent(directory, own),
  };
  return tenant;
}

async function requireContainers(fleet: TestFleet, slug: string, { tag, note }: Release): Promise<void> {
  const containers = await fleet.containers(slug);
  const seen = containers.map(({ service, tag, state }) => `${service} ${tag} ${state}`).join(', ');
  const extra = tag === 'v2.0.0' ? `extra ${tag} running, ` : '';
  const expected = `${extra}job ${tag} exited, proxy ${tag} running, web ${tag} running`;
  if (seen !== expected) throw new Error(`containers are ${seen}; should be ${expected}`);
  const run = (service: string, ...command: string[]) =>
    docker(['exec', containers.find((container) => container.service === service)?.id ?? '', ...command]);
  await requireText('web reads', `web ${tag} ${note}`, () => run('web', 'cat', '/etc/web.conf'));
  await requireText('proxy serves', `${tag} ${note}`, () => run('proxy', 'wget', '-qO-', 'http://127.0.0.1/'));
  if (extra) await requireText('extra is given', `note ${note}`, () => run('extra', 'cat', '/inline'));
}

/** A signal is acted on a moment after it was sent. */
async function requireText(what: string, expected: string, read: () => Promise<string>): Promise<void> {
  let seen = '';
  for (let tries = 0; tries < 100; tries += 1) {
    seen = (await read().catch((error: Error) => error.message)).trim();
    if (seen === expected) return;
    await sleep(100);
  }
  throw new Error(`${what} ${seen}; should be ${expected}`);
}
