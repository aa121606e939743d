// @ts-types="./base64url.d.ts"
export {
  decodeBase64Url,
  encodeBase64Url,
} from "deno-std/encoding/base64url.js";
