import { createServer, type IncomingMessage } from 'node:http';
import { join } from 'node:path';

export interface MemoryContainer {
  id: string;
  service: string;
  project: string;
  workingDir: string;
  oneOff?: boolean;
}

export interface MemoryNetwork {
  id: string;
  project: string;
  /** Something that is no container of the project is connected to it. */
  inUse?: boolean;
}

/** An engine that keeps containers and networks in memory, as far as they can be listed, stopped and removed. */
export interface MemoryEngine {
  dockerHost: string;
  containers: MemoryContainer[];
  networks: MemoryNetwork[];
  /** All that would change something, such as `POST /containers/web/stop`. */
  asked: string[];
  /** Ids that cannot be removed. */
  stuck: Set<string>;
  /** Called before each answer. */
  onRequest: (what: string) => void;
  close(): Promise<void>;
}

export async function createMemoryEngine(directory: string): Promise<MemoryEngine> {
  const socket = join(directory, 'engine.sock');
  const server = createServer((request, response) => {
    const { status, body } = answer(engine, request);
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(body === undefined ? '' : JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  const engine: MemoryEngine = {
    dockerHost: `unix://${socket}`,
    containers: [],
    networks: [],
    asked: [],
    stuck: new Set(),
    onRequest: () => undefined,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return engine;
}

function answer(engine: MemoryEngine, { method = '', url = '' }: IncomingMessage): { status: number; body?: unknown } {
  const { pathname, searchParams } = new URL(url, 'http://engine');
  engine.onRequest(`${method} ${pathname}`);
  if (method !== 'GET') engine.asked.push(`${method} ${pathname}`);
  const filters = JSON.parse(searchParams.get('filters') ?? '{"label":[]}') as { label: string[] };
  const project = filters.label[0]?.split('=')[1];
  const isAsked = (one: { project: string }) => project === undefined || one.project === project;
  if (pathname === '/containers/json')
    return { status: 200, body: engine.containers.filter(isAsked).map(listedContainer) };
  if (pathname === '/networks')
    return { status: 200, body: engine.networks.filter(isAsked).map(({ id }) => ({ Id: id, Name: `${id}-name` })) };
  const [, kind, id = '', verb] = pathname.split('/');
  if (kind === 'networks') {
    if (engine.networks.find((one) => one.id === id)?.inUse) return { status: 403, body: { message: 'in use' } };
    engine.networks = engine.networks.filter((one) => one.id !== id);
    return { status: 204 };
  }
  if (!engine.containers.some((one) => one.id === id)) return { status: 404, body: { message: 'no such container' } };
  if (verb === 'stop') return { status: 204 };
  if (engine.stuck.has(id)) return { status: 409, body: { message: 'removal is in progress' } };
  engine.containers = engine.containers.filter((one) => one.id !== id);
  return { status: 204 };
}

function listedContainer({ id, service, project, workingDir, oneOff = false }: MemoryContainer) {
  const labels = { service, project, 'project.working_dir': workingDir, oneoff: oneOff ? 'True' : 'False' };
  return {
    Id: id,
    Image: 'app:v1',
    ImageID: 'sha256:1',
    State: 'running',
    Status: 'Up 2 seconds',
    Labels: Object.fromEntries(Object.entries(labels).map(([name, value]) => [`com.docker.compose.${name}`, value])),
  };
}
