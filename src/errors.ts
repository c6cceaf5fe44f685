/**
 * One error class and one table of codes. A code is never reused for another meaning.
 *
 * `terminal` means that only new desired state helps (the instance is Stalled); everything else is worth a retry.
 * Foreign errors are translated once, in the adapter that meets them; `cause` keeps the original for debugging and is
 * never printed, because it may hold what must not leave the host.
 */
export const ERROR_CODES = {
  // desired state
  ManifestInvalid: { terminal: true },
  TemplateInvalid: { terminal: true },
  TemplateNotFound: { terminal: true },
  RenderFailed: { terminal: true },
  InstanceNotFound: { terminal: true },
  SourceUnreadable: { terminal: false },
  SourceRefused: { terminal: false },
  ConfigInvalid: { terminal: true },
  UsageInvalid: { terminal: true },
  // the host, before anything is touched
  HostUnreachable: { terminal: false },
  HostBusy: { terminal: false },
  HostRootMissing: { terminal: false },
  PathEscapes: { terminal: true },
  NotWritable: { terminal: false },
  DiskFull: { terminal: false },
  Locked: { terminal: false },
  PlanStale: { terminal: false },
  PlanInvalid: { terminal: true },
  RecordUnreadable: { terminal: false },
  JournalUnreadable: { terminal: false },
  ProjectMismatch: { terminal: true },
  ProjectTaken: { terminal: true },
  GenerationNotFound: { terminal: true },
  // between controller and agent
  PkiInvalid: { terminal: false },
  PeerRefused: { terminal: false },
  RequestInvalid: { terminal: false },
  RequestTooLarge: { terminal: true },
  RouteNotFound: { terminal: false },
  ApplyNotFound: { terminal: false },
  AnswerInvalid: { terminal: false },
  // compose and the engine
  ComposeMissing: { terminal: false },
  ComposeInvalid: { terminal: true },
  ComposeFailed: { terminal: false },
  EnvInvalid: { terminal: false },
  EnvMissing: { terminal: false },
  EngineUnreachable: { terminal: false },
  ImageNotFound: { terminal: false },
  RegistryUnreachable: { terminal: false },
  RegistryDenied: { terminal: false },
  PullFailed: { terminal: false },
  UpFailed: { terminal: false },
  VerifyFailed: { terminal: false },
  Superseded: { terminal: false },
  TimedOut: { terminal: false },
  Cancelled: { terminal: false },
  // the daemon
  HistoryUnavailable: { terminal: false },
  StateLocked: { terminal: false },
  NoProgress: { terminal: true },
  Internal: { terminal: false },
} as const satisfies Record<string, { terminal: boolean }>;

export type ErrorCode = keyof typeof ERROR_CODES;

/** One finding about a text that a person wrote. `line` and `column` count from 1; `excerpt` is the line with a caret below it. */
export interface Problem {
  code: ErrorCode;
  message: string;
  file: string;
  line?: number;
  column?: number;
  excerpt?: string;
  /** What to do next, or the nearest known name. */
  hint?: string;
  /** The instance that cannot be reconciled because of it, where one is known. */
  slug?: string;
}

export interface FlotillaErrorOptions {
  cause?: unknown;
  /** One sentence that tells the operator what to do next. */
  hint?: string;
  problems?: readonly Problem[];
  /** The step of an apply during which it happened, where there was one. */
  phase?: string;
}

/** Every error that Flotilla raises on purpose. `message` and `hint` are safe to print anywhere: they hold no value of a tenant. */
export class FlotillaError extends Error {
  override readonly name = 'FlotillaError';
  readonly code: ErrorCode;
  readonly terminal: boolean;
  readonly hint: string | undefined;
  readonly problems: readonly Problem[];
  readonly phase: string | undefined;

  constructor(code: ErrorCode, message: string, options: FlotillaErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.terminal = ERROR_CODES[code].terminal;
    this.hint = options.hint;
    this.problems = options.problems ?? [];
    this.phase = options.phase;
  }
}
