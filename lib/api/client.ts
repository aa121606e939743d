import {
  AgentsService,
  ApprovalsService,
  AuditService,
  BlobsService,
  CommandsService,
  EnrolmentService,
  EventsService,
  IdentityService,
  IssuersService,
  JobsService,
  KeysService,
  LoginService,
  OperatorsService,
  PlansService,
  ReleasesService,
  SecretsService,
  StatusService,
} from "../../proto/gen/piri/control/v1/control_messages.ts";
import { systemClock } from "../base/clock.ts";
import { Disconnected, PiriError } from "../base/errors.ts";
import {
  type Endpoint,
  findEndpoint,
  type RemoteEndpoint,
} from "./endpoint.ts";
import { openEndpointClient, type Trouble } from "./http_client.ts";
import { proofFolder } from "./proof_files.ts";
import { proving } from "./proving.ts";
import { type RpcLink, serviceClient } from "./rpc_client.ts";
import type { ServiceClient } from "../protobuf/rpc_service.ts";
import { placeOf, probeTls } from "./tls_probe.ts";
import { type Uploads, uploadsOver } from "./upload_request.ts";

/** Clients of the services of a Manager. Their methods and messages are those of proto/piri/control/v1/control.proto. */
export interface ControlClient {
  /** Entries and connections of agents. */
  readonly agents: ServiceClient<typeof AgentsService>;
  /** Record of the acts that users asked for. */
  readonly audit: ServiceClient<typeof AuditService>;
  /** Large inputs of commands. */
  readonly blobs: ServiceClient<typeof BlobsService>;
  /** Commands and their output. */
  readonly commands: ServiceClient<typeof CommandsService>;
  /** Jobs: one request to many agents each. */
  readonly jobs: ServiceClient<typeof JobsService>;
  /** Plans: what states would change on hosts. */
  readonly plans: ServiceClient<typeof PlansService>;
  /** Events, past and new. */
  readonly events: ServiceClient<typeof EventsService>;
  /** Status of the Manager. */
  readonly status: ServiceClient<typeof StatusService>;
  /** People and scripts on other machines, and what each of them may. */
  readonly operators: ServiceClient<typeof OperatorsService>;
  /** Join tokens, and hosts that wait to be accepted. */
  readonly enrolment: ServiceClient<typeof EnrolmentService>;
  /** Jobs that wait until others approve of them. */
  readonly approvals: ServiceClient<typeof ApprovalsService>;
  /** Issuers of the tokens that CI jobs sign in with. */
  readonly issuers: ServiceClient<typeof IssuersService>;
  /** Keys of the Manager that its agents trust. */
  readonly keys: ServiceClient<typeof KeysService>;
  /** Releases that agents can be updated to. */
  readonly releases: ServiceClient<typeof ReleasesService>;
  /** Secrets that the Manager keeps for agents. */
  readonly secrets: ServiceClient<typeof SecretsService>;
  /** Own sign-in, and who this client is to the Manager. */
  readonly logins: ServiceClient<typeof LoginService>;
}

/**
 * The control API of one Manager.
 *
 * Calls and streams reject with a PiriError: the Manager's own, CANCELLED if their signal was aborted, or Disconnected
 * if they ended without the Manager's answer. To leave a stream before its end, abort its signal: to stop reading is not
 * enough. Disposing ends every open call. After a restart of the Manager, connect again.
 */
export interface Control extends ControlClient, Disposable {
  /** Bytes of uploads, faster than by BlobsService.Upload. */
  readonly uploads: Uploads;
}

/** Clients for the services. Their calls and streams reject with a PiriError. */
export function controlClient(link: RpcLink): ControlClient {
  return {
    agents: serviceClient(AgentsService, link),
    audit: serviceClient(AuditService, link),
    blobs: serviceClient(BlobsService, link),
    commands: serviceClient(CommandsService, link),
    jobs: serviceClient(JobsService, link),
    plans: serviceClient(PlansService, link),
    events: serviceClient(EventsService, link),
    status: serviceClient(StatusService, link),
    operators: serviceClient(OperatorsService, link),
    enrolment: serviceClient(EnrolmentService, link),
    approvals: serviceClient(ApprovalsService, link),
    issuers: serviceClient(IssuersService, link),
    keys: serviceClient(KeysService, link),
    logins: serviceClient(LoginService, link),
    releases: serviceClient(ReleasesService, link),
    secrets: serviceClient(SecretsService, link),
  };
}

