import { createHmac } from 'node:crypto';
import { type IncomingHttpHeaders, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Registry } from 'prom-client';
import { onTestFinished } from 'vitest';
import { type ApiOptions, buildApi } from '../../src/api/build-api.js';
import type { PushHint } from '../../src/api/webhook-routes.js';
import { createLogger } from '../../src/log.js';

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
}

/** A listening API with what it was told; closed after the test. */
export async function startApi(options: Partial<ApiOptions> = {}) {
  const pushes: PushHint[] = [];
  const app = buildApi({
    registry: new Registry(),
    health: () => ({ live: true, ready: true, reasons: [] }),
    webhooks: () => [],
    onPush: (hint) => pushes.push(hint),
    log: await createLogger({ level: 'error', pretty: false }),
    ...options,
  });
  onTestFinished(() => app.close());
  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.server.address() as AddressInfo;
  return { port, pushes, ask: (path: string, options?: Asked) => ask(port, path, options) };
}

export interface Asked {
  method?: string;
  headers?: Record<string, string>;
  body?: string | Buffer;
}

function ask(port: number, path: string, { method, headers = {}, body }: Asked = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const verb = method ?? (body === undefined ? 'GET' : 'POST');
    const outgoing = request({ host: '127.0.0.1', port, path, method: verb, headers }, (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('error', reject);
      incoming.on('end', () =>
        resolve({
          status: incoming.statusCode ?? 0,
          headers: incoming.headers,
          text: Buffer.concat(chunks).toString(),
        }),
      );
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

/** The HMAC-SHA256 of a body in hexadecimal digits. */
export function sign(secret: string, body: string | Buffer): string {
  return createHmac('sha256', secret).update(body).digest('hex');
}
