/** One change that people are told of. Holds no content of files and no value of a tenant; JSON-safe. */
export interface Notice {
  /**
   * What came to be: an upgrade ended, an instance stalled or is well again, or one whose manifest was removed was or
   * cannot be taken down, drift was found, a host cannot be looked at or can be again, a revision has problems or none any
   * more, the source is refused, cannot be read, or can be again.
   */
  kind:
    | 'UpgradeSucceeded'
    | 'UpgradeFailed'
    | 'RolledBack'
    | 'Stalled'
    | 'Recovered'
    | 'DriftDetected'
    | 'TakenDown'
    | 'TakeDownFailed'
    | 'HostFailed'
    | 'HostRecovered'
    | 'DesiredStateInvalid'
    | 'DesiredStateValid'
    | 'SourceFailed'
    | 'SourceRecovered'
    | 'SourceRefused';
  /** info: as wanted; warning: it is tried again; error: a person is needed. */
  severity: 'info' | 'warning' | 'error';
  /** null where it concerns the source or a host. */
  slug: string | null;
  host: string | null;
  fleet: string | null;
  revision: string | null;
  author: string | null;
  fromImageTag: string | null;
  toImageTag: string | null;
  /** CamelCase: an error's code or a condition's reason. */
  reason: string;
  /** A sentence. */
  message: string;
  /** ISO 8601, UTC. */
  at: string;
}

/** Tells people. Never throws and never waits: what cannot be sent is tried again, then logged and counted. */
export interface Notifier {
  /** One notice a change: whoever calls it has made sure that something is other than before. */
  tell(notice: Notice): void;
  /** Tries to send what waits, for at most so long. */
  close(patienceMs: number): Promise<void>;
}
