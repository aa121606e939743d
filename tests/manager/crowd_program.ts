/**
 * A crowd before a Manager: connections that stay silent, and some that send without end. Prints "here" once all are
 * connected, and stays until it is ended.
 *
 *     crowd_program.ts PORT SILENT LOUD
 *
 * @module
 */
const [port = 0, silent = 0, loud = 0] = Deno.args.map(Number);

/** Number of dials at a time. A listener's queue is limited. */
const AT_ONCE = 100;

const held: Deno.Conn[] = [];

async function dial(): Promise<Deno.Conn> {
  return await Deno.connect({ hostname: "127.0.0.1", port });
}

/** Sends bytes that are not TLS, or only begin like it, and dials again after each end. */
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
// Keeps the sockets alive as long as the program.
setInterval(() => held.length, 1_000);
