import { assertEquals, assertThrows } from "@std/assert";
import { PiriError } from "../../lib/base/errors.ts";
import { commandRun } from "../../lib/operations/command_run.ts";
import { fileFetch } from "../../lib/operations/file_fetch.ts";
import { checkParams } from "../../lib/operations/params.ts";
import {
  describeOperations,
  operationNamed,
} from "../../lib/operations/registry.ts";
import { testSleep } from "../../lib/operations/test_sleep.ts";

Deno.test("an operation is found by its name", () => {
  const options = { allowTestOperations: false };
  assertEquals(operationNamed("command.Run", options).name, "command.Run");
});

Deno.test("an unknown operation is refused with the nearest name", () => {
  const error = assertThrows(
    () => operationNamed("comand.run", { allowTestOperations: false }),
    PiriError,
    'Cannot run "comand.run": this agent has no such operation, did you mean "command.Run"?',
  );
  assertEquals(error.code, "NOT_FOUND");
});

Deno.test("test operations exist only when they are allowed", () => {
  const name = "test.Sleep";
  assertEquals(operationNamed(name, { allowTestOperations: true }).name, name);
  assertThrows(() => operationNamed(name, { allowTestOperations: false }));
});

Deno.test("every operation and parameter is described", () => {
  const all = describeOperations();
  assertEquals(all.map(({ name }) => name), [
    "agent.Audit",
    "agent.Facts",
    "agent.Restart",
    "agent.Rotate",
    "agent.Trust",
    "agent.Update",
    "apt.Installed",
    "apt.UnattendedUpgrade",
    "archive.Extracted",
    "assert.That",
    "command.Run",
    "command.RunMultiple",
    "cron.Job",
    "echo.Echo",
    "file.Absent",
    "file.Block",
    "file.Dir",
    "file.Downloaded",
    "file.Fetch",
    "file.Installed",
    "file.Line",
    "file.List",
    "file.Put",
    "file.Read",
    "file.Stat",
    "file.Symlinked",
    "file.Tree",
    "git.UpToDate",
    "group.Absent",
    "group.Present",
    "host.Entry",
    "host.Locale",
    "host.Name",
    "host.Timezone",
    "kernel.Module",
    "mount.Mounted",
    "mount.Unmounted",
    "noop.Noop",
    "package.Absent",
    "package.Installed",
    "package.Lists",
    "package.Repository",
    "package.Upgraded",
    "service.Disabled",
    "service.Enabled",
    "service.Masked",
    "service.Reload",
    "service.Restart",
    "service.Running",
    "service.Stopped",
    "ssh.AuthorizedKeys",
    "ssh.KnownHosts",
    "state.Apply",
    "state.Forgive",
    "state.Owed",
    "state.Plan",
    "sysctl.Parameter",
    "systemd.Disabled",
    "systemd.Enabled",
    "systemd.Masked",
    "systemd.Reload",
    "systemd.Restart",
    "systemd.Running",
    "systemd.Stopped",
    "systemd.Timer",
    "systemd.Unit",
    "test.Sleep",
    "test.Spin",
    "user.Absent",
    "user.Present",
    "wait.For",
  ]);
  const silent = all.flatMap((operation) => [
    operation.description,
    ...operation.parameters.map(({ description }) => description),
  ]).filter((description) => description === "");
  assertEquals(silent, []);
});

Deno.test("a parameter's type and whether it is needed come from the schema", () => {
  const all = describeOperations();
  const shown = (name: string) =>
    all.find((operation) => operation.name === name)?.parameters
      .map(({ name, type, required }) => `${name}: ${type}, ${required}`);
  assertEquals(shown("command.Run"), [
    "argv: list of string, false",
    "argv_base64: list of string, false",
    "shell: string, false",
    "cwd: string, false",
    "env: map of string, false",
    "user: string, false",
    "group: string, false",
    "umask: string, false",
    "stdin: string, false",
    "stdin_blob: string, false",
    "secret_env: map of string, false",
    "secret_stdin: string, false",
    "secret_files: map of string, false",
  ]);
  assertEquals(shown("test.Sleep"), ["seconds: number, true"]);
  assertEquals(shown("file.Fetch")?.at(-1), "parents: boolean, false");
});

Deno.test("right parameters are read", () => {
  assertEquals(
    checkParams(commandRun, '{"argv":["ls"],"env":{"A":"1"}}'),
    { argv: ["ls"], env: { A: "1" } },
  );
});

