/** A command's action: given its arguments and options, it does the work and returns the exit code. */
// biome-ignore lint/suspicious/noExplicitAny: commander hands over options untyped; each action module declares its own
type Action = (args: any, options: any) => Promise<number>;

/** Loads an action and runs it. */
export type Perform = (load: () => Promise<Action>, args: unknown, options: unknown) => Promise<void>;
