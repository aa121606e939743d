import type { Client } from "@connectrpc/connect";
import type {
  AgentsService,
  AuditService,
  BlobsService,
  CommandsService,
  EventsService,
  JobsService,
  LoginService,
  OperatorsService,
  StatusService,
} from "../../../proto/gen/piri/control/v1/control_pb.ts";
import type { LogOptions } from "../../base/log.ts";
import type { Life } from "../life.ts";

/** Parts of the program that the manager's subcommands use. */
export interface ManagerServices {
  /**
   * Makes a state folder: authority, certificate, keys, database.
   *
   * @throws {PiriError} ALREADY_EXISTS if the folder is in use; INVALID_ARGUMENT for an address.
   */
  init(options: {
    readonly dir: string;
    readonly listen: string;
    readonly advertise: string | undefined;
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
    },
  ): Promise<ExportedIdentity>;
  /**
   * Logs in to a Manager elsewhere by a login line, and keeps the token in a folder.
   *
   * @param line Login line.
   * @param dir The folder; one beside the user's settings, named after the Manager's host, if absent.
   * @throws {PiriError} INVALID_ARGUMENT for a line that cannot be read; AUTH_FAILED for a code that is not good any more;
   * DENIED, UNAVAILABLE
   */
  login(line: string, dir: string | undefined): Promise<LoggedIn>;
  /**
   * Ends the token of a login, and forgets it.
   *
   * @returns false if the Manager could not be told: then the token stays good until it expires
   * @throws {PiriError} NOT_FOUND if there is no login in the folder
   */
  logout(dir: string): Promise<boolean>;
  /**
   * Connects to the Manager of this state folder, or of this login.
   *
   * @throws {PiriError} UNAVAILABLE if it is not running; DENIED if this user may not.
   */
  connect(dir: string): Promise<Control>;
}

/** A login to a Manager elsewhere. */
export interface LoggedIn {
  /** Folder of the login. */
  readonly dir: string;
  /** Address of the Manager, "host:port". */
  readonly address: string;
  readonly operator: string;
  readonly role: string;
  /** End of the token, in milliseconds since 1970. */
  readonly expiresAt: number;
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
  readonly agents: Client<typeof AgentsService>;
  readonly audit: Client<typeof AuditService>;
  readonly blobs: Client<typeof BlobsService>;
  readonly commands: Client<typeof CommandsService>;
  readonly jobs: Client<typeof JobsService>;
  readonly events: Client<typeof EventsService>;
  readonly logins: Client<typeof LoginService>;
  readonly operators: Client<typeof OperatorsService>;
  readonly status: Client<typeof StatusService>;
}
