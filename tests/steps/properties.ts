import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Disk } from "../../lib/base/disk.ts";
import { Owed } from "../../lib/steps/engine/owed.ts";
import { fingerprintOf } from "../../lib/steps/fingerprint.ts";
import { stepOperations } from "../../lib/steps/registry.ts";
import type { StepRecord } from "../../lib/steps/engine/records.ts";
import type { Sheet, SheetStep } from "../../lib/steps/sheet.ts";
import {
  type StepOperation,
  stepOperation,
} from "../../lib/steps/step_operation.ts";
import { MemoryDisk } from "../support/memory_disk.ts";
import { anyAgreeing, anyPlainTree, anySheet, anyTree } from "./any_sheet.ts";
import { FakeHost, type FakeNode, type Tree } from "./fake_host.ts";
import { Power } from "./power.ts";
import { applyOn, planOn } from "./runs.ts";

/** Parts of the engine that a test can replace by broken ones. */
export interface Parts {
  readonly operations: readonly StepOperation[];
  /** Disk of debts, of the real one. */
  readonly diskOf: (
    disk: MemoryDisk,
  ) => Pick<Disk, "read" | "size" | "replace">;
}

/** Acts each time, as a restart does, and is known by the line that it runs. */
export const listener = stepOperation({
  name: "test.Listener",
  description: "Runs a program that does nothing",
  subject: "name",
  parameters: {
    name: { type: "text", required: true, description: "Word for people" },
  },
  // deno-lint-ignore require-await
  async check() {
    return {
      verdict: "change",
      changes: [],
      fingerprint: fingerprintOf("listener"),
      after: "none",
    };
  },
  async change({ name }, _, writer) {
    await writer.run({ argv: ["say", name] });
  },
});

export const PARTS: Parts = {
  operations: [...stepOperations, listener],
  diskOf: (disk) => disk,
};

/** Property of the engine, for any case. */
export type Property = (parts: Parts) => fc.IAsyncProperty<unknown>;

/** A plan after an apply without obstacles is empty. */
export function applyIsEnough(
  { operations }: Parts,
): fc.IAsyncProperty<unknown> {
  return fc.asyncProperty(anyPlainTree, anyAgreeing, async (tree, sheet) => {
    const host = new FakeHost(tree);
    const before = await planOn(host, sheet, { operations });
    fc.pre(before.end.success);

    const { end } = await applyOn(host, sheet, { operations });
    const after = await planOn(host, sheet, { operations });

    assertEquals([end.success, end.message, host.writes > 0], [
      true,
      end.message,
      end.changed,
    ]);
    assertEquals(verdictsOf(after.steps, "change"), []);
    assertEquals(verdictsOf(after.steps, "unknown"), []);
  });
}

/** A second apply writes nothing. */
export function twiceIsOnce(
  { operations }: Parts,
): fc.IAsyncProperty<unknown> {
  return fc.asyncProperty(anyPlainTree, anyAgreeing, async (tree, sheet) => {
    const host = new FakeHost(tree);
    await applyOn(host, sheet, { operations });
    const writes = host.writes;
    const once = new Map(host.tree);
    const disk = new MemoryDisk();

    const { end } = await applyOn(host, sheet, { operations, disk });

    fc.pre(end.success);
    assertEquals([host.writes - writes, end.changed], [0, false]);
    assertEquals(host.tree, once);
  });
}

/** A plan tells exactly what the apply does, for sheets that contradict themselves, too. */
export function planIsTrue(
  { operations }: Parts,
): fc.IAsyncProperty<unknown> {
  return fc.asyncProperty(anyTree, anySheet, async (tree, sheet) => {
    const host = new FakeHost(tree);
    const before = new Map(host.tree);
    const planned = await planOn(host, sheet, { operations });
    assertEquals([host.writes, host.tree], [0, before]);

    const applied = await applyOn(host, sheet, { operations });

    // Behind a program anything may be so, and what is unknown is not told.
    const end = planned.steps.findIndex(({ verdict, operation }) =>
      verdict === "unknown" ||
      (verdict === "change" && operation === "command.Run")
    );
    const told = end < 0 ? applied.steps : applied.steps.slice(0, end);
    assertEquals(
      planned.steps.slice(0, told.length).map(findingOf),
      told.map(findingOf),
    );
    fc.pre(end < 0);
    assertEquals(planned.end.success, applied.end.success);
  });
}

function findingOf(
  { name, verdict, changes, fingerprint }: StepRecord,
): Partial<StepRecord> {
  return {
    name,
    verdict,
    changes,
    ...fingerprint === undefined ? {} : { fingerprint },
  };
}

/** An apply changes what its plan names, path by path, and nothing else. */
export function planIsWhole(
  { operations }: Parts,
): fc.IAsyncProperty<unknown> {
  return fc.asyncProperty(anyPlainTree, anyAgreeing, async (tree, sheet) => {
    const host = new FakeHost(tree);
    const before = new Map(host.tree);
    const planned = await planOn(host, sheet, { operations });
    fc.pre(planned.end.success);

    await applyOn(host, sheet, { operations });

    const named = new Set<string>();
    for (const { step, changes, verdict } of planned.steps) {
      if (verdict !== "change") continue;
      const path = pathOf(sheet.steps[step], before);
      if (path !== "") {
        for (const what of whatOf(changes)) named.add(`${path} ${what}`);
      }
      for (const { what } of changes) {
        if (what.startsWith("folder /")) named.add(`${what.slice(7)} kind`);
      }
    }
    assertEquals(
      [...differencesOf(before, host.tree)].toSorted(),
      [
        ...named,
      ].toSorted(),
    );
  });
}

