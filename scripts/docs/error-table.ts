import { ERROR_CODES, type ErrorCode } from '../../src/errors.js';

interface Text {
  when: string;
  remedy: string;
}

/** Each code in words; a code without a row does not compile. */
const TEXTS: Readonly<Record<ErrorCode, Text>> = {
  ManifestInvalid: {
    when: 'A manifest is not what its schema says, names something that is not declared, or collides with another.',
    remedy: 'Mend the line that is shown. `flotilla validate` lists all of them.',
  },
  TemplateInvalid: {
    when: 'A `template.yaml`, a template file or a partial is wrong for every instance.',
    remedy: 'Mend the template at the place that is shown.',
  },
  TemplateNotFound: {
    when: 'A manifest names a template that has no folder.',
    remedy: 'Correct the name, or add the folder with its `template.yaml`.',
  },
  RenderFailed: {
    when: "The template is fine, this instance's values do not fit it: a name is unknown, `valuesSchema` is not met, a path leaves the instance, YAML does not parse.",
    remedy: 'Give the instance or its fleet the value, or mend the template. `flotilla render SLUG` shows the result.',
  },
  InstanceNotFound: {
    when: 'A command names a slug that no manifest has.',
    remedy: 'Take the nearest name that is offered, or look at `flotilla get`.',
  },
  SourceUnreadable: {
    when: 'The directory of manifests or of templates, or a file in it, cannot be read.',
    remedy: 'Name another with `--manifests` or `--templates`, or mend its permissions.',
  },
  SourceRefused: {
    when: 'A revision was read and is not taken: its commit has no good signature, or it would remove most of the instances. What was taken before stays in force.',
    remedy:
      'Sign the commit with a key that is allowed, or mend the revision. Where the removal is meant: `flotilla confirm REVISION`.',
  },
  ConfigInvalid: {
    when: 'The configuration of the daemon is not what its schema says, or asks for two things that exclude each other.',
    remedy: 'Mend the line that is shown, then start it again.',
  },
  UsageInvalid: {
    when: 'The command line asks for something that cannot be, such as `--files-only` without `--dry-run`.',
    remedy: 'Do what the hint says. `flotilla COMMAND --help` has examples.',
  },
  HostUnreachable: {
    when: 'There is no way to the agent of the host.',
    remedy: '`systemctl status flotilla-agent` and `flotilla agent --check` on the host; then the network between.',
  },
  HostBusy: {
    when: 'The agent has more to do than it takes on at once.',
    remedy: 'It is tried again. A smaller `--concurrency` helps where it happens often.',
  },
  HostRootMissing: {
    when: "The host's directory does not exist. Flotilla never makes it: a mount that is missing must not look like an empty host.",
    remedy: 'Mount or create it, or correct `spec.local`.',
  },
  PathEscapes: {
    when: 'A path leads out of the instance or the host: `..`, an absolute path, a symbolic link, something in `.flotilla/`.',
    remedy: 'Replace the link by a plain file or directory, or correct the path.',
  },
  NotWritable: {
    when: 'A file cannot be put in place: permissions, a read-only file system, an immutable file, a mount of its own, a directory where a file should be.',
    remedy: 'Do what the hint says for this case, then reconcile again.',
  },
  DiskFull: {
    when: 'The disk or the quota is full, before or during a commit. The old files are in place.',
    remedy: 'Make room, then reconcile again.',
  },
  Locked: {
    when: 'Somebody else holds the lock of the instance. A reconcile reports it as `waiting: Locked`.',
    remedy: 'Wait for the holder that is named, then reconcile again.',
  },
  PlanStale: {
    when: 'Files or the record changed between plan and apply. Reconcile plans again by itself, up to three times.',
    remedy: 'Find out what else writes there, then reconcile again.',
  },
  PlanInvalid: {
    when: 'A plan does not hold together: content is not what its hash says, or a path is in it twice.',
    remedy: 'Reconcile again. If it stays, report it.',
  },
  RecordUnreadable: {
    when: '`.flotilla/applied.json` is damaged, or a newer Flotilla wrote it.',
    remedy:
      'Restore it, or move it away: the instance is then adopted as it is. See [recovery by hand](failure-and-recovery.md#by-hand).',
  },
  JournalUnreadable: {
    when: 'The journal of an interrupted commit is damaged.',
    remedy:
      'Move it away and reconcile, which compares every file again. See [recovery by hand](failure-and-recovery.md#by-hand).',
  },
  ProjectMismatch: {
    when: "Containers already run from the instance's directory under another project name. A second stack would start beside them.",
    remedy: 'Set `spec.project` to the name that is shown.',
  },
  ProjectTaken: {
    when: 'The project name already runs from another directory.',
    remedy: 'Set another `spec.project`, or `spec.directory` to where it runs.',
  },
  GenerationNotFound: {
    when: 'A rollback asks for a file set that is not kept, or that is damaged.',
    remedy: 'Choose one that `flotilla generations SLUG` lists, or revert the commit in git.',
  },
  PkiInvalid: {
    when: 'Certificate, key, authority or list of revoked certificates are missing or do not belong together.',
    remedy:
      '`flotilla pki show` says what is there; `flotilla pki issue` and `flotilla pki renew` make what is missing.',
  },
  PeerRefused: {
    when: 'Controller and agent do not accept each other: another authority, another name or role, expired, revoked.',
    remedy: 'The message says which. [pki.md](pki.md) tells how to issue, renew and revoke.',
  },
  RequestInvalid: {
    when: 'An agent was asked something that is not as it should be.',
    remedy: 'Use the same version of Flotilla on both machines.',
  },
  RequestTooLarge: {
    when: 'The files of one instance are more than an agent takes in one request (16 MiB).',
    remedy: "Keep large content out of the template: it is the tenant's own, or belongs in an image.",
  },
  RouteNotFound: {
    when: 'An agent was asked for something that it does not have.',
    remedy: 'Use the same version of Flotilla on both machines.',
  },
  ApplyNotFound: {
    when: 'An agent was asked about an apply that it does not know, because it was started again since.',
    remedy: 'Nothing: the next observation tells how it ended.',
  },
  AnswerInvalid: {
    when: 'What answers at the address of a host does not answer as an agent does.',
    remedy: 'Look at `spec.agent`, and use the same version of Flotilla on both machines.',
  },
  ComposeMissing: {
    when: 'The docker client, or its compose plugin, is not there.',
    remedy: 'Install Docker with Compose v2 on the host.',
  },
  ComposeInvalid: {
    when: "Compose's own parser refuses the rendered compose file.",
    remedy: 'Mend the template at the place that is shown.',
  },
  ComposeFailed: {
    when: 'Compose failed in a way that is not known. What it said is masked where it could hold a secret.',
    remedy: 'Run the command in the hint on the host to read all of it.',
  },
  EnvInvalid: {
    when: "The tenant's `.env` or an env_file cannot be read by compose, or a value in it makes the compose file wrong.",
    remedy: 'Mend the line or the variable that is named, on the host.',
  },
  EnvMissing: {
    when: 'Compose insists on a variable that has no value.',
    remedy: "Set it in the instance's `.env` on the host.",
  },
  EngineUnreachable: {
    when: 'The Docker Engine does not answer.',
    remedy: 'Look at `systemctl status docker`, at `DOCKER_HOST`, and at whether this user may use the socket.',
  },
  ImageNotFound: {
    when: 'The registry does not have the image or the tag. The tenant is untouched.',
    remedy: 'Push the image, or correct the tag.',
  },
  RegistryUnreachable: {
    when: 'The registry does not answer. The tenant is untouched.',
    remedy: 'Look at its name, and at network and DNS of the host.',
  },
  RegistryDenied: {
    when: 'The registry denies access. The tenant is untouched.',
    remedy: 'Run `docker login` on the host as the user that runs Flotilla.',
  },
  PullFailed: {
    when: 'A pull failed for another reason, such as a rate limit. The tenant is untouched.',
    remedy: 'Read the message, then reconcile again.',
  },
  UpFailed: {
    when: 'The files are committed and `up`, a restart or a signal failed: a port is taken, a one-shot failed, a mount is not possible.',
    remedy: 'Do what the hint says, then reconcile again or roll back.',
  },
  VerifyFailed: {
    when: 'The containers were started and a service did not get or stay healthy: it is unhealthy, exited, or restarts over and over.',
    remedy: 'Look at the logs of the services that are named, then reconcile again or roll back.',
  },
  Superseded: {
    when: 'Newer desired state came while an apply only waited for the services to be healthy: the wait was given up.',
    remedy: 'Nothing: the newer state is applied next.',
  },
  TimedOut: {
    when: 'Docker did not finish within `spec.timeouts`, or the agent of the host did not answer in time.',
    remedy: 'Raise the timeout, or look at the registry or the host.',
  },
  Cancelled: {
    when: 'Ctrl-C: not started, or stopped before anything was changed.',
    remedy: 'Reconcile again.',
  },
  HistoryUnavailable: {
    when: 'The file that holds history and state cannot be read or written: a full disk, its permissions, damage, or another process that keeps it locked.',
    remedy: 'Do what the hint says for this case. Instances are reconciled meanwhile.',
  },
  StateLocked: {
    when: 'Another daemon runs with the same state directory.',
    remedy: 'Stop the one that is named, or give this one a state directory of its own.',
  },
  NoProgress: {
    when: 'An instance was applied again and again, each apply succeeded, and the next plan still had the same work.',
    remedy: 'Find out what undoes it on the host, or what differs at each render; a new commit starts it again.',
  },
  Internal: {
    when: 'Something that Flotilla does not know. Its text is not shown, as it could hold a secret.',
    remedy: 'Run again with `--log-level debug`, and report it.',
  },
};

/** Every error code as a Markdown table that ends in a line feed. */
export function errorTable(): string {
  const rows = (Object.keys(ERROR_CODES) as ErrorCode[]).map((code) => {
    const { when, remedy } = TEXTS[code];
    return `| \`${code}\` | ${ERROR_CODES[code].terminal ? 'no' : 'yes'} | ${when} | ${remedy} |\n`;
  });
  return `| code | a retry can help | when | what to do |\n|---|---|---|---|\n${rows.join('')}`;
}
