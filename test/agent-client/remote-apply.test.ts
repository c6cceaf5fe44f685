import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { APPLY_PATIENCE, applyRemotely } from '../../src/agent-client/remote-apply.js';
import type { RemoteConnection } from '../../src/agent-client/remote-connection.js';
import type { ApplyOptions, ApplyRequest } from '../../src/agent-client/tenant-driver.js';
import { type ErrorCode, FlotillaError } from '../../src/errors.js';

const PATIENCE = { ...APPLY_PATIENCE, pausesMs: [1] };
const RESULT = { generation: 1, phases: [], recreated: [], restarted: [] };
const REQUEST = { plan: { slug: 'acme' }, content: { generation: 1 }, reconcileId: 'r' } as unknown as ApplyRequest;

/** An agent whose apply waits for health until the test ends it; it answers what it is told with these codes, then well. */
function fakeAgent(answers: ErrorCode[]) {
  const told: string[] = [];
  let end = () => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  const connection: RemoteConnection = {
    async ask(route) {
      told.push(`${route.method} ${route.path}`);
      const code = answers.shift();
      if (code) throw new FlotillaError(code, 'no');
      return {} as never;
    },
    async *lines() {
      yield '{"type":"progress","phase":"verify"}';
      await ended;
      yield JSON.stringify({ type: 'result', result: RESULT });
    },
    close: async () => undefined,
  };
  const apply = (options: ApplyOptions) => applyRemotely(connection, REQUEST, options, PATIENCE);
  return { told, end, apply };
}

const SUPERSEDE = 'POST /v1/instance/:slug/apply/:applyId/supersede';

describe('newer desired state', () => {
  it('is told to the agent until it has heard of it, once', async () => {
    const agent = fakeAgent(['ApplyNotFound', 'HostUnreachable']);
    const supersede = new AbortController();
    const applied = agent.apply({ supersede: supersede.signal, onProgress: () => supersede.abort() });
    await expect.poll(() => agent.told, { timeout: 60_000 }).toEqual([SUPERSEDE, SUPERSEDE, SUPERSEDE]);
    agent.end();
    expect(await applied).toEqual(RESULT);
    expect(agent.told).toHaveLength(3);
  });

  it('is not told again to an older agent, which is waited for', async () => {
    const agent = fakeAgent(['RouteNotFound']);
    const supersede = new AbortController();
    const applied = agent.apply({ supersede: supersede.signal, onProgress: () => supersede.abort() });
    await expect.poll(() => agent.told, { timeout: 60_000 }).toEqual([SUPERSEDE]);
    agent.end();
    expect(await applied).toEqual(RESULT);
    expect(agent.told).toEqual([SUPERSEDE]);
  });

  it('keeps a plan from being sent that was not yet', async () => {
    const agent = fakeAgent([]);
    await expect(agent.apply({ supersede: AbortSignal.abort() })).rejects.toMatchObject({ code: 'Superseded' });
    expect(agent.told).toEqual([]);
  });

  it('leaves nothing behind in signals that live on', async () => {
    const [signal, supersede] = [new AbortController().signal, new AbortController().signal];
    for (let i = 0; i < 20; i++) {
      const agent = fakeAgent([]);
      agent.end();
      await agent.apply({ signal, supersede });
    }
    expect([signal, supersede].map((one) => getEventListeners(one, 'abort').length)).toEqual([0, 0]);
  });
});
