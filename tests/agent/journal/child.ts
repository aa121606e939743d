// An agent that keeps journaling, for a test to kill. It prints each promise to it on a line of stdout.
import { openJournal } from "../../../lib/agent/journal/disk_journal.ts";
import { openFileDisk } from "../../../lib/base/file_disk.ts";
import { systemRandom } from "../../../lib/base/random.ts";
import { commandOf, printed, resultOf } from "./script.ts";

await using disk = await openFileDisk(Deno.args[0] ?? "");
await using journal = await openJournal({
  disk,
  random: systemRandom,
  machineId: "machine",
  bootId: "boot",
  limits: { segment: 4_096, compactAt: 4_096, reserve: 65_536 },
});

async function tell(kind: string, id: bigint, count = 0): Promise<void> {
  const line = JSON.stringify({ kind, id: String(id), count });
  await Deno.stdout.write(new TextEncoder().encode(`${line}\n`));
}

async function carryOut(id: bigint): Promise<void> {
  const entry = await journal.accept({
    id,
    nonce: id,
    managerId: "manager",
    command: commandOf(id),
  });
  await tell("accepted", id);
  await entry.started();
  for (let at = 0; at < 6_000; at += 300) {
    await entry.append("stdout", printed(id, "stdout", at, at + 300));
    await tell("printed", id, at + 300);
  }
  await entry.finish(resultOf(id));
  await tell("finished", id);
}

for (let id = journal.lastCommandId + 1n;; id += 3n) {
  await tell("session", await journal.nextSession());
  await Promise.all([id, id + 1n, id + 2n].map(carryOut));
}
