import { assertEquals, assertRejects } from "@std/assert";
import type { HostReader } from "../../lib/steps/host/host.ts";
import { NO_FORECAST } from "../../lib/steps/no_forecast.ts";
import { stepOperations } from "../../lib/steps/registry.ts";
import { Compiler } from "../../lib/states/compiler.ts";
import type { StateSecret } from "../../lib/states/compile_input.ts";
import { wrongValueIn } from "../../lib/steps/secrets/known_values.ts";
import { WrongValue } from "../../lib/steps/wrong_value.ts";
import { anAgent, MemoryFolder } from "./memory_folder.ts";

/** Line of a key that has the bytes of one. */
const KEY =
  "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";
const HASH = "0".repeat(64);

/** Parameters of a step by its operation, one on a line; the line of the wrong value ends with "# wrong". */
const WRONG: Readonly<Record<string, readonly string[]>> = {
  "apt.Installed": ["name: [nginx, a b] # wrong"],
  "archive.Extracted": [
    "path: /a\nsource: a.tar\nsha256: abc # wrong",
    `path: /a\nsource: a.tar\nsha256: "${HASH}" # wrong`,
    `path: /a\nsha256: "${HASH}"\nurl: ftp://x/a.tar # wrong`,
  ],
  "command.Run": [
    "argv: [] # wrong",
    'command: "true"\numask: "9" # wrong',
    'command: "true"\nuser: "" # wrong',
    'command: "true"\nenv:\n  A: b\n  "C=": d # wrong',
  ],
  "command.RunMultiple": ['commands: ["true"]\numask: "9" # wrong'],
  "cron.Job": [
    "name: a\ncommand: b\nschedule: 61 * * * * # wrong",
    'name: a\nschedule: "@daily"\ncommand: " " # wrong',
    'schedule: "@daily"\ncommand: b\nname: a b # wrong',
    'name: a\nschedule: "@daily"\ncommand: b\nenv:\n  A-B: c # wrong',
  ],
  "file.Block": ['path: /a\nmarker: b\ncontent: "# BEGIN b" # wrong'],
  "file.Dir": ["path: /a\nrecurse:\n  - user\n  - owner # wrong"],
  "file.Downloaded": [
    "path: /a\nunpinned: yes\nurl: x # wrong",
    "path: /a\nurl: https://x/y\nsha256: abc # wrong",
    `path: /a\nurl: https://x/y\nunpinned: yes\nsha256: "${HASH}" # wrong`,
  ],
  "file.Fetch": [`path: /a\nsource: a.tar\nsha256: "${HASH}" # wrong`],
  "file.Line": [
    'path: /a\nline: b\nmatch: "[" # wrong',
    "path: /a\nline: b\nmatch: ^c # wrong",
    'path: /a\nline: "b\\nc" # wrong',
  ],
  "git.UpToDate": [
    "target: /a\nrepo: https://x/y\nrev: a b # wrong",
    "target: /a\nrepo: https://x/y\nrebase: yes\nforce: yes # wrong",
  ],
  "group.Absent": ["name: a b # wrong"],
  "group.Present": ["name: a:b # wrong", "name: a\nmembers:\n  - b:c # wrong"],
  "host.Entry": [
    "names: a\nip: 10.0.0 # wrong",
    "ip: 10.0.0.1\nnames:\n  - a\n  - b c # wrong",
    "ip: 10.0.0.1\nnames: [] # wrong",
  ],
  "host.Locale": ["locale: de_DE UTF-8 # wrong"],
  "host.Name": ["name: a b # wrong"],
  "host.Timezone": ["zone: ../Berlin # wrong"],
  "kernel.Module": [
    "name: a b # wrong",
    "name: a\nblacklisted: yes\nabsent: yes # wrong",
    "name: a\nabsent: yes\nboot: yes # wrong",
    "name: a\nparams:\n  b: c d # wrong",
  ],
  "mount.Mounted": [
    "path: /a\nfstype: ext4\nsource: -b # wrong",
    "path: /a\nsource: /dev/sda\nfstype: swap # wrong",
    "path: /a\nsource: /b\nfstype: none\noptions: [ro, remount] # wrong",
  ],
  "mount.Unmounted": ['path: "/a\\tb" # wrong'],
  "package.Absent": ["name: a b # wrong"],
  "package.Installed": [
    "name: [] # wrong",
    "names:\n  - nginx\n  - a b # wrong",
    "name: nginx\noptions: x # wrong",
  ],
  "package.Repository": [
    "url: https://x\nname: a/b # wrong",
    "name: a\nurl: x # wrong",
    "name: a\nurl: https://x\nsuites: a b # wrong",
    "name: a\nurl: https://x\nkey: b\nkey_source: a.tar # wrong",
  ],
  "package.Upgraded": ["except: [nginx, a b] # wrong"],
  "ssh.AuthorizedKeys": [
    "user: anna\nkeys:\n  - KEY\n  - ssh-ed25519 AAAA # wrong",
    "user: anna\nkeys: KEY\noptions: no pty # wrong",
    "user: anna\nkeys: KEY\nonly: yes\nabsent: yes # wrong",
    "keys: KEY\nuser: a b # wrong",
  ],
  "ssh.KnownHosts": [
    "keys: KEY\nhost: a*b # wrong",
    "host: a\nkeys: [] # wrong",
    "host: a\nkeys: x # wrong",
  ],
  "sysctl.Parameter": [
    "value: 1\nname: vm # wrong",
    'name: vm.swappiness\nvalue: " " # wrong',
    "name: vm.swappiness\nvalue: 1\nfile: /etc/a.conf # wrong",
  ],
  "systemd.Timer": [
    "name: a\ncommand: b\ncalendar: [] # wrong",
    'name: a\ncommand: b\ncalendar:\n  - daily\n  - " " # wrong',
    'name: a\ncalendar: daily\ncommand: "b\\nc" # wrong',
  ],
  "systemd.Unit": [
    "content: a\nname: a b # wrong",
    "name: a\ncontent: b\ndropin: c/d # wrong",
    "name: a\nabsent: yes\nrunning: yes # wrong",
    "name: a@\ncontent: b\nenabled: yes # wrong",
  ],
  "user.Absent": ["name: a b # wrong"],
  "user.Present": [
    "name: -a # wrong",
    "name: a\nexpires: 2030-02-40 # wrong",
    "name: a\nshell: /bin/a:b # wrong",
    "name: a\npassword: secret # wrong",
    "name: a\ngroups:\n  - b\n  - c d # wrong",
  ],
  "wait.For": ["service: a b # wrong", "url: localhost # wrong"],
  ...Object.fromEntries(
    stepOperations.filter(({ name }) =>
      /^(?:service|systemd)\./.test(name) && !/Timer|Unit/.test(name)
    ).map(({ name }) => [name, ["name: a b # wrong"]]),
  ),
};

