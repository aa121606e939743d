import { join } from "@std/path";
import { messageOf } from "../../base/errors.ts";
import { PRIVATE_FOLDER } from "../../base/files.ts";
import { logger } from "../../base/log.ts";
import { bootId } from "../../operations/process_table.ts";
import { isThere, Spool, textIn } from "../../operations/surviving/spool.ts";
import { ownName } from "../../operations/surviving/start_keeper.ts";
import type { FoundSurvivor, NoSurvivor, Survivors } from "./survivors.ts";

const log = logger("agent", "survivors");

/** Ticks of a second in /proc: the kernel tells 100 to every program, whatever its own are. */
const TICKS = 100;

/** File with the boot in which an agent has settled the past last. */
const SETTLED = "settled";

const RESTARTED = "the host was restarted while the command ran";
const UNKEPT =
  "the keeper of the program, a process of the agent, was ended, and nobody can say how the program ended";

/** Programs on this host that outlive their agents, with the folders that their keepers write. Linux only. */
export class HostSurvivors implements Survivors {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  find(marker: string): Promise<FoundSurvivor | NoSurvivor> {
    const spool = this.#spool(marker);
    try {
      return Promise.resolve(this.#find(spool));
    } catch (error) {
      return Promise.resolve({ lost: messageOf(error) });
    }
  }

  async attach(marker: string): Promise<void> {
    try {
      await Deno.writeTextFile(this.#path(marker, "agent"), ownName());
    } catch (error) {
      log.warning("Cannot take up the output of {marker}: {error}", {
        marker,
        error: messageOf(error),
      });
    }
  }

  async remove(marker: string): Promise<void> {
    const spool = this.#spool(marker);
    // Only the keeper and its tools are in this group: what the program left running stays.
    if (spool.keeperLives) killGroup(spool.keeper?.pid);
    await Deno.remove(spool.folder, { recursive: true }).catch((error) => {
      if (error instanceof Deno.errors.NotFound) return;
      log.warning("Cannot remove {folder}: {error}", {
        folder: spool.folder,
        error: messageOf(error),
      });
    });
  }

  async sweep(markers: ReadonlySet<string>): Promise<void> {
    try {
      await Deno.mkdir(this.#folder, { recursive: true, mode: PRIVATE_FOLDER });
      for (const { name, isDirectory } of Deno.readDirSync(this.#folder)) {
        if (!isDirectory || markers.has(name)) continue;
        const spool = this.#spool(name);
        // One that runs without a command belongs to a journal that is lost: its end would be a guess.
        if (spool.keeperLives && spool.end === undefined) continue;
        await this.remove(name);
      }
      await Deno.writeTextFile(join(this.#folder, SETTLED), bootId());
    } catch (error) {
      log.warning("Cannot tidy {folder}: {error}", {
        folder: this.#folder,
        error: messageOf(error),
      });
    }
  }

  #find(spool: Spool): FoundSurvivor | NoSurvivor {
    const isSettled = textIn(join(this.#folder, SETTLED)) === bootId();
    if (!isThere(spool.folder)) {
      return isSettled ? { unbegun: true } : { lost: RESTARTED };
    }
    const { boot } = spool;
    const isThisBoot = boot === bootId() || boot === "" && isSettled;
    if (isThisBoot && this.#claim(spool)) return { unbegun: true };
    if (spool.end !== undefined || isThisBoot && spool.keeperLives) {
      return timesOf(spool, isThisBoot);
    }
    return { lost: isThisBoot ? UNKEPT : RESTARTED };
  }

  /** Keeps a program from beginning; false if its keeper was first. */
  #claim(spool: Spool): boolean {
    const path = join(spool.folder, "unbegun");
    Deno.writeTextFileSync(path, "");
    try {
      Deno.linkSync(path, join(spool.folder, "keeper"));
      return true;
    } catch (error) {
      if (error instanceof Deno.errors.AlreadyExists) {
        return textIn(join(spool.folder, "keeper")) === "";
      }
      throw error;
    }
  }

  #spool(marker: string): Spool {
    return new Spool(join(this.#folder, marker));
  }

  #path(marker: string, name: string): string {
    return join(this.#folder, marker, name);
  }
}

function timesOf(spool: Spool, isThisBoot: boolean): FoundSurvivor {
  const now = Date.now();
  const startTicks = spool.keeper?.startTicks ?? 0;
  if (!isThisBoot) {
    const { mtime } = Deno.statSync(join(spool.folder, "keeper"));
    return { startedAt: mtime?.getTime() ?? now, elapsedMs: 0 };
  }
  const [uptime = "0"] = textIn("/proc/uptime").split(" ");
  const elapsedMs = Number(uptime) * 1_000 - startTicks / TICKS * 1_000;
  return { startedAt: now - elapsedMs, elapsedMs };
}

function killGroup(leader: number | undefined): void {
  if (leader === undefined) return;
  try {
    Deno.kill(-leader, "SIGKILL");
  } catch {
    // It has just ended.
  }
}
