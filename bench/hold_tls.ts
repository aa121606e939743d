/**
 * The smallest possible agent: holds one TLS connection, and reads from it. Its arguments are the port, the name of the
 * server and the certificate to trust.
 *
 * @module
 */
const [port = "", hostname = "", ca = ""] = Deno.args;
const conn = await Deno.startTls(
  await Deno.connect({ hostname: "127.0.0.1", port: Number(port) }),
  { hostname, caCerts: [await Deno.readTextFile(ca)] },
);
await conn.handshake();
// deno-lint-ignore no-console
console.log("connected");
while (await conn.read(new Uint8Array(65_536)) !== null);
