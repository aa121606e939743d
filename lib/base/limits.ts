/** Sizes that both sides hold each other to: protocol.md section 1. All in bytes unless said. */
export const Limits = {
  /** The body of a frame before the handshake is done, and for ever towards a legacy peer. */
  handshakeFrame: 65_536,
  /** The body of a frame after the handshake. */
  frame: 1_048_576,
  /** A piece of output or of a file. */
  chunk: 65_536,
  /**
   * What is cut for the wire is cut to this: with all that goes around it, it is one write and one read of 64 KiB, and
   * not one and a bit.
   */
  piece: 65_536 - 96,
  /** What a piece in memory is counted for besides its bytes: a million of one byte are not a megabyte. */
  pieceOverhead: 512,
  /** Everything else that is sent. */
  message: 262_144,
  /** `output` of a CommandResult. */
  resultText: 16_384,
  /** `data` of a CommandResult; larger is left out. */
  resultData: 131_072,
  /** Process ids in a reap receipt, a count. */
  reapedAlive: 100,
  /** All facts of a hello together. */
  facts: 16_384,
  /** Commands of one agent that are not acknowledged, a count. */
  openCommands: 1_000,
  /** Output of a command, both streams, that waits for its acknowledgement while the link is up. */
  window: 4 * 1_048_576,
  /** Output of a command, a stream, that is kept while the link is down. */
  offlineOutput: 16 * 1_048_576,
  /** How deep JSON may be nested, a count. */
  jsonDepth: 64,
  /** The name of an operation or of a kind of request, characters. */
  word: 100,
  /** `data` of a DataRequest. */
  requestData: 16_384,
  /** A name of an agent or group, characters. */
  name: 100,
} as const;

/** What an agent or a group may be called: it is a file name and a line of a table, too. */
export const NAME_PATTERN = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9])?$/;
