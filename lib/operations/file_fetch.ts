import { SHA256_PATTERN } from "../base/blob.ts";
import * as v from "valibot";
import { createHash } from "node:crypto";
import { systemClock } from "../base/clock.ts";
import { codeOf, PiriError } from "../base/errors.ts";
import { releaseWhole } from "../base/memory.ts";
import { Limits } from "../base/limits.ts";
import {
  attributesOf,
  flag,
  hostPath,
  requireHostPath,
  sourceName,
} from "./file_params.ts";
import { report } from "./file_report.ts";
import { NewFile } from "./new_file.ts";
import { placeToWrite } from "./place_to_write.ts";
import { MAX_AHEAD, PiecesAhead, type Range } from "./pieces_ahead.ts";
import { byteProgress } from "./byte_progress.ts";
import type { Operation, OperationContext } from "./operation.ts";
import { changesOf, hashOf, setAttributes, targetAt } from "./target_file.ts";

/** Shortest time between two reports of progress, in milliseconds. */
const PROGRESS_MS = 250;
const OCTAL = /^[0-7]{3,4}$/;

const parameters = v.strictObject({
  source: sourceName,
  path: hostPath,
  mode: v.optional(v.pipe(
    v.string(),
    v.regex(OCTAL, "Expected an octal number as 0644"),
    v.description("Its mode; that of the Manager's file by default"),
  )),
  user: v.optional(v.pipe(
    v.string(),
    v.description("Its owner, a name or number; needs an agent that is root"),
  )),
  group: v.optional(v.pipe(
    v.string(),
    v.description("Its group, a name or number"),
  )),
  parents: v.optional(
    flag("Whether missing parent folders are made; false by default"),
  ),
});

const statSchema = v.object({
  size: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
  sha256: v.pipe(v.string(), v.regex(SHA256_PATTERN)),
  // Managers of 2024 tell none, and those on Windows have none.
  mode: v.fallback(v.optional(v.pipe(v.string(), v.regex(OCTAL))), undefined),
});

/** Writes a file of the Manager's data to the host, whole or not at all. */
export const fileFetch: Operation<typeof parameters> = {
  name: "file.Fetch",
  description: "Puts a file from the Manager's data on the host",
  parameters,
  acts: true,
  paths: ({ path }) => [{ use: "write", path }],
  async *run(params, context) {
    const { source, path, user, group, parents } = params;
    requireHostPath(path);
    context.guard.require("write", path);
    const { size, sha256, mode } = await askStat(source, context);
    const wanted = await attributesOf({
      mode: modeOf(params.mode ?? mode, context.guard),
      user,
      group,
    });
    using place = placeToWrite(path, {
      guard: context.guard,
      parents: parents ?? false,
    });
    const { at } = place;
    const target = await targetAt(path, at);
    const data = { path, size, sha256 };
    if (
      target?.size === size && await hashOf(at, context.signal) === sha256
    ) {
      const changes = await setAttributes(
        { path, at },
        wanted,
        target.attributes,
      );
      return yield* report({ path, changes, mode: wanted.mode }, data);
    }
    await using file = await NewFile.create(path, {
      attributes: { ...target?.attributes, ...wanted },
      at,
    });
    const hash = createHash("sha256");
    let written = 0;
    let toldAt = -Infinity;
    for await (const bytes of pieces(source, size, context)) {
      hash.update(bytes);
      await file.write(bytes);
      written += bytes.length;
      releaseWhole(bytes);
      const now = systemClock.monotonic();
      if (now - toldAt < PROGRESS_MS && written < size) continue;
      toldAt = now;
      yield byteProgress(written, size);
    }
    if (hash.digest("hex") !== sha256) throw changedMeanwhile(source);
    await file.finish();
    await place.keep();
    const { attributes = wanted } = target ?? {};
    const changes = ["content" as const, ...changesOf(wanted, attributes)];
    return yield* report({ path, changes, size }, data);
  },
};

async function askStat(
  source: string,
  { data }: OperationContext,
): Promise<v.InferOutput<typeof statSchema>> {
  const text = await data.text("file_stat", { filename: source });
  const result = v.safeParse(
    v.pipe(v.string(), v.parseJson(), statSchema),
    text,
  );
  if (result.success) return result.output;
  throw new PiriError(
    "UNSUPPORTED",
    `Cannot fetch "${source}": the manager does not tell its size and SHA-256`,
  );
}

function modeOf(
  octal: string | undefined,
  { modeMask }: OperationContext["guard"],
): number | undefined {
  return octal === undefined ? undefined : parseInt(octal, 8) & modeMask;
}

/** Pieces of the file in order, with a few requests under way at a time. */
async function* pieces(
  source: string,
  size: number,
  { data, signal }: OperationContext,
): AsyncGenerator<Uint8Array> {
  const asked = new PiecesAhead(
    rangesOf(size),
    (range) => data.bytes("file_content", { filename: source, ...range }),
  );
  for (;;) {
    asked.ask(MAX_AHEAD);
    const next = asked.take();
    if (next === undefined) return;
    const bytes = await next.answer.catch((error) => {
      // The file was there when its size was asked for.
      throw codeOf(error) === "NOT_FOUND"
        ? changedMeanwhile(source, error)
        : error;
    });
    if (signal.aborted) {
      throw new PiriError(
        "CANCELLED",
        `Cannot fetch "${source}": the command was cancelled`,
      );
    }
    if (bytes.length !== next.length) throw changedMeanwhile(source);
    yield bytes;
  }
}

function* rangesOf(size: number): Generator<Range> {
  for (let offset = 0; offset < size; offset += Limits.piece) {
    yield { offset, length: Math.min(Limits.piece, size - offset) };
  }
}

function changedMeanwhile(source: string, cause?: unknown): PiriError {
  return new PiriError(
    "FAILED_PRECONDITION",
    `Cannot fetch "${source}": it was changed while it was fetched`,
    { cause },
  );
}
