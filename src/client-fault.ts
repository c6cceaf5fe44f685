import { type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';

/** How long whoever is told what is wrong has to go, in milliseconds. */
const FAREWELL_MS = 1_000;

/**
 * Answers a fault in HTTP itself on the bare socket: a request that is slow, too large or not HTTP.
 *
 * @param describe the body, as JSON, for what is wrong
 */
export function answerClientFault(
  error: NodeJS.ErrnoException,
  socket: Socket,
  describe: (message: string) => unknown,
): void {
  // An answer that has begun cannot be followed by another in its middle.
  const begun = (socket as { _httpMessage?: ServerResponse })._httpMessage?.headersSent;
  if (error.code === 'ECONNRESET' || !socket.writable || begun) {
    socket.destroy();
    return;
  }
  const { status, message } = FAULTS[error.code ?? ''] ?? { status: 400, message: 'this is not HTTP' };
  const body = JSON.stringify(describe(message));
  const head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\ncontent-type: application/json\r\n`;
  socket.end(`${head}content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`);
  const farewell = setTimeout(() => socket.destroy(), FAREWELL_MS);
  socket.once('close', () => clearTimeout(farewell));
}

const FAULTS: Readonly<Record<string, { status: number; message: string }>> = {
  ERR_HTTP_REQUEST_TIMEOUT: { status: 408, message: 'the request did not arrive in time' },
  HPE_HEADER_OVERFLOW: { status: 431, message: 'the headers are too large' },
};
