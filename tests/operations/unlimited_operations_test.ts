import { assertEquals } from "@std/assert";
import { operations } from "../../lib/operations/registry.ts";
import {
  limitedOperations,
  unlimitedOperations,
} from "../../lib/operations/unlimited_operations.ts";

Deno.test("every operation is known to be limited or not", () => {
  const acting = operations.filter(({ acts }) => acts).map(({ name }) => name);
  // A new operation that acts is unlimited, until it is in the list of limited ones with a reason.
  assertEquals(
    [...unlimitedOperations].toSorted(),
    [
      "apt.Installed",
      "archive.Extracted",
      "assert.That",
      "command.Run",
      "command.RunMultiple",
      "cron.Job",
      "file.Absent",
      "file.Block",
      "file.Dir",
      "file.Downloaded",
      "file.Fetch",
      "file.Installed",
      "file.Line",
      "file.Put",
      "file.Symlinked",
      "file.Tree",
      "git.UpToDate",
      "group.Present",
      "kernel.Module",
      "mount.Mounted",
      "package.Installed",
      "package.Repository",
      "ssh.AuthorizedKeys",
      "state.Apply",
      "state.Plan",
      "sysctl.Parameter",
      "systemd.Timer",
      "systemd.Unit",
      "user.Present",
    ],
  );
  assertEquals(limitedOperations.filter((name) => !acting.includes(name)), []);
});

Deno.test("operations that only look and run no programs are these, and are limited", () => {
  assertEquals(
    operations.filter(({ acts, runsPrograms = false }) =>
      !acts && !runsPrograms
    ).map(({ name }) => name),
    [
      "agent.Audit",
      "agent.Facts",
      "agent.Rotate",
      "agent.Trust",
      "echo.Echo",
      "file.List",
      "file.Read",
      "file.Stat",
      "noop.Noop",
      "state.Owed",
      "test.Sleep",
      "test.Spin",
    ],
  );
});
