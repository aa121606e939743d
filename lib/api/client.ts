import { type Client, createClient, type Transport } from "@connectrpc/connect";
import type { CommonTransportOptions } from "@connectrpc/connect/protocol";
import { createTransport } from "@connectrpc/connect/protocol-connect";
import {
  AgentsService,
  AuditService,
  BlobsService,
  CommandsService,
  EventsService,
  IdentityService,
  JobsService,
  LoginService,
  OperatorsService,
  StatusService,
} from "../../proto/gen/piri/control/v1/control_pb.ts";
import { Disconnected, PiriError } from "../base/errors.ts";
import { withPiriErrors } from "./client_errors.ts";
import { type Endpoint, endpointOf, findEndpoint } from "./endpoint.ts";
import { openEndpointClient, type Trouble } from "./http_client.ts";
import { probe } from "./probe.ts";
import { proofFolder } from "./proofs.ts";
import { proving } from "./proving.ts";

/** Largest answer that a client accepts, in bytes: 1,000 commands with all their fields. */
const MAX_RESPONSE_BYTES = 512 * 1_048_576;

/** Clients of the services of a Manager. Their methods and messages are those of proto/piri/control/v1/control.proto. */
export interface ControlClient {
  /** Entries and connections of agents. */
  readonly agents: Client<typeof AgentsService>;
  /** Record of the acts that users asked for. */
  readonly audit: Client<typeof AuditService>;
  /** Large inputs of commands. */
  readonly blobs: Client<typeof BlobsService>;
  /** Commands and their output. */
  readonly commands: Client<typeof CommandsService>;
  /** Jobs: one request to many agents each. */
  readonly jobs: Client<typeof JobsService>;
  /** Events, past and new. */
  readonly events: Client<typeof EventsService>;
  /** Logging in from another machine. */
  readonly logins: Client<typeof LoginService>;
  /** Operators on other machines, and their rules. */
  readonly operators: Client<typeof OperatorsService>;
  /** Status of the Manager. */
  readonly status: Client<typeof StatusService>;
}

/**
 * The control API of one Manager.
 *
 * Calls and streams reject with a PiriError: the Manager's own, CANCELLED if their signal was aborted, or Disconnected
 * if they ended without the Manager's answer. To leave a stream before its end, abort its signal: to stop reading is not
 * enough. Disposing ends every open call. After a restart of the Manager, connect again.
 */
export interface Control extends ControlClient, Disposable {}

/** Clients for the services, over any transport of Connect. Their calls and streams reject with a PiriError. */
export function controlClient(transport: Transport): ControlClient {
  const told = withPiriErrors(transport);
  return {
    agents: createClient(AgentsService, told),
    audit: createClient(AuditService, told),
    blobs: createClient(BlobsService, told),
    commands: createClient(CommandsService, told),
    jobs: createClient(JobsService, told),
    events: createClient(EventsService, told),
    logins: createClient(LoginService, told),
    operators: createClient(OperatorsService, told),
    status: createClient(StatusService, told),
  };
}

/** Options of a connection. */
export interface ConnectOptions {
  /** User who called sudo or doas, for the record of the Manager; none if absent. */
  readonly sudoUser?: string;
  /** Token instead of the one of a login; that one if absent or empty. */
  readonly token?: string;
}

/**
 * Connects to the Manager of a state folder on this machine, or to one elsewhere by the folder of a login.
 *
 * Calls that change something prove the user of this process to the Manager, for its record: by a file that they make
 * beside the socket and that the Manager removes.
 *
 * @param dir Path of the state folder.
 * @param options User behind sudo.
 * @returns Clients of its services. Dispose them at the end.
 * @throws {PiriError} DENIED if this user may not; CORRUPT if the control endpoint file cannot be read.
 * @throws {Disconnected} If no Manager runs on the folder, or there is no such folder.
 *
 * @example List the connected agents
 * ```ts
 * using control = await connectControl("/var/lib/piri-manager");
 * const { agents } = await control.agents.listAgents({});
 * console.log(agents.filter(({ connected }) => connected).map(({ id }) => id));
 * ```
 */
export async function connectControl(
  dir: string,
  { sudoUser = "", token = "" }: ConnectOptions = {},
): Promise<Control> {
  const found = await locate(dir);
  const endpoint = found.transport === "tls" && token !== ""
    ? { ...found, token }
    : found;
  return await connectEndpoint(endpoint, dir, sudoUser);
}

/**
 * Connects to the control port of a Manager elsewhere, to log in.
 *
 * @throws {PiriError} DENIED if its certificate is not by the authority
 * @throws {Disconnected} If nobody answers
 */
export async function connectToLogIn(
  login: Parameters<typeof endpointOf>[0],
): Promise<Control> {
  return await connectEndpoint(endpointOf(login), login.address, "");
}

async function connectEndpoint(
  endpoint: Endpoint,
  dir: string,
  sudoUser: string,
): Promise<Control> {
  await reach(dir, endpoint);
  const trouble: Trouble = {
    unreachable: (cause) => explain(dir, endpoint, cause),
    cutShort: (cause) =>
      new Disconnected(`Lost the connection to the Manager of "${dir}"`, {
        cause,
      }),
  };
  const http = openEndpointClient(endpoint, trouble);
  const options: CommonTransportOptions = {
    httpClient: http.send,
    baseUrl: http.baseUrl,
    useBinaryFormat: true,
    interceptors: [],
    acceptCompression: [],
    sendCompression: null,
    compressMinBytes: MAX_RESPONSE_BYTES,
    readMaxBytes: MAX_RESPONSE_BYTES,
    writeMaxBytes: MAX_RESPONSE_BYTES,
  };
  const plain = createTransport(options);
  const proven = endpoint.transport === "unix"
    ? createTransport({
      ...options,
      interceptors: [proving({
        folder: proofFolder(endpoint.path),
        identity: createClient(IdentityService, plain),
        sudoUser,
      })],
    })
    : plain;
  return {
    ...controlClient(proven),
    [Symbol.dispose]: () => http[Symbol.dispose](),
  };
}

async function locate(dir: string): Promise<Endpoint> {
  try {
    return await findEndpoint(dir);
  } catch (error) {
    throw await unreachable(dir, error);
  }
}

async function reach(dir: string, endpoint: Endpoint): Promise<void> {
  try {
    await probe(endpoint);
  } catch (error) {
    throw await unreachable(dir, error);
  }
}

async function explain(
  dir: string,
  endpoint: Endpoint,
  cause: unknown,
): Promise<PiriError> {
  try {
    await reach(dir, endpoint);
  } catch (error) {
    if (error instanceof PiriError) return error;
  }
  return new Disconnected(
    `Cannot reach the Manager of "${dir}": it closed the connection`,
    { cause },
  );
}

async function unreachable(dir: string, error: unknown): Promise<PiriError> {
  if (error instanceof PiriError) return error;
  const attempt = `Cannot reach the Manager of "${dir}"`;
  if (error instanceof Deno.errors.PermissionDenied) {
    return new PiriError(
      "DENIED",
      `${attempt}: this user may not, only the one that runs it`,
      { cause: error },
    );
  }
  const reason = await isFolder(dir)
    ? "it is not running (piri-manager serve starts it)"
    : "there is no such folder (piri-manager init makes it)";
  return new Disconnected(`${attempt}: ${reason}`, { cause: error });
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isDirectory;
  } catch {
    return false;
  }
}
