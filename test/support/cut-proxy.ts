import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export type CutKind = 'reset' | 'truncate' | 'drop';

/** A network between a controller and an agent that breaks when it is told to. Loopback; TLS passes through unread. */
export interface CutProxy {
  url: string;
  /** Connections that were begun. */
  count(): number;
  /**
   * Breaks what is open now: `reset` as a cable that is pulled and a firewall that says so, `truncate` ends it in the
   * middle, `drop` lets it stand and passes nothing any more.
   */
  cut(kind: CutKind): void;
  /** Breaks the next connection once that many bytes came back from the agent. */
  cutAfter(bytes: number, kind: CutKind): void;
  /** Breaks the next connection once that many bytes went to the agent. */
  cutUpload(bytes: number, kind: CutKind): void;
  /** New connections are reset at once, until they are let through again. */
  refuse(): void;
  accept(): void;
  /** Everything takes this long. */
  delay(ms: number): void;
  close(): Promise<void>;
}

interface Pair {
  near: Socket;
  far: Socket;
  dropped: boolean;
}

interface Trap {
  bytes: number;
  kind: CutKind;
  upload: boolean;
}

export async function createCutProxy(target: string): Promise<CutProxy> {
  const { hostname, port } = new URL(target);
  const pairs = new Set<Pair>();
  let refusing = false;
  let delayMs = 0;
  let count = 0;
  let trap: Trap | null = null;

  function pass(pair: Pair, from: Socket, to: Socket, watch: Trap | null): void {
    let seen = 0;
    from.on('data', (chunk: Buffer) => {
      if (pair.dropped) return;
      const room = watch === null ? Number.POSITIVE_INFINITY : watch.bytes - seen;
      seen += chunk.length;
      const part = chunk.length > room ? chunk.subarray(0, room) : chunk;
      if (delayMs > 0) setTimeout(() => to.writable && to.write(part), delayMs);
      else to.write(part);
      if (watch !== null && seen >= watch.bytes) cutPair(pair, watch.kind);
    });
    from.on('end', () => pair.dropped || to.end());
  }

  function cutPair(pair: Pair, kind: CutKind): void {
    pair.dropped = true;
    if (kind === 'drop') return;
    for (const socket of [pair.near, pair.far]) {
      if (kind === 'reset') socket.resetAndDestroy();
      else socket.end(() => socket.destroy());
    }
  }

  const server = createServer({ allowHalfOpen: true }, (near) => {
    near.on('error', () => undefined);
    if (refusing) {
      near.resetAndDestroy();
      return;
    }
    count += 1;
    const far = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
    far.on('error', () => near.destroy());
    const pair = { near, far, dropped: false };
    pairs.add(pair);
    const own = trap;
    trap = null;
    pass(pair, near, far, own?.upload ? own : null);
    pass(pair, far, near, own?.upload === false ? own : null);
    near.on('close', () => {
      far.destroy();
      pairs.delete(pair);
    });
    far.on('close', () => pair.dropped || near.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    count: () => count,
    cut(kind) {
      for (const pair of [...pairs]) cutPair(pair, kind);
    },
    cutAfter(bytes, kind) {
      trap = { bytes, kind, upload: false };
    },
    cutUpload(bytes, kind) {
      trap = { bytes, kind, upload: true };
    },
    refuse() {
      refusing = true;
    },
    accept() {
      refusing = false;
    },
    delay(ms) {
      delayMs = ms;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const { near, far } of pairs) {
          near.destroy();
          far.destroy();
        }
      }),
  };
}
