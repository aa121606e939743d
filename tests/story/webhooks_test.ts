import { assertEquals } from "@std/assert";
import { ExitCode } from "../../lib/cli/exit_code.ts";
import { startFleet } from "../support/fleet.ts";
import { program } from "../support/program.ts";
import { story } from "../support/story.ts";

story(
  "a webhook is told of the end of a job, again and again until it takes it",
  async (executables) => {
    const heard: Promise<{ id: string | null; body: string }>[] = [];
    const enough = Promise.withResolvers<void>();
    await using receiver = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      async (request) => {
        const id = request.headers.get("webhook-id");
        const read = request.text().then((body) => ({ id, body }));
        const isFirst = heard.push(read) === 1;
        await read;
        if (isFirst) return new Response("not now", { status: 503 });
        enough.resolve();
        return new Response(null, { status: 204 });
      },
    );
    await using fleet = await startFleet(executables, {
      agents: ["web-1", "web-2"],
      managerConfig: {
        webhooks: [{ url: `http://127.0.0.1:${receiver.addr.port}/piri` }],
      },
    });
    const argv = program("printAndExit", "done", "3");
    const run = await fleet.manager(
      "run",
      "all",
      "--name",
      "deploy",
      "--",
      ...argv,
    );
    await enough.promise;

    assertEquals(run.code, ExitCode.failed, run.stderr);
    const [first, second] = await Promise.all(heard);
    assertEquals([heard.length, second], [2, first]);
    const { type, data } = JSON.parse(first?.body ?? "");
    assertEquals(
      [type, data.job, data.name, data.state, data.agents],
      ["job.ended", "j-1", "deploy", "failed", { total: 2, failed: 2 }],
    );
    assertEquals((await fleet.eventsOf("webhook_failed")).length, 1);
  },
);
