import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

export interface HttpsRemote {
  /** An https origin on loopback. */
  origin: string;
  close(): Promise<void>;
}

/** @param identity the folder with `tls.crt` and `tls.key` of the server */
export async function serveHttps(identity: string, onRequest: RequestListener): Promise<HttpsRemote> {
  const read = (file: string) => readFileSync(join(identity, file));
  const server = createServer({ cert: read('tls.crt'), key: read('tls.key') }, onRequest);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    origin: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      if (!server.listening) return;
      server.closeAllConnections();
      await once(server.close(), 'close');
    },
  };
}

export interface GitBackend {
  onRequest: RequestListener;
  /** The `Authorization` of every request so far. */
  asked: (string | undefined)[];
  close(): Promise<void>;
}

/** Git's own server side of https for what is below `root`, for whoever knows the one `user:password`. */
export function createGitBackend(root: string, credential: string): GitBackend {
  const program = join(execFileSync('git', ['--exec-path'], { encoding: 'utf8' }).trim(), 'git-http-backend');
  const expected = `Basic ${Buffer.from(credential).toString('base64')}`;
  const asked: (string | undefined)[] = [];
  const running = new Set<ChildProcess>();
  return {
    asked,
    onRequest(request, response) {
      const { authorization } = request.headers;
      asked.push(authorization);
      if (authorization !== expected) {
        response.writeHead(401, { 'www-authenticate': 'Basic realm="fleet"' }).end();
        return;
      }
      const child = spawn(program, {
        env: { ...process.env, ...cgiOf(request, root) },
        stdio: ['pipe', 'pipe', 'ignore'],
      });
      running.add(child);
      child.on('close', () => running.delete(child));
      // It need not read all that it is sent.
      child.stdin.on('error', () => undefined);
      request.pipe(child.stdin);
      answer(child.stdout, response);
    },
    async close() {
      await Promise.all(
        [...running].map((child) => {
          child.kill('SIGKILL');
          return once(child, 'close');
        }),
      );
    },
  };
}

/** As RFC 3875 names them. */
function cgiOf({ method = '', url = '', headers }: IncomingMessage, root: string): Record<string, string> {
  const [path = '', query = ''] = url.split('?');
  const named = {
    CONTENT_TYPE: headers['content-type'],
    CONTENT_LENGTH: headers['content-length'],
    HTTP_CONTENT_ENCODING: headers['content-encoding'],
    GIT_PROTOCOL: headers['git-protocol'],
  };
  return {
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_PROJECT_ROOT: root,
    GIT_HTTP_EXPORT_ALL: '1',
    REQUEST_METHOD: method,
    PATH_INFO: decodeURIComponent(path),
    QUERY_STRING: query,
    ...Object.fromEntries(Object.entries(named).flatMap(([name, value]) => (value ? [[name, String(value)]] : []))),
  };
}

/** Headers, an empty line, and what they are of. */
function answer(printed: NodeJS.ReadableStream, response: ServerResponse): void {
  let head = Buffer.alloc(0);
  const onHead = (chunk: Buffer) => {
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf('\r\n\r\n');
    if (end === -1) return;
    printed.off('data', onHead);
    const fields = head
      .toString('latin1', 0, end)
      .split('\r\n')
      .map((line) => line.split(/:\s*/, 2) as [string, string]);
    const status = fields.find(([name]) => name === 'Status')?.[1] ?? '200';
    response.writeHead(Number.parseInt(status, 10), fields.flat());
    response.write(head.subarray(end + 4));
    printed.pipe(response);
  };
  printed.on('data', onHead);
}
