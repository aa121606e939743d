/**
 * A crowd before a Manager: connections that say nothing, and some that never stop. Prints "here" once all have come, and
 * stays until it is ended.
 *
 *     crowd_program.ts PORT SILENT LOUD
 *
 * @module
 */
const [port = 0, silent = 0, loud = 0] = Deno.args.map(Number);

/** So many dial at a time: a listener's queue is not endless. */
const AT_ONCE = 100;

const held: Deno.Conn[] = [];

async function dial(): Promise<Deno.Conn> {
  return await Deno.connect({ hostname: "127.0.0.1", port });
}

/** Sends what is no TLS, or what only begins like it, and comes back when it is hung up on. */
async function sendGarbage(number: number): Promise<never> {
  const garbage = crypto.getRandomValues(new Uint8Array(4_096));
  garbage[0] = number % 2 === 0 ? 22 : 71;
  while (true) {
    try {
      using conn = await dial();
      while (true) {
        await conn.write(garbage);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

while (held.length < silent) {
  const dialled = await Promise.allSettled(
    Array.from({ length: Math.min(AT_ONCE, silent - held.length) }, dial),
  );
  for (const result of dialled) {
    if (result.status === "fulfilled") held.push(result.value);
  }
}
for (let number = 0; number < loud; number++) void sendGarbage(number);
await Deno.stdout.write(new TextEncoder().encode(`here: ${held.length}\n`));
// Their sockets live as long as they do.
setInterval(() => held.length, 1_000);
