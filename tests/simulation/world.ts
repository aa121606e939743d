import type { Audit } from "../../lib/agent/audit/audit_log.ts";
import type { JournalLimits } from "../../lib/agent/journal/limits.ts";
import type { MemoryKeys } from "../support/memory_keys.ts";
import type { JobRules } from "./job_rules.ts";
import type { Network } from "./network.ts";
import type { Plant } from "./plants.ts";
import type { Program } from "./program.ts";
import type { SeededRandom } from "./seeded_random.ts";
import type { Trace } from "./trace.ts";
import type { Truth } from "./truth.ts";
import type { VirtualTime } from "./virtual_time.ts";

/** Properties of the hosts of a run. */
export interface Hosts {
  /** Record that the agent of this name keeps of its commands. */
  audit(agent: string): Audit;
  /** Differences of the program that starts now on the host of this name from what its command says. */
  program(agent: string): Partial<Program>;
}

/** State that all parts of a simulation share. */
export interface World {
  readonly time: VirtualTime;
  readonly trace: Trace;
  readonly truth: Truth;
  readonly random: SeededRandom;
  readonly network: Network;
  readonly plant: Plant | undefined;
  readonly journalLimits: Partial<JournalLimits>;
  readonly agentCount: number;
  /** Agents that most faults and commands are for, so that these meet at the same agents. */
  readonly focus: readonly string[];
  /** Limit of hellos that are handled at the same time. */
  readonly maxHellos: number;
  /** Limit of output that the Manager stores of a command, in bytes. */
  readonly keepBytes: bigint;
  /** Rules of jobs, in a world that has jobs. */
  readonly jobRules: JobRules | undefined;
  readonly hosts: Hosts;
  /** Keys of the Manager, in a world in which they are rotated. */
  readonly keys: MemoryKeys | undefined;
  /** True if the Manager was restored from a backup. */
  readonly managerDiskLost: boolean;
  /** Notes that the agent of this name can know from now on which of its commands the operator has ended. */
  barAll(agent: string, words: string): void;
  /** True if the agent of this name lost its disk, or has an older or a copied one. */
  agentDiskLost(name: string): boolean;
  /** True if the agent of this name was copied, or came back in an older state. */
  isDoubled(name: string): boolean;
  /** True if the agent of this name, or its copy, continues on another machine. */
  hasNewInstance(name: string): boolean;
}
