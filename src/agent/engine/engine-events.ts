import { FlotillaError } from '../../errors.js';
import { type EngineAddress, toEngineError } from './engine-request.js';
import { linkSignals } from './link-signals.js';

/** Something happened to a container of a compose project. */
export interface ContainerEvent {
  project: string;
  service: string;
  /** One of `ACTIONS`, or `health_status: healthy` and the like. */
  action: string;
}

/** What may make a service unlike its record. Not `exec_*`: each health check makes three of them. */
const ACTIONS = [
  'create',
  'start',
  'die',
  'kill',
  'oom',
  'stop',
  'pause',
  'unpause',
  'restart',
  'destroy',
  'health_status',
];
const FILTERS = { type: ['container'], label: ['com.docker.compose.project'], event: ACTIONS };
const ACTION = new RegExp(`^(?:${ACTIONS.join('|')}|health_status: (?:healthy|unhealthy|starting|none))$`);

const OPENING_TIMEOUT_MS = 15_000;
/** One event carries all labels of its container. */
const LINE_LIMIT_CHARS = 4 * 1024 * 1024;

/**
 * Asks the engine to tell what happens (https://docs.docker.com/reference/api/engine/, `GET /events`). Resolves when it
 * has begun to. The events end when the engine closes the stream, and throw when it breaks.
 * @throws FlotillaError EngineUnreachable, TimedOut, Cancelled; so does the iteration
 */
export async function openEngineEvents(
  engine: EngineAddress,
  signal: AbortSignal | undefined,
): Promise<AsyncIterable<ContainerEvent>> {
  const opening = new AbortController();
  const timer = setTimeout(() => opening.abort(), OPENING_TIMEOUT_MS);
  const linked = linkSignals([signal, opening.signal]);
  const translate = (error: unknown) => {
    if (signal?.aborted) return new FlotillaError('Cancelled', 'cancelled', { cause: signal.reason });
    if (opening.signal.aborted) return new FlotillaError('TimedOut', 'the Docker Engine did not begin to tell events');
    return toEngineError(error, engine.dockerHost);
  };
  try {
    const { statusCode, body } = await engine.dispatcher.request({
      origin: 'http://engine',
      method: 'GET',
      path: `/events?filters=${encodeURIComponent(JSON.stringify(FILTERS))}`,
      signal: linked.signal,
      headersTimeout: 0,
      // Between two events any time may pass.
      bodyTimeout: 0,
    });
    // The stream outlives this call.
    body.once('close', linked.unlink);
    if (statusCode !== 200) {
      body.on('error', () => undefined).destroy();
      throw new FlotillaError('EngineUnreachable', `the Docker Engine refused to tell events (HTTP ${statusCode})`);
    }
    return readEvents(body, translate);
  } catch (error) {
    linked.unlink();
    throw translate(error);
  } finally {
    clearTimeout(timer);
  }
}

async function* readEvents(
  body: AsyncIterable<Buffer>,
  translate: (error: unknown) => FlotillaError,
): AsyncGenerator<ContainerEvent> {
  const decoder = new TextDecoder();
  let rest = '';
  try {
    for await (const chunk of body) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
      rest = lines.pop() ?? '';
      if (rest.length > LINE_LIMIT_CHARS) throw notUnderstood();
      for (const line of lines) {
        const event = line.trim() === '' ? null : parseContainerEvent(line);
        if (event !== null) yield event;
      }
    }
  } catch (error) {
    throw translate(error);
  }
}

/** null for what is not of interest: other actions, containers made by `compose run`, and such without a service. */
function parseContainerEvent(line: string): ContainerEvent | null {
  const { Type, Action, Actor } = parseObject(line);
  if (Type !== 'container' || typeof Action !== 'string' || !ACTION.test(Action)) return null;
  const { Attributes } = asObject(Actor);
  const labels = asObject(Attributes);
  const label = (name: string) => {
    const value = labels[`com.docker.compose.${name}`];
    return typeof value === 'string' ? value : '';
  };
  const [project, service] = [label('project'), label('service')];
  if (project === '' || service === '' || label('oneoff').toLowerCase() === 'true') return null;
  return { project, service, action: Action };
}

function parseObject(line: string): Record<string, unknown> {
  try {
    return asObject(JSON.parse(line));
  } catch {
    throw notUnderstood();
  }
}

function asObject(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function notUnderstood() {
  return new FlotillaError('EngineUnreachable', 'the Docker Engine told an event that cannot be understood');
}
