import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { orderSteps } from "../../lib/states/order_steps.ts";
import { compileText } from "./memory_folder.ts";

/** Names of the steps in the order of their run. */
async function orderOf(text: string): Promise<string[]> {
  const { sheet, problems } = await compileText(text);
  assertEquals(problems, []);
  return sheet?.steps.map(({ name }) => name) ?? [];
}

Deno.test("the order of the file is that of the run, but for what require asks", async () => {
  assertEquals(
    await orderOf(`
- A: {type: noop.Noop}
- B: {type: noop.Noop, require: D}
- C: {type: noop.Noop}
- D: {type: noop.Noop}
- E: {type: noop.Noop}
`),
    ["A", "C", "D", "B", "E"],
  );
});

Deno.test("a listener to a step that waits for a later one waits as well", async () => {
  const { sheet } = await compileText(`
- A: {type: noop.Noop, require: D}
- B: {type: service.Running, name: b, restart_on: A}
- C: {type: noop.Noop, onchanges: A}
- D: {type: noop.Noop}
- E: {type: noop.Noop, if: {changed: [B, C]}}
`);

  assertEquals(sheet?.steps, [
    { name: "D", operation: "noop.Noop", params: {} },
    { name: "A", operation: "noop.Noop", params: {}, require: [0] },
    {
      name: "B",
      operation: "service.Running",
      params: { name: "b", restart_on: [1] },
    },
    { name: "C", operation: "noop.Noop", params: {}, onchanges: [1] },
    {
      name: "E",
      operation: "noop.Noop",
      params: {},
      if: { kind: "changed", steps: [2, 3] },
    },
  ]);
});

Deno.test("a reference is a full name, a tail, or a group; several steps of a name mean any of them", async () => {
  const { sheet } = await compileText(`
- Web:
    - Site: [{A: {type: noop.Noop}}, {B: {type: noop.Noop}}]
    - C: {type: noop.Noop, require: "Web:Site:A"}
- Mail: [{A: {type: noop.Noop}}]
- D: {type: noop.Noop, require: ["Site:B", Mail]}
- E: {type: noop.Noop, require: Web}
- F: {type: noop.Noop, onchanges: A}
`);

  assertEquals(
    sheet?.steps.map(({ name, require, onchanges }) => [
      name,
      require ?? onchanges ?? [],
    ]),
    [
      ["Web:Site:A", []],
      ["Web:Site:B", []],
      ["Web:C", [0]],
      ["Mail:A", []],
      ["D", [1, 3]],
      ["E", [0, 1, 2]],
      ["F", [0, 3]],
    ],
  );
});

Deno.test("a name inside of an each means the step of the same item", async () => {
  const { sheet } = await compileText(`
- Sites:
    each: [a, b]
    steps:
      - Folder: {type: file.Dir, path: "/srv/\${item}"}
      - Page: {type: noop.Noop, require: Folder}
- All: {type: noop.Noop, onchanges: Folder}
- One: {type: noop.Noop, require: "Folder[b]"}
`);

  assertEquals(
    sheet?.steps.map(({ name, require, onchanges }) => [
      name,
      require ?? onchanges ?? [],
    ]),
    [
      ["Sites:Folder[a]", []],
      ["Sites:Page[a]", [0]],
      ["Sites:Folder[b]", []],
      ["Sites:Page[b]", [2]],
      ["All", [0, 2]],
      ["One", [2]],
    ],
  );
});

Deno.test("steps that facts rule out are left out, with waits for them and steps that run on their change", async () => {
  const { sheet, leftOut, problems } = await compileText(`
- A: {type: noop.Noop, if: {fact os.name: alpine}}
- G:
    if: {not fact os.name: debian}
    steps: [{B: {type: noop.Noop}}]
- C: {type: noop.Noop, require: A}
- D: {type: noop.Noop, onchanges: [A, B]}
- E: {type: noop.Noop, if: {changed: G}}
- F: {type: noop.Noop, if: {not changed: A}}
- H: {type: noop.Noop, if: {any: [{changed: D}, {path: /x}]}}
`);

  assertEquals(problems, []);
  assertEquals(sheet?.steps, [
    { name: "C", operation: "noop.Noop", params: {} },
    { name: "F", operation: "noop.Noop", params: {} },
    {
      name: "H",
      operation: "noop.Noop",
      params: {},
      if: { kind: "path", is: "exists", path: "/x" },
    },
  ]);
  assertEquals(leftOut.map(({ name }) => name), ["A", "G:B", "D", "E"]);
});

/** Steps of which each one may wait for any other. */
const waits = fc.integer({ min: 1, max: 25 }).chain((size) =>
  fc.array(fc.uniqueArray(fc.nat(size - 1), { maxLength: 3 }), {
    minLength: size,
    maxLength: size,
  })
);

Deno.test("an order has all steps once, each after those that it waits for; a circle is one", () => {
  fc.assert(fc.property(waits, (waitsFor) => {
    const found = orderSteps(waitsFor);
    const order = "order" in found ? found.order : [];
    const circle = "circle" in found ? found.circle : [];
    const isRight = order.length === waitsFor.length &&
      new Set(order).size === order.length &&
      order.every((step, place) =>
        waitsFor[step]?.every((other) => order.indexOf(other) < place)
      );
    const isCircle = circle.length > 0 &&
      circle.every((step, index) =>
        waitsFor[step]?.includes(circle[(index + 1) % circle.length] ?? -1)
      );
    assertEquals([isRight, isCircle], [order.length > 0, circle.length > 0]);
  }));
});

Deno.test("steps that wait for earlier ones only keep the order of the file", () => {
  const backwards = waits.map((all) =>
    all.map((steps, index) => steps.filter((step) => step < index))
  );
  fc.assert(fc.property(backwards, (waitsFor) => {
    assertEquals(orderSteps(waitsFor), { order: waitsFor.map((_, i) => i) });
  }));
});