const wrong: [string, () => unknown, string][] = [
  [
    "text that is not JSON",
    () => checkParams(testSleep, "{"),
    'Cannot run "test.Sleep": its parameters are not a JSON object',
  ],
  [
    "a list",
    () => checkParams(testSleep, "[1]"),
    'Cannot run "test.Sleep": its parameters are not a JSON object',
  ],
  [
    "an unknown parameter",
    () => checkParams(testSleep, '{"secods":1}'),
    'there is no parameter "secods", did you mean "seconds"?',
  ],
  [
    "a missing parameter",
    () => checkParams(testSleep, ""),
    'parameter "seconds" is missing',
  ],
  [
    "a wrong type",
    () => checkParams(testSleep, '{"seconds":"1"}'),
    'parameter "seconds" is wrong: expected number but received "1"',
  ],
  [
    "a wrong item of a list",
    () => checkParams(commandRun, '{"argv":["ls",1]}'),
    'parameter "argv.1" is wrong: expected string but received 1',
  ],
  [
    "an empty argv",
    () => checkParams(commandRun, '{"argv":[]}'),
    'parameter "argv" is wrong: expected a program and its arguments',
  ],
  [
    "argv and shell",
    () => checkParams(commandRun, '{"argv":["ls"],"shell":"ls"}'),
    'Cannot run "command.Run": it takes exactly one of argv, argv_base64 and shell',
  ],
  [
    "neither argv nor shell",
    () => checkParams(commandRun, "{}"),
    'Cannot run "command.Run": it takes exactly one of argv, argv_base64 and shell',
  ],
  [
    "argv as text and as bytes",
    () => checkParams(commandRun, '{"argv":["ls"],"argv_base64":["bHM="]}'),
    'Cannot run "command.Run": it takes exactly one of argv, argv_base64 and shell',
  ],
  [
    "argv in something else than base64",
    () => checkParams(commandRun, '{"argv_base64":["bHM=","é"]}'),
    'parameter "argv_base64.1" is wrong: expected base64',
  ],
  [
    "a NUL among the bytes of argv",
    () => checkParams(commandRun, '{"argv_base64":["AA=="]}'),
    'parameter "argv_base64.0" is wrong: expected bytes without NUL',
  ],
  [
    "a NUL in argv",
    () => checkParams(commandRun, '{"argv":["ls","a\\u0000b"]}'),
    'parameter "argv.1" is wrong: expected text without a NUL character',
  ],
  [
    "half a character in argv",
    () => checkParams(commandRun, '{"argv":["ls","caf\\udce9"]}'),
    'parameter "argv.1" is wrong: expected Unicode text, and it has half of a surrogate pair; argv_base64 takes any bytes',
  ],
  [
    "half a character in a variable",
    () => checkParams(commandRun, '{"argv":["ls"],"env":{"A":"\\ud800"}}'),
    'parameter "env.A" is wrong: expected Unicode text',
  ],
  [
    "half a character in the line for the shell",
    () => checkParams(commandRun, '{"shell":"\\ud800"}'),
    'parameter "shell" is wrong: expected Unicode text',
  ],
  [
    "half a character in the folder",
    () => checkParams(commandRun, '{"shell":"ls","cwd":"\\ud800"}'),
    'parameter "cwd" is wrong: expected Unicode text',
  ],
  [
    "half a character in the input",
    () => checkParams(commandRun, '{"shell":"ls","stdin":"\\ud800"}'),
    'parameter "stdin" is wrong: expected Unicode text',
  ],
  [
    "an equals sign in the name of a variable",
    () => checkParams(commandRun, '{"argv":["ls"],"env":{"A=B":"c"}}'),
    'parameter "env.A=B" is wrong: expected a name of a variable, without "="',
  ],
  [
    "a NUL in a variable",
    () => checkParams(commandRun, '{"argv":["ls"],"env":{"A":"\\u0000"}}'),
    'parameter "env.A" is wrong: expected text without a NUL character',
  ],
  [
    "an empty user",
    () => checkParams(commandRun, '{"argv":["ls"],"user":""}'),
    'parameter "user" is wrong: expected a name or a number',
  ],
  [
    "a umask that is not octal",
    () => checkParams(commandRun, '{"argv":["ls"],"umask":"028"}'),
    'parameter "umask" is wrong: expected an octal number from 000 to 777, as 027',
  ],
  [
    "a umask beyond permissions",
    () => checkParams(commandRun, '{"argv":["ls"],"umask":"1777"}'),
    'parameter "umask" is wrong: expected an octal number from 000 to 777, as 027',
  ],
  [
    "a mode that is not octal",
    () => checkParams(fileFetch, '{"source":"a","path":"/a","mode":"rw"}'),
    'parameter "mode" is wrong: expected an octal number as 0644',
  ],
  [
    "a relative path",
    () => checkParams(fileFetch, '{"source":"a","path":"a"}'),
    'parameter "path" is wrong: expected an absolute path',
  ],
];

for (const [what, check, message] of wrong) {
  Deno.test(`parameters with ${what} are refused`, () => {
    const error = assertThrows(check, PiriError, message);
    assertEquals(error.code, "INVALID_ARGUMENT");
  });
}

Deno.test("a parameter that has a former name is taken by either name, and not by both", () => {
  const mount = operationNamed("mount.Mounted", { allowTestOperations: false });
  const pathsOf = (params: Readonly<Record<string, string>>) =>
    mount.paths?.(checkParams(
      mount,
      JSON.stringify({ path: "/mnt/x", source: "tmpfs", ...params }),
    ));

  const written = [{ use: "write", path: "/etc/fstab" }] as const;
  assertEquals(pathsOf({ fstype: "tmpfs" }), written);
  assertEquals(pathsOf({ type: "tmpfs" }), written);
  assertThrows(
    () => pathsOf({ fstype: "tmpfs", type: "tmpfs" }),
    PiriError,
    'Cannot run "mount.Mounted": "fstype" and "type" are given, which are names of the same parameter',
  );
  assertThrows(
    () => pathsOf({}),
    PiriError,
    'Cannot run step "mount.Mounted": parameter "fstype" of mount.Mounted is missing',
  );
});
