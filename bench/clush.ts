import type { SshHost } from "./ssh_host.ts";

/** Command line of ClusterShell for the addresses of an SSH server, all of them at the same time. */
export function clush(
  { options }: Pick<SshHost, "options">,
  addresses: readonly string[],
  ...words: readonly string[]
): string[] {
  return [
    ...["clush", "-S", "-f", String(addresses.length)],
    ...["-w", addresses.join(","), "-o", options.join(" ")],
    ...words,
  ];
}

/** Loopback addresses, which Linux has many of. */
export function loopbackAddresses(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `127.0.1.${i + 1}`);
}
