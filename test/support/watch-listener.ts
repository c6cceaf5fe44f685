import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Whoever is told by the daemon: takes every notification. */
export interface Listener {
  url: string;
  /** The bodies that came. */
  heard(): readonly string[];
  close(): Promise<void>;
}

/** Listens on loopback. */
export async function startListener(): Promise<Listener> {
  const bodies: string[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (chunk: string) => {
      body += chunk;
    });
    request.on('end', () => {
      bodies.push(body);
      response.writeHead(204).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/`,
    heard: () => bodies,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
