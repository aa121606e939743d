import { assertEquals } from "@std/assert";
import { isUnlimited } from "../../../lib/manager/access/unlimited_rule.ts";

const UNLIMITED = ["command.Run", "cron.Job", "file.Put"];

function unlimited(operations: string, argv: string = ""): boolean {
  return isUnlimited({
    deny: false,
    operations: operations.split(","),
    argv: argv === "" ? [] : argv.split(" "),
  }, UNLIMITED);
}

Deno.test("a rule for an operation by which anything can be run is unlimited", () => {
  for (
    const operations of [
      "command.Run",
      "*",
      "command.*",
      "file.P*",
      "cron.Job",
      "file.Read,cron.Job",
    ]
  ) assertEquals([operations, unlimited(operations)], [operations, true]);
  for (const operations of ["file.Read,file.Stat", "echo.*", "service.*"]) {
    assertEquals([operations, unlimited(operations)], [operations, false]);
  }
});

Deno.test("a rule for a program that runs whatever it is given is unlimited", () => {
  for (
    const argv of [
      "bash -c *",
      "/opt/x/bash -c *",
      "bash",
      "sh -c ??",
      "python3.11 *",
      "/usr/bin/python3.11 ...",
      "docker run *",
      "sudo -u nobody ...",
      "/usr/bin/env ...",
      "powershell.exe -Command *",
      "C:\\\\Windows\\\\System32\\\\CMD.EXE /c *",
      "* restart",
      "/usr/bin/pyth* ...",
      "/opt/app/*",
      "/opt/*/app status",
    ]
  ) assertEquals([argv, unlimited("command.Run", argv)], [argv, true]);
});

Deno.test("a rule for a program whose arguments say what it does is not unlimited", () => {
  for (
    const argv of [
      "systemctl restart *",
      "uptime ...",
      "sh /opt/backup.sh",
      "docker restart web",
      "bash -c what\\*ever",
    ]
  ) assertEquals([argv, unlimited("command.Run", argv)], [argv, false]);
});

Deno.test("a denial is never unlimited", () => {
  const rule = { deny: true, operations: ["*"], argv: [] };
  assertEquals(isUnlimited(rule, UNLIMITED), false);
});
