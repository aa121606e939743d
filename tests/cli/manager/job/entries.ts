import { create } from "@bufbuild/protobuf";
import { createHash } from "node:crypto";
import {
  CommandState,
  EntryState,
  type JobEntry,
  JobEntrySchema,
} from "../../../../proto/gen/piri/control/v1/control_pb.ts";
import { JobBoard } from "../../../../lib/cli/manager/job/board.ts";
import { job } from "../../fake_manager.ts";

type Given = Omit<Partial<JobEntry>, "$typeName" | "$unknown">;

/** An entry whose command succeeded, with this output. */
export function ok(agent: string, stdout = "", given: Given = {}): JobEntry {
  return withCommand(agent, stdout, {
    commandState: CommandState.SUCCEEDED,
    exitCode: 0,
    ...given,
  });
}

/** An entry whose command failed, with this exit code and output. */
export function failed(
  agent: string,
  exitCode = 1,
  { stdout = "", ...given }: Given & { stdout?: string } = {},
): JobEntry {
  return withCommand(agent, stdout, {
    commandState: CommandState.FAILED,
    exitCode,
    ...given,
  });
}

/** An entry of this state without a command. */
export function without(
  agent: string,
  state: EntryState,
  reason = "",
): JobEntry {
  return create(JobEntrySchema, { agent, state, reason });
}

function withCommand(agent: string, stdout: string, given: Given): JobEntry {
  return create(JobEntrySchema, {
    agent,
    state: EntryState.STARTED,
    commandId: 1n,
    stdoutBytes: BigInt(stdout.length),
    stdoutSha256: sha256(stdout),
    ...given,
  });
}

/** SHA-256 of a text. */
export function sha256(text: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(createHash("sha256").update(text).digest());
}

/** Entries in this order, each with a position and a command of its own. */
export function inOrder(entries: readonly JobEntry[]): JobEntry[] {
  return entries.map((entry, position) => ({
    ...entry,
    position,
    ...entry.commandId === undefined
      ? {}
      : { commandId: BigInt(100 + position) },
  }));
}

/** A job with these entries. */
export function boardOf(
  entries: readonly JobEntry[],
  given: Parameters<typeof job>[0] = {},
): JobBoard {
  const board = new JobBoard(job(given));
  for (const entry of inOrder(entries)) board.take(entry);
  return board;
}
