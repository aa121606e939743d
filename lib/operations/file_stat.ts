import * as v from "valibot";
import { PiriError } from "../base/errors.ts";
import { fileError } from "../files/file_errors.ts";
import { factsAt, linkAt } from "../files/host_files.ts";
import { shownName } from "../files/names.ts";
import { hashAt } from "../files/tree_reader.ts";
import { anyHostPath, openPlace } from "./host_place.ts";
import type { Operation } from "./operation.ts";

const parameters = v.strictObject({
  path: v.pipe(
    anyHostPath,
    v.description(
      'File, folder or link; with "/" at its end a link is followed',
    ),
  ),
});

/** Prints the facts about one file, folder or link. */
export const fileStat: Operation<typeof parameters> = {
  name: "file.Stat",
  description:
    "Prints kind, size, mode, owner, time and SHA-256 of a file as a line of JSON",
  parameters,
  acts: false,
  paths: ({ path }) => [{ use: "read", path }],
  async *run({ path }, { signal, guard }) {
    using place = openPlace(path, "read", guard);
    const { folder, name } = place;
    const facts = attempt(path, () => factsAt(folder.at(name)));
    if (facts === undefined) {
      throw new PiriError(
        "NOT_FOUND",
        `Cannot read "${path}": there is no such file or folder`,
      );
    }
    const data = {
      ...facts,
      ...facts.kind === "file" ? await hashAt(folder, name, signal) : {},
      ...facts.kind === "link"
        ? { target: shownName(attempt(path, () => linkAt(folder.at(name)))) }
        : {},
    };
    const bytes = new TextEncoder().encode(`${JSON.stringify(data)}\n`);
    yield { kind: "output", stream: "stdout", bytes };
    return { success: true, changed: false, data };
  },
};

function attempt<T>(path: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw fileError("read", path, error);
  }
}