/** An apply after a crash at any write ends in the same host, and each reaction to a change has happened or is owed. */
export function crashIsHarmless(
  { operations, diskOf }: Parts,
): fc.IAsyncProperty<unknown> {
  return fc.asyncProperty(
    anyPlainTree,
    anyAgreeing,
    fc.nat(40),
    async (tree, sheet, at) => {
      const whole = new FakeHost(tree);
      const { end } = await applyOn(whole, sheet, { operations });
      fc.pre(end.success);

      const power = new Power(at);
      const first = new FakeHost(tree, power);
      const disk = new MemoryDisk({
        fault: ({ kind }) =>
          kind === "replace" && power.isCut() ? "crash" : undefined,
      });
      await Promise.race([
        applyOn(first, sheet, { operations, disk: diskOf(disk) }),
        power.cut,
        disk.crashed,
      ]);
      const left = disk.afterCrash("power");
      await requireReactions(sheet, {
        before: new FakeHost(tree).tree,
        after: first,
        disk: left,
      });

      const second = new FakeHost(first.tree);
      await planOn(second, sheet, { operations, disk: left });
      const again = await applyOn(second, sheet, {
        operations,
        disk: diskOf(left),
      });

      assertEquals(again.end.success, true);
      assertEquals(
        [...second.tree].toSorted(byName),
        [...whole.tree].toSorted(byName),
      );
      assertEquals(again.end.owed, []);
      const reacted = new Set([...first.ran, ...second.ran]);
      for (const line of whole.ran) {
        assert(reacted.has(line), `${line} is lost`);
      }
    },
  );
}

/** All properties by their names. */
export const PROPERTIES: readonly [string, Property][] = [
  ["a plan after an apply is empty", applyIsEnough],
  ["a second apply writes nothing", twiceIsOnce],
  ["an apply does what its plan said, step by step", planIsTrue],
  ["an apply changes the parts that its plan named, no others", planIsWhole],
  [
    "an apply after a crash ends in the same host, and no reaction is lost",
    crashIsHarmless,
  ],
];

const NEVER = new AbortController().signal;

/** Path that a step changes: an edit follows a link. */
function pathOf(step: SheetStep | undefined, before: Tree): string {
  const { operation = "", params = {} } = step ?? {};
  const path = String(params["path"] ?? "");
  return /Line|Block/.test(operation)
    ? new FakeHost(before).reader(NEVER).realPath(path)
    : path;
}

/** Requires that each step whose path differs has a reaction that was run, or is owed. */
async function requireReactions(
  sheet: Sheet,
  { before, after, disk }: { before: Tree; after: FakeHost; disk: MemoryDisk },
): Promise<void> {
  const owed = await Owed.load(disk);
  const changed = new Set(
    [...differencesOf(before, after.tree)].map((each) => each.split(" ")[0]),
  );
  for (const { name, params, onchanges = [] } of sheet.steps) {
    const causes = onchanges.filter((each) => {
      return changed.has(pathOf(sheet.steps[each], before));
    });
    if (causes.length === 0) continue;
    assert(
      after.ran.includes(`say ${params["name"]}`) ||
        owed.to(sheet.state, name).length > 0,
      `${name} neither ran nor is owed`,
    );
  }
}

function byName([one]: [string, unknown], [other]: [string, unknown]): number {
  return one < other ? -1 : 1;
}

function verdictsOf(
  steps: readonly { readonly name: string; readonly verdict: string }[],
  wanted: string,
): string[] {
  return steps.filter(({ verdict }) => verdict === wanted).map(({ name }) =>
    name
  );
}

/** Differences of two hosts, a path and a part each. */
function differencesOf(before: Tree, after: Tree): Set<string> {
  const found = new Set<string>();
  for (const path of new Set([...before.keys(), ...after.keys()])) {
    const [from, to] = [before.get(path), after.get(path)];
    for (const part of partsOf(from, to)) found.add(`${path} ${part}`);
  }
  return found;
}

function partsOf(
  from: FakeNode | undefined,
  to: FakeNode | undefined,
): string[] {
  if (from?.kind !== to?.kind) return ["kind"];
  if (from === undefined || to === undefined) return [];
  return [
    ...from.text !== to.text || from.target !== to.target ? ["content"] : [],
    ...from.mode !== to.mode ? ["mode"] : [],
    ...from.uid !== to.uid ? ["owner"] : [],
    ...from.gid !== to.gid ? ["group"] : [],
  ];
}

/** The same parts by the changes of a step. */
function whatOf(
  changes: readonly { readonly what: string; readonly from?: string }[],
): string[] {
  const isKind = changes.some(({ what, from }) =>
    what === "kind" || what === "path" || (what === "folder") ||
    (what === "content" && from === "(absent)") ||
    (what === "link" && (from === "(absent)" || from === "file"))
  );
  if (isKind) return ["kind"];
  return changes.flatMap(({ what }) =>
    what === "link" ? ["content"] : what.startsWith("folder /") ? [] : [what]
  );
}
