import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import pino from 'pino';
import { onTestFinished, vi } from 'vitest';
import type { NotificationConfig } from '../../src/config/watch-config.js';
import { createNotifier, type NotifierOptions } from '../../src/notify/create-notifier.js';
import type { Notice } from '../../src/notify/notifier.js';

export const NOTICE: Notice = {
  kind: 'UpgradeFailed',
  severity: 'warning',
  slug: 'acme',
  host: 'edmonton-1',
  fleet: 'production',
  revision: '0123456789abcdef0123456789abcdef01234567',
  author: 'Sam Sample <sam@example.org>',
  fromImageTag: 'v1.0.0',
  toImageTag: 'v1.1.0',
  reason: 'VerifyFailed',
  message: 'api is unhealthy',
  at: '2026-01-02T03:04:05.000Z',
};

export interface Got {
  path: string;
  headers: IncomingHttpHeaders;
  text: string;
}

export type Answer = (response: ServerResponse, index: number) => void;

/** A server of this machine that keeps what it is sent and answers as it is told, by default with 200. */
export async function receive(answer: Answer = (response) => response.end('ok')) {
  const got: Got[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      got.push({ path: request.url ?? '', headers: request.headers, text: `${Buffer.concat(chunks)}` });
      answer(response, got.length - 1);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { got, origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

export function target(url: string, change: Partial<NotificationConfig> = {}): NotificationConfig {
  return { type: 'webhook', url, headers: {}, template: null, atLeast: 'info', ...change };
}

/** A notifier that does not wait long between attempts, with what it logs and counts. */
export function notify(targets: NotificationConfig[], options: Partial<NotifierOptions> = {}) {
  const lines: string[] = [];
  const outcomes: string[] = [];
  const notifier = createNotifier({
    targets,
    log: pino({ level: 'trace', base: null }, { write: (line: string) => void lines.push(line) }),
    onOutcome: (outcome) => outcomes.push(outcome),
    backoff: { firstMs: 5, mostMs: 20 },
    ...options,
  });
  onTestFinished(() => notifier.close(0));
  return { notifier, lines, outcomes };
}

/** Waits for what a slow machine may take long for. */
export function eventually(check: () => void): Promise<void> {
  return vi.waitFor(check, { timeout: 60_000, interval: 10 });
}
