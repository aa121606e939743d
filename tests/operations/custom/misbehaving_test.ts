import { assert, assertEquals, assertMatch } from "@std/assert";
import { customHost, ignore, moduleWith } from "./custom_host.ts";

/** Runs a state of one step on a fresh host. */
async function ran(
  module: string,
  options: Parameters<Awaited<ReturnType<typeof customHost>>["run"]>[2] = {},
) {
  await using host = await customHost();
  const path = host.folder.at("file");
  const run = await host.run(
    `- It: { type: odd.Thing, path: ${path} }\n`,
    { odd: module },
    options,
  );
  const isThere = await Deno.stat(path).then(() => true, () => false);
  return { ...run, path, isThere };
}

const ALWAYS = 'return { changes: [{ what: "content" }] };';

Deno.test({
  name: "custom operation that changes nothing but says so fails in the run",
  ignore,
  fn: async () => {
    const { errors, outcome } = await ran(moduleWith({ check: ALWAYS }));

    assertEquals(outcome.success, false);
    assertEquals(errors, {
      It:
        'Cannot finish step "It": after its change it is not as it should be: change (content)',
    });
  },
});

Deno.test({
  name: "error of a check has the user's file, line and column, and its stack",
  ignore,
  fn: async () => {
    const { errors, printed } = await ran(moduleWith({
      top: "function inner(): never {\n  throw new TypeError('bad');\n}",
      check: "return inner();",
    }));

    assertEquals(errors, {
      It:
        "Cannot finish check of odd.Thing: operations/odd.ts:3:9: TypeError: bad",
    });
    assertEquals(
      printed,
      "TypeError: bad\n    at inner (operations/odd.ts:3:9)\n    at Object.check (operations/odd.ts:10:12)\n",
    );
  },
});

Deno.test({
  name: "things that are no errors are shown when a change throws them",
  ignore,
  fn: async () => {
    const { errors, outcome } = await ran(
      moduleWith({ check: ALWAYS, change: "throw { code: 3 };" }),
    );

    assertEquals(errors, {
      It: "Cannot finish change of odd.Thing: it threw { code: 3 }",
    });
    assertEquals(outcome.success, false);
  },
});

Deno.test({
  name: "permission that is not declared is refused, and named",
  ignore,
  fn: async () => {
    const { errors } = await ran(moduleWith({
      check:
        "await Deno.readTextFile('/etc/hostname'); return { changes: [] };",
    }));

    assertMatch(
      errors["It"] ?? "",
      /^Cannot finish check of odd\.Thing: operations\/odd\.ts:8:16: it needs the permission "read" for "\/etc\/hostname", and permissions\.check does not have it$/,
    );
  },
});

Deno.test({
  name: "check that asks for more permissions at run time gets none",
  ignore,
  fn: async () => {
    const { errors } = await ran(moduleWith({
      check:
        "const { state } = await Deno.permissions.request({ name: 'net' }); throw new Error(state);",
    }));

    assertMatch(errors["It"] ?? "", /Error: denied$/);
  },
});

Deno.test({
  name: "check cannot write in a plan, whatever its change may do",
  ignore,
  fn: async () => {
    const { errors, isThere } = await ran(
      moduleWith({
        permissions: "{ check: { read: true }, change: { write: true } }",
        check: "await Deno.writeTextFile(path, 'x'); return { changes: [] };",
      }),
      { mode: "plan" },
    );

    assertMatch(
      errors["It"] ?? "",
      /it needs the permission "write" for ".*", and a check never writes$/,
    );
    assertEquals(isThere, false);
  },
});

Deno.test({
  name: "check cannot write by node:fs or by a program that is not declared",
  ignore,
  fn: async () => {
    const permissions = "{ check: { read: true }, change: { write: true } }";
    const byNode = await ran(moduleWith({
      permissions,
      top: 'import { writeFileSync } from "node:fs";',
      check: "writeFileSync(path, 'x'); return { changes: [] };",
    }));
    const byProgram = await ran(moduleWith({
      permissions,
      check:
        "await new Deno.Command('touch', { args: [path] }).output(); return { changes: [] };",
    }));

    assertEquals([byNode.isThere, byProgram.isThere], [false, false]);
    assertEquals([byNode.verdicts, byProgram.verdicts], [["failed"], [
      "failed",
    ]]);
  },
});

Deno.test({
  name:
    "declared program runs in a check, also with an own list of permissions",
  ignore,
  fn: async () => {
    const { verdicts, printed } = await ran(moduleWith({
      permissions: '{ check: { run: ["uname"] } }',
      check:
        "const { success } = await new Deno.Command('uname', { stdout: 'inherit' }).output(); return { changes: success ? [] : [{ what: 'x' }] };",
    }));

    assertEquals(verdicts, ["ok"]);
    assertMatch(printed, /^\w+\n$/);
  },
});