/** Compiles one step of these parameters. */
async function compiled(
  operation: string,
  params: string,
  secrets: ReadonlyMap<string, StateSecret> = new Map(),
) {
  const lines = params.replaceAll("KEY", KEY).split("\n");
  const text = [`- A:`, `type: ${operation}`, ...lines].join("\n    ");
  const compiler = new Compiler({
    reader: new MemoryFolder({
      "states/all.yaml": text,
      "files/all/a.tar": "x",
    }),
    operations: stepOperations,
  });
  return {
    line: 3 + lines.findIndex((line) => line.endsWith("# wrong")),
    state: await compiler.compile("", anAgent({ secrets })),
  };
}

/** Host that must not be asked for anything. */
const NOBODY = new Proxy({}, {
  get(_, key) {
    throw new Error(`Cannot look at ${String(key)}: no host is here`);
  },
}) as HostReader;

Deno.test("each operation that refuses values has wrong ones here", () => {
  const all = stepOperations.filter(({ validate }) => validate !== undefined);
  assertEquals(
    all.map(({ name }) => name).toSorted(),
    Object.keys(WRONG).toSorted(),
  );
});

for (const [operation, samples] of Object.entries(WRONG)) {
  Deno.test(`a wrong value of ${operation} is refused with the line of that value`, async () => {
    for (const params of samples) {
      const { line, state } = await compiled(operation, params);
      const [problem, ...others] = state.problems;

      assertEquals(others, []);
      assertEquals(problem?.place.line, line, params);
      assertEquals(
        /^Cannot use "[a-z_0-9]+" of step "A": .*[^.]$/.test(
          problem?.message ?? "",
        ),
        true,
        problem?.message,
      );
    }
  });
}

