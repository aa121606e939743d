import { createConnectRouter } from "@connectrpc/connect";
import { createFetchHandler } from "@connectrpc/connect/protocol";
import { resolve } from "@std/path";
import { type Clock, sleep, systemClock } from "../base/clock.ts";
import { PiriError } from "../base/errors.ts";
import { type Logger, logger } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import type { Manager } from "../manager/operator_api.ts";
import { addAgentsService } from "./agents_service.ts";
import { addAuditService } from "./audit_service.ts";
import { addCommandsService } from "./commands_service.ts";
import { addBlobsService } from "./blobs_service.ts";
import { type Endpoint, endpointFiles } from "./endpoint.ts";
import { errorInterceptor } from "./error_interceptor.ts";
import { toConnectError } from "./errors.ts";
import { addEventsService } from "./events_service.ts";
import { checkHeaders, MAX_REQUEST_BYTES, type TcpDoor } from "./gate.ts";
import { addIdentityService } from "./identity_service.ts";
import { addJobsService } from "./jobs_service.ts";
import {
  clearPlace,
  lockPlace,
  makeToken,
  openPort,
  openSocket,
} from "./place.ts";
import { takingPrepared } from "./prepared.ts";
import { proofFolder, Proofs } from "./proofs.ts";
import { addStatusService } from "./status_service.ts";
import { readingWhole } from "./whole_body.ts";

/** Time for answers while the server closes, in milliseconds. Then their connections are cut. */
const CLOSE_MS = 2_000;

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
  /** A Unix socket if absent, on systems that have them. */
  readonly transport?: "unix" | "tcp";
  readonly log?: Logger;
}

/** A control API that is being served. */
export interface ControlServer extends AsyncDisposable {
  /** Path, or host and port, for people. */
  readonly address: string;
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
    transport = Deno.build.os === "windows" ? "tcp" : "unix",
    log = logger("manager", "api"),
  }: ControlOptions,
): Promise<ControlServer> {
  const files = endpointFiles(resolve(stateDir));
  await using undo = new AsyncDisposableStack();
  const lock = await lockPlace(files);
  undo.defer(() => lock.close());
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
      serveAt: (path) => http.serveUnix(path),
    })
    : await openPort(files, http.serveTcp(makeToken(random)));
  if (endpoint.transport === "unix") proofs.takeIn(proofFolder(endpoint.path));

  const opened = undo.move();
  let closing: Promise<void> | undefined;
  const close = () => closing ??= opened.disposeAsync();
  return {
    address: addressOf(endpoint),
    close,
    [Symbol.asyncDispose]: close,
  };
}

function addressOf(endpoint: Endpoint): string {
  return endpoint.transport === "unix"
    ? endpoint.path
    : `${endpoint.hostname}:${endpoint.port}`;
}

type Handler = (request: Request) => Promise<Response>;

/**
 * Forbids caching and compression: an answer is outdated at once, and on one machine compression costs more than it
 * saves.
 */
function asItIs(response: Response): Response {
  response.headers.set("cache-control", "no-store, no-transform");
  return response;
}

/** HTTP in front of the services. */
class HttpFront {
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #handlers: ReadonlyMap<string, Handler>;
  readonly #stopping = new AbortController();
  readonly #cut = new AbortController();
  readonly #answering = new Set<Promise<void>>();
  #door: TcpDoor | undefined;
  #server: Deno.HttpServer | undefined;

  constructor(
    manager: Manager,
    { clock, log, proofs }: { clock: Clock; log: Logger; proofs: Proofs },
  ) {
    this.#clock = clock;
    this.#log = log;
    const router = createConnectRouter({
      grpc: false,
      grpcWeb: false,
      interceptors: [errorInterceptor(log)],
      readMaxBytes: MAX_REQUEST_BYTES,
      requestGate: ({ requestHeader }) => this.#admit(requestHeader),
      shutdownSignal: this.#stopping.signal,
    });
    addAgentsService(router, manager, proofs);
    addCommandsService(router, manager, proofs);
    addBlobsService(router, manager);
    addJobsService(router, manager, proofs);
    addEventsService(router, manager);
    addAuditService(router, manager);
    addStatusService(router, manager);
    addIdentityService(router, proofs);
    this.#handlers = new Map(
      router.handlers.map((handler) => [
        handler.requestPath,
        handler.method.methodKind === "server_streaming"
          ? createFetchHandler(takingPrepared(handler))
          : readingWhole(handler, createFetchHandler(handler)),
      ]),
    );
  }

  serveUnix(path: string): void {
    this.#server = Deno.serve(
      { path, ...this.#serveOptions() },
      (request, { completed }) => this.#answer(request, completed),
    );
  }

  serveTcp(token: string): TcpDoor {
    const server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, ...this.#serveOptions() },
      (request, { completed }) => this.#answer(request, completed),
    );
    this.#server = server;
    this.#door = { token, port: server.addr.port };
    return this.#door;
  }

  async close(): Promise<void> {
    this.#stopping.abort(
      toConnectError(
        new PiriError(
          "UNAVAILABLE",
          "Cannot finish the request: the Manager is stopping",
        ),
      ),
    );
    const drained = new AbortController();
    await Promise.race([
      this.#drain().finally(() => drained.abort()),
      sleep(this.#clock, CLOSE_MS, drained.signal),
    ]);
    // Not shutdown(): after it, the signal can no longer cut who does not read (Deno throws BadResource).
    this.#cut.abort();
    await this.#server?.finished;
  }

  async #drain(): Promise<void> {
    while (this.#answering.size > 0) await Promise.all(this.#answering);
  }

  #serveOptions() {
    return {
      signal: this.#cut.signal,
      onListen: () => {},
      onError: (error: unknown) => {
        this.#log.error("Cannot answer: {error}", { error });
        return new Response(null, { status: 500 });
      },
    };
  }

  #answer(
    request: Request,
    completed: Promise<void>,
  ): Response | Promise<Response> {
    // It rejects where the client went first, which is the client's own affair.
    const answered = completed.catch(() => {})
      .finally(() => this.#answering.delete(answered));
    this.#answering.add(answered);
    const { pathname } = new URL(request.url);
    const handler = this.#handlers.get(pathname);
    if (handler !== undefined) return handler(request).then(asItIs);
    return Response.json(
      { code: "unimplemented", message: `Cannot find "${pathname}"` },
      { status: 404 },
    );
  }

  #admit(headers: Headers): void {
    this.#stopping.signal.throwIfAborted();
    try {
      checkHeaders(headers, this.#door);
    } catch (error) {
      throw error instanceof PiriError ? toConnectError(error) : error;
    }
  }
}
