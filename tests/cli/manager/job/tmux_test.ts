import { assertEquals } from "@std/assert";
import { reasonWithoutTmux, Tmux } from "./tmux.ts";

const missing = await reasonWithoutTmux();

const HEAD = "j-17: uname -r on web-* (200 agents), 10% at a time";
const QUESTION = "cancel the job [c], leave it running [d], go on [Enter]?";

const SUMMARY = [
  "web-101 (ok)",
  "  5.15.0-91-generic",
  "web-163 (ok)",
  "  6.1.0-17-amd64",
  "! warning: reboot required",
  "web-017 (failed, exit code 1)",
  "! uname: cannot get system name",
  "j-17: 197 ok, 1 failed, 2 unreachable in TIME",
  "  failed: web-017",
  "  unreachable: web-[044,187] (it is not connected)",
  "hint: piri-manager job rerun j-17 --failed",
  "exit 3",
];

function tmuxTest(name: string, fn: () => Promise<void>): void {
  Deno.test({
    name: missing === undefined ? name : `${name} (ignored: ${missing})`,
    ignore: missing !== undefined,
    fn,
  });
}

/** Rows without what depends on the speed of the machine. */
function steady(rows: readonly string[]): string[] {
  return rows.map((row) => row.replace(/ in [\d.]+ (ms|s|min.*)$/, " in TIME"));
}

for (
  const [columns, rows] of [[80, 24], [200, 50]] as const
) {
  tmuxTest(
    `a real terminal of ${columns}x${rows} shows one row that counts, and then blocks and a summary`,
    async () => {
      await using tmux = await Tmux.start(["20"], { columns, rows });
      const during = await tmux.rows(/^running \d+ +ok [1-9].*\d\d:\d\d$/);
      const after = steady(await tmux.rows(/^exit/));

      assertEquals(during[0], HEAD);
      assertEquals(during.filter((row) => row.startsWith("running")).length, 1);
      assertEquals(after.slice(0, 2), [HEAD, "web-017: failed, exit code 1"]);
      assertEquals(after.slice(-SUMMARY.length), SUMMARY);
      assertEquals(after.filter((row) => row.startsWith("running")), []);
    },
  );
}

tmuxTest(
  "a window that becomes narrower and wider again loses no line",
  async () => {
    await using tmux = await Tmux.start(["20"], { columns: 80, rows: 24 });
    await tmux.rows(/^running \d+ +ok [1-9]/);
    await tmux.resize(40, 20);
    const narrow = await tmux.rows(/^running \d+ +ok \d+.*\d\d:\d\d$/);
    await tmux.resize(100, 30);
    const after = steady(await tmux.rows(/^exit/));

    assertEquals(narrow.every((row) => row.length <= 40), true);
    assertEquals(after.slice(-SUMMARY.length), SUMMARY);
  },
);

tmuxTest("Ctrl-C once asks at a real terminal, and d leaves", async () => {
  await using tmux = await Tmux.start(["100"], { columns: 80, rows: 24 });
  await tmux.rows(/^running \d+ +ok [1-9]/);
  await tmux.press("C-c");
  await tmux.rows(/^cancel the job/);
  await tmux.press("d");
  const rows = await tmux.rows(/^exit/);

  assertEquals(rows.includes(QUESTION), true);
  assertEquals(rows.slice(-3), [
    "error: Stopped waiting for job j-17: what runs goes on",
    "hint: piri-manager job watch j-17",
    "exit 130",
  ]);
});

tmuxTest("Ctrl-C twice cancels at a real terminal", async () => {
  await using tmux = await Tmux.start(["20"], { columns: 80, rows: 24 });
  await tmux.rows(/^running [1-9]/);
  await tmux.press("C-c");
  await tmux.rows(/^cancel the job/);
  await tmux.press("C-c");
  const rows = await tmux.rows(/^exit/);

  assertEquals(rows.includes("cancelling job j-17…"), true);
  assertEquals(rows.at(-1), "exit 7");
});
