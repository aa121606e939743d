import { agentMemory } from "./agent_memory.ts";
import { connect } from "./connect.ts";
import { fanOutPair } from "./fan_out.ts";
import type { Pair } from "./pair.ts";

/** All that the bench knows to measure, in the order of the table. */
export const pairs: readonly Pair[] = [fanOutPair, connect, agentMemory];
