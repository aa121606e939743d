import { assertEquals } from "@std/assert";
import { FakeManager } from "../../fake_manager.ts";
import { see } from "../start.ts";

const FILES = [["--out", "DIR"], ["--junit", "FILE"], ["--summary", "FILE"]];

for (const [flag = "", value = ""] of FILES) {
  for (
    const start of [
      ["run", "web-*", "--shell", "x"],
      ["run", "web-1", "--shell", "x"],
      ["job", "rerun", "j-17"],
      ["rerun", "j-17"],
      ["rerun", "12"],
    ]
  ) {
    Deno.test(`${start.join(" ")} with --detach and ${flag} is refused: nobody would write it`, async () => {
      const manager = new FakeManager();
      const args = [...start, "--detach", flag, "f"];
      const { code, stderr, terminal } = await see(args, { manager });

      assertEquals(
        [code, stderr],
        [
          2,
          `error: Cannot use "${flag}" with "--detach": nobody waits for what it would tell\nhint: piri-manager job watch ID ${flag} ${value}\n`,
        ],
      );
      assertEquals([manager.runs, manager.jobReruns, manager.reruns], [
        [],
        [],
        [],
      ]);
      assertEquals(terminal.outFiles.size, 0);
    });
  }

  for (
    const [args, what] of [
      [["watch", "12"], "commands"],
      [["rerun", "12"], "a command"],
    ] as const
  ) {
    Deno.test(`${args.join(" ")} with ${flag} is refused: only a job has files`, async () => {
      const { code, stderr, manager } = await see([...args, flag, "f"]);

      assertEquals(
        [code, stderr],
        [
          2,
          `error: Cannot use "${flag}" for ${what}: only a job has files\nhint: piri-manager job watch ID ${flag} ${value}\n`,
        ],
      );
      assertEquals(manager.reruns, []);
    });
  }
}
