import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { FlotillaError } from '../errors.js';
import { encodeApply } from '../wire/codec.js';
import { fromWireError } from '../wire/errors.js';
import { type ApplyLine, ROUTES, type Route } from '../wire/messages.js';
import { compileMessage } from '../wire/validate-message.js';
import type { RemoteConnection } from './remote-connection.js';
import { isUnsent } from './remote-errors.js';
import type { ApplyOptions, ApplyRequest, ApplyResult } from './tenant-driver.js';

/** How long what is waited for, in milliseconds. */
export interface ApplyPatience {
  /** For the first line: the agent may first have others to serve. */
  answerMs: number;
  /** For the next line: an agent says each 5 s that it is alive. */
  silenceMs: number;
  /** For contact that was lost, before the agent is left to finish alone. */
  contactMs: number;
  /** Between attempts, the last one for all further ones. */
  pausesMs: readonly number[];
}

export const APPLY_PATIENCE: ApplyPatience = {
  answerMs: 60_000,
  silenceMs: 20_000,
  contactMs: 60_000,
  pausesMs: [100, 250, 500, 1000, 2000],
};

/** For the end of an answer whose last line is there. */
const END_MS = 1_000;

const isLine = compileMessage<ApplyLine>(ROUTES.apply.answer);
const anything = compileMessage<unknown>({});

/**
 * Sends a plan and follows it to its end, across connections that break: the agent goes on without us, and an id keeps it
 * from being started twice. An abort asks the agent to stop, which it does if nothing has been changed yet;
 * one by `supersede`, to wait for health no longer either.
 *
 * @throws FlotillaError as the host raised it; HostUnreachable when it was lost on the way: then the next observation
 *   tells how it ended
 */
export async function applyRemotely(
  connection: RemoteConnection,
  request: ApplyRequest,
  options: ApplyOptions,
  patience: ApplyPatience = APPLY_PATIENCE,
): Promise<ApplyResult> {
  const { slug } = request.plan;
  refuseIfStopped(options);
  const { signal, supersede } = options;
  const applyId = randomUUID();
  const call = { params: { slug, applyId }, requestId: request.reconcileId };
  const ended = new AbortController();
  const tell = (route: Route) => () => void tellAgent(connection, { route, call, patience, ended: ended.signal });
  const [cancel, leave] = [tell(ROUTES.cancel), tell(ROUTES.supersede)];
  signal?.addEventListener('abort', cancel, { once: true });
  supersede?.addEventListener('abort', leave, { once: true });
  try {
    const last = await follow(connection, call, { body: encodeApply(applyId, request), patience, options });
    if (last.type === 'error') throw fromWireError(last.error);
    return last.result;
  } finally {
    signal?.removeEventListener('abort', cancel);
    supersede?.removeEventListener('abort', leave);
    ended.abort();
  }
}

interface Call {
  params: { slug: string; applyId: string };
  requestId: string;
}

type LastLine = Extract<ApplyLine, { type: 'result' | 'error' }>;

interface Following {
  body: unknown;
  patience: ApplyPatience;
  options: ApplyOptions;
}

/** What was told so far: a connection that follows anew hears everything again. */
interface Told {
  lines: number;
  lastContact: number;
}

async function follow(connection: RemoteConnection, call: Call, following: Following): Promise<LastLine> {
  const { body, patience, options } = following;
  const { answerMs, silenceMs, contactMs, pausesMs } = patience;
  const told: Told = { lines: 0, lastContact: Date.now() };
  let sending = true;
  for (let attempt = 0; ; attempt++) {
    // What was not begun need not be stopped.
    if (sending) refuseIfStopped(options);
    try {
      const route = sending ? ROUTES.apply : ROUTES.follow;
      const lines = connection.lines(route, { ...call, answerMs, silenceMs, ...(sending && { body }) });
      const last = await readToEnd(lines, told, options.onProgress);
      if (last) return last;
      sending = false;
    } catch (error) {
      const next = afterFailure(error, { sending, first: attempt === 0 });
      if (next === 'fail') throw attempt === 0 || sending ? error : lostContact(call.params.slug, error);
      if (next === 'wait') told.lastContact = Date.now();
      if (Date.now() - told.lastContact > contactMs) throw lostContact(call.params.slug, error);
      sending = next === 'send' || (next === 'wait' && sending);
      if (sending) told.lines = 0;
    }
    await sleep(pausesMs[Math.min(attempt, pausesMs.length - 1)]);
  }
}

