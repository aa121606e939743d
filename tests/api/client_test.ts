import { LOCAL_CALLER, valuesOf } from "../../lib/api/caller.ts";
import { assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { addAgentsService } from "../../lib/api/agents_service.ts";
import { connectControl, controlClient } from "../../lib/api/client.ts";
import { PiriError } from "../../lib/base/errors.ts";
import type { EventView } from "../../lib/manager/api/operator_api.ts";
import * as piri from "../../mod.ts";
import {
  all,
  noProofs,
  refusal,
  startControl,
  startControlChild,
  tempFolder,
} from "../support/control.ts";
import { routerLink } from "../support/router_link.ts";
import { anAgent, SmallManager } from "../support/small_manager.ts";

async function refusalToConnect(dir: string): Promise<[string, string]> {
  const error = await assertRejects(() => connectControl(dir), PiriError);
  return [error.code, error.message];
}

Deno.test("a Manager that does not run is UNAVAILABLE, with the way to start it", async () => {
  await using folder = await tempFolder();

  assertEquals(await refusalToConnect(folder.path), [
    "UNAVAILABLE",
    `Cannot reach the Manager of "${folder.path}": it is not running (piri-manager serve starts it)`,
  ]);
});

Deno.test("a missing folder is reported as such, with the way to make it", async () => {
  await using folder = await tempFolder();
  const dir = join(folder.path, "none");

  assertEquals(await refusalToConnect(dir), [
    "UNAVAILABLE",
    `Cannot reach the Manager of "${dir}": there is no such folder (piri-manager init makes it)`,
  ]);
});

for (const transport of ["unix", "tcp"] as const) {
  Deno.test(`a killed Manager is not running, even if its ${transport} files are there`, async () => {
    await using folder = await tempFolder();
    await using child = await startControlChild(folder.path, transport);
    await child.kill();

    assertEquals(await refusalToConnect(folder.path), [
      "UNAVAILABLE",
      `Cannot reach the Manager of "${folder.path}": it is not running (piri-manager serve starts it)`,
    ]);
  });

  Deno.test(`a stream over ${transport} rejects as unavailable when the Manager is killed`, async () => {
    await using folder = await tempFolder();
    await using child = await startControlChild(folder.path, transport);
    using control = await connectControl(folder.path);
    const stream = control.events.watchEvents({ follow: true })
      [Symbol.asyncIterator]();
    await stream.next();
    const next = refusal(stream.next());

    await child.kill();

    assertEquals(await next, {
      connect: null,
      piri: "UNAVAILABLE",
      message: `Lost the connection to the Manager of "${folder.path}"`,
    });
  });

  Deno.test(`a client that connects again over ${transport} after a restart is answered`, async () => {
    await using folder = await tempFolder();
    const stateDir = folder.path;
    const first = await startControl({ stateDir, transport });
    await first[Symbol.asyncDispose]();
    const between = await refusalToConnect(stateDir);

    await using second = await startControl({ stateDir, transport });

    assertEquals(between[0], "UNAVAILABLE");
    assertEquals((await second.control.agents.listAgents({})).agents, []);
  });

  Deno.test(`events arrive over ${transport} when they happen, and not later`, async () => {
    const manager = new SmallManager();
    const happen = new TransformStream<EventView, EventView>();
    manager.events = { watch: () => happen.readable };
    await using fleet = await startControl({ manager, transport });
    const stream = fleet.control.events.watchEvents({ follow: true })
      [Symbol.asyncIterator]();
    const writer = happen.writable.getWriter();

    // The next event is written only when the one before it has arrived.
    for (const id of [1n, 2n, 3n]) {
      await writer.write({
        key: { at: 1, source: "event", id },
        id,
        kind: "agent_connected",
        agent: "web-1",
        commandId: null,
        message: "",
      });
      const { value } = await stream.next();
      assertEquals(value?.event?.id, id);
    }
    await writer.close();

    assertEquals((await stream.next()).done, true);
  });
}

Deno.test("a client outlives a restart of its Manager at the same socket", async () => {
  await using folder = await tempFolder();
  const first = await startControl({ stateDir: folder.path });
  using control = await connectControl(folder.path);
  await control.agents.listAgents({});
  await first[Symbol.asyncDispose]();

  await using _second = await startControl({ stateDir: folder.path });

  assertEquals((await control.agents.listAgents({})).agents, []);
});

Deno.test("a call without a Manager fails in the same way as connecting", async () => {
  await using fleet = await startControl();
  await fleet.server.close();

  const refused = await refusal(fleet.control.agents.listAgents({}));

  assertEquals(refused, {
    connect: null,
    piri: "UNAVAILABLE",
    message:
      `Cannot reach the Manager of "${fleet.dir}": it is not running (piri-manager serve starts it)`,
  });
});

Deno.test("a stream ends at once by its signal", async () => {
  const manager = new SmallManager();
  manager.events = {
    // deno-lint-ignore require-yield
    watch: async function* (_range, { signal }) {
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
    },
  };
  await using fleet = await startControl({ manager });
  const leaving = new AbortController();
  const next = refusal(
    fleet.control.events.watchEvents({ follow: true }, {
      signal: leaving.signal,
    })[Symbol.asyncIterator]().next(),
  );

  leaving.abort();

  assertEquals((await next).piri, "CANCELLED");
});

Deno.test("disposing ends the calls that are under way", async () => {
  const manager = new SmallManager();
  manager.agents.list = () => new Promise(() => {});
  manager.events = {
    watch: async function* () {
      yield {
        key: { at: 1, source: "event", id: 1n },
        id: 1n,
        kind: "agent_connected",
        agent: null,
        commandId: null,
        message: "",
      };
      await new Promise(() => {});
    },
  };
  await using fleet = await startControl({ manager });
  const control = await connectControl(fleet.dir);
  const stream = control.events.watchEvents({ follow: true })
    [Symbol.asyncIterator]();
  await stream.next();
  const ends = [
    refusal(stream.next()),
    refusal(control.agents.listAgents({})),
  ];

  control[Symbol.dispose]();

  assertEquals((await Promise.all(ends)).map(({ piri }) => piri), [
    "CANCELLED",
    "CANCELLED",
  ]);
});

Deno.test("a proxy in the environment is not used for a Manager on this machine", async () => {
  await using overSocket = await startControl();
  await using overTcp = await startControl({ transport: "tcp" });
  const env = Object.fromEntries(
    ["HTTP_PROXY", "http_proxy", "ALL_PROXY"]
      .map((name) => [name, "http://127.0.0.1:1"]),
  );

  assertEquals(await agentsOf(overSocket.dir, env), "0");
  assertEquals(await agentsOf(overTcp.dir, env), "0");
});

/** Number of the agents of a Manager, as a process with these variables lists them. */
async function agentsOf(
  dir: string,
  env: Record<string, string>,
): Promise<string> {
  const script = new URL("list_agents_program.ts", import.meta.url).href;
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", "--no-check", "--quiet", script, dir],
    env,
  }).output();
  const decoder = new TextDecoder();
  return decoder.decode(stdout) || decoder.decode(stderr);
}

