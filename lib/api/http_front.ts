import { createConnectRouter } from "@connectrpc/connect";
import {
  type UniversalHandler,
  universalServerRequestFromFetch,
  universalServerResponseToFetch,
} from "@connectrpc/connect/protocol";
import type { Address } from "../base/address.ts";
import { type Clock, sleep } from "../base/clock.ts";
import { PiriError } from "../base/errors.ts";
import { badLogin } from "../base/login_line.ts";
import type { Logger } from "../base/log.ts";
import type { Identity } from "../base/pem.ts";
import { joint } from "../base/signals.ts";
import type { Denial } from "../manager/api/audit_api.ts";
import type { Manager } from "../manager/api/operator_api.ts";
import { addAgentsService } from "./agents_service.ts";
import { addApprovalsService } from "./approvals_service.ts";
import { addAuditService } from "./audit_service.ts";
import { addBlobsService } from "./blobs_service.ts";
import {
  type Caller,
  callerIn,
  LOCAL_CALLER,
  NO_TOKEN,
  permit,
  valuesOf,
} from "./caller.ts";
import { callName, requireRows } from "./calls.ts";
import { addCommandsService } from "./commands_service.ts";
import { denialInterceptor, denialOf } from "./denials.ts";
import { errorInterceptor } from "./error_interceptor.ts";
import { toConnectError } from "./errors.ts";
import { addEventsService } from "./events_service.ts";
import { FailedLogins } from "./failed_logins.ts";
import { checkHeaders, MAX_REQUEST_BYTES, type TcpDoor } from "./gate.ts";
import { addIdentityService } from "./identity_service.ts";
import { addIssuersService } from "./issuers_service.ts";
import { addJobsService } from "./jobs_service.ts";
import { addPlansService } from "./plans_service.ts";
import { addLoginService } from "./login_service.ts";
import { addEnrolmentService } from "./enrolment_service.ts";
import { addKeysService } from "./keys_service.ts";
import { addOperatorsService } from "./operators_service.ts";
import { answerMetrics, METRICS_PATH } from "./metrics.ts";
import { addReleasesService } from "./releases_service.ts";
import { addSecretsService } from "./secrets_service.ts";
import { takingPrepared } from "./prepared.ts";
import type { Proofs } from "./proofs.ts";
import { addStatusService } from "./status_service.ts";
import { answerUpload, isUploadBody } from "./upload_body.ts";
import { type Handler, readingWhole } from "./whole_body.ts";

/** Act whose refusals the service records itself: it knows the reason, which the caller does not learn. */
const WITH_REASONS = "LoginFromCi";

/** Time for answers while the server closes, in milliseconds. Then their connections are cut. */
const CLOSE_MS = 2_000;

/** Certificate of the control port, and the real addresses of its callers. */
export interface ControlPort {
  readonly identity: Identity;
  /** Address of the caller that connected from a port of this machine; undefined for one that came another way. */
  readonly peerOf: (port: number) => Address | undefined;
}

/**
 * Forbids caching and compression: an answer is outdated at once, and on one machine compression costs more than it
 * saves.
 */
function asItIs(response: Response): Response {
  response.headers.set("cache-control", "no-store, no-transform");
  return response;
}

/** HTTP in front of the services. */
export class HttpFront {
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #handlers: ReadonlyMap<string, Handler>;
  readonly #stopping = new AbortController();
  readonly #cut = new AbortController();
  readonly #answering = new Set<Promise<void>>();
  readonly #manager: Manager;
  readonly #failures: FailedLogins;
  readonly #servers = new Set<Deno.HttpServer>();
  #door: TcpDoor | undefined;

