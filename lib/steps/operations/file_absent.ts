import { PiriError } from "../../base/errors.ts";
import { fingerprintOf } from "../fingerprint.ts";
import { requireOwnLinks } from "../host/foreign_links.ts";
import { stepOperation } from "../step_operation.ts";
import { kindText } from "./paths.ts";
import { requireRemovable, treeAt } from "./trees.ts";

/** Removes what is at a path. */
export const fileAbsent = stepOperation({
  name: "file.Absent",
  description: "Makes nothing be at a path",
  subject: "path",
  parameters: {
    path: { type: "path", required: true, description: "Path to clear" },
    recurse: {
      type: "switch",
      description: "True to remove a folder with all that is in it",
      standard: "false",
    },
  },
  touches: ({ path }) => [path],
  // deno-lint-ignore require-await
  async check({ path, recurse = false }, reader) {
    const facts = reader.facts(path);
    if (facts === undefined) {
      return { verdict: "ok", changes: [], fingerprint: ABSENT };
    }
    requireOwnLinks(path, reader);
    const tree = treeAt(path, reader);
    if (tree.length > 1 && !recurse) {
      throw new PiriError(
        "FAILED_PRECONDITION",
        `Cannot remove the folder "${path}": it is not empty; give recurse: true to remove all that is in it`,
      );
    }
    for (const [each, { kind }] of tree) {
      if (kind === "folder") requireRemovable(each, reader);
    }
    const more = tree.length > 1 ? `, with ${tree.length - 1} in it` : "";
    return {
      verdict: "change",
      changes: [{
        what: "path",
        from: `${kindText(facts)}${more}`,
        to: "(absent)",
      }],
      fingerprint: fingerprintOf(tree.map(([each, { kind }]) => [each, kind])),
      effects: [{ kind: "path", path, facts: undefined }],
    };
  },
  async change({ path, recurse = false }, _, writer) {
    const tree = recurse ? treeAt(path, writer).toReversed() : [];
    for (const [each] of tree) await writer.remove(each);
    if (!recurse) await writer.remove(path);
  },
});

const ABSENT = fingerprintOf("absent");
