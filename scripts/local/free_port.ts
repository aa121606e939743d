/**
 * Finds a port of the loopback address that nobody listens on. It is below the ports that systems give to outgoing
 * connections, so that none of these takes it by chance while the Manager is away.
 */
export function freePort(): number {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    try {
      Deno.listen({ hostname: "127.0.0.1", port }).close();
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
}
