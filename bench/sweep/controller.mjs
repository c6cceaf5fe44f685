// The controller of a fleet with agents. `node controller.mjs MANIFESTS TEMPLATES PKI`: one cold sweep, as a whole process.
// With an IPC channel it goes on: for each message another sweep, warm, answered with its time and the memory held so far.
import { createRemoteDriver } from '../../dist/agent-client/remote-driver.js';
import { reconcile } from '../../dist/controller/reconcile.js';
import { loadDesiredState } from '../../dist/manifest/load.js';
import { loadIdentity } from '../../dist/pki/identity.js';
import { createRenderer } from '../../dist/render/create-renderer.js';
import { loadTemplates } from '../../dist/render/load-template.js';

const [manifests, templates, pki] = process.argv.slice(2);
const identity = loadIdentity(pki);
const drivers = new Map();
const deps = {
  desired: await loadDesiredState({ manifests, templates }),
  templates: await loadTemplates(templates),
  renderer: createRenderer(),
  memory: new WeakMap(),
  driverFor({ name, url }) {
    if (!drivers.has(name))
      drivers.set(
        name,
        createRemoteDriver({ name, url }, () => identity),
      );
    return drivers.get(name);
  },
  now: () => new Date(),
  newId: () => 'bench',
};

async function sweep() {
  const start = performance.now();
  const options = {
    slugs: [],
    dryRun: false,
    filesOnly: false,
    concurrency: 4,
    ignoreHold: false,
    ignoreWindow: false,
  };
  const { summary, items } = await reconcile(deps, options);
  if (summary.inSync !== items.length || items.length === 0)
    throw new Error(
      `not in sync: ${JSON.stringify(summary)} ${JSON.stringify(items.find(({ result }) => result !== 'inSync')).slice(0, 500)}`,
    );
  return performance.now() - start;
}

await sweep();
if (process.send) {
  process.on('message', async () => {
    const wallMs = await sweep();
    process.send({ wallMs, peakMiB: process.resourceUsage().maxRSS / 1024 });
  });
  process.once('disconnect', () => process.exit());
  process.send({ ready: true });
} else {
  for (const driver of drivers.values()) await driver.close();
}
