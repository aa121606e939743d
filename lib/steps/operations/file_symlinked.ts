import { dirname, resolve } from "@std/path";
import { PiriError } from "../../base/errors.ts";
import { fingerprintOf } from "../fingerprint.ts";
import { stepOperation } from "../step_operation.ts";
import { kindText, parentsOf } from "./paths.ts";

/** Makes a link. */
export const fileSymlinked = stepOperation({
  name: "file.Symlinked",
  description: "Makes a symbolic link lead to a target",
  subject: "path",
  parameters: {
    path: { type: "path", required: true, description: "Path of the link" },
    target: {
      type: "text",
      required: true,
      description: "Text of the link: where it leads",
    },
  },
  touches: ({ path }) => [path],
  // A link gives others a way to its target.
  reads: ({ path, target }) => [resolve(dirname(path), target)],
  // deno-lint-ignore require-await
  async check({ path, target }, reader, forecast) {
    const facts = reader.facts(path);
    const fingerprint = fingerprintOf([facts?.kind, facts?.target]);
    if (facts?.kind === "link" && facts.target === target) {
      return { verdict: "ok", changes: [], fingerprint };
    }
    if (facts?.kind === "folder" || facts?.kind === "other") {
      throw new PiriError(
        "FAILED_PRECONDITION",
        `Cannot make the link "${path}": there is a ${
          kindText(facts)
        }, which no link replaces`,
      );
    }
    parentsOf(path, reader, { forecast });
    const { uid, gid } = reader.self;
    const link = { kind: "link", mode: 0o777, uid, gid, target } as const;
    const size = new TextEncoder().encode(target).length;
    return {
      verdict: "change",
      changes: [{
        what: "link",
        from: facts?.target ?? kindText(facts),
        to: target,
      }],
      fingerprint,
      effects: [{ kind: "path", path, facts: { ...link, size } }],
    };
  },
  async change({ path, target }, _, writer) {
    await writer.makeLink(path, target);
  },
});
