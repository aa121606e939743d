import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { apply } from "../../lib/steps/engine/engine.ts";
import { Owed } from "../../lib/steps/engine/owed.ts";
import { stepHost } from "../../lib/operations/step_host.ts";
import type { Host } from "../../lib/steps/host/host.ts";
import { stepOperations } from "../../lib/steps/registry.ts";
import type { Sheet } from "../../lib/steps/sheet.ts";
import { makeReal, movedTo, readReal } from "./real_copy.ts";
import { newContext } from "../operations/support.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { MemoryDisk } from "../support/memory_disk.ts";
import { TempFolder } from "../support/temp_folder.ts";
import { anyFileSheet, anyTree } from "./any_sheet.ts";
import { sheetOf } from "./runs.ts";
import { FakeHost, type Tree } from "./fake_host.ts";

const isRoot = Deno.uid() === 0;

/** Verdicts of an apply. */
async function verdictsOn(host: Host, sheet: Sheet): Promise<string[]> {
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

/** Folder that gives its group to what is made in it, and a step that wants another one. */
const GROUP_OF_FOLDER: Tree = new Map([
  ["/a", { kind: "folder", mode: 0o2755, uid: 0, gid: 33 }],
]);
const ROOT_IN_IT = sheetOf({
  operation: "file.Dir",
  params: { path: "/a/c", group: "root" },
});

Deno.test({
  name: "a real folder ends as the fake host that stands for it, for any sheet",
  ignore: !isRoot || Deno.build.os !== "linux",
  fn: async () => {
    await fc.assert(
      fc.asyncProperty(anyTree, anyFileSheet, async (tree, sheet) => {
        await using folder = await TempFolder.make();
        makeReal(tree, folder.path);
        const host = new FakeHost(tree);

        const real = await verdictsOn(
          stepHost(newContext()),
          movedTo(folder.path, sheet),
        );
        const fake = await verdictsOn(host, sheet);

        assertEquals(real, fake);
        assertEquals(
          readReal(folder.path),
          [...host.tree].filter(([path]) => path !== "/")
            .toSorted(([one], [other]) => one < other ? -1 : 1),
        );
      }),
      { numRuns: 60, examples: [[GROUP_OF_FOLDER, ROOT_IN_IT]] },
    );
  },
});