/**
 * What to do about a request that failed: an apply that may have begun is followed, never sent again unless the agent says
 * that it knows none. That is safe even if the agent forgot it, as a plan is bound to what it was made from.
 */
function afterFailure(error: unknown, { sending, first }: { sending: boolean; first: boolean }) {
  if (!(error instanceof FlotillaError)) return 'fail';
  if (!sending && error.code === 'ApplyNotFound') return 'send';
  // It has not begun: the agent has others to serve first, for as long as that takes.
  if (error.code === 'HostBusy') return 'wait';
  if (error.code !== 'HostUnreachable') return 'fail';
  if (!isUnsent(error.cause)) return 'follow';
  // Nobody listens, or nobody can be reached: at first that is an answer, later the network may come back.
  if (first) return 'fail';
  return sending ? 'send' : 'follow';
}

/** @returns undefined when the lines ended before the apply did */
async function readToEnd(
  lines: AsyncGenerator<string>,
  told: Told,
  onProgress: ApplyOptions['onProgress'],
): Promise<LastLine | undefined> {
  let index = 0;
  try {
    for (let next = await lines.next(); !next.done; next = await lines.next()) {
      if (next.value === '') continue;
      told.lastContact = Date.now();
      const line = parseLine(next.value);
      if (line.type === 'result' || line.type === 'error') {
        await readRest(lines);
        return line;
      }
      if (line.type !== 'progress') continue;
      index += 1;
      if (index <= told.lines) continue;
      told.lines = index;
      const { type: _, ...progress } = line;
      onProgress?.(progress);
    }
    return undefined;
  } finally {
    lines.return(undefined).catch(() => undefined);
  }
}

/** Nothing follows the last line, but only an answer that was read to its end leaves the connection good for the next one. */
async function readRest(lines: AsyncGenerator<string>): Promise<void> {
  const rest = lines.next().catch(() => undefined);
  await Promise.race([rest, sleep(END_MS, undefined, { ref: false })]);
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

/** Until the agent has heard it, or the apply has ended: the network may be gone, or the apply wait for its turn. */
async function tellAgent(
  connection: RemoteConnection,
  { route, call, patience, ended }: { route: Route; call: Call; patience: ApplyPatience; ended: AbortSignal },
): Promise<void> {
  const { silenceMs, pausesMs } = patience;
  for (let attempt = 0; !ended.aborted; attempt++) {
    try {
      await connection.ask(route, anything, { ...call, signal: ended, timeoutMs: silenceMs, anyway: true });
      return;
    } catch (error) {
      // An older agent can only be waited for.
      if (error instanceof FlotillaError && error.code === 'RouteNotFound') return;
      const pauseMs = pausesMs[Math.min(attempt, pausesMs.length - 1)];
      await sleep(pauseMs, undefined, { signal: ended }).catch(() => undefined);
    }
  }
}

function refuseIfStopped({ signal, supersede }: ApplyOptions): void {
  if (signal?.aborted) throw new FlotillaError('Cancelled', 'interrupted before anything was changed');
  if (supersede?.aborted) throw new FlotillaError('Superseded', 'newer desired state came before anything was changed');
}

function lostContact(slug: string, error: unknown): FlotillaError {
  const known = error instanceof FlotillaError;
  return new FlotillaError(
    known ? error.code : 'Internal',
    `${slug}: lost contact while it was applied: ${known ? error.message : 'unexpected error'}`,
    {
      cause: error,
      hint: 'the agent finishes what it has begun: reconcile again once the host is back, to see how it ended',
    },
  );
}
