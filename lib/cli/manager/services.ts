import type { ServiceClient } from "../../protobuf/rpc_service.ts";
import type {
  AgentsService,
  ApprovalsService,
  AuditService,
  BlobsService,
  CommandsService,
  EnrolmentService,
  EventsService,
  IssuersService,
  JobsService,
  KeysService,
  LoginService,
  OperatorsService,
  PlansService,
  ReleasesService,
  SecretsService,
  StatusService,
} from "../../../proto/gen/piri/control/v1/control_messages.ts";
import type { LogOptions } from "../../base/log_options.ts";
import type { CustomModule } from "../../states/custom/custom_modules.ts";
import type { CompiledState } from "../../states/compiled_state.ts";
import type { Problem } from "../../states/problems.ts";
import type { Life } from "../life.ts";
import type { WithService, WithWindowsService } from "../service_acts.ts";
import type { WithGuard } from "../service_guard.ts";

/** A backup that was made. */
export interface BackedUp {
  /** Path of its folder. */
  readonly dir: string;
  readonly files: number;
  readonly bytes: number;
  /** Names of the private keys that are not in it. */
  readonly leftOut: readonly string[];
  /** Bytes of output that the state folder itself has lost; absent if none. */
  readonly lack?: string | undefined;
}

/** Parts of the program that the manager's subcommands use. */
export interface ManagerServices
  extends WithService, WithWindowsService, WithGuard {
  /**
   * Makes a state folder: authority, certificate, keys, database.
   *
   * @throws {PiriError} FAILED_PRECONDITION if the folder is in use; INVALID_ARGUMENT for an address, or a key that does not
   * fit
   */
  init(options: {
    readonly dir: string;
    readonly listen: string;
    readonly advertise: string | undefined;
    /** Key of an authority, PEM, that stays out of the folder. */
    readonly authorityKey?: string | undefined;
    /** Certificate of that authority, PEM; a new one is made if absent. */
    readonly authority?: string | undefined;
  }): Promise<Initialized>;
  /**
   * Runs the Manager until it is to stop, and resolves once it has stopped. `onReady` is called when agents and
   * clients can connect.
   */
  serve(
    options: {
      readonly dir: string;
      readonly log: Partial<LogOptions>;
      /** Puts a plain-TCP front before the connections, even if the configuration does not. */
      readonly guard: boolean;
      /** Address for operators on other machines instead of the one in the configuration. */
      readonly control?: string | undefined;
    },
    life: Life & { readonly onReady: (ready: Ready) => void },
  ): Promise<void>;
  /**
   * Starts a Manager in this process for one job: from the state folder, or from the state text in the environment
   * variable PIRI_STATE, which is removed from the environment of this process. The keys of the text are kept in memory
   * only. If another process's Manager runs on the folder, it is used.
   *
   * @throws {PiriError} FAILED_PRECONDITION if the folder is not initialised; INVALID_ARGUMENT for a text that cannot be
   * read; UNAVAILABLE if it cannot listen
   */
  serveBriefly(options: {
    readonly dir: string;
    /** True if the user named the folder: then the variable is not used. */
    readonly dirGiven: boolean;
    /** Address for agents instead of the one in the state. */
    readonly listen: string | undefined;
  }): Promise<BriefManager>;
  /**
   * Reads what makes the Manager of this state folder the same one elsewhere, also while it runs.
   *
   * @throws {PiriError} FAILED_PRECONDITION if the folder is not initialised; DENIED
   */
  exportIdentity(
    dir: string,
    options: {
      /** False to leave out the facts that agents told. */
      readonly withFacts: boolean;
      /** Key of the authority, PEM, if it is not in the folder. */
      readonly authorityKey?: string | undefined;
    },
  ): Promise<ExportedIdentity>;
  /**
   * Copies a state folder as its Manager can be started from, also while the Manager runs.
   *
   * @throws {PiriError} FAILED_PRECONDITION if it is not initialised; INVALID_ARGUMENT for a folder that is there, or
   * inside the state folder; DENIED, DISK: then there is no backup
   */
  backUp(
    dir: string,
    options: {
      /** Folder to make. */
      readonly to: string;
      /** False to leave out the private keys. */
      readonly withKeys: boolean;
    },
  ): Promise<BackedUp>;
  /**
   * Writes the key of the authority of this state folder to a file, also while the Manager runs.
   *
   * @throws {PiriError} FAILED_PRECONDITION if it is not there, or a rotation of the authority is under way;
   * INVALID_ARGUMENT for a recipient that is none, or a file in the folder; DENIED, DISK: then nothing is removed
   */
  exportAuthority(
    dir: string,
    options: {
      /** A file that does not exist. */
      readonly to: string;
      /** Public keys of age to encrypt it for; none for PEM. */
      readonly recipients: readonly string[];
      /** True to take it away from the folder. */
      readonly remove: boolean;
    },
  ): Promise<void>;
  /**
   * Certificate of the authority of a key: a new one, or one that is given. Nothing is contacted.
   *
   * @param authorityKey PEM.
   * @param authority Certificate of the authority, PEM.
   * @returns the certificate, PEM
   * @throws {PiriError} INVALID_ARGUMENT if the key is none, or does not fit to the certificate
   */
  authorityCertificate(
    authorityKey: string,
    authority: string | undefined,
  ): Promise<string>;
  /**
   * Issues a certificate of a server anew by the key of its authority. Nothing is contacted.
   *
   * @returns the certificate, PEM
   * @throws {PiriError} INVALID_ARGUMENT if the key is not that of the authority
   */
  issueCertificate(options: {
    readonly authorityKey: string;
    readonly authority: string;
    readonly certificate: string;
    readonly names: readonly string[];
  }): Promise<string>;
  /**
   * Opens the states of this state folder, also while its Manager runs. Nothing is contacted or written.
   *
   * @throws {PiriError} FAILED_PRECONDITION if the folder is not initialised, or is that of a login
   */
  states(dir: string): Promise<StateDesk>;
  /**
   * Reads a Manager of RedPepper, and compares it with the state folder, or with another folder. Nothing is written yet.
   *
   * @throws {PiriError} NOT_FOUND if it is no folder of RedPepper; FAILED_PRECONDITION without a state folder
   */
  redpepper(
    folder: string,
    options: { readonly stateDir: string; readonly into: string | undefined },
  ): Promise<RedpepperImport>;
  /** JSON Schema of the files of states, for editors; with the custom operations of a Manager's folder. */
  stateSchema(dir: string): Promise<StateSchema>;
  /**
   * Connects to the Manager of this state folder, or of the folder of a login.
   *
   * @throws {PiriError} UNAVAILABLE if it is not running; DENIED if this user may not, or it cannot be trusted.
   */
  connect(dir: string): Promise<Control>;
  /**
   * Connects to a Manager on another machine, also as somebody who has no token yet.
   *
   * @throws {PiriError} UNAVAILABLE if it cannot be reached; DENIED if it cannot be trusted.
   */
  connectTo(place: ManagerPlace): Promise<Control>;
  /**
   * Token of the CI, for this audience, for the job that this process is a part of.
   *
   * @throws {PiriError} FAILED_PRECONDITION outside of a CI; UNAVAILABLE if the CI does not give one
   */
  ciToken(audience: string): Promise<string>;
  /** Shell of a host by the user's own ssh. */
  remoteShell(destination: string): Promise<RemoteShell>;
}

