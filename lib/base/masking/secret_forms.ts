import { encodeBase64 } from "@std/encoding/base64";
import { encodeHex } from "@std/encoding/hex";
import { MIN_SECRET_BYTES } from "./secret_text.ts";

/** Length of a line of base64, as `base64` of GNU, PEM files and `openssl` print it. */
const BASE64_LINES = [76, 64];

const encoder = new TextEncoder();

/**
 * All forms in which a secret is masked, as bytes: as it is, in JSON, in a URL, for a shell, as hex digits and as base64, and the same
 * of each of its lines. None is twice, and none is under 6 bytes.
 */
export function formsOf(secret: string): Uint8Array[] {
  const lines = secret.split(/\r?\n/);
  const parts = new Set([secret, secret.trimEnd(), ...lines]);
  const forms = new Set<string>();
  for (const part of parts) {
    if (encoder.encode(part).length < MIN_SECRET_BYTES) continue;
    for (const form of formsOfPart(part)) forms.add(form);
  }
  return [...forms].map((form) => encoder.encode(form))
    .filter(({ length }) => length >= MIN_SECRET_BYTES);
}

function* formsOfPart(text: string): Iterable<string> {
  const bytes = encoder.encode(text);
  const hex = encodeHex(bytes);
  yield text;
  yield* jsonForms(text);
  yield* urlForms(text);
  // Between the quotes of a shell.
  yield text.replaceAll("'", "'\\''");
  yield hex;
  yield hex.toUpperCase();
  for (const form of base64Forms(bytes)) {
    yield form;
    yield form.replaceAll("+", "-").replaceAll("/", "_");
  }
}

/** Forms in JSON, as JavaScript, Python and PHP write it. */
function* jsonForms(text: string): Iterable<string> {
  const json = JSON.stringify(text).slice(1, -1);
  const ascii = json.replace(
    /[^\0-\x7e]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  yield json;
  yield ascii;
  yield ascii.replaceAll("/", "\\/");
}

/** Forms in URLs, as JavaScript, Python and forms write them. */
function* urlForms(text: string): Iterable<string> {
  const component = encodeURIComponent(text);
  const strict = component.replace(
    /[!'()*]/g,
    (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  for (const form of [component, strict, strict.replaceAll("%2F", "/")]) {
    for (const spaced of [form, form.replaceAll("%20", "+")]) {
      yield spaced;
      yield spaced.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase());
    }
  }
}

/** The characters that depend on nothing but these bytes, wherever they are among others. */
function* base64Forms(bytes: Uint8Array): Iterable<string> {
  for (const before of [0, 1, 2]) {
    const padded = new Uint8Array(before + bytes.length);
    padded.set(bytes, before);
    const text = encodeBase64(padded);
    const start = Math.ceil(before * 8 / 6);
    yield text.slice(start, Math.floor(padded.length * 8 / 6));
    if (before > 0) continue;
    yield text;
    for (const length of BASE64_LINES) {
      for (let at = 0; text.length > length && at < text.length; at += length) {
        const line = text.slice(at, at + length);
        yield line;
        yield line.replace(/=+$/, "");
      }
    }
  }
}