Deno.test("a host refuses the same values before it looks, with the same words", async () => {
  for (const [name, samples] of Object.entries(WRONG)) {
    const operation = stepOperations.find((each) => each.name === name);
    for (const sample of samples) {
      // The same step without its check of values compiles.
      const { validate, ...lax } = operation ?? {};
      const params = await paramsOf({ ...lax, name } as never, sample);
      const told = wrongValueIn({ validate } as never, params as never);
      const error = await assertRejects(
        async () => await operation?.check(params, NOBODY, NO_FORECAST),
        WrongValue,
      );
      assertEquals(error.why, told?.why, sample);
      assertEquals(error.code, "INVALID_ARGUMENT");
    }
  }
});

/** Parameters of a step as the compiler reads them. */
async function paramsOf(
  operation: (typeof stepOperations)[number],
  params: string,
) {
  const lines = params.replaceAll("KEY", KEY).split("\n");
  const text = [`- A:`, `type: ${operation.name}`, ...lines].join("\n    ");
  const compiler = new Compiler({
    reader: new MemoryFolder({
      "states/all.yaml": text,
      "files/all/a.tar": "x",
    }),
    operations: [operation],
  });
  const { sheet, problems } = await compiler.compile("", anAgent());
  assertEquals(problems, []);
  return sheet?.steps[0]?.params;
}

Deno.test("a value with a secret is left to the host, and the others of its step are not", async () => {
  const secrets = new Map([["token", "aa"]]);
  const secret = "${secrets.token}";
  const right = [
    ["file.Line", `path: /a\nline: "x ${secret}"\nmatch: ^b`],
    ["user.Present", `name: a\npassword: "${secret}"`],
    ["systemd.Unit", `name: a\ncontent: "${secret}"`],
    ["command.Run", `command: a\nenv: {A: "${secret}"}`],
  ] as const;
  for (const [operation, params] of right) {
    const { state } = await compiled(operation, params, secrets);
    assertEquals(state.problems, []);
  }
  const wrong = [
    ["file.Line", `path: /a\nline: "${secret}"\nmatch: "[" # wrong`],
    ["user.Present", `password: "${secret}"\nname: a b # wrong`],
    ["systemd.Unit", `content: "${secret}"\nname: a b # wrong`],
    [
      "command.Run",
      `command: a\nenv:\n  A: "${secret}"\n  "=": b # wrong`,
    ],
  ] as const;
  for (const [operation, params] of wrong) {
    const { line, state } = await compiled(operation, params, secrets);
    assertEquals(state.problems.map(({ place }) => place.line), [line]);
  }
});

Deno.test("a number out of its range is refused with the range", async () => {
  for (
    const [operation, params, range] of [
      ["wait.For", "port: 65536 # wrong", "from 1 to 65535"],
      ["user.Present", "name: a\nuid: -1 # wrong", "from 0 to 4294967294"],
      ["group.Present", "name: a\ngid: -1 # wrong", "from 0 to 4294967294"],
    ] as const
  ) {
    const { line, state: { problems } } = await compiled(operation, params);
    assertEquals(problems.map(({ place }) => place.line), [line]);
    assertEquals(problems[0]?.message.includes(range), true);
  }
});

Deno.test("a text with a NUL character is refused", async () => {
  const { line, state } = await compiled(
    "file.Symlinked",
    'path: /a\ntarget: "b\\0" # wrong',
  );
  assertEquals(state.problems.map(({ place }) => place.line), [line]);
});
