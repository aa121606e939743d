import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Counters } from "../../../lib/base/counters.ts";
import { PiriError } from "../../../lib/base/errors.ts";
import { parseManagerConfig } from "../../../lib/manager/state/config.ts";
import { Guard, type GuardLimits } from "../../../lib/manager/door/guard.ts";
import type { Transport } from "../../../lib/wire/transport.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { until } from "../../support/live_program.ts";

/** Beginning of a TLS handshake. */
const HANDSHAKE = new Uint8Array([22, 3, 1]);

/** A guard before a listener that echoes all bytes. Only the first byte is TLS. */
class Guarded implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly counters = new Counters();
  readonly inner = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly guard: Guard;
  /** Connections that have reached the listener, oldest first. */
  readonly arrived: Deno.TcpConn[] = [];
  readonly #dialled: Deno.TcpConn[] = [];
  readonly #echoing: Promise<void>[] = [];
  readonly #accepting: Promise<void>;

  constructor(limits: Partial<GuardLimits> = {}) {
    this.guard = new Guard({
      hostname: "127.0.0.1",
      port: 0,
      perAddress: 100,
      total: 100,
      innerPort: () => this.inner.addr.port,
      clock: this.clock,
      counters: this.counters,
      ...limits,
    });
    this.#accepting = this.#accept();
  }

  async dial(port = this.guard.port): Promise<Deno.TcpConn> {
    const conn = await Deno.connect({ hostname: "127.0.0.1", port });
    this.#dialled.push(conn);
    return conn;
  }

  /** Opens a connection that has begun as TLS does, and got an answer. */
  async begun(): Promise<Deno.TcpConn> {
    const conn = await this.dial();
    await conn.write(HANDSHAKE);
    assertEquals(await heard(conn), HANDSHAKE);
    return conn;
  }

  /** Admits the newest connection, as the listener does after its handshake. */
  admitNewest(): Transport | undefined {
    const { port = 0 } = this.arrived.at(-1)?.remoteAddr ?? {};
    return this.guard.admit({
      peer: { host: "127.0.0.1", port },
      read: () => Promise.resolve(undefined),
      write: ({ length }) => Promise.resolve(length),
      close: () => {},
    });
  }

  /** Waits until the guard has this number of connections. */
  async has(count: number): Promise<void> {
    await until(
      `${count} connections`,
      () => Promise.resolve(this.guard.size === count),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.guard.close();
    this.guard.end();
    this.inner.close();
    for (const conn of this.#dialled) close(conn);
    await this.#accepting;
    await Promise.all(this.#echoing);
  }

  async #accept(): Promise<void> {
    for await (const conn of this.inner) {
      this.arrived.push(conn);
      this.#echoing.push(echo(conn));
    }
  }
}

async function echo(conn: Deno.TcpConn): Promise<void> {
  // A peer that hangs up in the middle breaks it.
  await conn.readable.pipeTo(conn.writable).catch(() => {});
}

async function heard(conn: Deno.TcpConn): Promise<Uint8Array | undefined> {
  const buffer = new Uint8Array(1_000);
  const count = await conn.read(buffer);
  return count === null ? undefined : buffer.slice(0, count);
}

/** Waits until the other side has hung up without sending anything. */
async function isLeft(conn: Deno.TcpConn): Promise<void> {
  const last = await heard(conn).catch((error) => {
    assert(error instanceof Deno.errors.ConnectionReset, String(error));
  });
  assertEquals(last, undefined);
}

function close(conn: Deno.TcpConn): void {
  try {
    conn.close();
  } catch {
    // The test has closed it.
  }
}

Deno.test("a guard relays both ways, and knows the address of each peer", async () => {
  await using guarded = new Guarded();
  const conn = await guarded.begun();
  const { hostname, port } = conn.localAddr;
  assertEquals(guarded.admitNewest()?.peer, { host: hostname, port });
  const text = new Uint8Array(300_000).map((_, index) => index);
  const back: number[] = [];
  const sent = (async () => {
    let at = 0;
    while (at < text.length) at += await conn.write(text.subarray(at));
    await conn.closeWrite();
  })();
  for await (const bytes of conn.readable) back.push(...bytes);
  await sent;
  assertEquals(new Uint8Array(back), text);
  await guarded.has(0);
});

Deno.test("a peer that does not begin as TLS does is hung up on, and never reaches the listener", async () => {
  await using guarded = new Guarded();
  const conn = await guarded.dial();
  await conn.write(new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n"));
  await isLeft(conn);
  assertEquals(guarded.counters.all(), { guard_not_tls: 1n });
  assertEquals(guarded.arrived.length, 0);
});

Deno.test("a peer that is silent, or does not finish its handshake, is hung up on after 10 s", async () => {
  await using guarded = new Guarded();
  const silent = await guarded.dial();
  const slow = await guarded.begun();
  const good = await guarded.begun();
  guarded.admitNewest();
  await guarded.has(3);
  await guarded.clock.advance(10_000);
  await isLeft(silent);
  await isLeft(slow);
  assertEquals(guarded.counters.all(), { guard_timeouts: 2n });
  await good.write(HANDSHAKE);
  assertEquals(await heard(good), HANDSHAKE);
});

Deno.test("one address has a limit of connections, and may connect again once it has fewer", async () => {
  await using guarded = new Guarded({ perAddress: 2 });
  const first = await guarded.begun();
  await guarded.begun();
  const third = await guarded.dial();
  await third.write(HANDSHAKE).catch(() => {});
  const answer = await third.read(new Uint8Array(9)).catch(() => null);
  assertEquals(answer, null);
  assertEquals(guarded.counters.all(), { guard_address_full: 1n });
  first.close();
  await guarded.has(1);
  await guarded.begun();
});

Deno.test("a full guard ends the oldest unauthenticated connection, and no other", async () => {
  await using guarded = new Guarded({ total: 2 });
  const known = await guarded.begun();
  guarded.admitNewest();
  const stranger = await guarded.dial();
  await guarded.has(2);
  const next = await guarded.begun();
  guarded.admitNewest();
  await isLeft(stranger);
  await isLeft(await guarded.dial());
  assertEquals(guarded.counters.all(), { guard_displaced: 1n, guard_full: 1n });
  for (const conn of [known, next]) {
    await conn.write(HANDSHAKE);
    assertEquals(await heard(conn), HANDSHAKE);
  }
});

Deno.test("a peer that dials the listener directly is not taken for one of the guard's", async () => {
  await using guarded = new Guarded();
  const conn = await guarded.dial(guarded.inner.addr.port);
  await conn.write(HANDSHAKE);
  assertEquals(await heard(conn), HANDSHAKE);
  assertEquals(guarded.admitNewest(), undefined);
  assertEquals(guarded.counters.all(), { guard_bypassed: 1n });
});

Deno.test("a peer that resets before its handshake is taken did not bypass the guard", async () => {
  await using guarded = new Guarded();
  const conn = await guarded.begun();
  conn.close();
  await guarded.has(0);
  assertEquals(guarded.admitNewest(), undefined);
  assertEquals(guarded.counters.all(), { guard_hung_up: 1n });
});

Deno.test("a peer that dials the listener from the port of a connection long ended has bypassed the guard", async () => {
  await using guarded = new Guarded();
  const conn = await guarded.begun();
  conn.close();
  await guarded.has(0);
  await guarded.clock.advance(11_000);
  assertEquals(guarded.admitNewest(), undefined);
  assertEquals(guarded.counters.all(), { guard_bypassed: 1n });
});

Deno.test("a peer that does not hang up after the Manager is left after 2 s", async () => {
  await using guarded = new Guarded();
  const conn = await guarded.begun();
  guarded.admitNewest();
  await guarded.arrived[0]?.closeWrite();
  assertEquals(await heard(conn), undefined);
  await guarded.clock.settle();
  assertEquals(guarded.guard.size, 1);
  await guarded.clock.advance(2_000);
  assertEquals(guarded.guard.size, 0);
});

Deno.test("a guard reports that its port is taken", async () => {
  await using guarded = new Guarded();
  const { guard: { port }, clock, counters } = guarded;
  const options = { hostname: "127.0.0.1", port, perAddress: 1, total: 1 };
  assertThrows(
    () => new Guard({ ...options, innerPort: () => 0, clock, counters }),
    PiriError,
    `Cannot listen on 127.0.0.1:${port}`,
  );
});

Deno.test("config.yaml sets the limits of a guard, and none means none", async () => {
  const addresses = "listen: a:1\nadvertise: a:1\n";
  const limitsIn = async (text: string) =>
    (await parseManagerConfig(addresses + text, "config.yaml")).guard;
  assertEquals(await limitsIn(""), undefined);
  assertEquals(await limitsIn("guard: {}"), { perAddress: 500, total: 5_000 });
  assertEquals(await limitsIn("guard: { perAddress: 3, total: 9 }"), {
    perAddress: 3,
    total: 9,
  });
  for (const wrong of ["0", "1.5", "many", "1000001"]) {
    await assertRejects(
      () => limitsIn(`guard: { total: ${wrong} }`),
      PiriError,
    );
  }
});
