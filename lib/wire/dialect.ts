import {
  type Bye,
  Bye_Code,
  type ClientHello,
} from "../../proto/gen/piri/agent/v1/agent_messages.ts";
import { Limits } from "../base/limits.ts";
import { type Feature, FEATURES } from "./features.ts";

/** Everything in which a legacy peer, one of 2024, differs from a current one. Its hello decides it, once. */
export interface Dialect {
  readonly name: "current" | "legacy";
  /** The largest body of a frame after the handshake, in bytes. */
  readonly maxFrameBytes: number;
  /** The largest message other than a piece of output, in bytes. */
  readonly maxMessageBytes: number;
  /** The largest parameters of a Command, in bytes. */
  readonly maxParamsBytes: number;
  /** True for peers that fall behind if they find two frames in a TLS record. */
  readonly oneFrameAWrite: boolean;
  /** True for agents that drop a Command right after ServerHello: their first waits for their first Pong. */
  readonly waitsForPong: boolean;
  /** Features that can be agreed on in the hellos. */
  readonly features: readonly Feature[];
  /** Hellos tell the journal's instance and the database's id: sessions are in order, and ids of commands never repeat. */
  readonly hasIdentities: boolean;
  /** Parameters of commands are a positional list with keywords beside it. */
  readonly hasPositionalParams: boolean;
  /** A cancelled command is told of as ended. */
  readonly answersCancel: boolean;
  /** REFUSED is known as a status of results. */
  readonly hasRefused: boolean;
}

/** The two dialects there are. Until its hello a peer may be a legacy one. */
export const Dialects = {
  current: {
    name: "current",
    maxFrameBytes: Limits.frame,
    maxMessageBytes: Limits.message,
    maxParamsBytes: Limits.message,
    oneFrameAWrite: false,
    waitsForPong: false,
    features: FEATURES,
    hasIdentities: true,
    hasPositionalParams: false,
    answersCancel: true,
    hasRefused: true,
  },
  legacy: {
    name: "legacy",
    maxFrameBytes: Limits.handshakeFrame,
    maxMessageBytes: Limits.handshakeFrame,
    maxParamsBytes: Limits.handshakeFrame - 1_024,
    oneFrameAWrite: true,
    waitsForPong: true,
    features: [],
    hasIdentities: false,
    hasPositionalParams: true,
    answersCancel: false,
    hasRefused: false,
  },
} as const satisfies Readonly<Record<Dialect["name"], Dialect>>;

/** An agent's dialect, by its hello. */
export function dialectOfAgent(
  { protocol }: Pick<ClientHello, "protocol">,
): Dialect {
  return protocol === 0 ? Dialects.legacy : Dialects.current;
}

/** A Manager's dialect, by the id of its database: a legacy one has none. */
export function dialectOfManager(managerId: string): Dialect {
  return managerId === "" ? Dialects.legacy : Dialects.current;
}

/** The code of a Bye. Legacy peers have none, so theirs is read from their words. */
export function byeCodeOf(
  { code, reason }: Pick<Bye, "code" | "reason">,
): Bye_Code {
  // A code that is not known here counts as none.
  if (code !== Bye_Code.UNSPECIFIED && code in Bye_Code) return code;
  if (reason === "auth failed") return Bye_Code.AUTH_FAILED;
  return reason.startsWith("protocol error")
    ? Bye_Code.PROTOCOL_ERROR
    : Bye_Code.UNSPECIFIED;
}
