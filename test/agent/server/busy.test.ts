import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, it } from 'vitest';
import { createRemoteDriver } from '../../../src/agent-client/remote-driver.js';
import type { ApplyRequest, ApplyResult } from '../../../src/agent-client/tenant-driver.js';
import { loadIdentity } from '../../../src/pki/identity.js';
import { decodeApply } from '../../../src/wire/codec.js';
import { applyBody } from './bodies.js';
import { type Served, serve, stubDriver } from './serve.js';

const LIMITS = { applies: { slots: 1, waiting: 1, patienceMs: 20 } };
const RESULT: ApplyResult = { generation: 1, phases: [], recreated: [], restarted: [] };

let served: Served;
afterEach(() => served.stop());

const request = (): ApplyRequest => decodeApply(applyBody('acme'), randomUUID());

it('an agent that has others to serve first is asked again until it is our turn', async () => {
  let atWork = 0;
  let most = 0;
  const apply = async () => {
    atWork += 1;
    most = Math.max(most, atWork);
    await sleep(150);
    atWork -= 1;
    return RESULT;
  };
  served = await serve({ limits: LIMITS, driver: stubDriver({ apply }) });
  const driver = served.connect();
  const results = await Promise.all(Array.from({ length: 5 }, () => driver.apply(request())));
  expect(results).toEqual(Array(5).fill(RESULT));
  expect(most).toBe(1);
  await driver.close();
});

it('an interruption while it is not yet our turn leaves it undone', async () => {
  let begun = 0;
  let finish = () => {};
  const first = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const apply = async () => {
    begun += 1;
    await first;
    return RESULT;
  };
  served = await serve({ limits: LIMITS, driver: stubDriver({ apply }) });
  const driver = served.connect();
  const running = driver.apply(request());
  await expect.poll(() => begun).toBe(1);
  const controller = new AbortController();
  const waiting = driver.apply(request(), { signal: controller.signal });
  await sleep(200);
  controller.abort();
  await expect(waiting).rejects.toMatchObject({ code: 'Cancelled' });
  finish();
  await expect(running).resolves.toEqual(RESULT);
  expect(begun).toBe(1);
  await driver.close();
});

it("a controller that was given an agent's folder is told so", async () => {
  served = await serve({ driver: stubDriver() });
  const agents = loadIdentity(served.pki.agents.one!);
  const driver = createRemoteDriver({ name: 'one', url: served.url }, () => agents);
  await expect(driver.observe([])).rejects.toMatchObject({
    code: 'PkiInvalid',
    message: "the certificate given by --pki is that of agent one, not a controller's",
  });
  await driver.close();
});
