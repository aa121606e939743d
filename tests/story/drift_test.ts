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
  "drift by hand is told by event, metric and webhook, and so is its healing, or that it failed",
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
          events: ["drift.found", "drift.heal_failed", "drift.gone"],
        }],
        drift: ["note", "refused"].map((state) => ({
          state,
          agents: "all",
          every: "10s",
          do: "apply",
          window: "00:00-24:00 UTC",
        })),
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
    const refused = {
      type: "file.Installed",
      path: fleet.folder.at("refused"),
      content: "never\n",
      validate: "exit 3",
    };
    await fleet.folder.write(
      "m/states/all/refused.yaml",
      stringify([{ Refused: refused }]),
    );

    const found = await fleet.event("drift_found", "web-1");
    const gone = await fleet.event("drift_gone", "web-1");
    const failed = await fleet.event("drift_heal_failed", "web-1");
    await until(
      "all messages have come",
      () => Promise.resolve(told.length >= 4),
    );
    const status = await fleet.manager("status", "--prometheus");
    const drift = await fleet.manager("drift");

    assertMatch(
      found,
      /^"web-1" differs from the state (note|refused), p-\d+: (Note|Refused)$/,
    );
    assertMatch(gone, /^"web-1" is as the state note says again by p-\d+$/);
    assertEquals(await Deno.readTextFile(path), "as planned\n");
    assertEquals(
      told.map(({ type, data }) => `${type} ${data["stateName"]}`).toSorted(),
      [
        "drift.found note",
        "drift.found refused",
        "drift.gone note",
        "drift.heal_failed refused",
      ],
    );
    const about = (event: string) =>
      told.find(({ type }) => type === event)?.data ?? {};
    const { plan, reason, ...unhealed } = about("drift.heal_failed");
    const begun = told.find(({ type, data }) =>
      type === "drift.found" && data["stateName"] === "refused"
    )?.data;
    assertEquals(
      [unhealed["agent"], unhealed["targets"], unhealed["since"], plan],
      ["web-1", "all", begun?.["since"], begun?.["plan"]],
    );
    assertEquals(failed, `"web-1" could not be healed by ${plan}: ${reason}`);
    const healed = told.find(({ type, data }) =>
      type === "drift.found" && data["stateName"] === "note"
    )?.data;
    assertEquals([healed?.["agent"], healed?.["steps"]], ["web-1", ["Note"]]);
    assertEquals(about("drift.gone")["since"], healed?.["since"]);
    assertMatch(status.stdout, /^piri_.*drift_found\S* 2$/m);
    assertMatch(status.stdout, /^piri_.*drift_heal_failed\S* 1$/m);
    assertMatch(status.stdout, /^piri_.*drift_gone\S* 1$/m);
    assertEquals([drift.code, drift.stderr], [0, ""]);
    assertMatch(drift.stdout, /^state note on all: no drift found, applies/m);
  },
);
