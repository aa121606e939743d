import { create, toBinary } from "@bufbuild/protobuf";
import type { ConnectRouter } from "@connectrpc/connect";
import {
  CommandsService,
  type ListCommandsRequest,
  OnDisconnect,
  OutputSchema,
  OutputStream,
  type RunRequest as RunMessage,
  type WatchRequest,
  type WatchResponse,
  WatchResponseSchema,
} from "../../proto/gen/piri/control/v1/control_pb.ts";
import type { Asker } from "../base/asker.ts";
import { BULK_BYTES, encodeBulk } from "./bulk_message.ts";
import type {
  Manager,
  RunRequest,
  WatchEvent,
} from "../manager/operator_api.ts";
import type { CommandFilter, StreamName } from "../store/records.ts";
import {
  invalid,
  limitText,
  requireId,
  requireItems,
  requireJsonObject,
  requireRange,
  requireText,
  saidIn,
} from "./checks.ts";
import { commandMessage, stateName } from "./command_message.ts";
import { ENVELOPE_BYTES, preparedOf } from "./prepared.ts";
import type { Proofs } from "./proofs.ts";
import { milliseconds, timestamp, writeFailureMessage } from "./values.ts";

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1_000;
const MAX_UINT32 = 4_294_967_295;

const outputStreams: Readonly<Record<StreamName, OutputStream>> = {
  stdout: OutputStream.STDOUT,
  stderr: OutputStream.STDERR,
};

