import { concat } from "@std/bytes/concat";
import { Limits } from "../../../lib/base/limits.ts";
import { FrameDecoder } from "../../../lib/wire/frame.ts";
import {
  type Body,
  decodeMessage,
  type Kind,
} from "../../../lib/wire/message.ts";
import type { PeerState, Table } from "../../../lib/wire/table.ts";
import { require } from "./finding.ts";

/**
 * Reads the messages of a conversation, up to the first invalid frame. It allows all frames their full size, so it sees
 * at least the messages that a connection sees.
 */
export function messagesIn(bytes: Uint8Array<ArrayBuffer>): Body[] {
  const decoder = new FrameDecoder();
  decoder.limit = Limits.frame;
  decoder.push(bytes);
  const messages: Body[] = [];
  try {
    for (let body = decoder.next(); body !== undefined; body = decoder.next()) {
      const message = decodeMessage(body);
      if (message !== undefined) messages.push(message);
    }
  } catch {
    // No connection reads beyond an invalid frame.
  }
  return messages;
}

/** Reads the messages that a side has written, and checks them against the table of the other side. */
export function heard<Context>(
  written: readonly Uint8Array[],
  table: Table<Context>,
  welcome: Kind,
): Body[] {
  const decoder = new FrameDecoder();
  decoder.limit = Limits.frame;
  decoder.push(concat(written));
  const messages: Body[] = [];
  let state: PeerState = "greeting";
  for (let body = decoder.next(); body !== undefined; body = decoder.next()) {
    const message = decodeMessage(body);
    require(message !== undefined, "what is written is known to the peer");
    require(state !== "closed", `nothing is written after Bye`);
    require(
      message.case in table[state],
      `what is written has a row: "${message.case}" while ${state}`,
    );
    const limit = message.case === "commandOutput"
      ? Limits.frame
      : state === "greeting"
      ? Limits.handshakeFrame
      : Limits.message;
    require(
      body.length <= limit,
      `"${message.case}" of ${body.length} bytes is under the limit of ${limit}`,
    );
    messages.push(message);
    if (message.case === welcome) state = "ready";
    if (message.case === "bye") state = "closed";
  }
  return messages;
}

/** Text without the parts that differ from input to input. */
export function pattern(text: string): string {
  return text.replaceAll(/"[^"]*"/g, '"..."').replaceAll(/-?\d+/g, "N")
    .slice(0, 120);
}