  constructor(
    manager: Manager,
    { clock, log, proofs }: { clock: Clock; log: Logger; proofs: Proofs },
  ) {
    this.#clock = clock;
    this.#log = log;
    this.#manager = manager;
    this.#failures = new FailedLogins(clock);
    const router = createConnectRouter({
      grpc: false,
      grpcWeb: false,
      interceptors: [
        errorInterceptor(log),
        denialInterceptor((denial, caller) => this.#refused(denial, caller)),
      ],
      readMaxBytes: MAX_REQUEST_BYTES,
      requestGate: ({ requestHeader, values, service, method }) =>
        this.#admit(
          requestHeader,
          callerIn(values),
          callName(service, method),
        ),
      shutdownSignal: this.#stopping.signal,
    });
    addAgentsService(router, manager, proofs);
    addCommandsService(router, manager, proofs);
    addBlobsService(router, manager);
    addApprovalsService(router, manager, proofs);
    addJobsService(router, manager, proofs);
    addPlansService(router, manager, proofs);
    addEventsService(router, manager);
    addAuditService(router, manager, proofs);
    addStatusService(router, manager);
    addIdentityService(router, proofs);
    addOperatorsService(router, manager, proofs);
    addEnrolmentService(router, manager, proofs);
    addKeysService(router, manager, proofs);
    addIssuersService(router, manager, proofs);
    addLoginService(router, manager, proofs);
    addReleasesService(router, manager, proofs);
    addSecretsService(router, manager, proofs);
    requireRows(router.handlers);
    this.#handlers = new Map(
      router.handlers.map((handler) => [
        handler.requestPath,
        handler.method.methodKind === "server_streaming"
          ? inPieces(takingPrepared(handler))
          : readingWhole(handler, { clock, otherwise: inPieces(handler) }),
      ]),
    );
  }

  serveUnix(path: string): void {
    this.#servers.add(Deno.serve(
      { path, ...this.#serveOptions() },
      (request, { completed }) =>
        this.#answer(request, completed, LOCAL_CALLER),
    ));
  }

  serveTcp(token: string): TcpDoor {
    const server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, ...this.#serveOptions() },
      (request, { completed }) =>
        this.#answer(request, completed, LOCAL_CALLER),
    );
    this.#servers.add(server);
    this.#door = { token, port: server.addr.port };
    return this.#door;
  }

  /**
   * Serves callers from other machines by TLS at a port of this machine, before which their connections are guarded.
   * Returns the port, and a function that accepts no more there, while open answers go on.
   */
  serveTls(
    { identity, peerOf }: ControlPort,
  ): { readonly port: number; readonly leave: () => void } {
    const server = Deno.serve(
      {
        hostname: "127.0.0.1",
        port: 0,
        cert: identity.certPem,
        key: identity.keyPem,
        ...this.#serveOptions(),
      },
      (request, { completed, remoteAddr }) => {
        const peer = peerOf(remoteAddr.port);
        return peer === undefined
          ? new Response(null, { status: 403 })
          : this.#answer(
            request,
            completed,
            this.#callerOf(request, peer.host),
          );
      },
    );
    this.#servers.add(server);
    const leave = () => {
      server.shutdown().catch(() => {}).finally(() =>
        this.#servers.delete(server)
      );
    };
    return { port: server.addr.port, leave };
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
    await Promise.all([...this.#servers].map(({ finished }) => finished));
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

  #callerOf(request: Request, from: string): Caller {
    const authorization = request.headers.get("authorization") ?? "";
    const token = /^Bearer +(\S+)$/i.exec(authorization)?.[1];
    if (token === undefined) {
      return { kind: "stranger", from, credential: NO_TOKEN };
    }
    const { access } = this.#manager;
    const identity = access.admit(token, from);
    return identity === undefined
      ? { kind: "stranger", from, credential: access.whose(token) }
      : { kind: "operator", identity };
  }

  /** Notes a refusal of a service. */
  #refused(denial: Denial, caller: Caller): void {
    if (denial.act !== WITH_REASONS) return this.#denied(denial, caller);
    if (caller.kind === "stranger") this.#failures.note(caller.from);
  }

  #denied(denial: Denial, caller: Caller): void {
    if (caller.kind === "stranger") this.#failures.note(caller.from);
    this.#manager.audit.denied(denial);
  }

  #answer(
    request: Request,
    completed: Promise<void>,
    caller: Caller,
  ): Response | Promise<Response> {
    const end = joint([
      request.signal,
      ...caller.kind === "operator" ? [caller.identity.ended] : [],
    ]);
    // It rejects where the client went first, which is the client's own affair.
    const answered = completed.catch(() => {}).finally(() => {
      this.#answering.delete(answered);
      end[Symbol.dispose]();
    });
    this.#answering.add(answered);
    const { pathname } = new URL(request.url);
    if (pathname === METRICS_PATH) {
      return answerMetrics(
        request,
        this.#manager,
        (headers, call) => this.#admit(headers, caller, call),
      ).then(asItIs);
    }
    if (isUploadBody(request, pathname)) {
      return answerUpload(request, {
        blobs: this.#manager.blobs,
        clock: this.#clock,
        admit: (headers, call) => this.#admit(headers, caller, call),
        signal: end.signal,
      }).then(asItIs);
    }
    const handler = this.#handlers.get(pathname);
    if (handler !== undefined) {
      const contextValues = valuesOf(caller);
      return handler(request, { contextValues, signal: end.signal }).then(
        asItIs,
      );
    }
    return Response.json(
      { code: "unimplemented", message: `Cannot find "${pathname}"` },
      { status: 404 },
    );
  }

  #admit(headers: Headers, caller: Caller, call: string): void {
    this.#stopping.signal.throwIfAborted();
    try {
      checkHeaders(headers, caller.kind === "local" ? this.#door : undefined);
      permit(caller, call);
      // A caller with a good token is no stranger, and so is not held up.
      if (caller.kind === "stranger" && this.#failures.isHeld(caller.from)) {
        throw badLogin();
      }
    } catch (error) {
      const [, act = ""] = call.split(".");
      const denial = denialOf(error, caller, act);
      if (denial !== undefined) this.#denied(denial, caller);
      throw error instanceof PiriError ? toConnectError(error) : error;
    }
  }
}

/** Serves a method whose request is read piece by piece. */
function inPieces(handler: UniversalHandler): Handler {
  return async (request, context) =>
    universalServerResponseToFetch(
      await handler({
        ...universalServerRequestFromFetch(request, {}),
        ...context,
      }),
    );
}
