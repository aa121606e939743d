import type { ConnectRouter, HandlerContext } from "@connectrpc/connect";
import {
  CommandsService,
  type ListCommandsRequest,
  type RunRequest as RunMessage,
  type WatchRequest,
} from "../../proto/gen/piri/control/v1/control_pb.ts";
import type { Asker } from "../base/asker.ts";
import { jobName } from "../base/job_state.ts";
import type { Manager, RunRequest } from "../manager/api/operator_api.ts";
import type { CommandFilter } from "../store/records.ts";
import {
  limitText,
  requireId,
  requireItems,
  requireJsonObject,
  requireRange,
  requireText,
  saidIn,
} from "./checks.ts";
import { rightsIn, sightIn } from "./caller.ts";
import { commandMessage, stateName } from "./command_message.ts";
import {
  onDisconnectOf,
  timeoutOf,
  wantsIds,
  watchStartsOf,
} from "./command_request.ts";
import { preparedOf } from "./prepared.ts";
import type { Proofs } from "./proofs.ts";
import { milliseconds, timestamp } from "./values.ts";
import { bulkEnvelope, watchMessage } from "./watch_message.ts";

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1_000;

/** Serves the CommandsService. */
export function addCommandsService(
  router: ConnectRouter,
  { commands, operations }: Manager,
  proofs: Proofs,
): void {
  /** Refuses to end a command by somebody who may not start it. */
  const requireRights = async (id: bigint, { values }: HandlerContext) => {
    const { rights } = rightsIn(values);
    if (rights === undefined) return;
    const work = await commands.get(id, rights.sight);
    rights.check(work, [work.agent]);
  };
  router.service(CommandsService, {
    async run(request, context) {
      const run = runRequestOf(request);
      const isForIds = wantsIds(request.answer);
      const asker = await proofs.asker(context, saidIn(request));
      const asked = { ...run, ...rightsIn(context.values), ...asker };
      if (isForIds) {
        const { job, ids } = await commands.runForIds(asked);
        return { job, commandIds: [...ids] };
      }
      const started = await commands.run(asked);
      return {
        job: started.job,
        commands: started.commands.map(commandMessage),
      };
    },
    async *watch(request, { signal, values }) {
      const prepared = preparedOf(values);
      for await (
        const event of commands.watch(
          watchFromOf(request),
          signal,
          sightIn(values),
        )
      ) {
        const envelope = prepared && bulkEnvelope(event);
        if (envelope !== undefined) prepared?.push(envelope);
        yield envelope === undefined ? watchMessage(event) : {};
      }
    },
    async cancel(request, context) {
      const id = requireId("command_id", request.commandId);
      await requireRights(id, context);
      const { graceMs } = request;
      const asker = await proofs.asker(context, saidIn(request));
      const cancelled = await commands.cancel(id, { graceMs, ...asker });
      const { unconfirmed, ...command } = cancelled;
      return { command: commandMessage(command), unconfirmed };
    },
    async rerun(request, context) {
      const id = requireId("command_id", request.commandId);
      const requestId = requireText("request_id", request.requestId);
      const asker = await proofs.asker(context, saidIn(request));
      const again = await commands.rerun(id, {
        requestId,
        ...asker,
        ...rightsIn(context.values),
      });
      return { command: commandMessage(again) };
    },
    async giveUp(request, context) {
      const id = requireId("command_id", request.commandId);
      await requireRights(id, context);
      const asker = await proofs.asker(context, saidIn(request));
      const command = await commands.giveUp(id, asker);
      return { command: commandMessage(command) };
    },
    async dropOutput({ commandId }, context) {
      const id = requireId("command_id", commandId);
      await requireRights(id, context);
      await commands.dropOutput(id, await proofs.asker(context, ""));
      return {};
    },
    async listCommands(request, { values }) {
      const list = await commands.list(filterOf(request), sightIn(values));
      return { commands: list.map(commandMessage) };
    },
    async getCommand({ commandId }, { values }) {
      const id = requireId("command_id", commandId);
      const command = await commands.get(id, sightIn(values));
      return { command: commandMessage(command) };
    },
    async getTimeline({ commandId }, { values }) {
      const id = requireId("command_id", commandId);
      const sight = sightIn(values);
      const { command, at, entries } = await commands.timeline(id, sight);
      return {
        command: commandMessage(command),
        atMs: milliseconds(at),
        entries: entries.map(({ at, ...entry }) => ({
          ...entry,
          ...timestamp("atMs", at),
        })),
      };
    },
    listOperations() {
      return {
        operations: operations.map((operation) => ({
          name: operation.name,
          description: operation.description,
          parameters: operation.parameters.map((parameter) => ({
            ...parameter,
          })),
        })),
      };
    },
  });
}

function runRequestOf(
  request: RunMessage,
): Omit<RunRequest, keyof Asker | "rights"> {
  const agents = requireItems("agents", request.agents);
  return {
    agents: agents.map((agent) => requireText("agents", agent)),
    operation: requireText("operation", request.operation),
    params: requireJsonObject("params", request.params),
    timeoutMs: timeoutOf(request.timeoutMs),
    requestId: requireText("request_id", request.requestId),
    onDisconnect: onDisconnectOf(request.onDisconnect),
    killAfterMs: request.killAfterMs,
    survive: request.survive,
  };
}

function watchFromOf({ commands }: WatchRequest) {
  return watchStartsOf("commands", requireItems("commands", commands));
}

function filterOf(
  { limit = DEFAULT_LIMIT, beforeId, agent, states, jobId }:
    ListCommandsRequest,
): CommandFilter {
  return {
    limit: requireRange("limit", limit, { least: 1, most: MAX_LIMIT }),
    ...(beforeId === undefined
      ? {}
      : { beforeId: requireId("before_id", beforeId) }),
    ...(agent === "" ? {} : { agent: limitText("agent", agent) }),
    ...(jobId === undefined
      ? {}
      : { job: jobName(requireId("job_id", jobId)) }),
    ...(states.length === 0 ? {} : { states: states.map(stateName) }),
  };
}