/** Serves the CommandsService. */
export function addCommandsService(
  router: ConnectRouter,
  { commands, operations }: Manager,
  proofs: Proofs,
): void {
  router.service(CommandsService, {
    async run(request, { requestHeader }) {
      const run = runRequestOf(request);
      const asker = await proofs.asker(requestHeader, saidIn(request));
      const started = await commands.run({ ...run, ...asker });
      return {
        job: started.job,
        commands: started.commands.map(commandMessage),
      };
    },
    async *watch(request, { signal, values }) {
      const prepared = preparedOf(values);
      for await (const event of commands.watch(watchFromOf(request), signal)) {
        const envelope = prepared && bulkEnvelope(event);
        if (envelope !== undefined) prepared?.push(envelope);
        yield envelope === undefined ? watchMessage(event) : {};
      }
    },
    async cancel(request, { requestHeader }) {
      const id = requireId("command_id", request.commandId);
      const { requestedBy, saidBy } = await proofs.asker(
        requestHeader,
        saidIn(request),
      );
      const { unconfirmed, ...command } = await commands.cancel(
        id,
        request.graceMs,
        requestedBy,
        saidBy,
      );
      return { command: commandMessage(command), unconfirmed };
    },
    async rerun(request, { requestHeader }) {
      const id = requireId("command_id", request.commandId);
      const requestId = requireText("request_id", request.requestId);
      const asker = await proofs.asker(requestHeader, saidIn(request));
      const again = await commands.rerun(id, { requestId, ...asker });
      return { command: commandMessage(again) };
    },
    async giveUp(request, { requestHeader }) {
      const id = requireId("command_id", request.commandId);
      const { requestedBy, saidBy } = await proofs.asker(
        requestHeader,
        saidIn(request),
      );
      const command = await commands.giveUp(id, requestedBy, saidBy);
      return { command: commandMessage(command) };
    },
    async listCommands(request) {
      const list = await commands.list(filterOf(request));
      return { commands: list.map(commandMessage) };
    },
    async getCommand({ commandId }) {
      const id = requireId("command_id", commandId);
      return { command: commandMessage(await commands.get(id)) };
    },
    async getTimeline({ commandId }) {
      const id = requireId("command_id", commandId);
      const { command, at, entries } = await commands.timeline(id);
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

function runRequestOf(request: RunMessage): Omit<RunRequest, keyof Asker> {
  const agents = requireItems("agents", request.agents);
  return {
    agents: agents.map((agent) => requireText("agents", agent)),
    operation: requireText("operation", request.operation),
    params: requireJsonObject("params", request.params),
    timeoutMs: request.timeoutMs === undefined
      ? undefined
      : requireRange("timeout_ms", request.timeoutMs, {
        least: 1,
        most: MAX_UINT32,
      }),
    requestId: requireText("request_id", request.requestId),
    onDisconnect: onDisconnectOf(request.onDisconnect),
    killAfterMs: request.killAfterMs,
  };
}

function onDisconnectOf(choice: OnDisconnect): RunRequest["onDisconnect"] {
  switch (choice) {
    case OnDisconnect.UNSPECIFIED:
    case OnDisconnect.CONTINUE:
      return "continue";
    case OnDisconnect.KILL:
      return "kill";
    default:
      throw invalid("on_disconnect", `${choice} is not one of its values`);
  }
}

function watchFromOf({ commands }: WatchRequest) {
  const from = requireItems("commands", commands).map((command) => ({
    id: requireId("command_id", command.commandId),
    stdoutOffset: command.stdoutOffset,
    stderrOffset: command.stderrOffset,
  }));
  // Two offsets of one command: which of them would a piece of output be for?
  if (new Set(from.map(({ id }) => id)).size < from.length) {
    throw invalid("commands", "one of them is there twice");
  }
  return from;
}

function filterOf(
  { limit = DEFAULT_LIMIT, beforeId, agent, states }: ListCommandsRequest,
): CommandFilter {
  return {
    limit: requireRange("limit", limit, { least: 1, most: MAX_LIMIT }),
    ...(beforeId === undefined
      ? {}
      : { beforeId: requireId("before_id", beforeId) }),
    ...(agent === "" ? {} : { agent: limitText("agent", agent) }),
    ...(states.length === 0 ? {} : { states: states.map(stateName) }),
  };
}

/** Envelope of the `watchMessage` of a large piece of output; undefined for anything else. */
function bulkEnvelope(event: WatchEvent): Uint8Array | undefined {
  if (event.kind !== "output" || event.cut !== 0n) return undefined;
  const { commandId, stream, offset, bytes, at } = event;
  if (bytes.length < BULK_BYTES) return undefined;
  const envelope = encodeBulk({
    before: toBinary(
      WatchResponseSchema,
      create(WatchResponseSchema, { commandId }),
    ),
    outer: WatchResponseSchema.field.output.number,
    inner: toBinary(
      OutputSchema,
      create(OutputSchema, {
        stream: outputStreams[stream],
        offset,
        ...timestamp("atMs", at ?? null),
      }),
    ),
    field: OutputSchema.field.bytes.number,
    bytes,
  }, ENVELOPE_BYTES);
  new DataView(envelope.buffer).setUint32(1, envelope.length - ENVELOPE_BYTES);
  return envelope;
}

function watchMessage(event: WatchEvent): WatchResponse {
  switch (event.kind) {
    case "command":
      return create(WatchResponseSchema, {
        commandId: event.command.id,
        event: { case: "command", value: commandMessage(event.command) },
      });
    case "output": {
      const { commandId, stream, offset, bytes, cut, at } = event;
      return create(WatchResponseSchema, {
        commandId,
        event: {
          case: "output",
          value: {
            stream: outputStreams[stream],
            offset,
            bytes,
            cut,
            ...timestamp("atMs", at ?? null),
          },
        },
      });
    }
    case "progress": {
      const { commandId, current, total, message } = event;
      return create(WatchResponseSchema, {
        commandId,
        event: { case: "progress", value: { current, total, message } },
      });
    }
    case "cutOff":
      return create(WatchResponseSchema, {
        commandId: event.commandId,
        event: { case: "cutOff", value: { reason: event.reason } },
      });
    case "storage":
      return create(WatchResponseSchema, {
        event: {
          case: "storage",
          value: event.failure === undefined
            ? {}
            : { failure: writeFailureMessage(event.failure) },
        },
      });
  }
}