/** Shell of another host. */
export interface RemoteShell {
  /**
   * Runs a line to its end, with this standard input. ssh itself ends with 255 if it does not get there.
   *
   * @throws {PiriError} NOT_FOUND without ssh
   */
  run(
    line: string,
    input?: Uint8Array,
  ): Promise<{
    readonly code: number;
    readonly stdout: string;
    readonly stderr: string;
  }>;
}

/** JSON Schema of states. */
export interface StateSchema {
  readonly schema: unknown;
  /** Paths of modules with mistakes, whose operations are not in it. */
  readonly broken: readonly string[];
}

/** States of a Manager, and the agents that they are for. */
export interface StateDesk {
  /** Modules of custom operations, of all layers, with what is wrong with them. */
  modules(): Promise<readonly CustomModule[]>;
  /** Enrolled agents, in the order of their names. */
  readonly agents: readonly StateDeskAgent[];
  /** Names of all states; the agent's whole state has the empty name. */
  names(): Promise<readonly string[]>;
  /**
   * Compiles a state for an agent.
   *
   * @throws {PiriError} NOT_FOUND for an unknown agent; CORRUPT for data that cannot be read; DISK
   */
  compile(state: string, agent: string): Promise<CompiledState>;
  /**
   * Data of an agent below a dotted key, and the places of its parts. The value is undefined if there is none.
   *
   * @throws {PiriError} NOT_FOUND for an unknown agent; CORRUPT for data that cannot be read; DISK
   */
  data(agent: string, key: string): Promise<{
    readonly value: unknown;
    readonly parts: readonly {
      readonly key: string;
      readonly value: unknown;
      /** Path below the Manager's folder. */
      readonly file: string;
      readonly line: number;
    }[];
  }>;
  /** Text of an error or a warning, with its place and the line; several lines. */
  format(problem: Problem): string;
}

