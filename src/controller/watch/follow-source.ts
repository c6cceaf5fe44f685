import type { Snapshot } from '../../source/source.js';
import type { HostSweeps } from './host-sweep.js';
import { type SourceLoop, startSourceLoop } from './source-loop.js';
import { createSourceTrouble } from './source-trouble.js';
import { goOnWithKnown, isConfirmed, takeSnapshot } from './take-snapshot.js';
import type { WatchContext } from './watch-context.js';

/** Takes what the source says as desired state, for as long as the daemon runs. */
export interface SourceFollower extends Pick<SourceLoop, 'trigger' | 'done'> {
  /** A refused revision is offered again once an operator has confirmed it. */
  confirm(): Promise<void>;
  /** Why desired state is not to be relied on; null when it is. */
  reason(): string | null;
}

/** So many reads must fail at the start until the fleet is kept as an earlier process had it. */
const UNREAD = 2;

export function followSource(context: WatchContext, sweeps: HostSweeps): SourceFollower {
  const { deps, state, links } = context;
  const trouble = createSourceTrouble(context);
  let refused: string | null = null;
  let unread = 0;

  async function onSnapshot(snapshot: Snapshot): Promise<boolean> {
    const before = new Set(links.names());
    const first = state.revision === null;
    const accepted = await takeSnapshot(context, snapshot);
    refused = accepted ? null : snapshot.revision;
    for (const host of links.names()) if (first || !before.has(host)) sweeps.sweep(host);
    return accepted;
  }

  async function onUnread(): Promise<void> {
    unread += 1;
    if (state.revision !== null || unread !== UNREAD) return;
    await goOnWithKnown(context).catch((err: unknown) => deps.log.error({ err }, 'the fleet cannot be kept as it was'));
    for (const host of links.names()) sweeps.sweep(host);
  }

  const { trigger, reconsider, done } = startSourceLoop({
    source: deps.source,
    clock: deps.clock,
    random: deps.random,
    signal: context.stopping,
    onSnapshot,
    onFailure: trouble.failed,
    onUnread,
    onRead(outcome, ms) {
      if (outcome !== 'failed') trouble.over();
      deps.observer.sourceRead(outcome, ms / 1_000);
    },
  });
  return {
    trigger,
    done,
    async confirm() {
      if (refused !== null && isConfirmed(refused, await deps.readConfirmed())) reconsider();
    },
    reason: () => trouble.reason() ?? (state.revision === null ? 'desired state was not read yet' : null),
  };
}
