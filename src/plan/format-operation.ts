import { oneLine, visible } from './format-safe.js';
import type { Operation } from './plan.js';

/** One operation with its cause, on one line: `up api, worker: image changed: v1.0.0 -> v1.1.0`. */
export function describeOperation(operation: Operation): string {
  const what = describeWithoutCause(operation);
  return operation.cause === '' ? what : `${what}: ${oneLine(operation.cause)}`;
}

function describeWithoutCause(operation: Operation): string {
  switch (operation.kind) {
    case 'write':
      return `write ${visible(operation.path)} (${writeRemarks(operation)})`;
    case 'remove':
      return `remove ${visible(operation.path)}`;
    case 'removeServices':
      return `remove the containers of ${list(operation.services)}`;
    case 'up':
      return describeUp(operation.services, operation.recreate);
    case 'restart':
      return `restart ${list(operation.services)}`;
    case 'down':
      return `down: remove the containers and networks of ${list(operation.services)}; volumes and files stay`;
    case 'signal':
      return `send ${operation.signal} to ${visible(operation.service)}`;
    case 'pull':
    case 'verify':
    case 'record':
      return operation.kind;
  }
}

/** File permissions as people write them: `0644`. */
export function formatMode(mode: number): string {
  return mode.toString(8).padStart(4, '0');
}

function writeRemarks(operation: Extract<Operation, { kind: 'write' }>): string {
  const remarks = [formatMode(operation.mode)];
  if (operation.inPlace) remarks.push('in place');
  if (operation.createOnly) remarks.push('only if absent');
  return remarks.join(', ');
}

function describeUp(services: readonly string[], recreate: readonly string[]): string {
  const up = services.length === 0 ? 'up' : `up ${list(services)}`;
  return recreate.length === 0 ? up : `${up} (made anew: ${list(recreate)})`;
}

function list(names: readonly string[]): string {
  return names.map(visible).join(', ');
}
