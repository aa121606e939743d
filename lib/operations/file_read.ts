import * as v from "valibot";
import { Limits } from "../base/limits.ts";
import { PiriError } from "../base/errors.ts";
import type { HostFile } from "../files/byte_file.ts";
import { fileError } from "../files/file_errors.ts";
import { type HostFolder, openToRead } from "../files/host_files.ts";
import { isFileName, shownName } from "../files/names.ts";
import { anyHostPath, openPlace } from "./host_place.ts";
import type { Operation, OperationEvent } from "./operation.ts";

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

const parameters = v.strictObject({
  path: v.pipe(
    anyHostPath,
    v.description("File to read, or folder that has the files"),
  ),
  parts: v.pipe(
    v.array(v.strictObject({ name: v.string(), offset: count, length: count })),
    v.minLength(1, "Expected at least one part"),
    v.description(
      'Parts to read, one after the other: name below the path, "" for the path itself; offset; length',
    ),
  ),
});

type Part = v.InferOutput<typeof parameters>["parts"][number];

/** Prints parts of files: what `piri-manager get` reads contents by. */
export const fileRead: Operation<typeof parameters> = {
  name: "file.Read",
  description: "Prints parts of files, byte for byte and one after the other",
  parameters,
  acts: false,
  paths: ({ path, parts }) =>
    parts.map(({ name }) => ({
      use: "read",
      path: name === "" ? path : `${path}/${name}`,
    })),
  async *run({ path, parts }, { signal, guard }) {
    using place = openPlace(path, "read", guard);
    let bytes = 0;
    for (const part of parts) {
      const names = part.name === "" ? [] : part.name.split("/");
      if (!names.every(isFileName)) {
        throw new PiriError(
          "INVALID_ARGUMENT",
          `Cannot read "${
            shownName(part.name)
          }": it is no path below "${path}"`,
        );
      }
      guard.require("read", [place.real, ...names].join("/"));
      yield* read(place.folder, [place.name, ...names], { part, signal });
      bytes += part.length;
    }
    return { success: true, changed: false, data: { bytes } };
  },
};

/** Reads a part of a file, step by step to its folder, so that no link is followed. */
async function* read(
  base: HostFolder,
  names: readonly string[],
  { part, signal }: { part: Part; signal: AbortSignal },
): AsyncGenerator<OperationEvent> {
  using undo = new DisposableStack();
  const [leaf = "", ...above] = names.toReversed();
  let folder = base;
  let file: HostFile;
  try {
    for (const name of above.reverse()) folder = undo.use(folder.enter(name));
    file = undo.use(openToRead(folder.at(leaf)));
    await file.seek(part.offset, Deno.SeekMode.Start);
  } catch (error) {
    throw fileError("read", folder.shownAt(leaf), error);
  }
  for (let left = part.length; left > 0;) {
    if (signal.aborted) {
      throw new PiriError(
        "CANCELLED",
        `Cannot read "${
          shownName(folder.shownAt(leaf))
        }": the command was cancelled`,
      );
    }
    const bytes = new Uint8Array(Math.min(left, Limits.chunk));
    const read = await file.read(bytes).catch((error) => {
      throw fileError("read", folder.shownAt(leaf), error);
    });
    if (read === null) throw shortened(folder.shownAt(leaf));
    left -= read;
    // A part of a buffer would be sent whole.
    const piece = read === bytes.length ? bytes : bytes.slice(0, read);
    yield { kind: "output", stream: "stdout", bytes: piece };
  }
}

function shortened(path: string): PiriError {
  return new PiriError(
    "FAILED_PRECONDITION",
    `Cannot read "${shownName(path)}": it became shorter meanwhile`,
  );
}
