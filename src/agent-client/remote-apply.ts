import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { FlotillaError } from '../errors.js';
import { encodeApply } from '../wire/codec.js';
import { fromWireError } from '../wire/errors.js';
import { type ApplyLine, ROUTES } from '../wire/messages.js';
import { compileMessage } from '../wire/validate-message.js';
import type { RemoteConnection } from './remote-connection.js';
import { isBroken } from './remote-errors.js';
import type { ApplyRequest, ApplyResult, TenantDriver } from './tenant-driver.js';

/** An agent says that it is alive every 5 s. */
const SILENCE_MS = 20_000;
/** How long contact is sought again before the agent is left to finish alone. */
const PATIENCE_MS = 60_000;
const PAUSES_MS = [100, 250, 500, 1000, 2000];

const isLine = compileMessage<ApplyLine>(ROUTES.apply.answer);

/**
 * Sends a plan and follows it to its end, across connections that break: the agent goes on without us, and an id keeps it
 * from being started twice. An abort asks the agent to stop, which it does if nothing has been changed yet.
 *
 * @throws FlotillaError as the host raised it; HostUnreachable when it was lost on the way: then the next observation
 *   tells how it ended
 */
export async function applyRemotely(
  connection: RemoteConnection,
  request: ApplyRequest,
  { signal, onProgress }: NonNullable<Parameters<TenantDriver['apply']>[1]>,
): Promise<ApplyResult> {
  const { slug } = request.plan;
  if (signal?.aborted) throw new FlotillaError('Cancelled', 'interrupted before anything was changed');
  const applyId = randomUUID();
  const call = { params: { slug, applyId }, requestId: request.reconcileId };
  const cancel = () => {
    connection.ask(ROUTES.cancel, anything, { ...call, timeoutMs: SILENCE_MS }).catch(() => undefined);
  };
  signal?.addEventListener('abort', cancel, { once: true });
  try {
    return await follow(connection, call, { body: encodeApply(applyId, request), onProgress });
  } finally {
    signal?.removeEventListener('abort', cancel);
  }
}

const anything = compileMessage<unknown>({});

interface Following {
  body: unknown;
  onProgress: NonNullable<Parameters<TenantDriver['apply']>[1]>['onProgress'];
}

interface Call {
  params: { slug: string; applyId: string };
  requestId: string;
}

async function follow(connection: RemoteConnection, call: Call, { body, onProgress }: Following): Promise<ApplyResult> {
  const told = { lines: 0, lastContact: Date.now() };
  let sending = true;
  for (let attempt = 0; ; attempt++) {
    try {
      const route = sending ? ROUTES.apply : ROUTES.follow;
      const lines = connection.lines(route, { ...call, silenceMs: SILENCE_MS, ...(sending && { body }) });
      const result = await readToEnd(lines, told, onProgress);
      if (result) return result;
    } catch (error) {
      if (!(error instanceof FlotillaError)) throw error;
      // The request itself was lost: sending it again is safe, as the plan is bound to what it was made from.
      const lost = error.code === 'ApplyNotFound';
      const broken = error.code === 'HostUnreachable' && (attempt > 0 || isBroken(error.cause));
      if (!lost && !broken) throw error;
      if (Date.now() - told.lastContact > PATIENCE_MS) throw givenUp(call.params.slug, error);
      sending = lost;
      if (lost) continue;
    }
    sending = false;
    await sleep(PAUSES_MS[Math.min(attempt, PAUSES_MS.length - 1)]);
  }
}

/** @returns undefined when the lines ended before the apply did */
async function readToEnd(
  lines: AsyncIterable<string>,
  told: { lines: number; lastContact: number },
  onProgress: Following['onProgress'],
): Promise<ApplyResult | undefined> {
  let index = 0;
  for await (const text of lines) {
    if (text === '') continue;
    told.lastContact = Date.now();
    const line = parseLine(text);
    if (line.type === 'result') return line.result;
    if (line.type === 'error') throw fromWireError(line.error);
    if (line.type !== 'progress') continue;
    index += 1;
    // A connection that follows anew hears everything again.
    if (index <= told.lines) continue;
    told.lines = index;
    const { type: _, ...progress } = line;
    onProgress?.(progress);
  }
  return undefined;
}

function parseLine(text: string): ApplyLine {
  try {
    const line: unknown = JSON.parse(text);
    if (isLine(line)) return line;
  } catch {
    // as below
  }
  throw new FlotillaError('AnswerInvalid', 'the agent sends a line of progress that cannot be understood');
}

function givenUp(slug: string, error: FlotillaError): FlotillaError {
  return new FlotillaError('HostUnreachable', `${slug}: lost contact while it was applied: ${error.message}`, {
    cause: error,
    hint: 'the agent finishes what it has begun: reconcile again once the host is back, to see how it ended',
  });
}
