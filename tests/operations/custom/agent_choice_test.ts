import { assert, assertEquals, assertRejects } from "@std/assert";
import { dirname, relative } from "@std/path";
import { PiriError } from "../../../lib/base/errors.ts";
import { Guard } from "../../../lib/operations/guard.ts";
import { RunningModules } from "../../../lib/operations/custom/running_modules.ts";
import { openModuleFolder } from "../../../lib/operations/custom/module_folder.ts";
import { newContext } from "../support.ts";
import { FakeHost } from "../../steps/fake_host.ts";
import { NO_FORECAST } from "../../../lib/steps/no_forecast.ts";
import {
  compiled,
  customHost,
  type CustomRunOptions,
  ignore,
  moduleWith,
} from "./custom_host.ts";

const STATE = "- It: { type: odd.Thing, path: /tmp/x }\n";
const MODULES = { odd: moduleWith({}) };
const isRoot = Deno.build.os !== "windows" && Deno.uid() === 0;

/** True if every user may start the program at a path. */
function isForAll(path: string): boolean {
  for (let at = path; at !== "/"; at = dirname(at)) {
    if (((Deno.statSync(at).mode ?? 0) & 0o001) === 0) return false;
  }
  return true;
}

/** Reason for which a host refuses a state with a custom operation, before anything is done. */
async function refusal(options: CustomRunOptions): Promise<string> {
  await using host = await customHost();
  const error = await assertRejects(
    () => host.run(STATE, MODULES, options),
    PiriError,
  );
  assertEquals(error.code, "REFUSED");
  return error.message;
}

Deno.test({
  name:
    "agent refuses all custom operations, or those of some modules, by its settings",
  ignore,
  fn: async () => {
    const none = await refusal({
      surroundings: { customOperations: { allow: "none" } },
    });
    const others = await refusal({
      mode: "plan",
      surroundings: { customOperations: { allow: ["nginx", "site"] } },
    });
    await using host = await customHost();
    const own = await host.run(STATE, MODULES, {
      surroundings: { customOperations: { allow: ["odd"] } },
    });

    assertEquals(
      none,
      'Cannot run operations of "odd": "customOperations" in this agent\'s agent.yaml allows none',
    );
    assertEquals(
      others,
      'Cannot run operations of "odd": "customOperations" in this agent\'s agent.yaml allows nginx, site',
    );
    assertEquals(own.verdicts, ["ok"]);
  },
});

Deno.test({
  name: "policy with rules forbids custom operations, which are programs",
  ignore,
  fn: async () => {
    const message = await refusal({
      mode: "plan",
      changes: { guard: new Guard({ programs: false }) },
    });

    assertEquals(
      message,
      "Cannot run custom operations: this agent's policy has rules, and steps may run no programs by them",
    );
  },
});

Deno.test({
  name:
    "file of a module that is not what its hash says is refused, and no code runs",
  ignore,
  fn: async () => {
    await using host = await customHost();
    const error = await assertRejects(
      () =>
        host.run(STATE, MODULES, {
          forge: (bytes) =>
            new TextEncoder().encode(
              new TextDecoder().decode(bytes).replace("file", "fool"),
            ),
        }),
      PiriError,
    );

    assertEquals(error.code, "CORRUPT");
  },
});

Deno.test({
  name: "modules run where the agent's folder is named by a relative path",
  ignore,
  fn: async () => {
    await using host = await customHost();

    const { verdicts, errors } = await host.run(STATE, MODULES, {
      surroundings: {
        modulesFolder: relative(Deno.cwd(), host.folder.at("modules")),
      },
    });

    assertEquals([verdicts, errors], [["ok"], {}]);
  },
});

Deno.test({
  name:
    "files of modules are asked for once, and again if they were changed on the disk",
  ignore,
  fn: async () => {
    await using host = await customHost();
    await host.run(STATE, MODULES);
    const first = host.asked.length;
    await host.run(STATE, MODULES);
    const second = host.asked.length;
    const [key] = await Array.fromAsync(
      Deno.readDir(host.folder.at("modules")),
    );
    const path = host.folder.at(`modules/${key?.name}/operations/odd.js`);
    await Deno.writeTextFile(path, "throw new Error('changed');");
    const third = await host.run(STATE, MODULES);

    assertEquals([first, second, host.asked.length], [1, 1, 2]);
    assertEquals(third.verdicts, ["ok"]);
  },
});

