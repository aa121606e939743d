import { assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { all, refusal, startControl } from "../support/control.ts";
import { connectControl } from "../../lib/api/client.ts";

Deno.test("the API over TCP is on loopback, with port and token in files of its owner", async () => {
  await using fleet = await startControl({ transport: "tcp" });
  const port = Number(fleet.server.address.split(":")[1]);
  const note = join(fleet.dir, "control.json");
  const token = join(fleet.dir, "control.token");

  assertMatch(fleet.server.address, /^127\.0\.0\.1:\d+$/);
  assertEquals(JSON.parse(await Deno.readTextFile(note)), { port });
  assertMatch(await Deno.readTextFile(token), /^[\w-]{43}\n$/);
  assertEquals([await modeOf(note), await modeOf(token)], [0o600, 0o600]);
  assertEquals((await fleet.control.agents.listAgents({})).agents, []);
});

Deno.test("the files of the API over TCP go with the server", async () => {
  await using fleet = await startControl({ transport: "tcp" });

  await fleet.server.close();

  const names = await Array.fromAsync(Deno.readDir(fleet.dir));
  assertEquals(names.map(({ name }) => name), ["control.lock"]);
});

Deno.test("each Manager has a token of its own over TCP", async () => {
  await using one = await startControl({ transport: "tcp" });
  await using other = await startControl({ transport: "tcp" });
  const tokenOf = (dir: string) =>
    Deno.readTextFile(join(dir, "control.token"));

  const [first, second] = await Promise.all([
    tokenOf(one.dir),
    tokenOf(other.dir),
  ]);

  assertEquals(first === second, false);
});

Deno.test("a client over TCP with no token, or a wrong one, is refused", async () => {
  await using fleet = await startControl({ transport: "tcp" });

  const without = await ask(fleet.server.address, {});
  const wrong = await ask(fleet.server.address, {
    authorization: "Bearer wrong",
  });

  for (const { status, code, piri } of [without, wrong]) {
    assertEquals([status, code, piri], [
      401,
      "unauthenticated",
      "AUTH_FAILED",
    ]);
  }
});

Deno.test("a web page that gave its own name to this machine is refused over TCP", async () => {
  await using fleet = await startControl({ transport: "tcp" });
  const token = await Deno.readTextFile(join(fleet.dir, "control.token"));

  const { status, code, piri } = await ask(fleet.server.address, {
    authorization: `Bearer ${token.trim()}`,
    host: "evil.example.org",
  });

  assertEquals([status, code, piri], [403, "permission_denied", "DENIED"]);
});

Deno.test("a client over TCP with a replaced token learns that, even for streams", async () => {
  await using fleet = await startControl({ transport: "tcp" });
  await Deno.writeTextFile(join(fleet.dir, "control.token"), "old");
  using control = await connectControl(fleet.dir);
  const expected = {
    connect: "Unauthenticated",
    piri: "AUTH_FAILED",
    message: "Cannot accept the token: it is not the one of this Manager",
  };

  assertEquals(await refusal(control.agents.listAgents({})), expected);
  assertEquals(
    await refusal(all(control.events.watchEvents({}))),
    expected,
  );
  assertEquals(fleet.manager.asked, []);
});

async function modeOf(file: string): Promise<number> {
  return ((await Deno.stat(file)).mode ?? 0) & 0o777;
}

/** Sends a request with any headers, as any program could. */
async function ask(address: string, headers: Record<string, string>) {
  using client = Deno.createHttpClient({ allowHost: true });
  const response = await fetch(
    `http://${address}/piri.control.v1.AgentsService/ListAgents`,
    {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: "{}",
      client,
    },
  );
  const { code } = await response.json();
  return {
    status: response.status,
    code,
    piri: response.headers.get("piri-code"),
  };
}
