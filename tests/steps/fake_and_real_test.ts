import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import fc from "fast-check";
import { apply } from "../../lib/steps/engine/engine.ts";
import { Owed } from "../../lib/steps/engine/owed.ts";
import { stepHost } from "../../lib/operations/step_host.ts";
import { stepOperations } from "../../lib/steps/registry.ts";
import type {
  Sheet,
  SheetCondition,
  SheetValue,
} from "../../lib/steps/sheet.ts";
import { newContext } from "../operations/support.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { MemoryDisk } from "../support/memory_disk.ts";
import { TempFolder } from "../support/temp_folder.ts";
import { anyFileSheet, anyTree } from "./any_sheet.ts";
import { FakeHost, type FakeNode, type Tree } from "./fake_host.ts";

const isRoot = Deno.uid() === 0;

/** Makes a tree of a fake host in a real folder. */
function makeReal(tree: Tree, root: string): void {
  for (const [path, node] of [...tree].toSorted()) {
    const at = join(root, path);
    if (node.kind === "folder") Deno.mkdirSync(at, { recursive: true });
    if (node.kind === "file") Deno.writeTextFileSync(at, node.text ?? "");
    if (node.kind === "link") Deno.symlinkSync(realTarget(node, root), at);
    if (node.kind === "link") continue;
    Deno.chownSync(at, node.uid, node.gid);
    Deno.chmodSync(at, node.mode);
  }
}

function realTarget({ target = "" }: FakeNode, root: string): string {
  return target.startsWith("/") ? join(root, target) : target;
}

/** Tree of a real folder as a fake host has it. */
function readReal(root: string): [string, FakeNode][] {
  const found: [string, FakeNode][] = [];
  const visit = (path: string) => {
    for (const { name } of Deno.readDirSync(join(root, path))) {
      const each = join(path, name);
      const info = Deno.lstatSync(join(root, each));
      const node = {
        mode: (info.mode ?? 0) & 0o7777,
        uid: info.uid ?? 0,
        gid: info.gid ?? 0,
      };
      if (info.isSymlink) {
        const target = Deno.readLinkSync(join(root, each)).replace(root, "");
        // The group of a link is that of its folder, and means nothing.
        found.push([each, { ...node, gid: 0, kind: "link", target }]);
      } else if (info.isFile) {
        const text = Deno.readTextFileSync(join(root, each));
        found.push([each, { ...node, kind: "file", text }]);
      } else {
        found.push([each, { ...node, kind: "folder" }]);
        visit(each);
      }
    }
  };
  visit("/");
  return found.toSorted(([one], [other]) => one < other ? -1 : 1);
}

/** The same sheet for a host whose root is a folder. */
function movedTo(root: string, sheet: Sheet): Sheet {
  const place = (value: SheetValue | undefined, key: string) =>
    typeof value === "string" && value.startsWith("/") &&
      (key === "path" || key === "target")
      ? join(root, value)
      : value ?? null;
  const condition = (each: SheetCondition): SheetCondition =>
    each.kind === "path" ? { ...each, path: join(root, each.path) } : each;
  return {
    ...sheet,
    steps: sheet.steps.map((step) => ({
      ...step,
      params: Object.fromEntries(
        Object.entries(step.params).map(([key, value]) => [
          key,
          place(value, key),
        ]),
      ),
      ...step.if === undefined ? {} : { if: condition(step.if) },
    })),
  };
}

async function applyReal(sheet: Sheet): Promise<string[]> {
  const context = newContext();
  const verdicts: string[] = [];
  await apply(sheet, {
    operations: stepOperations,
    host: stepHost(context),
    owed: await Owed.load(new MemoryDisk()),
    clock: new FakeClock(),
    signal: context.signal,
    sink: {
      record: (record) => {
        verdicts.push(...record.kind === "step" ? [record.verdict] : []);
        return Promise.resolve();
      },
      progress() {},
    },
  });
  return verdicts;
}

async function applyFake(host: FakeHost, sheet: Sheet): Promise<string[]> {
  const verdicts: string[] = [];
  await apply(sheet, {
    operations: stepOperations,
    host,
    owed: await Owed.load(new MemoryDisk()),
    clock: new FakeClock(),
    signal: new AbortController().signal,
    sink: {
      record: (record) => {
        verdicts.push(...record.kind === "step" ? [record.verdict] : []);
        return Promise.resolve();
      },
      progress() {},
    },
  });
  return verdicts;
}

Deno.test({
  name: "a real folder ends as the fake host that stands for it, for any sheet",
  ignore: !isRoot || Deno.build.os !== "linux",
  fn: async () => {
    await fc.assert(
      fc.asyncProperty(anyTree, anyFileSheet, async (tree, sheet) => {
        await using folder = await TempFolder.make();
        makeReal(tree, folder.path);
        const host = new FakeHost(tree);

        const real = await applyReal(movedTo(folder.path, sheet));
        const fake = await applyFake(host, sheet);

        assertEquals(real, fake);
        assertEquals(
          readReal(folder.path),
          [...host.tree].filter(([path]) => path !== "/")
            .toSorted(([one], [other]) => one < other ? -1 : 1),
        );
      }),
      { numRuns: 60 },
    );
  },
});
