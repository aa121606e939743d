import { assert, assertEquals, assertRejects } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { openJournal } from "../../../lib/agent/journal/disk_journal.ts";
import { PiriError } from "../../../lib/base/errors.ts";
import { openFileDisk } from "../../../lib/base/file_disk.ts";
import { systemRandom } from "../../../lib/base/random.ts";
import { TempFolder } from "../../support/temp_folder.ts";
import { readAll, resultOf } from "./script.ts";

/** Promise that the child was given. */
interface Told {
  readonly kind: string;
  readonly id: bigint;
  readonly count: number;
}

/** Starts an agent that journals, and kills it after `lines` lines. Returns its whole lines. */
async function killAfter(
  folder: string,
  lines: number,
  meanwhile: () => Promise<void>,
): Promise<Told[]> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--allow-all",
      fromFileUrl(import.meta.resolve("./child.ts")),
      folder,
    ],
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  let text = "";
  let killed = false;
  const decoder = new TextDecoder();
  for await (const chunk of child.stdout) {
    text += decoder.decode(chunk, { stream: true });
    if (killed || text.split("\n").length <= lines) continue;
    await meanwhile();
    child.kill("SIGKILL");
    killed = true;
  }
  assert(killed, "the child ended by itself");
  await child.status;
  return text.split("\n").slice(0, -1).map((line) => {
    const { kind, id, count } = JSON.parse(line);
    return { kind, id: BigInt(id), count };
  });
}

function of(kind: string, told: readonly Told[]): Told[] {
  return told.filter((line) => line.kind === kind);
}

Deno.test("a killed agent loses nothing that was promised, on a real disk", async () => {
  await using folder = await TempFolder.make();
  let instance: string | undefined;
  for (const lines of [1, 25, 90, 200]) {
    const told = await killAfter(folder.path, lines, async () => {
      const error = await assertRejects(
        () => openFileDisk(folder.path),
        PiriError,
      );
      assertEquals(error.code, "FAILED_PRECONDITION");
    });
    await using disk = await openFileDisk(folder.path);
    await using journal = await openJournal({
      disk,
      random: systemRandom,
      machineId: "machine",
      bootId: "boot",
    });
    instance ??= journal.instance;
    assertEquals(journal.instance, instance);
    const next = await journal.nextSession();
    for (const { id } of of("session", told)) assert(next > id);
    for (const { id, count } of of("printed", told)) {
      assert((journal.find("manager", id)?.produced("stdout") ?? 0n) >= count);
    }
    for (const { id } of of("accepted", told)) {
      assertEquals(journal.find("manager", id)?.nonce, id);
      assert(journal.lastCommandId >= id);
    }
    for (const { id } of of("finished", told)) {
      assertEquals(journal.find("manager", id)?.result, resultOf(id));
    }
    for (const entry of journal.entries()) {
      const { cut } = await readAll(entry, "stdout", { limit: 65_536 });
      assertEquals(cut, 0n);
      await journal.forget(entry);
    }
  }
});
