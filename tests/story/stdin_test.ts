import { assertEquals, assertLess } from "@std/assert";
import { createHash } from "node:crypto";
import { startFleet } from "../support/fleet.ts";
import { floodBytes, program } from "../support/program.ts";
import { until } from "../support/live_program.ts";
import { story } from "../support/story.ts";

const MEGABYTE = 1_048_576;

function sha256Of(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

story(
  "20 MB of any bytes reach the program on two hosts whole, and are kept once",
  async (executables) => {
    await using fleet = await startFleet(executables, {
      agents: ["web-1", "web-2"],
    });
    const bytes = floodBytes(20 * MEGABYTE);
    const file = await fleet.folder.write("input", bytes);
    const run = async (agent: string) => {
      const argv = ["--stdin", file, "--", ...program("hashStdin")];
      return (await fleet.manager("run", agent, ...argv)).stdout;
    };

    assertEquals(
      [await run("web-1"), await run("web-2")],
      [`${sha256Of(bytes)}\n`, `${sha256Of(bytes)}\n`],
    );
    const [status] = await fleet.json("status");
    assertEquals(status?.["blobs"], {
      count: "1",
      bytes: String(20 * MEGABYTE),
      limitBytes: String(10 * 2 ** 30),
    });
  },
);

story(
  "input goes on at the same byte after the Manager was started again",
  async (executables) => {
    await using fleet = await startFleet(executables, { agents: ["web-1"] });
    const bytes = floodBytes(20 * MEGABYTE);
    const file = await fleet.folder.write("input", bytes);
    const go = fleet.folder.at("go");
    await using running = fleet.spawn(
      ...["run", "web-1", "--stdin", file, "--"],
      ...program("hashStdinAfter", go),
    );
    await running.printed(/ready/);
    await fleet.serving.stop();
    await Deno.writeTextFile(go, "");
    await fleet.startManager();

    const { stdout, code } = await running.end();
    assertEquals([stdout, code], [`ready\n${sha256Of(bytes)}\n`, 0]);
  },
);

story(
  "a program that reads nothing holds back its input, and a cancel ends both",
  async (executables) => {
    await using fleet = await startFleet(executables, { agents: ["web-1"] });
    const file = await fleet.folder.write("input", floodBytes(50 * MEGABYTE));
    await using running = fleet.spawn(
      ...["run", "web-1", "--stdin", file, "--"],
      ...program("sleep"),
    );
    await running.printed(/ready/);
    const asked = async () => {
      const [status] = await fleet.json<{ counters: Record<string, string> }>(
        "status",
      );
      return Number(status?.counters["blob_bytes_sent"] ?? 0);
    };
    await until(
      "the first pieces were asked for",
      async () => await asked() > 0,
    );
    const [id] = (await fleet.json("commands")).map(({ id }) => String(id));
    await fleet.manager("cancel", id ?? "");
    await running.end();

    assertLess(await asked(), 3 * MEGABYTE);
  },
);
