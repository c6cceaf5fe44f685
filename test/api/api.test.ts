import { connect } from 'node:net';
import { describe, expect, it, vi } from 'vitest';
import { createMetrics } from '../../src/api/create-metrics.js';
import { createRefusalLog } from '../../src/api/refusal-log.js';
import { startApi } from './support.js';

describe('the API', () => {
  it('answers probes as the daemon is', async () => {
    let health = { live: true, ready: false, reasons: ['desired state was not read yet'] };
    const { ask } = await startApi({ health: () => health });
    expect((await ask('/healthz')).status).toBe(200);
    const starting = await ask('/readyz');
    expect([starting.status, JSON.parse(starting.text)]).toEqual([
      503,
      { ready: false, reasons: ['desired state was not read yet'] },
    ]);
    health = { live: true, ready: true, reasons: [] };
    const ready = await ask('/readyz');
    expect([ready.status, JSON.parse(ready.text)]).toEqual([200, { ready: true, reasons: [] }]);
    health = { live: false, ready: false, reasons: [] };
    expect((await ask('/healthz')).status).toBe(503);
  });

  it('answers with metrics as Prometheus reads them', async () => {
    const { registry } = createMetrics({ version: '1.2.3' });
    const { ask } = await startApi({ registry });
    const { status, headers, text } = await ask('/metrics');
    expect([status, headers['content-type']]).toEqual([200, 'text/plain; version=0.0.4; charset=utf-8']);
    expect(text).toContain('flotilla_build_info{version="1.2.3"} 1\n');
  });

  it.each(['/', '/metrics/x', '/%', '/webhooks', `/${'a'.repeat(9000)}`])('has nothing at %s', async (path) => {
    const { ask } = await startApi();
    const { status, text, headers } = await ask(path);
    expect([400, 404]).toContain(status);
    expect(Object.keys(JSON.parse(text))).toEqual(['code', 'message']);
    expect(headers).not.toHaveProperty('x-powered-by');
  });

  it('tells whoever does not speak HTTP, and stays', async () => {
    const { ask, port } = await startApi();
    const heard = await new Promise<string>((resolve) => {
      const chunks: Buffer[] = [];
      const socket = connect(port, '127.0.0.1', () => socket.write('hello\r\n\r\n'));
      socket.on('data', (chunk: Buffer) => chunks.push(chunk));
      socket.on('close', () => resolve(Buffer.concat(chunks).toString()));
    });
    expect(heard).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n[\s\S]*\{"code":"RequestInvalid","message":"[^"]+"\}$/);
    expect((await ask('/healthz')).status).toBe(200);
  });
});

describe('the log of refusals', () => {
  it('has at most one line in ten seconds, and counts', () => {
    vi.useFakeTimers();
    try {
      const lines: object[] = [];
      const { refused, close } = createRefusalLog({ warn: (fields: object) => lines.push(fields) } as never);
      refused('github');
      expect(lines).toEqual([{ refused: { github: 1 } }]);
      for (let i = 0; i < 50; i++) refused(i % 2 === 0 ? 'github' : 'gitlab');
      expect(lines).toHaveLength(1);
      vi.advanceTimersByTime(10_000);
      expect(lines.slice(1)).toEqual([{ refused: { github: 25, gitlab: 25 } }]);
      vi.advanceTimersByTime(60_000);
      expect(lines).toHaveLength(2);
      refused('gitea');
      refused('gitea');
      close();
      expect(lines.slice(2)).toEqual([{ refused: { gitea: 1 } }, { refused: { gitea: 1 } }]);
      vi.advanceTimersByTime(60_000);
      expect(lines).toHaveLength(4);
    } finally {
      vi.useRealTimers();
    }
  });
});
