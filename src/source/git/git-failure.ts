import { FlotillaError } from '../../errors.js';

/** The clone cannot be used as it is: it is thrown away, and fetched anew. Never leaves this folder. */
export class DamagedClone extends Error {}

/** What the errors of one source call it by. */
export interface GitNames {
  /** The URL without its user. */
  url: string;
  /** Such as `branch main`. */
  ref: string;
}

type Trouble =
  | 'refMissing'
  | 'diskFull'
  | 'settings'
  | 'hostKey'
  | 'certificate'
  | 'forbidden'
  | 'denied'
  | 'damaged'
  | 'notFound'
  | 'network';

/** In this order: what git says last, that the remote hung up, comes with most of them. Read in the C locale. */
const PATTERNS: readonly (readonly [Trouble, RegExp])[] = [
  ['refMissing', /couldn't find remote ref|remote branch .* not found/i],
  ['diskFull', /no space left on device|disk quota exceeded|file too large/i],
  // Of the operator, for git or for ssh: those of the clone are a damage of it.
  [
    'settings',
    /bad (?:\w+ )?config (?!.*(?:\/repo\.git\/config|for '(?:core\.bare|core\.repositoryformatversion|extensions\.|remote\.)))|bad configuration option|bad owner or permissions on/i,
  ],
  ['hostKey', /host key verification failed|remote host identification has changed/i],
  [
    'certificate',
    /certificate (?:verification failed|problem|subject name|verify locations)|setting certificate|ssl ca cert/i,
  ],
  ['forbidden', /transport '.*' not allowed/i],
  [
    'denied',
    /authentication failed|could not read (?:username|password)|permission denied|terminal prompts disabled|dubious ownership|returned error: 40[13]/i,
  ],
  [
    'damaged',
    /not a git repository: |\.lock': file exists|corrupt|bad object|bad (?:\w+ )?config |object file .* is empty|packfile .* (?:cannot|not|truncated)|unable to (?:read|unpack|parse)|(?:sha1|hash) mismatch|inflate|missing (?:blob|tree|commit)|(?:could not|failed to) (?:read|parse) |not a valid object|bad index|no such remote object/i,
  ],
  ['notFound', /does not appear to be a git repository|repository .*not found|not found|returned error: 404/i],
  [
    'network',
    /could not resolve|failed to connect|couldn't connect|connection (?:refused|timed out|reset|closed)|network is unreachable|no route to host|operation timed out|ssl|tls|certificate|early eof|hung up|returned error: 5|unable to access/i,
  ],
];

/** Why a fetch did not succeed: something about the remote, or about the clone. Only what git itself says is looked at. */
export function fetchFailure(stderr: string, names: GitNames): FlotillaError | DamagedClone {
  const trouble = classify(stderr, names.url);
  return trouble === 'damaged' ? new DamagedClone(stderr) : unreadable(trouble ?? 'other', stderr, names);
}

/** A call that looks only at the clone did not succeed. */
export function localFailure(stderr: string, names: GitNames): FlotillaError | DamagedClone {
  const trouble = classify(stderr, names.url);
  return trouble === 'diskFull' || trouble === 'settings'
    ? unreadable(trouble, stderr, names)
    : new DamagedClone(stderr);
}

/** What the remote says, and what it is called, may hold any word. */
function classify(stderr: string, url: string): Trouble | null {
  const own = stderr
    .replaceAll(url, '')
    .replace(/'.*' (?=does not appear to be a git repository)/g, '')
    .replace(/^remote:.*$/gm, '')
    .replace(/^fatal: could not read from remote repository\.?$/gim, '');
  // A clone is thrown away only for what git says, never for a word of ssh or of the greeting that it passes on.
  const git = (own.match(/^(?:fatal|error): .*$/gm) ?? []).join('\n');
  return PATTERNS.find(([trouble, pattern]) => pattern.test(trouble === 'damaged' ? git : own))?.[0] ?? null;
}

function unreadable(trouble: keyof typeof WORDS, stderr: string, { url, ref }: GitNames): FlotillaError {
  const [message, hint] = WORDS[trouble];
  return new FlotillaError('SourceUnreadable', message(url, ref), { cause: new Error(stderr), hint });
}

type Words = readonly [message: (url: string, ref: string) => string, hint: string];

const WORDS: Readonly<Record<Exclude<Trouble, 'damaged'> | 'other', Words>> = {
  refMissing: [(url, ref) => `${url} has no ${ref}`, 'push it, or name another in the configuration'],
  diskFull: [(url) => `no space is left to fetch ${url}`, 'make room where the state of the daemon is kept'],
  settings: [
    (url) => `${url} cannot be fetched: the settings of git or ssh are wrong`,
    'run git ls-remote as the user that runs the daemon: it names the file and the line',
  ],
  hostKey: [
    (url) => `the host key of ${url} is not known`,
    "put the server's key into known_hosts of the user that runs the daemon",
  ],
  certificate: [
    (url) => `the certificate of ${url} is not trusted`,
    "name the server's authority to git (http.sslCAInfo) for the user that runs the daemon; look at its names and dates, too",
  ],
  denied: [
    (url) => `${url} denies access`,
    'check the ssh key or the credential helper of the user that runs the daemon, with git ls-remote',
  ],
  forbidden: [
    (url) => `${url} leads to a transport that is not safe`,
    'look for url.*.insteadOf in the git configuration of the user that runs the daemon',
  ],
  notFound: [(url) => `there is no repository at ${url}`, 'check the URL, and that the daemon may see the repository'],
  network: [(url) => `${url} cannot be reached`, 'check the network and the server; it is tried again by itself'],
  other: [(url) => `${url} cannot be fetched`, 'try git ls-remote as the user that runs the daemon'],
};
