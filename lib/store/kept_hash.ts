import { createHash } from "node:crypto";
import { isOpenState, mayComeBack } from "../base/command_state.ts";
import { PiriError } from "../base/errors.ts";
import { commandNotFound, type Commands } from "./commands.ts";
import type { Output } from "./output.ts";
import type { CommandRecord, OutputHashes, StreamName } from "./records.ts";
import type { Writer } from "./writer.ts";

/** Bytes of output that one read hashes, about, so that no write waits long behind it. */
const READ_BYTES = 1_048_576;

/** Parts of the store that hashes of kept output are made with. */
export interface KeptHashParts {
  readonly writer: Writer;
  readonly commands: Commands;
  readonly output: Output;
}

/**
 * Hashes of a command that has ended. Those that its agent did not tell are made of what is kept, and are recorded.
 *
 * @throws {PiriError} NOT_FOUND; FAILED_PRECONDITION if the command has not ended.
 */
export async function hashKept(
  { writer, commands, output }: KeptHashParts,
  id: bigint,
): Promise<OutputHashes> {
  const before = await writer.read(() => ended(commands, id));
  if (isComplete(before)) return hashesOf(before);
  const made = {
    stdoutSha256: before.stdoutSha256 ?? await hash("stdout"),
    stderrSha256: before.stderrSha256 ?? await hash("stderr"),
  };
  return await writer.write(() => {
    // A result may have come meanwhile, which knows better.
    const record = ended(commands, id);
    if (isComplete(record)) return hashesOf(record);
    const isPart = record.truncated || mayComeBack(record);
    const hashes = { ...made, hashOfKept: isPart };
    commands.patch({ id, ...hashes });
    return hashes;
  });

  async function hash(stream: StreamName): Promise<Uint8Array> {
    const hash = createHash("sha256");
    for (let offset: bigint | undefined = 0n; offset !== undefined;) {
      const from = offset;
      offset = await writer.read(() => {
        const range = { stream, offset: from, limit: READ_BYTES };
        const pieces = output.read(id, range);
        for (const { bytes } of pieces) hash.update(bytes);
        const last = pieces.at(-1);
        return last && last.offset + BigInt(last.bytes.length);
      });
    }
    return new Uint8Array(hash.digest());
  }
}

function ended(commands: Commands, id: bigint): CommandRecord {
  const record = commands.get(id);
  if (record === undefined) throw commandNotFound("hash the output of", id);
  if (!isOpenState(record.state)) return record;
  throw new PiriError(
    "FAILED_PRECONDITION",
    `Cannot hash the output of command ${id}: it has not ended`,
  );
}

function isComplete({ stdoutSha256, stderrSha256 }: CommandRecord): boolean {
  return stdoutSha256 !== null && stderrSha256 !== null;
}

function hashesOf(
  { stdoutSha256, stderrSha256, hashOfKept }: CommandRecord,
): OutputHashes {
  return { stdoutSha256, stderrSha256, hashOfKept };
}
