import { Buffer } from "node:buffer";

/** Secrets that are found nowhere else, with characters that each form writes differently. */
export function canaries(count: number): string[] {
  return Array.from(
    { length: count },
    (_, n) => `Canary-${n}/"ü"+${(n * 7_919 + 104_729).toString(36)} ~end?`,
  );
}

/** A secret that is found nowhere else, with a mark of its own and the characters of `canaries`. */
export function canary(mark: string): string {
  return `Canary-${mark}/"ü"+ ~end?`;
}

/** Nine forms in which a secret must be found nowhere. */
export function formsToFind(secret: string): string[] {
  const bytes = Buffer.from(secret);
  const aligned = (before: string) => {
    const text = Buffer.from(before + secret).toString("base64");
    const start = Math.ceil(before.length * 8 / 6);
    return text.slice(
      start,
      Math.floor((before.length + bytes.length) * 8 / 6),
    );
  };
  return [
    secret,
    JSON.stringify(secret).slice(1, -1),
    encodeURIComponent(secret),
    bytes.toString("hex"),
    bytes.toString("hex").toUpperCase(),
    aligned(""),
    aligned("x"),
    aligned("xy"),
    bytes.toString("base64url"),
  ];
}
