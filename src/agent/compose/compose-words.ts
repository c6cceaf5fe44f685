/**
 * What of compose's own text may be shown. Its messages quote interpolated values and whole lines of a `.env`, so only
 * words that stand in the rendered compose files, and the fixed words of compose's own sentences, pass.
 */
export interface Words {
  /** Words of the rendered compose files. */
  known: ReadonlySet<string>;
  /** The compose project: containers and networks are named after it. */
  project: string;
}

export const MASK = '…';
const MAX_LENGTH = 300;
const WORD = /[A-Za-z0-9_.-]+/g;
const POSITION = /^(?:services|networks|volumes|configs|secrets|include|name)(?:$|[.[])/;

/** Words that compose, compose-go, the engine and runc use in sentences of their own. Lower case. */
const SENTENCE_WORDS = new Set(
  `a able access additional address addresses after again all allocated allowed already also an anchor and another any
  are array as at attached available be because being bind block boolean both but by can cannot character characters
  client collection command compose config configs configuration configured conflict conflicting connect connection
  container containers content context could create created creating cycle daemon declared decoding defined denied
  dependency depends deploy detected device did didn't different directory do docker does doesn't driver duplicate
  duplicated either empty endpoint ends entrypoint env environment error errors escape exceeds exec executable exist
  exists exit exited expected expecting external externally failed failing false file files find flag flow following
  for format found from gateway get greater group has have healthcheck healthy host image images in include
  incompatible incorrect indentation index indicator init input instead integer interface interpolating
  interpolation into invalid ip ipam ipv4 ipv6 is it item items key label leading least length less limit limits
  line list long malformed manifest map mapping mark match matches maximum may memory minimum missing mode mount
  mounting must mutually name named namespace neither network networks no non nor not null number object oci octet
  of off on one only open operation option options or out overlaps parse parsing path permission permitted pid
  platform pool port ports positive process profile project properties property protocol pull range read reading
  recursive reference referenced refers registry remove repository request required resolve resource response root
  rootfs run runc runtime scalar scan scanning secret secrets section sequence service services set shim should
  signal simple size source space spec specified start started state status stop stream string subnet successfully
  such supported syntax system tab tag target task than that the there this to token tokens too top-level true type
  unable undefined unexpected unhealthy unique unknown unmarshal unsupported use used user using utf-8 utf8 valid
  validating value values variable version volume volumes was when where which while with without yaml you`.split(
    /\s+/,
  ),
);

/** @param texts compose files as rendered; leave out any that is sensitive or the tenant's own */
export function knownWords(texts: Iterable<string>): Set<string> {
  const words = new Set<string>();
  for (const text of texts) for (const [word] of text.matchAll(WORD)) words.add(word);
  return words;
}

/** The text itself where all its words stand in the compose files or name something of the project; else the mask. */
export function showName(text: string, words: Words): string {
  return isKnown(text, words) ? text : MASK;
}

export function isKnown(text: string, words: Words): boolean {
  if (/[^A-Za-z0-9_./:@-]/.test(text)) return false;
  const found = text.match(WORD) ?? [];
  return found.length > 0 && found.every((word) => words.known.has(word) || isFixed(word) || isOfProject(word, words));
}

function isFixed(word: string): boolean {
  return word === 'registry-1.docker.io' || /^service_(?:started|healthy|completed_successfully)$/.test(word);
}

/** `<project>_default`, `<project>-web-1`, and the project itself. */
function isOfProject(word: string, { known, project }: Words): boolean {
  if (project === '' || !word.startsWith(project)) return false;
  const rest = word.slice(project.length).replace(/^[-_]/, '').replace(/-\d+$/, '');
  return rest === '' || rest === 'default' || known.has(rest);
}

/** A place in the compose model, such as `services.web.ports[0]`: keys that are not ours are masked. */
export function showPosition(text: string, words: Words): string {
  if (text === '(root)') return 'the top level';
  return text
    .split(/[.[\]]+/)
    .filter((key) => key !== '')
    .map((key) => (/^\d{1,3}$/.test(key) || words.known.has(key) ? key : MASK))
    .join('.');
}

/** A file's name without its directories, which name the host's layout. */
export function showFile(path: string, words: Words): string {
  const name = path.trim().split('/').at(-1) ?? '';
  return name === '.env' ? name : showName(name, words);
}

/** A line of compose's text with everything masked that it may have taken from a value. At most 300 characters. */
export function showSentence(text: string, words: Words): string {
  const masked = text
    .replace(/"[^"\n]*"?|(?<=^|[\s:(])'[^'\n]*'?|`[^`\n]*`?/g, (quoted) => showQuoted(quoted, words))
    .split(/\s+/)
    .map((chunk, at, chunks) => showChunk(chunk, chunks[at - 1], words))
    .join(' ');
  return masked
    .replace(/…(?:[\s:,]*…)+/g, MASK)
    .trim()
    .slice(0, MAX_LENGTH);
}

function showQuoted(quoted: string, words: Words): string {
  const inner = quoted.replace(/^["'`]|["'`]$/g, '');
  return showName(inner, words);
}

function showChunk(chunk: string, before: string | undefined, words: Words): string {
  const [, open = '', core = '', close = ''] = /^([(]?)(.*?)([):;,.]*)$/.exec(chunk) ?? [];
  if (core === '') return close;
  if (/^\d{1,6}$/.test(core) && before === 'line') return chunk;
  if (SENTENCE_WORDS.has(core.toLowerCase()) || isKnown(core, words)) return chunk;
  if (POSITION.test(core)) return `${open}${showPosition(core, words)}${close}`;
  return MASK + (/^[:,]$/.test(close) ? close : '');
}
