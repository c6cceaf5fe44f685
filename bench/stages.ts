import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Bench } from 'tinybench';
import { diffFile } from '../src/agent/files/file-diff.js';
import { createFileHasher } from '../src/agent/files/file-hash.js';
import { buildHostConfig } from '../src/agent/host.js';
import { createLocalDriver } from '../src/agent-client/local-driver.js';
import { toDesiredTenant } from '../src/controller/desired-tenant.js';
import { toObserveRequest } from '../src/controller/reconcile-tenant.js';
import { loadDesiredState } from '../src/manifest/load.js';
import { readManifests } from '../src/manifest/read-manifests.js';
import { planTenant } from '../src/plan/plan-tenant.js';
import { loadTemplates } from '../src/render/load-template.js';
import { renderInstance } from '../src/render/render.js';
import { OLD_TAG, writeFleet, writeTenants } from './fleet.js';

/** The single steps of a preview in this process, to see where the time goes: microseconds for one instance of three files. */
export async function runStages(directory: string): Promise<string> {
  const fleet = writeFleet(directory, 1);
  await writeTenants(fleet, OLD_TAG);
  const { manifests, templates, tenants } = fleet;
  const desired = await loadDesiredState({ manifests, templates });
  const store = await loadTemplates(templates);
  const instance = desired.instances[0]!;
  const template = store.get(instance.template)!;
  const { files } = renderInstance(template, instance);
  const tenant = toDesiredTenant(instance, template, renderInstance(template, instance), desired.revision);
  const driver = createLocalDriver(buildHostConfig(tenants, process.env));
  const request = toObserveRequest(tenant);
  const inspectRequest = { tenant, files, containers: false };
  const [observed] = await driver.observe([request], { containers: false });
  const inspection = await driver.inspect(inspectRequest);
  const manifest = readFileSync(join(manifests, 'instances', `${instance.slug}.yaml`), 'utf8');
  const here = join(tenants, instance.slug);
  const current = files.map((file) => readFileSync(join(here, file.path)));
  const paths = files.map((file) => file.path);

  const bench = new Bench({ time: 300 });
  bench
    .add('read one manifest', () => readManifests('instance.yaml', manifest))
    .add('render', () => renderInstance(template, instance))
    .add('hash files on the host', () => createFileHasher().observeFiles(here, paths))
    .add('observe', () => driver.observe([request], { containers: false }))
    .add('diff', () =>
      files.map(({ path, content }, i) => diffFile({ path, before: current[i]!, after: content, sensitive: false })),
    )
    .add('inspect: read, diff, variables', () => driver.inspect(inspectRequest))
    .add('plan', () => planTenant({ desired: tenant, observed: observed!, inspection, ignoreHold: false }));
  await bench.run();
  await driver.close();
  return bench.tasks.map(({ name, result }) => `${name.padEnd(34)} ${describe(result)}`).join('\n');
}

function describe(result: Bench['tasks'][number]['result']): string {
  if (!('latency' in result)) return result.state;
  return `${(result.latency.p50 * 1000).toFixed(0).padStart(8)} us`;
}