/** Options of a connection. */
export interface ConnectOptions {
  /** User who called sudo or doas, for the record of the Manager; none if absent. */
  readonly sudoUser?: string;
  /** Token of an operator instead of that of a login. */
  readonly token?: string | undefined;
}

/**
 * Connects to the Manager of a state folder on this machine, or of a login at one on another machine.
 *
 * On this machine, calls that change something prove the user of this process to the Manager, for its record: by a file that they make
 * beside the socket and that the Manager removes.
 *
 * @param dir Path of the state folder, or of the folder that `piri-manager login` made.
 * @param options User behind sudo, and token.
 * @returns Clients of its services. Dispose them at the end.
 * @throws {PiriError} DENIED if this user may not, or for a Manager with a certificate that is not to be trusted; CORRUPT
 * if the control endpoint file or the login cannot be read.
 * @throws {Disconnected} If no Manager runs on the folder, there is no such folder, or the other machine does not answer.
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
  { sudoUser = "", token }: ConnectOptions = {},
): Promise<Control> {
  const endpoint = await locate(dir, token);
  return endpoint.transport === "tls"
    ? await connectRemote(endpoint)
    : await open({
      endpoint,
      name: `the Manager of "${dir}"`,
      probe: () => probe(dir, endpoint),
    }, sudoUser);
}

/**
 * Connects to a Manager on another machine. Only its given authority is trusted, and no proxy of the environment is
 * used.
 *
 * @throws {PiriError} DENIED for a certificate of another authority or name
 * @throws {Disconnected} If it cannot be reached.
 */
export async function connectRemote(
  endpoint: RemoteEndpoint,
): Promise<Control> {
  return await open({
    endpoint,
    name: `the Manager at ${placeOf(endpoint)}`,
    probe: () => probeTls(endpoint, systemClock),
  }, "");
}

/** A Manager that can be connected to. */
interface ReachableManager {
  readonly endpoint: Endpoint;
  /** Words for people. */
  readonly name: string;
  /** Connects and hangs up. A failed fetch does not give the cause; this does. */
  readonly probe: () => Promise<void>;
}

async function open(
  manager: ReachableManager,
  sudoUser: string,
): Promise<Control> {
  const { endpoint, name } = manager;
  await manager.probe();
  const trouble: Trouble = {
    unreachable: (cause) => explain(manager, cause),
    cutShort: (cause) =>
      new Disconnected(`Lost the connection to ${name}`, { cause }),
  };
  const http = openEndpointClient(endpoint, trouble);
  const { send, baseUrl } = http;
  const plain: RpcLink = { send, baseUrl };
  const proven: RpcLink = endpoint.transport === "unix"
    ? {
      ...plain,
      prove: proving({
        folder: proofFolder(endpoint.path),
        identity: serviceClient(IdentityService, plain),
        sudoUser,
      }),
    }
    : plain;
  return {
    ...controlClient(proven),
    uploads: uploadsOver(http),
    [Symbol.dispose]: () => http[Symbol.dispose](),
  };
}

async function locate(
  dir: string,
  token: string | undefined,
): Promise<Endpoint> {
  try {
    return await findEndpoint(dir, token);
  } catch (error) {
    throw await unreachable(dir, error);
  }
}

async function probe(
  dir: string,
  endpoint: Exclude<Endpoint, RemoteEndpoint>,
): Promise<void> {
  try {
    const connection = endpoint.transport === "unix"
      ? await Deno.connect({ transport: "unix", path: endpoint.path })
      : await Deno.connect({
        hostname: endpoint.hostname,
        port: endpoint.port,
      });
    connection.close();
  } catch (error) {
    throw await unreachable(dir, error);
  }
}

async function explain(
  { name, probe }: ReachableManager,
  cause: unknown,
): Promise<PiriError> {
  try {
    await probe();
  } catch (error) {
    if (error instanceof PiriError) return error;
  }
  return new Disconnected(`Cannot reach ${name}: it closed the connection`, {
    cause,
  });
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
