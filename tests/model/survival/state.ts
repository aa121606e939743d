/** End of a command, as its agent says it. */
export type End = "exit code" | "never ran" | "lost";

/** Place of something in a command's folder: "page" is in the memory of the kernel, and a power cut takes it away. */
export type Kept = "no" | "page" | "disk";

/** Part of an agent's work. */
export type Phase =
  | "off"
  /** Started, and has not looked at the past yet. */
  | "settles"
  | "waits"
  | "follows"
  /** Follows, and has just seen no exit code. */
  | "saw no end"
  /** Knows how the command has ended. */
  | "ends"
  /** Has said it, and not heard that it was recorded. */
  | "said";

/** One command on one host. */
export interface State {
  /** Boots of the host, from 1. */
  readonly boot: number;
  readonly phase: Phase;
  /** End that the agent knows, in its memory. */
  readonly known: End | undefined;
  /** The agent's journal. All that is in it is on the disk. */
  readonly journal: "none" | "accepted" | "started" | End;
  /** Boot in which an agent has settled the past last. */
  readonly settled: number;
  readonly folder: Folder;
  /** "begins" before it takes the name. */
  readonly keeper: "none" | "begins" | "keeps";
  readonly program: "none" | "runs" | "ended";
  /** Number of times that the program has begun. */
  readonly begun: number;
  /** Ends that the Manager was told. */
  readonly told: readonly End[];
  /** Faults that may still happen. */
  readonly left: Faults;
}

/** Folder of the command. */
export interface Folder {
  readonly exists: boolean;
  /** Boot in which it was made. */
  readonly boot: number;
  /** Holder of the name that only one can take. */
  readonly name: "none" | "keeper" | "agent";
  /** Exit code that the keeper has noted. */
  readonly end: Kept;
}

/** Number of faults of each kind. */
export interface Faults {
  readonly agentKills: number;
  readonly keeperKills: number;
  readonly powerCuts: number;
}

/** A step, in words, and the state after it. */
export interface Step {
  readonly what: string;
  readonly state: State;
}

const NO_FOLDER: Folder = { exists: false, boot: 0, name: "none", end: "no" };

/** A host whose agent waits for its first command. */
export function initial(left: Faults): State {
  return {
    boot: 1,
    phase: "waits",
    known: undefined,
    journal: "none",
    settled: 1,
    folder: NO_FOLDER,
    keeper: "none",
    program: "none",
    begun: 0,
    told: [],
    left,
  };
}

/** A state without its folder. */
export function withoutFolder(state: State): State {
  return { ...state, folder: NO_FOLDER };
}
