import { assertEquals } from "@std/assert";
import { stepDescriptions } from "../../lib/steps/registry.ts";
import { Compiler } from "../../lib/states/compiler.ts";
import { MORE_OPERATIONS } from "./more_operations.ts";
import {
  anAgent,
  compileText,
  errorsOf,
  MemoryFolder,
} from "./memory_folder.ts";

/** Operations of agents without RedPepper's own names, which are aliases then. */
const OPERATIONS = MORE_OPERATIONS.filter(({ name }) =>
  !/^(?:apt|data|systemd|echo|file|git)\./.test(name)
).concat(
  stepDescriptions.filter(({ name }) => /^(?:echo|file|git)\./.test(name)),
);

Deno.test("operations of RedPepper are read with the parameters that they have there", async () => {
  const compiler = new Compiler({
    operations: OPERATIONS,
    reader: new MemoryFolder({
      "files/all/app": "app",
      "states/all.yaml": `
- A: { type: echo.Echo, message: hello, reverse: no }
- B: { type: data.Show, name: VPN key.part }
- C: { type: command.Run, command: ls, shell: true, wait: yes, capture_stdout: false, encoding: latin-1 }
- D: { type: command.Run, command: [ls, -l], shell: false, user: anna, env: { A: 1 } }
- E: { type: command.RunMultiple, commands: [a, b], cwd: /, capture_stderr: true }
- F: { type: file.Installed, path: /f, method: content, source: "port \${port}" }
- G: { type: file.Installed, path: /g, source: app, method: stat, overwrite: false }
- H: { type: git.UpToDate, target: /h, repo: r, force_pull: true, rebase: no, ff_only: yes, depth: 1 }
- I: { type: systemd.Running, name: app }
- J: { type: apt.Installed, name: app }
- K: { type: command.Run, shell: ls -l }
`,
    }),
  });

  const { sheet, problems } = await compiler.compile(
    "",
    anAgent({ data: { port: 80, "VPN key": { part: [1, "x"] } } }),
  );

  assertEquals(problems.map(({ message }) => message), []);
  assertEquals(
    sheet?.steps.filter(({ name }) => name !== "G").map((
      { operation, params },
    ) => [operation, params]),
    [
      ["echo.Echo", { text: "hello" }],
      ["echo.Echo", { text: '[1,"x"]' }],
      ["command.Run", { command: "ls" }],
      ["command.Run", { argv: ["ls", "-l"], user: "anna", env: { A: "1" } }],
      ["command.RunMultiple", { commands: ["a", "b"], cwd: "/" }],
      [
        "file.Installed",
        { path: "/f", method: "content", content: "port 80" },
      ],
      [
        "git.UpToDate",
        { target: "/h", repo: "r", rebase: false, ff_only: true, depth: 1 },
      ],
      ["service.Running", { name: "app" }],
      ["package.Installed", { name: ["app"] }],
      ["command.Run", { shell: "ls -l" }],
    ] as never,
  );
});

Deno.test("a step of RedPepper that Piri cannot do is an error that tells what to write", async () => {
  const messages = [];
  for (
    const step of [
      "{ type: py.Exec, script: x }",
      "{ type: request.Request, request_name: x }",
      "{ type: echo.Echo, message: x, reverse: true }",
      "{ type: command.Run, command: x, wait: false }",
      "{ type: command.RunMultiple, commands: [x], shell: false }",
      "{ type: noop.Noop, if: { py: 1 } }",
    ]
  ) {
    const [first = ""] = await errorsOf({
      "states/all.yaml": `- A: ${step}\n`,
    });
    messages.push(first.split("\n")[0]?.replace(/^states\S+ /, ""));
  }

  assertEquals(messages, [
    'Cannot find the operation "py.Exec": Python of a state is not run; write command.Run, as "command: python3 SCRIPT" with a script from files/',
    'Cannot find the operation "request.Request": the Manager runs no code for an agent; put the answer into data/ and write ${NAME}, or write command.Run',
    'Cannot use "reverse: true": write the text as it should be said',
    'Cannot use "wait: false": a step ends when its program has; write a unit for what goes on running, or "command: setsid LINE >/dev/null 2>&1 &"',
    'Cannot use "shell: false" in command.RunMultiple: write a command.Run with "argv" for each of them',
    'Cannot read the condition "py": Python is not run; write "expr" for facts and data, or "cmd" for a program',
  ]);
});

Deno.test("file stands for path in conditions of a map, and not in those of a list", async () => {
  const { sheet } = await compileText(
    "A: { type: noop.Noop, if: { not file isdir: /a } }\n",
  );
  const errors = await errorsOf({
    "states/all.yaml": "- A: { type: noop.Noop, if: { file: /a } }\n",
  });

  assertEquals(sheet?.steps[0]?.if, {
    kind: "not",
    of: { kind: "path", is: "isdir", path: "/a" },
  });
  assertEquals(errors.length, 1);
});

/** Operations of RedPepper, each with a step as it is written there. */
const ALL = [
  "apt.Installed, name: x",
  "apt.UnattendedUpgrade",
  "command.Run, command: x",
  "command.RunMultiple, commands: [x]",
  "data.Show, name: x",
  "echo.Echo, message: x",
  "file.Dir, path: /x, user: root, group: root, mode: 0755",
  "file.Installed, path: /x, source: x, method: content",
  "file.Symlinked, path: /x, target: /y",
  "git.UpToDate, target: /x, repo: x",
  "noop.Noop",
  "package.Installed, name: x",
  "service.Enabled, name: x",
  "service.Reload, name: x",
  "service.Restart, name: x",
  "service.Running, name: x",
  "sysctl.Parameter, name: vm.x, value: 1",
  "systemd.Enabled, name: x",
  "systemd.Reload, name: x",
  "systemd.Restart, name: x",
  "systemd.Running, name: x",
];

Deno.test("every operation of RedPepper is there, or its error names what to write for it", async () => {
  for (const step of ALL) {
    const compiler = new Compiler({
      reader: new MemoryFolder({
        "states/all.yaml": `- A: { type: ${step} }\n`,
      }),
      operations: stepDescriptions,
    });

    const { problems } = await compiler.compile(
      "",
      anAgent({ data: { x: 1 } }),
    );

    const unhelpful = problems.map(({ message }) => message).filter((message) =>
      !/it is not there yet; write (?:command\.Run|file\.Line)/.test(message)
    );
    assertEquals(unhelpful, [], step);
  }
});
