import { anEntry, create, open } from "./support.ts";

/**
 * Opens a database; holds it, or writes until it is killed and prints the ids of confirmed writes: the output of each
 * command is its id, and for every other one as many spaces as make it a large piece. Or it adds agents at the request of
 * a user, and prints their numbers.
 */
const LARGE = 20_000;

const [act, database = ""] = Deno.args;
const store = await open(database);
await Deno.stdout.write(new TextEncoder().encode("\n"));

async function write(): Promise<never> {
  for (;;) {
    const id = await create(store);
    await store.appendOutput(id, {
      stream: "stdout",
      offset: 0n,
      bytes: new TextEncoder().encode(
        id % 2n === 0n ? String(id) : String(id).padEnd(LARGE),
      ),
      cut: 0n,
      keep: true,
    });
    Deno.stdout.writeSync(new TextEncoder().encode(`${id}\n`));
  }
}

let asked = (await store.agents()).length;

async function ask(): Promise<never> {
  for (;;) {
    const number = ++asked;
    const id = `web-${number}`;
    const secretHash = new Uint8Array(32);
    await store.addAgent(
      { id, groups: [], cidrs: [], addedAt: 1, secretHash },
      anEntry({ target: id }),
    );
    Deno.stdout.writeSync(new TextEncoder().encode(`${number}\n`));
  }
}

const writer = { write, ask }[act ?? ""];
await (writer !== undefined
  ? Promise.all(Array.from({ length: 20 }, writer))
  : new Promise(() => setInterval(() => {}, 60_000)));
