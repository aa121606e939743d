import { assertEquals, assertMatch } from "@std/assert";
import { formsToFind } from "./canaries.ts";
import { CanaryWatch } from "./canary_watch.ts";
import { LiveProgram } from "./live_program.ts";
import { TempFolder } from "./temp_folder.ts";

const KEY = "M".repeat(64);

Deno.test("a secret is found in files in each of nine forms, and between other bytes", async () => {
  await using folder = await TempFolder.make();
  const watch = new CanaryWatch();
  const forms = formsToFind(watch.secret);
  for (const [n, form] of forms.entries()) {
    const bytes = new TextEncoder().encode(form);
    const around = new Uint8Array([0, 255, ...bytes, 0, 195]);
    await folder.write(`in/${n}/journal.bin`, around);
  }

  const leaks = await watch.leaks({ folders: [folder.path], output: [] });

  assertEquals(forms.length, 9);
  assertEquals(leaks.length, 9);
});

Deno.test("a secret is found in the output of programs, and another one is not", async () => {
  const watch = new CanaryWatch();
  const other = new CanaryWatch();
  const [, , encoded = ""] = formsToFind(watch.secret);

  const leaks = await watch.leaks({
    folders: ["/none"],
    output: [
      ["serve", `2026 error: cannot ${encoded}!`],
      ["run", other.secret],
    ],
  });

  assertEquals(leaks, ["the output of serve has the canary, form 3"]);
});

Deno.test("a key is found outside of files of its name, and not in them", async () => {
  await using folder = await TempFolder.make();
  const watch = new CanaryWatch();
  const pem =
    `-----BEGIN PRIVATE KEY-----\n${KEY}\n-----END PRIVATE KEY-----\n`;
  await folder.write("m/ca.key", pem);
  await folder.write("copy/ca.key", pem);
  await folder.write("a/agent.yaml", `name: a\nsecret: ${"s".repeat(43)}\n`);
  const clean = await watch.leaks({ folders: [folder.path], output: [] });
  await folder.write("m/manager.db", `\0${KEY}\0`);
  await folder.write("a/log", `secret ${"s".repeat(43)}`);

  const leaks = await watch.leaks({ folders: [folder.path], output: [] });

  assertEquals(clean, []);
  assertEquals(leaks.toSorted(), [
    `${folder.at("a/log")} has the secret of agent.yaml, form 1`,
    `${folder.at("m/manager.db")} has the secret of ca.key, form 1`,
  ]);
});

Deno.test({
  name: `a secret is found in the variables and arguments of processes${
    Deno.build.os === "linux" ? "" : ", ignored because it looks in /proc"
  }`,
  ignore: Deno.build.os !== "linux",
  async fn() {
    const watch = new CanaryWatch();
    await using program = new LiveProgram(
      "child",
      [
        ...[
          Deno.execPath(),
          "eval",
          "console.log(1); setInterval(() => {}, 9)",
        ],
        watch.secret,
      ],
      { LEAKED: watch.secret },
    );
    await program.printed(/1/);

    watch.lookAtProcesses();

    const leaks = await watch.leaks({ folders: [], output: [] });
    assertEquals(leaks.length, 2);
    assertMatch(leaks.join(), /cmdline of a process .*environ of a process/);
  },
});