/** Agents, files and remarks of an import. */
export interface RedpepperImport {
  readonly agents: readonly ImportedAgent[];
  readonly files: readonly {
    /** Path below the folder, with slashes. */
    readonly path: string;
    /** Thing that is at the path. */
    readonly found: Found;
  }[];
  /** Remarks on files of RedPepper, sorted. */
  readonly notes: readonly {
    readonly file: string;
    readonly line?: number;
    readonly message: string;
    /** True if something was not taken. */
    readonly isLost: boolean;
  }[];
  /**
   * Writes one of the files.
   *
   * @throws {PiriError} ALREADY_EXISTS if something is there meanwhile; DENIED, DISK
   */
  write(path: string): Promise<void>;
}

/** Thing that is there already: none, the same, or another one of the name. */
export type Found = "nothing" | "same" | "other";

/** Agent of an import. */
export interface ImportedAgent {
  readonly id: string;
  readonly groups: readonly string[];
  readonly cidrs: readonly string[];
  /** SHA-256 of its secret in hex digits; undefined for an agent that has to join. */
  readonly secretHash: string | undefined;
  /** Agent of this name on the Manager. */
  readonly found: Found;
}

/** Agent that states are compiled for. */
export interface StateDeskAgent {
  readonly id: string;
  readonly groups: readonly string[];
  /** Facts as the Manager knows them; undefined for an agent that has told none. */
  readonly facts: Readonly<Record<string, string>> | undefined;
}

/** A Manager on another machine. */
export interface ManagerPlace {
  /** Address of the control port, "host:port". */
  readonly address: string;
  /** The certificate of the only authority to trust, PEM. */
  readonly ca: string;
  /** Token of the operator; none to ask for one. */
  readonly token?: string;
}

/** A Manager that is there for one job. */
export interface BriefManager {
  /** State folder to connect to. */
  readonly dir: string;
  /** Address for agents; undefined if another process's Manager is used. */
  readonly listen: string | undefined;
  /** Remarks for the user. */
  readonly notes: readonly string[];
  /**
   * Stops the Manager and removes the folder that was made for it.
   *
   * @throws {PiriError} DISK, DENIED if something cannot be removed
   */
  stop(): Promise<void>;
}

/** Identity of a Manager as a text, which is a secret. */
export interface ExportedIdentity {
  readonly text: string;
  /** Number of agents that have joined. */
  readonly joined: number;
  /** Names of agents that have not joined, and cannot by this text. */
  readonly notJoined: readonly string[];
}

/** Result of `init`. */
export interface Initialized {
  readonly dir: string;
  /** The files' paths. */
  readonly files: readonly string[];
  /** SHA-256 of the authority's certificate, in the form that people compare. */
  readonly fingerprint: string;
  readonly listen: string;
  readonly advertise: string;
}

/** Addresses of a running Manager. */
export interface Ready {
  /** Address for agents, with the actual port. */
  readonly listen: string;
  /** Address of the control API: the path of a socket, or a URL. */
  readonly control: string;
  /** Address for operators on other machines, with the actual port; none if absent. */
  readonly controlPort?: string | undefined;
}

/** The control API of a running Manager. */
export interface Control extends Disposable {
  readonly agents: ServiceClient<typeof AgentsService>;
  readonly audit: ServiceClient<typeof AuditService>;
  readonly blobs: ServiceClient<typeof BlobsService>;
  readonly commands: ServiceClient<typeof CommandsService>;
  readonly approvals: ServiceClient<typeof ApprovalsService>;
  readonly jobs: ServiceClient<typeof JobsService>;
  readonly plans: ServiceClient<typeof PlansService>;
  readonly events: ServiceClient<typeof EventsService>;
  readonly status: ServiceClient<typeof StatusService>;
  readonly operators: ServiceClient<typeof OperatorsService>;
  readonly enrolment: ServiceClient<typeof EnrolmentService>;
  readonly keys: ServiceClient<typeof KeysService>;
  readonly issuers: ServiceClient<typeof IssuersService>;
  readonly releases: ServiceClient<typeof ReleasesService>;
  readonly secrets: ServiceClient<typeof SecretsService>;
  readonly logins: ServiceClient<typeof LoginService>;
  readonly uploads: Uploads;
}

/** Sender of large inputs. */
export interface Uploads {
  /**
   * Sends bytes of an upload from `offset` on, while they come, and returns how many the upload has then.
   *
   * @throws {PiriError} NOT_FOUND, FAILED_PRECONDITION, DISK, UNAVAILABLE
   */
  send(
    upload: { readonly id: string; readonly offset: number },
    bytes: AsyncIterable<Uint8Array>,
    options: { readonly signal: AbortSignal },
  ): Promise<number>;
}
