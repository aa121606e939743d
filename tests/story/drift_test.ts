import { assertEquals, assertMatch } from "@std/assert";
import { stringify } from "yaml";
import { startFleet } from "../support/fleet.ts";
import { until } from "../support/live_program.ts";
import { story } from "../support/story.ts";

/** Message of a webhook. */
interface Message {
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
}

story(
  "drift by hand is told by event, metric and webhook, and healed within its window",
  async (executables) => {
    const told: Message[] = [];
    await using receiver = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      async (request) => {
        told.push(await request.json());
        return new Response(null, { status: 204 });
      },
    );
    await using fleet = await startFleet(executables, {
      agents: ["web-1"],
      managerConfig: {
        webhooks: [{
          url: `http://127.0.0.1:${receiver.addr.port}/piri`,
          events: ["drift.found", "drift.gone"],
        }],
        drift: [{
          state: "note",
          agents: "all",
          every: "10s",
          do: "apply",
          window: "00:00-24:00 UTC",
        }],
      },
    });
    const path = fleet.folder.at("note");
    await Deno.writeTextFile(path, "by hand\n");
    await fleet.folder.write(
      "m/states/all/note.yaml",
      stringify([
        { Note: { type: "file.Installed", path, content: "as planned\n" } },
      ]),
    );

    const found = await fleet.event("drift_found", "web-1");
    const gone = await fleet.event("drift_gone", "web-1");
    await until(
      "both messages have come",
      () => Promise.resolve(told.length >= 2),
    );
    const status = await fleet.manager("status", "--prometheus");
    const drift = await fleet.manager("drift", "--exit-code");

    assertMatch(found, /^"web-1" differs from the state note, p-\d+: Note$/);
    assertMatch(gone, /^"web-1" is as the state note says again by p-\d+$/);
    assertEquals(await Deno.readTextFile(path), "as planned\n");
    const [first, second] = told;
    assertEquals([first?.type, second?.type], ["drift.found", "drift.gone"]);
    const { agent, stateName, targets, steps, since } = first?.data ?? {};
    assertEquals(
      [agent, stateName, targets, steps],
      ["web-1", "note", "all", ["Note"]],
    );
    assertEquals(second?.data["since"], since);
    assertMatch(status.stdout, /^piri_.*drift_found\S* 1$/m);
    assertMatch(status.stdout, /^piri_.*drift_gone\S* 1$/m);
    assertEquals([drift.code, drift.stderr], [0, ""]);
    assertMatch(drift.stdout, /^state note on all: no drift found, applies/);
  },
);
