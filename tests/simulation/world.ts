import type { JournalLimits } from "../../lib/agent/journal/limits.ts";
import type { Network } from "./network.ts";
import type { Plant } from "./plants.ts";
import type { SeededRandom } from "./seeded_random.ts";
import type { Trace } from "./trace.ts";
import type { Truth } from "./truth.ts";
import type { VirtualTime } from "./virtual_time.ts";

/** What everything in a simulation shares. */
export interface World {
  readonly time: VirtualTime;
  readonly trace: Trace;
  readonly truth: Truth;
  readonly random: SeededRandom;
  readonly network: Network;
  readonly plant: Plant | undefined;
  readonly journalLimits: Partial<JournalLimits>;
  readonly agentCount: number;
  /** The agents to which most things happen, so that they happen to the same ones. */
  readonly focus: readonly string[];
  /** So many hellos are looked at at a time. */
  readonly mostHellos: number;
  /** Output that the Manager keeps of a command. */
  readonly keepBytes: bigint;
  /** The Manager came back from a backup. */
  readonly managerDiskLost: boolean;
  /** The agent of this name lost its disk, or has an older or a copied one. */
  agentDiskLost(name: string): boolean;
  /** The agent of this name was copied, or came back as it was earlier. */
  isDoubled(name: string): boolean;
  /** The agent of this name, or its copy, goes on at another machine. */
  hasNewInstance(name: string): boolean;
}