Deno.test({
  name: "much output of a check is cut, and the run goes on",
  ignore,
  fn: async () => {
    const { verdicts, printed } = await ran(moduleWith({
      check:
        "for (let i = 0; i < 30_000; i++) console.log('line', i, 'x'.repeat(100)); return { changes: [] };",
    }));

    assertEquals(verdicts, ["ok"]);
    assert(printed.startsWith("line 0 xxx"));
    assert(printed.length <= 65_536, `${printed.length} characters`);
  },
});

Deno.test({
  name: "output without an end of line does not disturb the answers",
  ignore,
  fn: async () => {
    const { verdicts, printed } = await ran(moduleWith({
      check:
        'Deno.stdout.writeSync(new TextEncoder().encode(\'{"id":1,"value":7}\')); return { changes: [] };',
    }));

    assertEquals(verdicts, ["ok"]);
    assertEquals(printed, '{"id":1,"value":7}');
  },
});

Deno.test({
  name: "answer that is too big or no answer at all fails the step",
  ignore,
  fn: async () => {
    const big = await ran(moduleWith({
      check: "return { changes: [], observed: 'x'.repeat(2_000_000) };",
    }));
    const none = await ran(moduleWith({ check: "return undefined as never;" }));
    const wrong = await ran(moduleWith({
      check: "return { changes: [{ what: 7 }] } as never;",
    }));
    const round = await ran(moduleWith({
      check: "const a: any = { changes: [] }; a.observed = a; return a;",
    }));

    assertMatch(
      big.errors["It"] ?? "",
      /its answer of 2000\d+ characters is over the limit of 262144$/,
    );
    assertMatch(none.errors["It"] ?? "", /its answer is wrong: /);
    assertMatch(
      wrong.errors["It"] ?? "",
      /its answer is wrong: "changes\.0\.what": Expected string but received 7$/,
    );
    assertMatch(round.errors["It"] ?? "", /circular/);
  },
});

Deno.test({
  name: "check that never yields is ended when the command is stopped",
  ignore,
  fn: async () => {
    let stop = () => {};
    const { errors, outcome } = await ran(
      moduleWith({
        permissions: "{ check: { read: true }, change: {} }",
        check: "console.log('spins'); for (;;);",
      }),
      {
        onRecord: (record, control) => {
          stop = control.stop;
          if (record.kind === "output") stop();
        },
      },
    );

    assertEquals(outcome.success, false);
    assertMatch(
      errors["It"] ?? "",
      /^Cannot finish check of odd\.Thing: the step was ended$/,
    );
  },
});

Deno.test({
  name:
    "change that never yields ends with the time of its step, and the next step runs",
  ignore,
  fn: async () => {
    await using host = await customHost();
    const path = host.folder.at("file");
    const run = await host.run(
      `- Spin: { type: odd.Thing, path: ${path}, timeout: 500ms, continue: true }
- Next: { type: odd.Other, path: ${path} }
`,
      {
        odd: moduleWith({ check: ALWAYS, change: "for (;;);" }) +
          `export const Other = {
  description: "Does nothing", parameters: { path: { type: "path", description: "x" } },
  check() { return { changes: [] }; }, change() {},
};
`,
      },
    );

    assertEquals(run.verdicts, ["failed", "ok"]);
    assertEquals(run.errors, {
      Spin: 'Cannot finish step "Spin": its 500 ms are over',
    });
  },
});

Deno.test({
  name:
    "operation cannot end its process, and late errors fail the call that runs",
  ignore,
  fn: async () => {
    const exit = await ran(moduleWith({ check: "Deno.exit(0);" }));
    const late = await ran(moduleWith({
      check:
        "setTimeout(() => { throw new Error('late'); }, 0); return await new Promise(() => {});",
    }));

    assertMatch(
      exit.errors["It"] ?? "",
      /a custom operation cannot end the process/,
    );
    assertMatch(late.errors["It"] ?? "", /late/);
  },
});

Deno.test({
  name: "operation that takes all memory ends its process and not the agent",
  ignore,
  fn: async () => {
    const { errors } = await ran(moduleWith({
      check:
        "const all: unknown[] = []; for (;;) all.push(new Array(100_000).fill(all.length + 0.5));",
    }));

    assertMatch(
      errors["It"] ?? "",
      /^Cannot finish check of odd\.Thing: the process of the custom operations ended with .*; it may use 512 MiB of memory$/,
    );
  },
});

Deno.test({
  name:
    "check that never ends is ended by the timeout of its step in a plan, which says so",
  ignore,
  fn: async () => {
    await using host = await customHost();

    const { errors, outcome } = await host.run(
      "- It: { type: odd.Thing, path: /x, timeout: 1s }\n",
      { odd: moduleWith({ check: "for (;;); return { changes: [] };" }) },
      { mode: "plan" },
    );

    assertEquals(outcome.success, false);
    assertEquals(errors, {
      It: 'Cannot look at step "It": its timeout of 1000 ms is over',
    });
  },
});
