import { assert, assertEquals, assertLess, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { connectControl } from "../../lib/api/client.ts";
import { serveControl } from "../../lib/api/server.ts";
import { PiriError } from "../../lib/base/errors.ts";
import { systemRandom } from "../../lib/base/random.ts";
import type { WatchEvent } from "../../lib/manager/api/operator_api.ts";
import { until } from "../../scripts/local/until.ts";
import {
  all,
  post,
  refusal,
  startControl,
  startControlChild,
  tempFolder,
} from "../support/control.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { aCommand, anAgent, SmallManager } from "../support/small_manager.ts";

Deno.test("plain HTTP and JSON are enough for a request", async () => {
  await using fleet = await startControl();
  fleet.manager.known.set("web-1", anAgent({ id: "web-1", since: 5 }));

  const answer = await post(fleet.dir, "AgentsService/ListAgents", {});

  assertEquals(answer.status, 200);
  assertEquals(answer.json, { agents: [{ id: "web-1", sinceMs: "5" }] });
});

Deno.test("plain HTTP gets an error as JSON, a status, and our code in a header", async () => {
  await using fleet = await startControl();

  const { status, headers, json } = await post(
    fleet.dir,
    "CommandsService/GetCommand",
    { commandId: "7" },
  );

  assertEquals(status, 404);
  assertEquals(headers.get("piri-code"), "NOT_FOUND");
  assertEquals(json, {
    code: "not_found",
    message: "Cannot find command 7: there is none of that id",
  });
});

Deno.test("invalid JSON is refused, and the server continues", async () => {
  await using fleet = await startControl();

  const broken = await post(fleet.dir, "AgentsService/ListAgents", "{");
  const next = await post(fleet.dir, "AgentsService/ListAgents", {});

  assertEquals(broken.status, 400);
  assertEquals(next.status, 200);
});

Deno.test("a web page's form is refused: only the content types of the API are accepted", async () => {
  await using fleet = await startControl();
  using client = Deno.createHttpClient({
    proxy: { transport: "unix", path: join(fleet.dir, "control.sock") },
  });

  const response = await fetch(
    "http://localhost/piri.control.v1.AgentsService/AddAgent",
    {
      method: "POST",
      headers: { "content-type": "text/plain" },
      body: '{"id":"web-1"}',
      client,
    },
  );
  await response.body?.cancel();

  assertEquals(response.status, 415);
  assertEquals(fleet.manager.asked, []);
});

Deno.test("an unknown method is reported as such", async () => {
  await using fleet = await startControl();

  const { status, json } = await post(fleet.dir, "AgentsService/Reboot", {});

  assertEquals(status, 404);
  assertEquals(json, {
    code: "unimplemented",
    message: 'Cannot find "/piri.control.v1.AgentsService/Reboot"',
  });
});

Deno.test("a request of over 1 MiB is refused and reaches nobody", async () => {
  await using fleet = await startControl();

  const refused = await refusal(fleet.control.commands.run({
    agents: ["web-1"],
    operation: "echo.Echo",
    params: JSON.stringify({ text: "x".repeat(1_048_576) }),
    requestId: "r-1",
  }));

  assertEquals([refused.connect, refused.piri], [
    "InvalidArgument",
    "INVALID_ARGUMENT",
  ]);
  assertEquals(fleet.manager.asked, []);
});

Deno.test("a request without a size is cut off at 1 MiB", async () => {
  await using fleet = await startControl();
  using client = Deno.createHttpClient({
    proxy: { transport: "unix", path: join(fleet.dir, "control.sock") },
  });
  let sent = 0;
  const endless = new ReadableStream({
    pull(controller) {
      sent += 65_536;
      controller.enqueue(new Uint8Array(65_536).fill(0x20));
    },
  });

  const answer = await fetch(
    "http://localhost/piri.control.v1.AgentsService/ListAgents",
    {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: endless,
      client,
    },
  );

  assertEquals(answer.status, 429);
  assertEquals((await answer.json()).code, "resource_exhausted");
  assertLess(sent, 16 * 1_048_576);
});

Deno.test("a reader that stops holds its source back, and gets everything once it continues", async () => {
  const total = 64 * 1_048_576;
  const piece = 65_536;
  let produced = 0;
  const manager = new SmallManager();
  manager.commands.watch = async function* (): AsyncGenerator<WatchEvent> {
    for (; produced < total; produced += piece) {
      yield await Promise.resolve({
        kind: "output",
        commandId: 1n,
        stream: "stdout",
        offset: BigInt(produced),
        bytes: new Uint8Array(piece),
        cut: 0n,
      });
    }
  };
  await using fleet = await startControl({ manager });
  const stream = fleet.control.commands.watch({
    commands: [{ commandId: 1n }],
  })[Symbol.asyncIterator]();
  await stream.next();

  const whileStopped = await settled(() => produced);
  const rest = await all({ [Symbol.asyncIterator]: () => stream });

  assertLess(whileStopped, 8 * 1_048_576);
  assertEquals(rest.length, total / piece - 1);
});

Deno.test("the socket belongs to its owner alone, and is gone when the server has closed", async () => {
  await using fleet = await startControl();
  const socket = join(fleet.dir, "control.sock");
  const { mode } = await Deno.lstat(socket);

  await fleet.server.close();

  assertEquals((mode ?? 0) & 0o777, 0o600);
  assertEquals(fleet.server.address, socket);
  assertEquals(await namesIn(fleet.dir), ["control.lock"]);
});

/** Names in the folder of a Manager that is served at a Unix socket. */
const SERVED = ["control.lock", "control.proof", "control.sock"];

Deno.test("a served folder contains the socket, the proofs and the lock, and nothing else", async () => {
  await using fleet = await startControl();

  assertEquals(await namesIn(fleet.dir), SERVED);
});

Deno.test("a path too long for a socket gets one elsewhere, in a private folder that is removed with it", async () => {
  await using folder = await tempFolder();
  await using runtime = await tempFolder();
  const dir = join(folder.path, "x".repeat(100));
  await Deno.mkdir(dir);
  {
    await using fleet = await startControl({
      stateDir: dir,
      runtimeDir: runtime.path,
    });
    const [name = ""] = await namesIn(runtime.path);
    const { mode } = await Deno.stat(join(runtime.path, name));

    const { agents } = await fleet.control.agents.listAgents({});

    assertEquals(agents, []);
    assertEquals((mode ?? 0) & 0o777, 0o700);
    assertEquals(
      fleet.server.address,
      join(runtime.path, name, "control.sock"),
    );
  }

  assertEquals(await namesIn(runtime.path), []);
  assertEquals(await namesIn(dir), ["control.lock"]);
});

Deno.test("a socket for a group is found by the state folder and by its own, and nobody else may enter", async () => {
  await using folder = await tempFolder();
  const shared = join(folder.path, "piri-manager");
  await Deno.mkdir(shared, { mode: 0o750 });
  const modes = [];
  {
    await using fleet = await startControl({ sharedDir: shared });
    using byGroup = await connectControl(shared);
    for (const name of ["control.sock", "control.proof"]) {
      const { mode } = await Deno.lstat(join(shared, name));
      modes.push(((mode ?? 0) & 0o7777).toString(8));
    }
    assertEquals(fleet.server.address, join(shared, "control.sock"));
    assertEquals((await byGroup.agents.listAgents({})).agents, []);
    assertEquals((await fleet.control.agents.listAgents({})).agents, []);
  }
  assertEquals(modes, ["660", "1730"]);
});

/** Makes files in a folder as fast as it can until the folder is gone, and prints how many. */
const KEEP_WRITING = `
i=0
while true >"$0/$i"; do i=$((i + 1)); done 2>/dev/null
echo "$i"`;

/** Makes files in the current folder, wherever that is moved to. */
const KEEP_WRITING_HERE = `cd "$0" && i=0
echo begun
while [ $i -lt 3000 ]; do true >"$i" || exit 0; i=$((i + 1)); done 2>/dev/null`;

Deno.test(
  "a Manager ends, and leaves no proofs, while files come into their folder that is moved already",
  {
    ignore: Deno.build.os === "windows",
  },
  async () => {
    await using folder = await tempFolder();
    const fleet = await startControl({ stateDir: folder.path });
    const writer = new Deno.Command("/bin/sh", {
      args: ["-c", KEEP_WRITING_HERE, join(folder.path, "control.proof")],
      stdout: "piped",
      stderr: "null",
    }).spawn();
    await writer.stdout.pipeThrough(new TextDecoderStream()).values().next();

    await fleet[Symbol.asyncDispose]();

    await writer.status;
    assertEquals(await namesIn(folder.path), ["control.lock"]);
  },
);

Deno.test("a Manager ends, and leaves no proofs, while clients go on to make them", async () => {
  await using folder = await tempFolder();
  const end = new AbortController();
  const made = [];
  for (let time = 0; time < 10; time++) {
    const fleet = await startControl({ stateDir: folder.path });
    const proofs = join(folder.path, "control.proof");
    const writer = new Deno.Command("/bin/sh", {
      args: ["-c", KEEP_WRITING, proofs],
      signal: end.signal,
      stderr: "null",
    }).output();
    await until(
      "a proof is made",
      async () => (await namesIn(proofs)).length > 0,
    );
    try {
      await fleet[Symbol.asyncDispose]();
    } catch (error) {
      end.abort();
      await writer;
      throw error;
    }
    made.push(Number(new TextDecoder().decode((await writer).stdout)));
  }

  assertEquals(made.length, 10);
  assert(made.every((files) => files > 0), "a writer made no proof");
  assertEquals(await namesIn(folder.path), ["control.lock"]);
});

for (
  const [kind, put] of Object.entries({
    "a folder with a file": async (path: string) => {
      await Deno.mkdir(join(path, "deep"), { recursive: true });
      await Deno.writeTextFile(join(path, "deep", "notes.txt"), "mine");
    },
    "a file": (path: string) => Deno.writeTextFile(path, "mine"),
    "a link to nothing": (path: string) => Deno.symlink("nowhere", path),
  })
) {
  for (const name of ["control.proof", "control.proof.old"]) {
    Deno.test(`${kind} called ${name} does not keep a Manager from starting and ending`, async () => {
      await using folder = await tempFolder();
      await put(join(folder.path, name));
      {
        await using fleet = await startControl({ stateDir: folder.path });
        assertEquals((await fleet.control.agents.listAgents({})).agents, []);
        assertEquals(await namesIn(folder.path), SERVED);
      }
      assertEquals(await namesIn(folder.path), ["control.lock"]);
    });
  }
}

Deno.test("a missing run-time folder does not prevent the API from being served", async () => {
  await using folder = await tempFolder();
  const dir = join(folder.path, "x".repeat(100));
  await Deno.mkdir(dir);
  await using fleet = await startControl({
    stateDir: dir,
    runtimeDir: join(folder.path, "gone"),
  });

  const { agents } = await fleet.control.agents.listAgents({});

  assertEquals(agents, []);
});

Deno.test("a socket elsewhere is not trusted once others can write to its folder", async () => {
  await using folder = await tempFolder();
  await using runtime = await tempFolder();
  const dir = join(folder.path, "x".repeat(100));
  await Deno.mkdir(dir);
  await using _fleet = await startControl({
    stateDir: dir,
    runtimeDir: runtime.path,
  });
  const [name = ""] = await namesIn(runtime.path);
  await Deno.chmod(join(runtime.path, name), 0o777);

  const error = await assertRejects(() => connectControl(dir), PiriError);

  assertEquals(error.code, "DENIED");
});

Deno.test("a second server for one folder is refused, and the first continues", async () => {
  await using fleet = await startControl();

  const error = await assertRejects(
    () =>
      serveControl({
        manager: new SmallManager(),
        stateDir: fleet.dir,
        random: systemRandom,
      }),
    PiriError,
  );

  assertEquals([error.code, error.message], [
    "FAILED_PRECONDITION",
    `Cannot serve the Manager of "${fleet.dir}": another one serves it`,
  ]);
  assertEquals((await fleet.control.agents.listAgents({})).agents, []);
});

Deno.test("a missing folder cannot be served", async () => {
  await using folder = await tempFolder();
  const stateDir = join(folder.path, "none");

  const error = await assertRejects(
    () =>
      serveControl({
        manager: new SmallManager(),
        stateDir,
        random: systemRandom,
      }),
    PiriError,
  );

  assertEquals([error.code, error.message], [
    "FAILED_PRECONDITION",
    `Cannot serve the Manager of "${stateDir}": there is no such folder`,
  ]);
});

for (const transport of ["unix", "tcp"] as const) {
  Deno.test(`leftovers of a killed Manager over ${transport} do not prevent a new one`, async () => {
    await using folder = await tempFolder();
    await using child = await startControlChild(folder.path, transport);
    const left = await namesIn(folder.path);
    await child.kill();

    await using fleet = await startControl({ stateDir: folder.path });

    assertEquals((await fleet.control.agents.listAgents({})).agents, []);
    assert(left.length > 1);
    assertEquals(await namesIn(folder.path), SERVED);
  });
}

Deno.test("leftovers of a killed Manager in the run-time folder are removed", async () => {
  await using folder = await tempFolder();
  await using runtime = await tempFolder();
  const dead = join(runtime.path, "piri-dead");
  await Deno.mkdir(dead);
  const socket = join(dead, "control.sock");
  await Deno.writeTextFile(socket, "");
  await Deno.writeTextFile(
    join(folder.path, "control.json"),
    JSON.stringify({ socket }),
  );

  await using _fleet = await startControl({ stateDir: folder.path });

  assertEquals(await namesIn(runtime.path), []);
});

Deno.test("closing ends streams with UNAVAILABLE, even if their source ignores its signal", async () => {
  const manager = new SmallManager();
  manager.commands.watch = async function* () {
    yield { kind: "command", command: aCommand() } as const;
    await new Promise(() => {});
  };
  await using fleet = await startControl({ manager });
  const stream = fleet.control.commands.watch({
    commands: [{ commandId: 1n }],
  })[Symbol.asyncIterator]();
  await stream.next();
  const next = refusal(stream.next());

  await fleet.server.close();

  assertEquals(await next, {
    connect: "Unavailable",
    piri: "UNAVAILABLE",
    message: "Cannot finish the request: the Manager is stopping",
  });
});

Deno.test("closing waits for an answer that is under way", async () => {
  const asked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<void>();
  const manager = new SmallManager();
  manager.agents.list = async () => {
    asked.resolve();
    await answer.promise;
    return [anAgent({ id: "web-1" })];
  };
  await using fleet = await startControl({ manager });
  const listed = fleet.control.agents.listAgents({});
  await asked.promise;

  const closed = fleet.server.close();
  answer.resolve();
  const { agents } = await listed;
  await closed;

  assertEquals(agents.map(({ id }) => id), ["web-1"]);
});

Deno.test("closing cuts an answer that does not arrive after 2 s", async () => {
  const clock = new FakeClock();
  const asked = Promise.withResolvers<void>();
  const manager = new SmallManager();
  manager.agents.list = () => {
    asked.resolve();
    return new Promise(() => {});
  };
  await using fleet = await startControl({ manager, clock });
  const cut = refusal(fleet.control.agents.listAgents({}));
  await asked.promise;

  const closed = fleet.server.close();
  while (clock.timers === 0) await clock.settle();
  await clock.advance(2_000);
  await closed;

  assertEquals((await cut).piri, "UNAVAILABLE");
});

Deno.test("closing does not wait for a reader that has stopped", async () => {
  const clock = new FakeClock();
  let produced = 0;
  const manager = new SmallManager();
  manager.commands.watch = async function* (): AsyncGenerator<WatchEvent> {
    while (true) {
      yield await Promise.resolve({
        kind: "output",
        commandId: 1n,
        stream: "stdout",
        offset: BigInt(produced++),
        bytes: new Uint8Array(65_536),
        cut: 0n,
      });
    }
  };
  await using fleet = await startControl({ manager, clock });
  const stream = fleet.control.commands.watch({
    commands: [{ commandId: 1n }],
  })[Symbol.asyncIterator]();
  await stream.next();
  await settled(() => produced);

  const closed = fleet.server.close();
  while (clock.timers === 0) await clock.settle();
  await clock.advance(2_000);
  await closed;

  const rest = await refusal(all({ [Symbol.asyncIterator]: () => stream }));
  assertEquals(rest.piri, "UNAVAILABLE");
});

Deno.test("closing twice has the same effect as once", async () => {
  await using fleet = await startControl();

  await Promise.all([fleet.server.close(), fleet.server.close()]);

  assertEquals(await namesIn(fleet.dir), ["control.lock"]);
});

/** Waits until a number has stayed the same for a while. */
async function settled(read: () => number): Promise<number> {
  let last = -1;
  for (let same = 0; same < 10; same++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    const now = read();
    same = now === last ? same : 0;
    last = now;
  }
  return last;
}

async function namesIn(dir: string): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(dir)) names.push(name);
  return names.toSorted();
}
