/** Writes all of it. */
export async function writeWhole(
  conn: Deno.TlsConn,
  bytes: Uint8Array,
): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    at += await conn.write(bytes.subarray(at));
  }
}

/** Reads so many bytes, and nothing of what follows. */
export async function readExactly(
  conn: Deno.TlsConn,
  count: number,
): Promise<void> {
  const buffer = new Uint8Array(count);
  for (let at = 0; at < count;) {
    const read = await conn.read(buffer.subarray(at));
    if (read === null) throw new Deno.errors.UnexpectedEof("the peer hung up");
    at += read;
  }
}
