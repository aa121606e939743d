import { agentAudit } from "./agent_audit.ts";
import { agentFacts } from "./agent_facts.ts";
import { agentRestart } from "./agent_restart.ts";
import { agentRotate } from "./agent_rotate.ts";
import { agentTrust } from "./agent_trust.ts";
import { agentUpdate } from "./agent_update.ts";
import { commandRun } from "./command_run.ts";
import { echo } from "./echo.ts";
import { fileFetch } from "./file_fetch.ts";
import { fileInstalled } from "./file_installed.ts";
import { fileList } from "./file_list.ts";
import { filePut } from "./file_put.ts";
import { fileRead } from "./file_read.ts";
import { fileStat } from "./file_stat.ts";
import type { Operation } from "./operation.ts";
import { testSleep } from "./test_sleep.ts";
import { testSpin } from "./test_spin.ts";

/**
 * Operations that need nothing of steps: a thread that carries out only these need not load the rest, which is the larger
 * part of an agent.
 */
export const plainOperations: readonly Operation[] = [
  agentAudit,
  agentFacts,
  agentRestart,
  agentRotate,
  agentTrust,
  agentUpdate,
  commandRun,
  echo,
  fileFetch,
  fileInstalled,
  fileList,
  filePut,
  fileRead,
  fileStat,
  testSleep,
  testSpin,
];
