import type { AgentRecord } from "./records.ts";

/** Token by which hosts join. Its hash alone is in the database. Times are milliseconds since 1970. */
export interface JoinTokenRecord {
  /** Number by which people name it. */
  readonly id: number;
  /** SHA-256 of the token's secret. */
  readonly hash: Uint8Array;
  /** Most agents that may join by it. */
  readonly uses: number;
  /** Agents that have joined by it. */
  readonly used: number;
  /** Groups that its agents get. */
  readonly groups: readonly string[];
  /** Pattern of the names that it is for, with `*`; empty for any name. */
  readonly name: string;
  /** Networks that agents may join from, and connect from later; empty for any. */
  readonly cidrs: readonly string[];
  /** True if somebody has to accept each host. */
  readonly approve: boolean;
  /** Name of whoever made it. */
  readonly createdBy: string;
  /** Time at which it was made. */
  readonly createdAt: number;
  /** Time from which nobody joins by it. */
  readonly expiresAt: number;
  /** Time at which it was revoked; null if it is not. */
  readonly revokedAt: number | null;
}

/** State of a host that asks to be let in. An accepted one becomes an agent with its next hello. */
export type PendingState = "waiting" | "accepted" | "rejected";

/** Host that has proven its key and waits until somebody accepts it. */
export interface PendingAgentRecord {
  /** Name that it asks for. */
  readonly name: string;
  /** Public key of the host, 32 bytes of Ed25519. */
  readonly publicKey: Uint8Array;
  /** Number of the token that it has. */
  readonly token: number;
  /** Decision about it, if there is one. */
  readonly state: PendingState;
  /** Reason of a rejection; else empty. */
  readonly reason: string;
  /** Address that it dialled from last. */
  readonly address: string;
  /** Version of the Agent. */
  readonly version: string;
  /** Facts of its hello: it says them itself. */
  readonly facts: Readonly<Record<string, string>>;
  /** Time of its first hello. */
  readonly askedAt: number;
  /** Time of its latest hello. */
  readonly lastAt: number;
}

/** Tokens and waiting hosts. */
export interface EnrolmentRecords {
  readonly tokens: readonly JoinTokenRecord[];
  readonly pending: readonly PendingAgentRecord[];
}

/** Change of tokens and of waiting hosts. */
export type EnrolmentChange =
  | {
    readonly kind: "addToken";
    readonly token: Omit<JoinTokenRecord, "id" | "used" | "revokedAt">;
  }
  | { readonly kind: "revokeToken"; readonly id: number; readonly at: number }
  | {
    readonly kind: "decide";
    readonly name: string;
    readonly publicKey: Uint8Array;
    readonly state: "accepted" | "rejected";
    readonly reason: string;
  };

/** Outcome of a join: the agent that the host is, or its place among those who wait; and if that is new. */
export type Join =
  & (
    | { readonly agent: AgentRecord }
    | { readonly pending: PendingAgentRecord }
  )
  & { readonly isNew: boolean };

/** Host that joins by a token, its key proven. */
export interface NewHost {
  readonly name: string;
  readonly tokenHash: Uint8Array;
  readonly publicKey: Uint8Array;
  readonly secretHash: Uint8Array;
  readonly address: string;
  readonly version: string;
  readonly facts: Readonly<Record<string, string>>;
  readonly at: number;
}
