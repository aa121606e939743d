import { agentMemory } from "./agent_memory.ts";
import { agentAfterTwelve, agentTwelve } from "./agent_twelve.ts";
import { auditVerify, auditWrite } from "./audit.ts";
import { bus } from "./bus.ts";
import { completion } from "./completion.ts";
import { connect, connectProof } from "./connect.ts";
import { connectionMemory, connectionMemory2k } from "./connection_memory.ts";
import { data } from "./data.ts";
import { fanOut, fanOut10k } from "./fan_out.ts";
import { fanOutAudit } from "./fan_out_audit.ts";
import { fifty, fiftyAnsible } from "./fifty.ts";
import { growth } from "./growth.ts";
import { groups10k, job10k } from "./jobs.ts";
import { history } from "./history.ts";
import { input, put } from "./input.ts";
import { inputMemory } from "./input_memory.ts";
import { masking } from "./masking.ts";
import { oneCommand } from "./one_command.ts";
import { output, outputMemory } from "./output.ts";
import type { Pair } from "./pair.ts";
import { putFifty } from "./put_fifty.ts";
import { decision, decision10k } from "./rules.ts";
import { storm, stormProof } from "./storm.ts";
import {
  stateFiles,
  stateFilesAnsible,
  stateFilesCommand,
  stateGate,
} from "./state_files.ts";
import { stateMemory } from "./state_memory.ts";
import { statePackages } from "./state_packages.ts";
import { states, statesEqual } from "./states.ts";
import { stateBytes } from "./state_bytes.ts";
import { stateThousand, stateThousandMemory } from "./state_thousand.ts";
import { targets } from "./targets.ts";

/** All pairs of the bench, in the order of the table. */
export const pairs: readonly Pair[] = [
  fanOut,
  fanOut10k,
  fanOutAudit,
  job10k,
  groups10k,
  connect,
  connectProof,
  storm,
  stormProof,
  connectionMemory,
  connectionMemory2k,
  oneCommand,
  fifty,
  fiftyAnsible,
  output,
  outputMemory,
  masking,
  input,
  inputMemory,
  put,
  putFifty,
  data,
  history,
  growth,
  states,
  statesEqual,
  stateFiles,
  stateFilesCommand,
  stateFilesAnsible,
  stateGate,
  statePackages,
  stateMemory,
  stateThousand,
  stateThousandMemory,
  stateBytes,
  targets,
  decision,
  decision10k,
  auditWrite,
  auditVerify,
  completion,
  agentMemory,
  agentTwelve,
  agentAfterTwelve,
  bus,
];
