import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { compileText } from "./memory_folder.ts";

Deno.test("a list of RedPepper is taken as it is: groups, conditions and references to groups", async () => {
  const { sheet, problems } = await compileText(`
- NTP installed:
    type: command.Run
    command: sleep 1 && echo "NTP installed!"
- Web server:
    - System user:
        - Group:
            type: command.Run
            command: echo "groupadd webserver"
            if: { not cmd: false && getent group webserver }
    - Code synced:
        type: command.Run
        command: echo "git"
        if: false
    - Environment:
        type: command.Run
        command: echo "venv"
        if: { not path isdir: /home/webserver/src/.venv }
    - Service restarted:
        type: command.Run
        command: echo "restart"
        if:
            any:
                - changed: Code synced
                - changed: System user
                - cmd 0,1: pgrep web
`);

  assertEquals(problems, []);
  assertEquals(
    sheet?.steps.map(({ name, if: condition }) => [name, condition]),
    [
      ["NTP installed", undefined],
      ["Web server:System user:Group", {
        kind: "not",
        of: {
          kind: "cmd",
          line: "false && getent group webserver",
          codes: [0],
        },
      }],
      ["Web server:Environment", {
        kind: "not",
        of: { kind: "path", is: "isdir", path: "/home/webserver/src/.venv" },
      }],
      ["Web server:Service restarted", {
        kind: "any",
        of: [
          { kind: "changed", steps: [1] },
          { kind: "cmd", line: "pgrep web", codes: [0, 1] },
        ],
      }],
    ],
  );
});

Deno.test("a list in a map of RedPepper is a group, and onchange stays right behind its step", async () => {
  const { sheet, problems } = await compileText(`
Config:
  type: file.Installed
  path: /etc/app.conf
  content: "port = \${PORT}"
  mode: 0640
  require: Packages
  onchange:
    type: service.Restart
    name: app
Packages:
  - type: package.Installed
    name: app
  - type: package.Installed
    name: tools
    require: Lists
Lists:
  type: noop.Noop
  onchange:
    Told: {type: echo.Echo, text: lists}
    Noted: {type: echo.Echo, text: noted}
Last:
  type: noop.Noop
  require: [Config, Packages]
`);

  assertEquals(problems, []);
  assertEquals(
    sheet?.steps.map(({ name, require, onchanges }) => ({
      name,
      ...require === undefined ? {} : { require },
      ...onchanges === undefined ? {} : { onchanges },
    })),
    [
      { name: "Lists" },
      { name: "Told", onchanges: [0] },
      { name: "Noted", onchanges: [0] },
      { name: "Packages:Packages #1", require: [0] },
      { name: "Packages:Packages #2", require: [0] },
      { name: "Config", require: [3, 4] },
      { name: "Config onchange", onchanges: [5] },
      { name: "Last", require: [3, 4, 5] },
    ],
  );
  assertEquals(sheet?.steps[5]?.params.content, "port = ${PORT}");
});

/** Order in which RedPepper of June 2024 runs steps: again and again the first one that waits for none that is left. */
function redpepperOrder(
  steps: readonly { name: string; require: readonly string[] }[],
): string[] | undefined {
  const left = steps.map(({ name, require }) => ({
    name,
    require: new Set(require),
  }));
  const order: string[] = [];
  while (left.length > 0) {
    const index = left.findIndex(({ require }) => require.size === 0);
    const [next] = left.splice(index, index < 0 ? 0 : 1);
    if (next === undefined) return undefined;
    order.push(next.name);
    for (const { require } of left) require.delete(next.name);
  }
  return order;
}

Deno.test("steps of a map with any requirements run in the order of RedPepper, onchange included", async () => {
  const names = ["A", "B", "C", "D", "E", "F"];
  const step = fc.record({
    require: fc.subarray(names),
    hasOnchange: fc.boolean(),
  });
  // Each step may wait for those that come before it in another order, so there is no circle.
  const steps = fc.tuple(
    fc.tuple(step, step, step, step, step, step),
    fc.shuffledSubarray(names, { minLength: names.length }),
  ).map(([all, ranks]) =>
    all.map((each, index) => ({
      ...each,
      require: each.require.filter((name) =>
        ranks.indexOf(name) < ranks.indexOf(names[index] ?? "")
      ),
    }))
  );

  await fc.assert(fc.asyncProperty(steps, async (all) => {
    const text = all.map(({ require, hasOnchange }, index) =>
      `${names[index]}: {type: noop.Noop, require: [${require.join(", ")}]${
        hasOnchange ? ", onchange: {type: noop.Noop}" : ""
      }}\n`
    ).join("");
    const wanted = redpepperOrder(
      all.map(({ require }, index) => ({ name: names[index] ?? "", require })),
    )?.flatMap((name) =>
      all[names.indexOf(name)]?.hasOnchange
        ? [name, `${name} onchange`]
        : [name]
    );
    const { sheet } = await compileText(text);
    assertEquals(sheet?.steps.map(({ name }) => name), wanted);
  }));
});
