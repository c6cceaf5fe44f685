import { resolve } from 'node:path';
import { checkHost } from '../agent/check/check-host.js';
import type { Finding } from '../agent/check/finding.js';
import { buildHostConfig } from '../agent/host.js';
import { openHost } from '../agent-client/local-driver.js';
import { oneLine } from '../plan/format-safe.js';
import type { Paint } from '../plan/format-text.js';
import { EXIT_DONE, EXIT_ERROR } from './exit-code.js';
import { createPaint, type Io, wantsColor } from './io.js';
import { parseAddress } from './listen-address.js';
import { formatDocument } from './print-report.js';

interface Options {
  root: string;
  listen: string;
  pki: string;
  color: boolean;
  format: 'text' | 'json';
  io: Io;
}

/** `flotilla agent --check`: says what is wrong with this host, and starts nothing. */
export async function agentCheckCommand(_: object, options: Options): Promise<number> {
  const { io } = options;
  const address = parseAddress(options.listen);
  const host = openHost(buildHostConfig(resolve(options.root), io.env));
  const { name, findings } = await checkHost(host, { pki: options.pki, address, now: new Date() });
  await host.engine.close();
  const ok = findings.every(({ level }) => level !== 'fail');
  if (options.format === 'json') {
    const document = { apiVersion: 'flotilla.dev/v1', kind: 'AgentCheck', host: name, ok, findings };
    await io.out.write(await formatDocument(document, 'json'));
  } else {
    await io.out.write(formatFindings(findings, createPaint(wantsColor(io.out, io.env, options.color))));
  }
  return ok ? EXIT_DONE : EXIT_ERROR;
}

/** A line for each finding, and below it what to do. */
export function formatFindings(findings: readonly Finding[], paint: Paint): string {
  const mark = { ok: paint.green('ok  '), warn: paint.yellow('warn'), fail: paint.red('FAIL') };
  const lines = findings.flatMap(({ level, check, message, hint }) => [
    `${mark[level]}  ${check.padEnd(11)}  ${oneLine(message)}`,
    ...(hint === undefined ? [] : [`${' '.repeat(19)}${oneLine(hint)}`]),
  ]);
  return lines.map((line) => `${line}\n`).join('');
}
