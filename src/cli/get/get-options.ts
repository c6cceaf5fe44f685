import type { SharedOptions } from '../context.js';
import type { Io } from '../io.js';
import type { GetFormat } from './listing.js';

export interface GetOptions extends SharedOptions {
  io: Io;
  concurrency: number;
  format: GetFormat;
  /** The directory with the daemon's memory. */
  state: string;
  live?: boolean;
  watch?: boolean;
}

export type GetKind = 'instances' | 'hosts' | 'fleets';
