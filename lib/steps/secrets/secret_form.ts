import { encodeBase64 } from "@std/encoding/base64";

/** Forms in which a secret may be put into a text. */
export const SECRET_FORMS = ["json", "base64", "shell", "url"] as const;

/** Form of a secret in a text. */
export type SecretForm = typeof SECRET_FORMS[number];

/** A text in a form: as a text of JSON, as base64 of its UTF-8, as a word of a shell, or as a part of a URL. */
export function inForm(text: string, form: SecretForm): string {
  switch (form) {
    case "json":
      return JSON.stringify(text);
    case "base64":
      return encodeBase64(text);
    case "url":
      return encodeURIComponent(text);
    case "shell":
      return `'${text.replaceAll("'", "'\\''")}'`;
  }
}
