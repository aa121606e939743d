import {
  type Message as WireMessage,
  MessageType,
  readMessage,
  writeMessage,
} from "../../proto/gen/piri/agent/v1/agent_messages.ts";
import { PiriError } from "../base/errors.ts";
import { decode } from "../protobuf/protobuf_reader.ts";
import { encode } from "../protobuf/protobuf_writer.ts";
import { HEADER_BYTES, sealFrame } from "./frame.ts";

/** A message of any kind: `case` names the kind, `value` has its fields. */
export type Body = Extract<WireMessage["body"], { case: string }>;

/** The name of a kind of message. */
export type Kind = Body["case"];

/** The fields of a message of one kind. */
export type MessageOf<K extends Kind> = Extract<Body, { case: K }>["value"];

/** The type number of each kind. */
export const TYPE_OF: Readonly<Record<Kind, MessageType>> = {
  clientHello: MessageType.CLIENT_HELLO,
  serverHello: MessageType.SERVER_HELLO,
  bye: MessageType.BYE,
  ping: MessageType.PING,
  pong: MessageType.PONG,
  authChallenge: MessageType.AUTH_CHALLENGE,
  authProof: MessageType.AUTH_PROOF,
  command: MessageType.COMMAND,
  cancel: MessageType.COMMAND_CANCEL,
  progress: MessageType.COMMAND_PROGRESS,
  result: MessageType.COMMAND_RESULT,
  commandOutput: MessageType.COMMAND_OUTPUT,
  commandAck: MessageType.COMMAND_ACK,
  dataRequest: MessageType.DATA_REQUEST,
  dataResponse: MessageType.DATA_RESPONSE,
};

const KNOWN_TYPES: ReadonlySet<MessageType> = new Set(Object.values(TYPE_OF));

/** Tag of the field `type`. */
const TYPE_TAG = 1 << 3;

/** Highest accepted count: 8 petabytes. */
const MAX_COUNT = BigInt(Number.MAX_SAFE_INTEGER);

/** Encodes a message as the body of a frame. */
export function encodeMessage(body: Body): Uint8Array {
  return encode(writeMessage, { type: TYPE_OF[body.case], body });
}

/** Encodes a message as a frame. */
export function encodeFrame(body: Body): Uint8Array {
  const message = { type: TYPE_OF[body.case], body };
  return sealFrame(encode(writeMessage, message, { room: HEADER_BYTES }));
}

/**
 * Decodes the body of a frame. Returns undefined for an unknown kind.
 *
 * @throws {PiriError} PROTOCOL_VIOLATION if the bytes are no message, its type and body differ, or a count is above the
 * maximum.
 */
export function decodeMessage(bytes: Uint8Array): Body | undefined {
  const { type, body } = parse(bytes);
  if (!KNOWN_TYPES.has(type)) return undefined;
  if (body.case === undefined || TYPE_OF[body.case] !== type) {
    throw new PiriError(
      "PROTOCOL_VIOLATION",
      `Cannot accept a message of type ${type}: its body is ${
        body.case === undefined ? "missing" : `"${body.case}"`
      }`,
    );
  }
  for (const count of countsOf(body)) {
    if (count > MAX_COUNT) {
      throw new PiriError(
        "PROTOCOL_VIOLATION",
        `Cannot accept "${body.case}": ${count} is over the limit of ${MAX_COUNT}`,
      );
    }
  }
  return body;
}

/**
 * Decodes the body of a frame before its turn, if it is of this kind. Returns undefined for any other and for invalid
 * ones, which are told when their turn comes, and for one that does not begin with its type.
 */
export function peek(bytes: Uint8Array, kind: Kind): Body | undefined {
  if (bytes[0] !== TYPE_TAG || bytes[1] !== TYPE_OF[kind]) return undefined;
  try {
    return decodeMessage(bytes);
  } catch {
    return undefined;
  }
}

function parse(bytes: Uint8Array): WireMessage {
  try {
    return decode(readMessage, bytes);
  } catch (cause) {
    throw new PiriError(
      "PROTOCOL_VIOLATION",
      `Cannot read a message of ${bytes.length} bytes: it is not valid protobuf`,
      { cause },
    );
  }
}

/** Every byte count and session number in a message. */
function countsOf({ case: kind, value }: Body): readonly bigint[] {
  switch (kind) {
    case "clientHello":
      return [
        value.session,
        ...value.commands.flatMap(({ stdout, stderr }) => [stdout, stderr]),
      ];
    case "serverHello":
      return value.resume.flatMap(({ stdout, stderr }) => [stdout, stderr]);
    case "commandOutput":
      return [value.offset + BigInt(value.bytes.length), value.cut];
    case "commandAck":
      return [value.stdout, value.stderr];
    case "result":
      return [value.stdoutBytes, value.stderrBytes];
    default:
      return [];
  }
}
