import { create, open } from "./support.ts";

/** Opens a database; holds it, or writes until it is killed and prints the ids of confirmed writes. */
const [act, database = ""] = Deno.args;
const store = await open(database);
await Deno.stdout.write(new TextEncoder().encode("\n"));

async function write(): Promise<never> {
  for (;;) {
    const id = await create(store);
    await store.appendOutput(id, {
      stream: "stdout",
      offset: 0n,
      bytes: new TextEncoder().encode(String(id)),
      cut: 0n,
      keep: true,
    });
    Deno.stdout.writeSync(new TextEncoder().encode(`${id}\n`));
  }
}

await (act === "write"
  ? Promise.all(Array.from({ length: 20 }, write))
  : new Promise(() => setInterval(() => {}, 60_000)));
