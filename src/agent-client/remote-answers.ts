import { FlotillaError } from '../errors.js';
import type { RemoteHost } from './remote-errors.js';

/** Reading what an agent answers, within bounds. */

const MAX_ANSWER = 64 * 1024 * 1024;
const MAX_LINE = 1024 * 1024;

export async function readBounded(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > MAX_ANSWER) throw new FlotillaError('AnswerInvalid', 'the agent gave an answer of more than 64 MiB');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

export async function* splitLines(body: AsyncIterable<Buffer>, host: RemoteHost): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of body) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = parts.pop() ?? '';
    if (rest.length > MAX_LINE) throw invalid(host, 'it sends a line that does not end');
    yield* parts;
  }
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export function invalid({ name, url }: RemoteHost, what: string): FlotillaError {
  return new FlotillaError(
    'AnswerInvalid',
    `host ${name}: what answers at ${url} is not an agent that we understand: ${what}`,
    {
      hint: 'flotilla --version on both machines; /v1/info says what the agent is',
    },
  );
}
