import { PiriError } from "../../base/errors.ts";
import { fingerprintOf } from "../fingerprint.ts";
import type { HostReader, PathAttributes } from "../host/host.ts";
import { requireOwnLinks } from "../host/foreign_links.ts";
import { NO_FORECAST } from "../no_forecast.ts";
import {
  type Change,
  type Check,
  type Effect,
  type Forecast,
  stepOperation,
} from "../step_operation.ts";
import { quoted, WrongValue } from "../wrong_value.ts";
import { makeParents } from "./new_content.ts";
import {
  attributeChanges,
  type AttributeParams,
  ATTRIBUTES,
  FOLDER_MODE,
  kindText,
  madeParents,
  mergedAttributes,
  newAttributes,
  PARENTS,
  parentsOf,
  wantedAttributes,
} from "./paths.ts";
import { requireRemovable, treeAt, unnamedIn } from "./trees.ts";

/** Attributes that all below a folder can get. */
const RECURSED: readonly string[] = ["user", "group", "mode"];

/** Makes a folder. */
export const fileDir = stepOperation({
  name: "file.Dir",
  description: "Makes a folder be there, with an owner and a mode",
  subject: "path",
  parameters: {
    path: { type: "path", required: true, description: "Path of the folder" },
    ...ATTRIBUTES,
    ...PARENTS,
    recurse: {
      type: "texts",
      description: "Attributes that all below it get too: user, group, mode",
    },
    clean: {
      type: "switch",
      description: "True to remove what is in it and no step of the run names",
      standard: "false",
    },
  },
  touches: ({ path }) => [path],
  validate({ recurse = [] }) {
    const wrong = recurse.findIndex((each) => !RECURSED.includes(each));
    if (wrong < 0) return;
    throw new WrongValue(
      ["recurse", wrong],
      `${quoted(recurse[wrong] ?? "")} is none of ${RECURSED.join(", ")}`,
    );
  },
  check,
  async change(params, checked, writer) {
    const { path } = params;
    const wanted = await wantedAttributes(params, writer, NO_FORECAST);
    const facts = writer.facts(path);
    if (facts === undefined) {
      const folder = await makeParents(path, writer);
      const all = newAttributes(wanted, writer, { folder, mode: FOLDER_MODE });
      await writer.makeFolder(path, all);
      return;
    }
    // The effects are of this check, so they name what differs now: the lowest come last.
    const effects = (checked.effects ?? []).filter((effect) =>
      effect.kind === "path"
    );
    for (const { path: each, facts: after } of effects) {
      if (after === undefined) await writer.remove(each);
    }
    for (const { path: each, facts: after } of effects) {
      if (after === undefined) continue;
      const { mode, uid, gid } = after;
      await writer.setAttributes(each, { mode, uid, gid });
    }
  },
});

interface Params extends AttributeParams {
  readonly path: string;
  readonly parents?: boolean;
  readonly recurse?: readonly string[];
  readonly clean?: boolean;
}

async function check(
  params: Params,
  reader: HostReader,
  forecast: Forecast,
): Promise<Check> {
  const { path, clean = false } = params;
  const wanted = await wantedAttributes(params, reader, forecast);
  const below = recursedOf(params, wanted);
  const facts = reader.facts(path);
  if (facts !== undefined) requireOwnLinks(path, reader);
  if (facts === undefined) {
    const parents = parentsOf(path, reader, { ...params, forecast });
    const { effects, folder } = madeParents(parents, reader);
    const all = newAttributes(wanted, reader, { folder, mode: FOLDER_MODE });
    return {
      verdict: "change",
      changes: [...parents.missing, path].map((each) => ({
        what: each === path ? "folder" : `folder ${each}`,
        from: "(absent)",
        to: "folder",
      })),
      fingerprint: fingerprintOf("absent"),
      effects: [...effects, {
        kind: "path",
        path,
        facts: { kind: "folder", size: 0, ...all },
      }],
    };
  }
  if (facts.kind !== "folder") {
    throw new PiriError(
      "FAILED_PRECONDITION",
      `Cannot make the folder "${path}": there is a ${kindText(facts)}`,
    );
  }
  const changes: Change[] = [...attributeChanges(facts, wanted, params)];
  const effects: Effect[] = [];
  const observed: unknown[] = [[facts.mode, facts.uid, facts.gid]];
  if (changes.length > 0) {
    const after = { ...facts, ...mergedAttributes(facts, wanted) };
    effects.push({ kind: "path", path, facts: after });
  }
  if (clean) {
    for (const each of unnamedIn(path, reader, (at) => forecast.named(at))) {
      observed.push(each);
      requireRemovable(each, reader);
      changes.push({ what: `in it ${each}`, from: "there", to: "(absent)" });
      effects.push({ kind: "path", path: each, facts: undefined });
    }
  }
  if (below !== undefined) {
    const removed = new Set(
      effects.flatMap((effect) => effect.kind === "path" ? effect.path : []),
    );
    for (const [each, its] of treeAt(path, reader)) {
      if (each === path || its.kind === "link" || removed.has(each)) continue;
      const differs = attributeChanges(its, below, params);
      observed.push([each, its.mode, its.uid, its.gid]);
      if (differs.length === 0) continue;
      changes.push(...differs.map((change) => ({
        ...change,
        what: `${change.what} of ${each}`,
      })));
      const after = { ...its, ...mergedAttributes(its, below) };
      effects.push({ kind: "path", path: each, facts: after });
    }
  }
  const fingerprint = fingerprintOf(observed);
  if (changes.length === 0) return { verdict: "ok", changes, fingerprint };
  return { verdict: "change", changes, fingerprint, effects };
}

/** Attributes that all below a folder get. */
function recursedOf(
  { recurse = [] }: Params,
  { mode, uid, gid }: PathAttributes,
): PathAttributes | undefined {
  if (recurse.length === 0) return undefined;
  return {
    ...recurse.includes("user") && uid !== undefined ? { uid } : {},
    ...recurse.includes("group") && gid !== undefined ? { gid } : {},
    ...recurse.includes("mode") && mode !== undefined ? { mode } : {},
  };
}
