import { Agent, type RequestOptions, request } from 'node:https';
import { connect, type TLSSocket } from 'node:tls';
import type { Identity } from '../../src/pki/identity.js';

export interface Answer {
  status: number;
  text: string;
  /** The code and the message of a typed error; null for anything else. */
  error: { code: string; message: string } | null;
}

/** Who asks, and where. */
export interface Caller {
  url: string;
  /** null: shows no certificate. */
  identity: Pick<Identity, 'cert' | 'key'> | null;
  /** Whose authority is trusted. */
  ca: string;
}

export interface Exchange {
  method?: string;
  /** As it is put into the request line. */
  path: string;
  headers?: Record<string, string>;
  body?: string | Buffer;
}

/** Asks over kept connections, at most `connections` at once; nothing is normalised on the way. */
export function createAsker({ url, identity, ca }: Caller, connections = 8) {
  const agent = new Agent({ keepAlive: true, maxSockets: connections, ca, ...shown(identity) });
  const { hostname, port } = new URL(url);
  const ask = ({ method = 'GET', path, headers = {}, body }: Exchange) =>
    new Promise<Answer>((resolve, reject) => {
      const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) };
      const options: RequestOptions = { agent, hostname, port, method, path, headers: { ...headers, ...length } };
      const outgoing = request(options, (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('error', reject);
        incoming.on('end', () => resolve(toAnswer(incoming.statusCode ?? 0, Buffer.concat(chunks).toString())));
      });
      outgoing.on('error', reject);
      outgoing.end(body);
    });
  return {
    ask,
    post: (path: string, body: unknown) =>
      ask({
        method: 'POST',
        path,
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      }),
    close: () => agent.destroy(),
  };
}

export type Asker = ReturnType<typeof createAsker>;

function shown(identity: Caller['identity']) {
  return identity === null ? {} : { cert: identity.cert, key: identity.key };
}

/** A connection on which any bytes can be sent. */
export function openRaw({ url, identity, ca }: Caller, options: object = {}): Promise<TLSSocket> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port), ca, ...shown(identity), ...options }, () =>
      resolve(socket),
    );
    socket.once('error', reject);
    socket.on('error', () => undefined);
  });
}

/** Sends the bytes, and gives the first answer; ends by itself when the agent closes the connection. */
export async function sendRaw(caller: Caller, bytes: string | Buffer): Promise<Answer> {
  const socket = await openRaw(caller);
  socket.write(bytes);
  const text = await readAll(socket);
  const [head = '', ...rest] = text.split('\r\n\r\n');
  return toAnswer(Number(head.split(' ')[1] ?? 0), rest.join('\r\n\r\n'));
}

export function readAll(socket: TLSSocket): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
    });
    socket.once('close', () => resolve(text));
    socket.once('end', () => socket.end());
  });
}

function toAnswer(status: number, text: string): Answer {
  return { status, text, error: errorOf(text) };
}

function errorOf(text: string): Answer['error'] {
  try {
    const { error } = JSON.parse(text) as { error?: { code?: unknown; message?: unknown } };
    return typeof error?.code === 'string' && typeof error.message === 'string'
      ? { code: error.code, message: error.message }
      : null;
  } catch {
    return null;
  }
}
