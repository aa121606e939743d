import { systemClock } from "./base/clock.ts";
import { messageOf } from "./base/errors.ts";
import { logger } from "./base/log.ts";
import { thisHost } from "./base/paths.ts";
import { Turns } from "./base/turns.ts";
import { VERSION } from "./base/version.ts";
import { connectDatagram } from "./service/datagram.ts";
import { HostFiles } from "./service/host_files.ts";
import type { HostSystem, Ran } from "./service/host_system.ts";
import { createNotifier, type Notifier } from "./service/notifier.ts";
import { type RunningFacts, writeRunningNote } from "./service/running_note.ts";
import { ServiceControl } from "./service/service_control.ts";
import type { ServiceName } from "./service/service_host.ts";

const env = (name: string) => Deno.env.get(name);

/** This host, for services. */
function thisSystem(): HostSystem {
  const { os, privileged } = thisHost();
  return {
    os,
    isRoot: privileged,
    files: new HostFiles(),
    env,
    run: runProgram,
  };
}

/** Runs a program to its end. Its texts are in English and its times in UTC, so that they can be read. */
async function runProgram(
  program: string,
  ...args: readonly string[]
): Promise<Ran> {
  const decoder = new TextDecoder();
  try {
    const { code, stdout, stderr } = await new Deno.Command(program, {
      args: [...args],
      stdin: "null",
      env: { LC_ALL: "C", TZ: "UTC", SYSTEMD_COLORS: "0", SYSTEMD_PAGER: "" },
    }).output();
    return {
      code,
      stdout: decoder.decode(stdout),
      stderr: decoder.decode(stderr),
    };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      return { code: 127, stdout: "", stderr: "" };
    }
    return { code: 126, stdout: "", stderr: messageOf(error) };
  }
}

/** Service of this program on this host. */
export function ownService(
  name: ServiceName,
  checkState: (dir: string) => Promise<{ hasLowPort: boolean }>,
): ServiceControl {
  return new ServiceControl({
    name,
    system: thisSystem(),
    clock: systemClock,
    executable: Deno.build.standalone ? Deno.execPath() : undefined,
    version: VERSION,
    checkState,
  });
}

/** Facts about the connection of a program. */
type LinkFacts = Pick<RunningFacts, "connected" | "detail">;

/** Tells the service manager, and `service status`, how this program fares. */
export class OwnState implements Disposable {
  readonly #dir: string;
  readonly #notifier: Notifier;
  readonly #writes = new Turns();
  #facts: LinkFacts | undefined;
  #isReady = false;

  constructor(dir: string) {
    this.#dir = dir;
    this.#notifier = createNotifier({
      env,
      pid: Deno.pid,
      clock: systemClock,
      connect: connectDatagram,
    });
  }

  /** Says that the program does its work. What it said about its connection before stands. */
  ready(facts: LinkFacts): void {
    this.#facts ??= facts;
    this.#isReady = true;
    this.#notifier.ready(textOf(this.#facts));
    this.#write(this.#facts);
  }

  /** Says that the connection is another. */
  changed(facts: LinkFacts): void {
    this.#facts = facts;
    if (!this.#isReady) return;
    this.#notifier.status(textOf(facts));
    this.#write(facts);
  }

  /** Says that the program ends. */
  stopping(): void {
    this.#notifier.stopping();
  }

  [Symbol.dispose](): void {
    this.#notifier[Symbol.dispose]();
  }

  #write(facts: LinkFacts): void {
    const note = { pid: Deno.pid, version: VERSION, ...facts };
    this.#writes.run(() => writeRunningNote(this.#dir, note)).catch((error) =>
      logger("service").warning("{error}", { error: messageOf(error) })
    );
  }
}

function textOf({ connected, detail }: LinkFacts): string {
  return connected === null
    ? detail
    : connected
    ? `connected to ${detail}`
    : `not connected${detail && `: ${detail}`}`;
}