Deno.test({
  name:
    "sheet cannot put an operation in the place of Piri's own, or a file out of its folder",
  ignore,
  fn: async () => {
    await using host = await customHost();
    const place = host.folder.at("made");
    const own = await host.run(
      `- Dir: { type: file.Dir, path: ${place} }\n${STATE}`,
      MODULES,
      {
        tamper: (sheet) => ({
          ...sheet,
          modules: (sheet.modules ?? []).map((module) => ({
            ...module,
            name: "file",
            operations: module.operations.map((each) => ({
              ...each,
              name: "Dir",
            })),
          })),
          steps: sheet.steps.slice(0, 1),
        }),
      },
    );
    const outside = await assertRejects(
      () =>
        host.run(STATE, MODULES, {
          tamper: (sheet) => ({
            ...sheet,
            modules: (sheet.modules ?? []).map((module) => ({
              ...module,
              files: module.files.map((file) => ({
                ...file,
                path: "operations/../../x.ts",
              })),
            })),
          }),
        }),
      PiriError,
    );

    assert((await Deno.stat(place)).isDirectory);
    assertEquals(own.verdicts, ["change"]);
    assertEquals(outside.code, "INVALID_ARGUMENT");
  },
});

Deno.test({
  name:
    "custom operation behind a step that changes something is unknown in a plan",
  ignore,
  fn: async () => {
    await using host = await customHost();
    const { verdicts, records } = await host.run(
      `- Dir: { type: file.Dir, path: ${
        host.folder.at("d")
      } }\n${STATE}- After: { type: odd.Thing, path: /x, onchanges: Dir }\n`,
      MODULES,
      { mode: "plan" },
    );

    assertEquals(verdicts, ["change", "unknown", "unknown"]);
    const [, second] = records.filter((record) => record.kind === "step");
    assertEquals(
      second?.kind === "step" ? second.reason : "",
      'it can only be asked now, before step "Dir"',
    );
  },
});

Deno.test({
  name:
    "custom operations run as the user of the settings (needs root, and a Deno that all may start)",
  // From source, the process is Deno itself, which may be in a folder of root's.
  ignore: !isRoot || !isForAll(Deno.execPath()),
  fn: async () => {
    await using host = await customHost();
    const secret = await host.folder.write("secret", "s");
    await Deno.chmod(secret, 0o600);
    const { printed, errors } = await host.run(STATE, {
      odd: moduleWith({
        permissions: '{ check: { read: true, run: ["id"], sys: ["uid"] } }',
        check: `console.log(Deno.uid());
    await Deno.readTextFile("${secret}");
    return { changes: [] };`,
      }),
    }, {
      surroundings: { customOperations: { allow: "all", runAs: "nobody" } },
    });

    assertEquals(printed, "65534\n");
    assert(/PermissionDenied/.test(errors["It"] ?? ""), errors["It"]);
  },
});

Deno.test({
  name: "user of the settings that is not there is told",
  ignore: !isRoot,
  fn: async () => {
    await using host = await customHost();
    const error = await assertRejects(
      () =>
        host.run(STATE, MODULES, {
          surroundings: { customOperations: { allow: "all", runAs: "no-one" } },
        }),
      PiriError,
    );

    assertEquals(
      error.message,
      'Cannot act as "no-one": no such user; "getent passwd" on that host lists those that there are',
    );
  },
});

Deno.test({
  name:
    "check has a time limit of its own, after which the next call gets a new process",
  ignore,
  fn: async () => {
    await using host = await customHost();
    const { sheet, blobs } = await compiled(STATE, {
      odd: moduleWith({
        check: "if (path === '/spin') for (;;); return { changes: [] };",
      }),
    });
    const context = newContext({
      text: () => Promise.reject(new TypeError("not asked")),
      bytes: (_, params) =>
        Promise.resolve(
          (blobs.get((params as { sha256: string }).sha256) ??
            new Uint8Array()).slice(),
        ),
    });
    const modules = sheet.modules ?? [];
    await using running = new RunningModules(modules, {
      context,
      print: () => Promise.resolve(),
      user: undefined,
      folder: await openModuleFolder(modules, {
        kept: host.folder.at("modules"),
        source: context,
      }),
      maxCheckMs: 1_500,
    });
    const [operation] = running.operations;
    const reader = new FakeHost().reader(context.signal);
    const check = (path: string, timeoutMs?: number) =>
      operation?.check({ path }, reader, { ...NO_FORECAST, timeoutMs });

    const error = await assertRejects(
      async () => await check("/spin"),
      PiriError,
    );
    const given = await assertRejects(
      async () => await check("/spin", 2_000),
      PiriError,
    );
    const next = await check("/else");

    assertEquals([error.code, error.message], [
      "TIMED_OUT",
      "Cannot finish check of odd.Thing: it has not ended within 1500 ms",
    ]);
    assertEquals(
      given.message,
      "Cannot finish check of odd.Thing: it has not ended within 2000 ms",
    );
    assertEquals(next?.verdict, "ok");
  },
});