Deno.test("an invalid endpoint file is CORRUPT", async () => {
  await using folder = await tempFolder();
  const note = join(folder.path, "control.json");
  await Deno.writeTextFile(note, '{"port":"x"');

  assertEquals(await refusalToConnect(folder.path), [
    "CORRUPT",
    `Cannot read "${note}": it is not a control endpoint file`,
  ]);
});

Deno.test("the clients work over any link, with the same errors", async () => {
  const manager = new SmallManager();
  manager.known.set("web-1", anAgent({ id: "web-1" }));
  const client = controlClient(
    routerLink(
      (router) => addAgentsService(router, manager, noProofs()),
      {
        interceptors: [(next) => (request) => {
          valuesOf(LOCAL_CALLER, request.contextValues);
          return next(request);
        }],
      },
    ),
  );

  const { agents } = await client.agents.listAgents({});
  const { piri } = await refusal(client.status.getStatus({}));

  assertEquals(agents.map(({ id }) => id), ["web-1"]);
  assertEquals(piri, "UNSUPPORTED");
});

Deno.test("a program that imports mod.ts matches the error codes of calls and streams", async () => {
  const manager = new SmallManager();
  const refuse = () => {
    throw new PiriError("NOT_FOUND", 'Cannot find agent "web-9"');
  };
  manager.agents.remove = refuse;
  manager.events = { watch: refuse };
  await using fleet = await startControl({ manager });
  using control = await piri.connectControl(fleet.dir);

  const errors = await Promise.all([
    assertRejects(() => control.agents.removeAgent({ id: "web-9" })),
    assertRejects(() => all(control.events.watchEvents({}))),
  ]);

  for (const error of errors) {
    assertInstanceOf(error, piri.PiriError);
    assertEquals(error instanceof piri.Disconnected, false);
    assertEquals(
      [error.code, error.message],
      ["NOT_FOUND", 'Cannot find agent "web-9"'],
    );
  }
});

Deno.test("a program that imports mod.ts distinguishes an absent Manager from one that refuses", async () => {
  await using fleet = await startControl();
  using control = await piri.connectControl(fleet.dir);
  await fleet.server.close();

  const errors = await Promise.all([
    assertRejects(() => control.agents.listAgents({})),
    assertRejects(() => all(control.events.watchEvents({}))),
    assertRejects(() => piri.connectControl(fleet.dir)),
  ]);

  for (const error of errors) {
    assertInstanceOf(error, piri.Disconnected);
    assertEquals(error.code, "UNAVAILABLE");
  }
});

Deno.test("an aborted call is CANCELLED, with the reason if that is a PiriError", async () => {
  const manager = new SmallManager();
  manager.agents.list = () => new Promise(() => {});
  await using fleet = await startControl({ manager });
  const reason = new PiriError("BUSY", "Cannot wait: there is more to do");

  const ends = [undefined, new Error("enough"), reason].map((reason) => {
    const controller = new AbortController();
    const { signal } = controller;
    const end = refusal(fleet.control.agents.listAgents({}, { signal }));
    controller.abort(reason);
    return end;
  });
  const late = refusal(fleet.control.agents.listAgents({}, { timeoutMs: 1 }));

  assertEquals(
    (await Promise.all([...ends, late])).map(({ piri }) => piri),
    ["CANCELLED", "CANCELLED", "BUSY", "TIMED_OUT"],
  );
});
