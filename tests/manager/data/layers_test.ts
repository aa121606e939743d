import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { stringify } from "yaml";
import { Layers } from "../../../lib/manager/data/layers.ts";
import { TempFolder } from "../../support/temp_folder.ts";

const OWNER = { id: "web-1", groups: ["web"] };

/** Values that are no maps, and empty maps, by their dotted keys. */
function leavesOf(value: unknown, path: readonly string[] = []): unknown[] {
  const isMap = typeof value === "object" && value !== null &&
    !Array.isArray(value);
  const entries = isMap ? Object.entries(value) : [];
  return entries.length === 0
    ? path.length === 0 ? [] : [[path.join("."), value]]
    : entries.flatMap(([key, each]) => leavesOf(each, [...path, key]));
}

Deno.test("parts of data name the file and line that they come from", async () => {
  await using folder = await TempFolder.make();
  await folder.write(
    "all.yaml",
    "web:\n  port: 80\n  tls: {cert: a}\nlist: [1]\n",
  );
  await folder.write("groups/web.yaml", "# more\nweb:\n  tls:\n    key: b\n");
  await folder.write("agents/web-1.yaml", "web: {port: 8080}\nlist: []\n");
  const parts = await new Layers(folder.path).explain(OWNER);

  assertEquals(
    parts.map(({ key, value, file, line }) => [key, value, `${file}:${line}`]),
    [
      ["list", [], "data/agents/web-1.yaml:2"],
      ["web.port", 8080, "data/agents/web-1.yaml:1"],
      ["web.tls.cert", "a", "data/all.yaml:3"],
      ["web.tls.key", "b", "data/groups/web.yaml:4"],
    ],
  );
});

Deno.test("the parts of data are those of the merged data, whatever the layers", async () => {
  await using folder = await TempFolder.make();
  const key = fc.constantFrom("a", "b", "c");
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof(
      { maxDepth: 3 },
      fc.constantFrom<unknown>(1, "x", null, [1], {}),
      fc.dictionary(key, tie("tree"), { maxKeys: 3 }),
    ),
  }));
  const layer = fc.dictionary(key, tree, { maxKeys: 3 });

  await fc.assert(fc.asyncProperty(layer, layer, layer, async (...all) => {
    const names = ["all.yaml", "groups/web.yaml", "agents/web-1.yaml"];
    for (const [index, value] of all.entries()) {
      await folder.write(names[index] ?? "", stringify(value));
    }
    const layers = new Layers(folder.path);
    const parts = await layers.explain(OWNER);

    assertEquals(
      parts.map(({ key, value }) => [key, value]),
      leavesOf(await layers.of(OWNER)).toSorted(),
    );
  }));
});
