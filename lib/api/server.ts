import { resolve } from "@std/path";
import { type Clock, systemClock } from "../base/clock.ts";
import { unlockAndClose } from "../base/unlock.ts";
import { type Logger, logger } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import type { Manager } from "../manager/api/operator_api.ts";
import { type Endpoint, endpointFiles } from "./endpoint.ts";
import {
  clearPlace,
  lockPlace,
  makeToken,
  openPort,
  openSocket,
} from "./place.ts";
import { type ControlPort, HttpFront } from "./http_front.ts";
import { proofFolder } from "./proof_files.ts";
import { Proofs } from "./proofs.ts";

export interface ControlOptions {
  readonly manager: Manager;
  /** State folder. Must exist and belong to the Manager, because clients look there. */
  readonly stateDir: string;
  readonly random: Random;
  readonly clock?: Clock;
  /** Name of a user of this machine by its number; the number itself by default. */
  readonly userName?: (uid: number) => Promise<string>;
  /** Folder of the socket if the path of the state folder is too long; a temporary folder if absent. */
  readonly runtimeDir?: string | undefined;
  /** Folder of a socket that the group of this process may connect to; none by default. */
  readonly sharedDir?: string | undefined;
  /** A Unix socket if absent, on systems that have them. */
  readonly transport?: "unix" | "tcp";
  readonly log?: Logger;
}

/** A control API that is being served. */
export interface ControlServer extends AsyncDisposable {
  /** Path, or host and port, for people. */
  readonly address: string;
  /** Serves callers from other machines, too, at a port of this machine that their connections are relayed to. */
  serveTls(port: ControlPort): ReturnType<HttpFront["serveTls"]>;
  /** Accepts no more requests, ends the streams with UNAVAILABLE, and resolves within seconds. */
  close(): Promise<void>;
}

/**
 * Serves the control API of a Manager to this machine.
 *
 * @throws {PiriError} FAILED_PRECONDITION if another Manager serves this folder, or it is not there.
 */
export async function serveControl(
  {
    manager,
    stateDir,
    random,
    clock = systemClock,
    userName = (uid) => Promise.resolve(`uid ${uid}`),
    runtimeDir = Deno.env.get("XDG_RUNTIME_DIR"),
    sharedDir,
    transport = Deno.build.os === "windows" ? "tcp" : "unix",
    log = logger("manager", "api"),
  }: ControlOptions,
): Promise<ControlServer> {
  const files = endpointFiles(resolve(stateDir));
  await using undo = new AsyncDisposableStack();
  const lock = await lockPlace(files);
  undo.defer(() => unlockAndClose(lock));
  await clearPlace(files);

  const proofs = new Proofs({ random, clock, userName, log });
  const http = new HttpFront(manager, { clock, log, proofs });
  undo.defer(() => http.close());
  // The last one is the first to run: who looks for a Manager that is closing finds none.
  undo.defer(() => clearPlace(files));
  const endpoint = transport === "unix"
    ? await openSocket(files, {
      random,
      runtimeDir,
      sharedDir,
      serveAt: (path) => http.serveUnix(path),
    })
    : await openPort(files, http.serveTcp(makeToken(random)));
  if (endpoint.transport === "unix") proofs.takeIn(proofFolder(endpoint.path));

  const opened = undo.move();
  let closing: Promise<void> | undefined;
  const close = () => closing ??= opened.disposeAsync();
  return {
    address: addressOf(endpoint),
    serveTls: (port) => http.serveTls(port),
    close,
    [Symbol.asyncDispose]: close,
  };
}

function addressOf(endpoint: Endpoint): string {
  return endpoint.transport === "unix"
    ? endpoint.path
    : `${endpoint.hostname}:${endpoint.port}`;
}
