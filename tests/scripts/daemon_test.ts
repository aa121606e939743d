import { assertEquals } from "@std/assert";
import { Daemon } from "../../scripts/local/daemon.ts";

Deno.test("the newest part of a long log is kept", async () => {
  const program = "for (let i = 0; i < 30_000; i++) console.error(`line ${i}`)";
  await using daemon = new Daemon("talker", {
    argv: [Deno.execPath(), "eval", "--no-config", program],
  });

  await daemon.ended;

  const lines = Array.from({ length: 30_000 }, (_, i) => `line ${i}\n`);
  assertEquals(daemon.log, lines.join("").slice(-100_000));
});
