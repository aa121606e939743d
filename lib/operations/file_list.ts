import * as v from "valibot";
import { treeLines } from "../files/tree.ts";
import { walk } from "../files/tree_reader.ts";
import { anyHostPath, openPlace } from "./host_place.ts";
import type { Operation, OperationEvent } from "./operation.ts";

/** Size of the pieces of the list, in bytes. */
const PIECE_BYTES = 32_768;

/** Most paths that a message names. */
const MAX_NAMED = 3;

const parameters = v.strictObject({
  path: v.pipe(
    anyHostPath,
    v.description("File or folder to list, with all that is in it"),
  ),
});

/** Lists a file or folder, with the hashes of all files: what `piri-manager get` asks for first. */
export const fileList: Operation<typeof parameters> = {
  name: "file.List",
  description:
    "Prints a file or folder as JSON Lines: names, sizes, modes, times and hashes of all that is in it",
  parameters,
  acts: false,
  paths: ({ path }) => [{ use: "read", path }],
  async *run({ path }, { signal, guard }) {
    using place = openPlace(path, "read", guard);
    const others: string[] = [];
    const hidden: string[] = [];
    const options = {
      signal,
      onOther: (path: string) => others.push(path),
      isHidden: (name: string) => {
        const path = `${place.real}/${name}`;
        if (guard.obstacle("read", path) === undefined) return false;
        hidden.push(path);
        return true;
      },
    };
    const encoder = new TextEncoder();
    const [head = ""] = treeLines([]);
    let text = head;
    let count = 0;
    for await (const { entry } of walk(place.folder, place.name, "", options)) {
      count++;
      text += `${JSON.stringify(entry)}\n`;
      if (text.length < PIECE_BYTES) continue;
      yield stdout(encoder.encode(text));
      text = "";
    }
    if (text !== "") yield stdout(encoder.encode(text));
    const sentences = [
      ...leftOut(others, "devices, pipes and sockets"),
      ...leftOut(hidden, "that nobody may read by this agent"),
    ];
    return {
      success: true,
      changed: false,
      data: { entries: count, leftOut: others.length + hidden.length },
      ...(sentences.length === 0 ? {} : { message: sentences.join("; ") }),
    };
  },
};

function leftOut(paths: readonly string[], what: string): string[] {
  if (paths.length === 0) return [];
  const named = paths.slice(0, MAX_NAMED).join(", ");
  const more = paths.length > MAX_NAMED ? ", …" : "";
  return [`left out ${paths.length} ${what}: ${named}${more}`];
}

function stdout(bytes: Uint8Array<ArrayBuffer>): OperationEvent {
  return { kind: "output", stream: "stdout", bytes };
}
